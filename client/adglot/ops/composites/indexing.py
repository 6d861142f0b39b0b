"""x[key] for every kind of NumPy key, and take with its kin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot import ops
from adglot.errors import TracingError
from adglot.ops import rules
from adglot.ops.composites.elementwise import weak
from adglot.ops.composites.keys import Key, New, Picked, Span, broadcast_shape, resolve
from adglot.ops.composites.registry import NO_OUT, composite
from adglot.ops.composites.shapes import permute
from adglot.ops.composites.support import (
    Ints,
    along,
    constant,
    lift,
    lift_one,
    one_axis,
    static,
)
from adglot.ops.core import Array, Value

# ------------------------------------------------------------------ by key


def getitem(x: Value, key: Any) -> Value:
    """x[key]: at most three nodes for ints, slices, None and Ellipsis; one gather for arrays.

    Index arrays may be traced integers; masks must be static. IndexError as NumPy raises it,
    TracingError for a mask of traced values.

    >>> from adglot.ir import Type
    >>> b = ops.Builder()
    >>> x = b.input(Type("float64", (3, 4)))
    >>> getitem(x, (0, slice(None, None, -1)))
    <Value %3: float64[4]>
    """
    resolved = resolve(key, x.shape)
    block = sliced_by(x, full_spans(resolved, x.shape))
    if not resolved.picked:
        return rules.reshape(block, basic_shape(resolved))
    return _gathered(rules.reshape(block, entry_shape(resolved, block.shape)), resolved)


def full_spans(key: Key, shape: Ints) -> list[Span]:
    """A span for every axis of x: picked ones stay whole."""
    old = [e for e in key.entries if isinstance(e, Span) or (isinstance(e, Picked) and not e.new)]
    return [e if isinstance(e, Span) else Span(0, n, 1) for e, n in zip(old, shape, strict=True)]


def sliced_by(x: Value, spans: Sequence[Span]) -> Value:
    """One slice node, and one flip where steps are negative; all axes kept."""
    starts, stops, strides = [], [], []
    for span in spans:
        last = span.start + (span.count - 1) * span.step
        low, high = min(span.start, last), max(span.start, last)
        starts.append(low if span.count else 0)
        stops.append(high + 1 if span.count else 0)
        strides.append(abs(span.step))
    if any(a or b != n for a, b, n in zip(starts, stops, x.shape, strict=True)) or any(
        s > 1 for s in strides
    ):
        x = ops.slice(x, start=tuple(starts), stop=tuple(stops), strides=tuple(strides))
    turned = tuple(i for i, span in enumerate(spans) if span.step < 0 and span.count > 1)
    return ops.flip(x, axes=turned) if turned else x


def basic_shape(key: Key) -> Ints:
    """The shape of x under a key without index arrays."""
    kept = [e for e in key.entries if isinstance(e, New) or (isinstance(e, Span) and e.kept)]
    return tuple(1 if isinstance(e, New) else e.count for e in kept if not isinstance(e, Picked))


def entry_shape(key: Key, shape: Ints) -> Ints:
    """A block's shape with one axis an entry of the key: new ones have length 1."""
    lengths = iter(shape)
    return tuple(
        1 if isinstance(e, New) or (isinstance(e, Picked) and e.new) else next(lengths)
        for e in key.entries
    )


def _gathered(y: Value, key: Key) -> Value:
    """The picked axes of y replaced by those of the index arrays, where NumPy puts them."""
    z, place = neighbours(y, key)
    return ops.take(z, *index_values(z, key), axis=place)


def neighbours(y: Value, key: Key) -> tuple[Value, int]:
    """y with its picked axes side by side, and the first of them: 0 where a slice parts them."""
    picked = key.picked
    place = picked[0] if key.adjacent else 0
    rest = [i for i in range(y.ndim) if i not in picked]
    return permute(y, [*rest[:place], *picked, *rest[place:]]), place


def index_values(like: Value, key: Key) -> list[Value]:
    """The index arrays of the picked axes."""
    indices = [e.indices for e in key.entries if isinstance(e, Picked)]
    broadcast_shape(indices)
    return [i if isinstance(i, Value) else constant(like, i) for i in indices]


# ------------------------------------------------------------------ take


@composite("take")
def take(
    a: Any, indices: Any, axis: int | None = None, out: Any = NO_OUT, mode: str = "raise"
) -> Value:
    """Elements along an axis at integers; mode wrap or clip bends those outside."""
    if isinstance(indices, Value) and not isinstance(a, Value):
        a = lift(a, indices)[0]
    x, place = along(lift_one(a), axis)
    n = x.shape[place]
    if mode == "raise":
        return getitem(x, (slice(None),) * place + (_int_array(indices),))
    if mode not in ("wrap", "clip"):
        raise ValueError(f"clipmode must be 'raise', 'wrap' or 'clip', got {mode!r}")
    if not isinstance(indices, Value):
        return ops.take(x, constant(x, _bent(np.asarray(indices), n, mode)), axis=place)
    bent_value = (
        ops.remainder(indices, n) if mode == "wrap" else ops.minimum(ops.maximum(indices, 0), n - 1)
    )
    return ops.take(x, bent_value, axis=place)


def _int_array(indices: Any) -> Any:
    if isinstance(indices, Value):
        return indices
    array = np.asarray(indices)
    return array.astype(np.int64) if array.dtype.kind in "biu" or not array.size else array


@composite("take_along_axis")
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Value:
    """For every position along the other axes, the elements that `indices` names along this one."""
    x, where = lift(arr, indices)
    if axis is None:
        x, axis = rules.reshape(x, (x.size,)), 0
    place = one_axis(axis, x.ndim)
    if where.ndim != x.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    static_index = indices if not isinstance(indices, Value) else where
    return getitem(x, along_axis_key(x.shape, static_index, place))


def along_axis_key(shape: Ints, indices: Any, axis: int) -> tuple[Any, ...]:
    """The key under which `x[key]` is ``take_along_axis(x, indices, axis)``."""
    rank = len(shape)
    ramps = [
        np.arange(n).reshape((1,) * i + (n,) + (1,) * (rank - i - 1)) for i, n in enumerate(shape)
    ]
    return (*ramps[:axis], indices, *ramps[axis + 1 :])


@composite("compress")
def compress(condition: Any, a: Any, axis: int | None = None, out: Any = NO_OUT) -> Value:
    """The slices along an axis where a static condition holds."""
    x, place = along(lift_one(a), axis)
    return ops.take(x, constant(x, np.flatnonzero(static(condition, "condition"))), axis=place)


@composite("select")
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Value:
    """The first choice whose condition holds."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    conditions = lift(*condlist, *choicelist)[: len(condlist)]
    if any(c.dtype.kind != "b" for c in conditions):
        raise TypeError("invalid entry in condlist: should be boolean ndarray")
    y: Any = default
    for condition, choice in zip(reversed(conditions), reversed(list(choicelist)), strict=True):
        y = ops.where(condition, choice, y)
    return lift_one(y)


@composite("choose")
def choose(a: Any, choices: Any, out: Any = NO_OUT, mode: str = "raise") -> Value:
    """choices[a[i]][i] for every i, broadcast; a traced a outside is an error where it is run."""
    if isinstance(a, Value) and mode != "raise":
        raise TracingError(f"choose: mode {mode!r} needs static indices")
    which, options = lift(a, *choices)[0], weak(*choices)
    shape = rules.broadcast_shapes(which.shape, *(c.shape for c in options))
    rows = [rules.reshape(rules.broadcast_to(c, shape), (1, *shape)) for c in options]
    index = which if isinstance(a, Value) else _bent(np.asarray(a), len(options), mode)
    table = (len(options), *shape)
    picked = getitem(ops.concat(*rows, axis=0), along_axis_key(table, index, 0))
    return rules.reshape(picked, shape)


def _bent(indices: Array, n: int, mode: str) -> Array:
    """Static indices into n elements, those outside bent or refused."""
    if mode == "raise":
        if ((indices < 0) | (indices >= n)).any():
            raise ValueError("invalid entry in choice array")
        return indices
    return indices % n if mode == "wrap" else np.clip(indices, 0, n - 1)


@composite("bincount")
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Value:
    """The sums of traced weights by static non-negative integers."""
    places = np.asarray(static(x, "x"))
    (values,) = lift(weights)
    if places.ndim != 1 or values.shape != places.shape:
        raise ValueError("The weights and list don't have the same length.")
    if places.size and places.min() < 0:
        raise ValueError("'list' argument must have no negative elements")
    count = max(int(places.max(initial=-1)) + 1, minlength)
    weighed = rules.convert(values, np.dtype(np.float64))
    zeros = rules.zeros(weighed, weighed.type.with_shape((count,)))
    return ops.scatter_add(zeros, weighed, constant(weighed, places.astype(np.int64)), axis=0)


@composite("apply_along_axis")
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Value:
    """func1d of every vector along an axis, one after the other, put together again."""
    x = lift_one(arr)
    place = one_axis(axis, x.ndim)
    lead = [n for i, n in enumerate(x.shape) if i != place]
    moved = permute(x, [*(i for i in range(x.ndim) if i != place), place])
    if not rules.length(lead):
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results = [
        lift(x, func1d(getitem(moved, where), *args, **kwargs))[1] for where in np.ndindex(*lead)
    ]
    rows = [rules.reshape(r, (1, *r.shape)) for r in results]
    whole = rules.reshape(ops.concat(*rows, axis=0), (*lead, *results[0].shape))
    after = range(len(lead), whole.ndim)
    return permute(whole, [*range(place), *after, *range(place, len(lead))])
