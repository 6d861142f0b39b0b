"""What composites share: lifting arguments to Values, axes, dtypes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from adglot import ops
from adglot.errors import TracingError
from adglot.ops import rules
from adglot.ops.core import Builder, Value, builder_of

Ints = tuple[int, ...]

# ------------------------------------------------------------------ lifting


def leaves(x: Any) -> Iterator[Any]:
    """The innermost elements of nested lists and tuples."""
    if isinstance(x, list | tuple):
        for part in x:
            yield from leaves(part)
    else:
        yield x


def is_traced(x: Any) -> bool:
    """Whether x is a Value, or a list or tuple with one somewhere inside."""
    return any(isinstance(leaf, Value) for leaf in leaves(x))


def lift(*operands: Any) -> tuple[Value, ...]:
    """The operands as Values, as ``np.asarray`` would make arrays of them; one must be traced.

    Python scalars are float64, int64, ... here; where NumPy takes them as weak, hand them to ops.
    """
    builder = builder_of(leaves(operands))
    return tuple(_lifted(builder, x) for x in operands)


def lift_one(x: Any) -> Value:
    """As `lift`, for one operand."""
    return lift(x)[0]


def _lifted(builder: Builder, x: Any) -> Value:
    if isinstance(x, list | tuple) and is_traced(x):
        rows = [_lifted(builder, row) for row in x]
        return ops.concat(*(rules.reshape(row, (1, *row.shape)) for row in rows), axis=0)
    return builder.lift([x])[0]


def static(x: Any, name: str) -> Any:
    """x itself, refused if it is traced: it decides the shape or kind of the result."""
    if is_traced(x):
        raise TracingError(f"{name} must not be traced: the shape of the result depends on it")
    return x


# ------------------------------------------------------------------ dtypes


def result_dtype(*operands: Any) -> np.dtype[Any]:
    """NumPy 2's common dtype; Python scalars are weak."""
    return np.result_type(
        *(x if type(x) in (bool, int, float, complex) else _dtype(x) for x in operands)
    )


def _dtype(x: Any) -> Any:
    return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def inexact(x: Value) -> Value:
    """x as float or complex: integers and bools become float64."""
    return rules.convert(x, rules.inexact(x.dtype))


def astype(x: Value, dtype: Any) -> Value:
    """x.astype(dtype); dropping an imaginary part is refused, None changes nothing."""
    if dtype is None:
        return x
    target = np.dtype(dtype)
    if x.dtype.kind == "c" and target.kind not in "cb":
        raise TracingError(f"from {x.dtype} to {target} drops the imaginary part: take x.real")
    return rules.convert(x, target)


def boolean(x: Value) -> Value:
    """x != 0 as bool."""
    return x if x.dtype.kind == "b" else ops.not_equal(x, 0)


# ------------------------------------------------------------------ axes


def one_axis(axis: Any, ndim: int) -> int:
    """An axis counted from 0."""
    return int(normalize_axis_index(axis, ndim))


def all_axes(axis: Any, ndim: int) -> Ints:
    """Ascending axes counted from 0; None is all of them."""
    return tuple(range(ndim)) if axis is None else tuple(sorted(normalize_axis_tuple(axis, ndim)))


def flat(x: Value) -> Value:
    """All elements along one axis."""
    return rules.reshape(x, (x.size,))


def along(x: Value, axis: int | None) -> tuple[Value, int]:
    """x and its axis from 0; for axis None the flattened x."""
    return (flat(x), 0) if axis is None else (x, one_axis(axis, x.ndim))


def kept(y: Value, x: Value, axes: Sequence[int], keepdims: Any) -> Value:
    """A reduced x, with length 1 in place of the reduced axes where that is asked for."""
    if keepdims is np._NoValue or not keepdims:
        return y
    return rules.reshape(y, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


def cut(x: Value, axis: int, start: int, stop: int, stride: int = 1) -> Value:
    """x[start:stop:stride] along one axis, all counted from 0."""
    return ops.shape.slice_axis(x, axis, start, max(start, stop), stride)


def unless(untaken: Value, x: Value) -> Value:
    """x, but 1 where what is made of it is not taken.

    We keep NaN of an untaken branch out of derivatives, but other engines do not: they multiply
    its infinite derivative by zero.
    """
    return ops.where(untaken, 1.0, x)


def constant(like: Value, array: Any) -> Value:
    """An array in the graph of `like`."""
    return builder_of((like,)).constant(array)
