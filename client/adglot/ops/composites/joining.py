"""Arrays put together and taken apart: stack, concatenate, split, pad, insert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from adglot import ops
from adglot.errors import TracingError
from adglot.ops import rules
from adglot.ops.composites.registry import NO_OUT, composite
from adglot.ops.composites.shapes import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    expand_dims,
    moveaxis,
    permute,
)
from adglot.ops.composites.support import (
    along,
    astype,
    constant,
    cut,
    flat,
    lift,
    lift_one,
    one_axis,
    static,
)
from adglot.ops.core import Value


def joined(parts: Sequence[Value], axis: int) -> Value:
    """The parts one after the other; one alone is itself."""
    return parts[0] if len(parts) == 1 else ops.concat(*parts, axis=axis)


# ------------------------------------------------------------------ joining


@composite("concatenate", "concat")
def concatenate(
    arrays: Any,
    /,
    axis: int | None = 0,
    out: Any = NO_OUT,
    *,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Value:
    """Arrays one after the other along an axis; with axis None flattened first."""
    parts = _parts(arrays)
    if axis is None:
        return astype(joined([flat(x) for x in parts], 0), dtype)
    if parts[0].ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    return astype(joined(parts, one_axis(axis, parts[0].ndim)), dtype)


def _parts(arrays: Any) -> list[Value]:
    """The arrays of a sequence, or the rows of one array."""
    if isinstance(arrays, Value):
        return list(unstack(arrays))
    return list(lift(*arrays))


@composite("stack")
def stack(
    arrays: Any,
    axis: int = 0,
    out: Any = NO_OUT,
    *,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Value:
    """Arrays of one shape along a new axis."""
    parts = _parts(arrays)
    if len({x.shape for x in parts}) != 1:
        raise ValueError("all input arrays must have the same shape")
    place = one_axis(axis, parts[0].ndim + 1)
    return astype(joined([expand_dims(x, place) for x in parts], place), dtype)


@composite("vstack", "row_stack")
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Value:
    """Arrays as rows, one below the other."""
    return concatenate([atleast_2d(x) for x in _parts(tup)], 0, dtype=dtype)


@composite("hstack")
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Value:
    """Arrays one beside the other."""
    parts = [atleast_1d(x) for x in _parts(tup)]
    return concatenate(parts, 0 if parts[0].ndim == 1 else 1, dtype=dtype)


@composite("dstack")
def dstack(tup: Any) -> Value:
    """Arrays one behind the other, along the third axis."""
    return concatenate([atleast_3d(x) for x in _parts(tup)], 2)


@composite("column_stack")
def column_stack(tup: Any) -> Value:
    """Vectors as columns, matrices as they are, one beside the other."""
    columns = [x if x.ndim > 1 else rules.reshape(x, (x.size, 1)) for x in _parts(tup)]
    return concatenate(columns, 1)


@composite("block")
def block(arrays: Any) -> Value:
    """An array from nested lists of blocks."""
    blocks = iter(lift(*_blocks(arrays)))
    nested = _nested(arrays, blocks)
    depth = _depth(arrays)
    return _joined_blocks(nested, max(depth, *(x.ndim for x in _blocks(nested))), depth)


def _blocks(arrays: Any) -> list[Any]:
    """The innermost blocks of nested lists."""
    if not isinstance(arrays, list):
        return [arrays]
    return [block for part in arrays for block in _blocks(part)]


def _nested(arrays: Any, blocks: Iterator[Value]) -> Any:
    """Nested as `arrays` are, with these blocks."""
    if isinstance(arrays, list):
        return [_nested(part, blocks) for part in arrays]
    return next(blocks)


def _depth(arrays: Any) -> int:
    return 1 + _depth(arrays[0]) if isinstance(arrays, list) else 0


def _joined_blocks(arrays: Any, rank: int, depth: int) -> Value:
    if depth == 0:
        return rules.reshape(arrays, (1,) * (rank - arrays.ndim) + arrays.shape)
    return joined([_joined_blocks(part, rank, depth - 1) for part in arrays], rank - depth)


@composite("append")
def append(arr: Any, values: Any, axis: int | None = None) -> Value:
    """`values` behind `arr`; without an axis both flattened."""
    return concatenate(lift(arr, values), axis)


@composite("insert")
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Value:
    """`values` before the static places `obj`."""
    array, new = lift(arr, values)
    x, place = along(array, axis)
    order = _places_after_insert(x.shape[place], static(obj, "obj"))
    count = int((order < 0).sum())
    if new.ndim and np.ndim(obj) == 0:
        new = moveaxis(new, 0, place) if new.ndim == x.ndim else expand_dims(new, place)
    shape = (*x.shape[:place], count, *x.shape[place + 1 :])
    both = ops.concat(x, rules.broadcast_to(astype(new, x.dtype), shape), axis=place)
    order = np.where(order < 0, x.shape[place] - 1 - order, order)
    return ops.take(both, constant(both, order), axis=place)


def _places_after_insert(n: int, obj: Any) -> Any:
    """The old places 0, 1, ... in their new order, and -1, -2, ... for the new elements."""
    places = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
    return np.insert(np.arange(n), obj, -1 - np.arange(max(places.size, 1)))


@composite("delete")
def delete(arr: Any, obj: Any, axis: int | None = None) -> Value:
    """Without what stands at the static places `obj`."""
    x, place = along(lift_one(arr), axis)
    order = np.delete(np.arange(x.shape[place]), static(obj, "obj"))
    return ops.take(x, constant(x, order), axis=place)


# ------------------------------------------------------------------ splitting


@composite("array_split")
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    """Into so many parts, the first ones longer, or at static places."""
    x = lift_one(ary)
    place = one_axis(axis, x.ndim)
    parts = np.array_split(np.arange(x.shape[place]), static(indices_or_sections, "sections"))
    starts = [int(part[0]) if part.size else 0 for part in parts]
    return [cut(x, place, a, a + p.size) for a, p in zip(starts, parts, strict=True)]


@composite("split")
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    """Into so many equal parts, or at static places."""
    x = lift_one(ary)
    n = x.shape[one_axis(axis, x.ndim)]
    if np.ndim(indices_or_sections) == 0 and n % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(x, indices_or_sections, axis)


@composite("vsplit")
def vsplit(ary: Any, indices_or_sections: Any) -> list[Value]:
    """Along the rows."""
    return split(ary, indices_or_sections, 0)


@composite("hsplit")
def hsplit(ary: Any, indices_or_sections: Any) -> list[Value]:
    """Along the columns; a vector along its only axis."""
    return split(ary, indices_or_sections, 1 if lift_one(ary).ndim > 1 else 0)


@composite("dsplit")
def dsplit(ary: Any, indices_or_sections: Any) -> list[Value]:
    """Along the third axis."""
    return split(ary, indices_or_sections, 2)


@composite("unstack")
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Value, ...]:
    """The parts along an axis, without it."""
    v = lift_one(x)
    place = one_axis(axis, v.ndim)
    rest = v.shape[:place] + v.shape[place + 1 :]
    return tuple(rules.reshape(cut(v, place, i, i + 1), rest) for i in range(v.shape[place]))


# ------------------------------------------------------------------ pad


@composite("pad")
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Value:
    """Wider on all sides: by constants, or by elements of the array (edge, reflect, wrap, ...)."""
    x = lift_one(array)
    pairs = np.broadcast_to(static(pad_width, "pad_width"), (x.ndim, 2))
    widths = [(int(before), int(after)) for before, after in pairs]
    if mode == "constant":
        return _constant_pad(x, widths, **kwargs)
    if mode not in ("edge", "reflect", "symmetric", "wrap") or kwargs.get("reflect_type") == "odd":
        raise TracingError(f"pad: mode {mode!r} with {kwargs} is not supported")
    for axis, width in enumerate(widths):
        if width != (0, 0):
            places = np.pad(np.arange(x.shape[axis]), width, mode=mode, **kwargs)
            x = ops.take(x, constant(x, places), axis=axis)
    return x


def _constant_pad(x: Value, widths: list[tuple[int, int]], constant_values: Any = 0) -> Value:
    fills = np.broadcast_to(np.asarray(static(constant_values, "constant_values")), (x.ndim, 2))
    if not fills.any():
        low, high = zip(*widths, strict=True) if widths else ((), ())
        return ops.pad(x, low=low, high=high, interior=(0,) * x.ndim)
    for axis, (width, fill) in enumerate(zip(widths, fills, strict=True)):
        before, after = (
            rules.full(x, f, x.type.with_shape((*x.shape[:axis], w, *x.shape[axis + 1 :])))
            for w, f in zip(width, fill, strict=True)
        )
        x = ops.concat(before, x, after, axis=axis)
    return x


# ------------------------------------------------------------------ grids


@composite("meshgrid")
def meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Value, ...]:
    """Coordinate arrays of a grid over vectors."""
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    values = [flat(x) for x in lift(*xi)]
    rank = len(values)
    grids = [
        rules.reshape(x, tuple(x.size if i == k else 1 for i in range(rank)))
        for k, x in enumerate(values)
    ]
    if not sparse:
        shape = tuple(x.size for x in values)
        grids = [rules.broadcast_to(x, shape) for x in grids]
    if indexing == "xy" and rank > 1:
        grids = [permute(x, (1, 0, *range(2, rank))) for x in grids]
    return tuple(grids)


@composite("ix_")
def ix_(*args: Any) -> tuple[Value, ...]:
    """Vectors along one axis each, to index with them together."""
    return meshgrid(*args, sparse=True, indexing="ij")
