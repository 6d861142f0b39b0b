"""Other shapes for the same numbers: reshape, transposes, flips, repetition."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot import ops
from adglot.errors import TracingError
from adglot.ops import rules
from adglot.ops.composites.registry import Refused, composite
from adglot.ops.composites.support import (
    Ints,
    all_axes,
    along,
    constant,
    cut,
    flat,
    lift,
    lift_one,
    one_axis,
    static,
)
from adglot.ops.core import Value

NO_DTYPE: Any = Refused(None)

# ------------------------------------------------------------------ reshape


@composite("reshape")
def reshape(a: Any, /, shape: Any, order: str = "C", *, copy: bool | None = None) -> Value:
    """The same numbers under another shape; -1 is what is left, order F runs down the columns."""
    x = lift_one(a)
    target = _complete(_ints(shape, "shape"), x.size)
    if _is_column_major(order):
        return permute(rules.reshape(permute(x), target[::-1]))
    return rules.reshape(x, target)


def _complete(shape: Ints, size: int) -> Ints:
    known = rules.length([n for n in shape if n >= 0])
    free = shape.count(-1)
    fits = free == 1 and known and size % known == 0
    if min(shape, default=0) < -1 or not (fits if free else known == size):
        raise ValueError(f"cannot reshape array of size {size} into shape {shape}")
    return tuple(size // known if n == -1 else n for n in shape)


def _ints(x: Any, name: str) -> Ints:
    static(x, name)
    return tuple(map(operator.index, x)) if np.iterable(x) else (operator.index(x),)


def _is_column_major(order: str) -> bool:
    if order not in ("C", "F"):
        raise TracingError(f"order={order!r} depends on the memory layout: use 'C' or 'F'")
    return order == "F"


@composite("ravel")
def ravel(a: Any, order: str = "C") -> Value:
    """All elements along one axis."""
    x = lift_one(a)
    return flat(permute(x) if _is_column_major(order) else x)


@composite("squeeze")
def squeeze(a: Any, axis: Any = None) -> Value:
    """Without axes of length 1: all of them, or those given."""
    x = lift_one(a)
    ones = tuple(i for i, n in enumerate(x.shape) if n == 1)
    axes = ones if axis is None else all_axes(axis, x.ndim)
    if set(axes) - set(ones):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return rules.reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in axes))


@composite("expand_dims")
def expand_dims(a: Any, axis: Any) -> Value:
    """With axes of length 1 that stand at these places of the result."""
    x = lift_one(a)
    new = _ints(axis, "axis")
    ndim = x.ndim + len(new)
    rest = iter(x.shape)
    axes = all_axes(new, ndim)
    return rules.reshape(x, tuple(1 if i in axes else next(rest) for i in range(ndim)))


def _at_least(rank: int, x: Any) -> Value:
    v = lift_one(x)
    if v.ndim >= rank:
        return v
    trailing = 1 if rank == 3 and v.ndim else 0
    return rules.reshape(v, (1,) * (rank - v.ndim - trailing) + v.shape + (1,) * trailing)


def _each_at_least(rank: int) -> Any:
    def function(*arys: Any) -> Value | tuple[Value, ...]:
        values = tuple(_at_least(rank, x) for x in lift(*arys))
        return values[0] if len(values) == 1 else values

    function.__doc__ = f"Each with at least {rank} axes."
    return function


atleast_1d = composite("atleast_1d")(_each_at_least(1))
atleast_2d = composite("atleast_2d")(_each_at_least(2))
atleast_3d = composite("atleast_3d")(_each_at_least(3))

# ------------------------------------------------------------------ permutations


def permute(x: Value, axes: Sequence[int] | None = None) -> Value:
    """Axis i of the result is axis axes[i] of x; without axes they are reversed."""
    order = tuple(range(x.ndim))[::-1] if axes is None else tuple(axes)
    return x if order == tuple(range(x.ndim)) else ops.permute_dims(x, axes=order)


@composite("transpose", "permute_dims")
def transpose(a: Any, axes: Any = None) -> Value:
    """The axes in reverse, or as given."""
    x = lift_one(a)
    if axes is None:
        return permute(x)
    order = [one_axis(axis, x.ndim) for axis in _ints(axes, "axes")]
    if len(set(order)) != x.ndim or len(order) != x.ndim:
        raise ValueError("axes don't match array")
    return permute(x, order)


@composite("matrix_transpose", "linalg.matrix_transpose")
def matrix_transpose(x: Any, /) -> Value:
    """The last two axes exchanged."""
    return swapaxes(x, -1, -2)


@composite("swapaxes")
def swapaxes(a: Any, axis1: int, axis2: int) -> Value:
    """Two axes exchanged."""
    x = lift_one(a)
    order = list(range(x.ndim))
    i, j = one_axis(axis1, x.ndim), one_axis(axis2, x.ndim)
    order[i], order[j] = j, i
    return permute(x, order)


@composite("moveaxis")
def moveaxis(a: Any, source: Any, destination: Any) -> Value:
    """Axes moved to other places, the rest in their order."""
    x = lift_one(a)
    sources = [one_axis(s, x.ndim) for s in _ints(source, "source")]
    targets = [one_axis(d, x.ndim) for d in _ints(destination, "destination")]
    if len(set(sources)) != len(sources) or len(set(targets)) != len(targets):
        raise ValueError("repeated axis")
    if len(sources) != len(targets):
        raise ValueError("`source` and `destination` must have the same number of elements")
    order = [i for i in range(x.ndim) if i not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return permute(x, order)


@composite("rollaxis")
def rollaxis(a: Any, axis: int, start: int = 0) -> Value:
    """An axis moved before the axis `start`."""
    x = lift_one(a)
    source, before = one_axis(axis, x.ndim), one_axis(start, x.ndim + 1)
    return moveaxis(x, source, before - 1 if source < before else before)


@composite("flip")
def flip(m: Any, axis: Any = None) -> Value:
    """In reverse order along some axes, or all."""
    x = lift_one(m)
    axes = all_axes(axis, x.ndim)
    return ops.flip(x, axes=axes) if axes else x


@composite("flipud")
def flipud(m: Any) -> Value:
    """The rows in reverse order."""
    return flip(m, 0)


@composite("fliplr")
def fliplr(m: Any) -> Value:
    """The columns in reverse order."""
    return flip(m, 1)


@composite("rot90")
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Value:
    """Turned by k quarters, from the first axis towards the second."""
    x = lift_one(m)
    first, second = (one_axis(axis, x.ndim) for axis in axes)
    if first == second:
        raise ValueError("Axes must be different.")
    if k % 4 == 2:
        return flip(x, (first, second))
    if k % 4 == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second) if k % 4 else x


@composite("roll")
def roll(a: Any, shift: Any, axis: Any = None) -> Value:
    """Elements moved along an axis, those beyond the end to the front."""
    x = lift_one(a)
    if axis is None:
        return rules.reshape(roll(flat(x), sum(_ints(shift, "shift")), 0), x.shape)
    pairs = np.broadcast(_ints(shift, "shift"), _ints(axis, "axis"))
    for by, one in pairs:
        x = _rolled(x, int(by), one_axis(int(one), x.ndim))
    return x


def _rolled(x: Value, shift: int, axis: int) -> Value:
    n = x.shape[axis]
    by = shift % n if n else 0
    if by == 0:
        return x
    return ops.concat(cut(x, axis, n - by, n), cut(x, axis, 0, n - by), axis=axis)


# ------------------------------------------------------------------ repetition


@composite("broadcast_to")
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Value:
    """Repeated along new leading axes and axes of length 1."""
    return rules.broadcast_to(lift_one(array), _ints(shape, "shape"))


@composite("broadcast_arrays")
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Value, ...]:
    """All of them under their common shape."""
    values = lift(*args)
    shape = rules.broadcast_shapes(*(v.shape for v in values))
    return tuple(rules.broadcast_to(v, shape) for v in values)


@composite("repeat")
def repeat(a: Any, repeats: Any, axis: int | None = None) -> Value:
    """Each element so many times in a row."""
    x, place = along(lift_one(a), axis)
    counts = np.asarray(static(repeats, "repeats"))
    if counts.size == 1:
        return _each_repeated(x, int(counts.ravel()[0]), place)
    n = x.shape[place]
    return ops.take(x, constant(x, np.repeat(np.arange(n), counts)), axis=place)


def _each_repeated(x: Value, count: int, axis: int) -> Value:
    before, n, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    column = rules.reshape(x, (*before, n, 1, *after))
    wide = rules.broadcast_to(column, (*before, n, count, *after))
    return rules.reshape(wide, (*before, n * count, *after))


@composite("tile")
def tile(A: Any, reps: Any) -> Value:
    """The whole array so many times along each axis."""
    x, times = lift_one(A), _ints(reps, "reps")
    rank = max(x.ndim, len(times))
    times = (1,) * (rank - len(times)) + times
    shape = (1,) * (rank - x.ndim) + x.shape
    paired = rules.reshape(x, tuple(m for n in shape for m in (1, n)))
    wide = rules.broadcast_to(
        paired, tuple(m for r, n in zip(times, shape, strict=True) for m in (r, n))
    )
    return rules.reshape(wide, tuple(r * n for r, n in zip(times, shape, strict=True)))


@composite("resize")
def resize(a: Any, new_shape: Any) -> Value:
    """The elements over and over until the shape is full."""
    x, shape = flat(lift_one(a)), _ints(new_shape, "new_shape")
    size = rules.length(shape)
    if not x.size:
        return rules.zeros(x, x.type.with_shape(shape))
    return rules.reshape(cut(tile(x, -(-size // x.size)), 0, 0, size), shape)
