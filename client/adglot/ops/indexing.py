"""Gather and scatter: take, scatter_add."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops import rules
from adglot.ops.arithmetic import where
from adglot.ops.core import Array, Attr, Linear, Op, Sample, Value
from adglot.ops.creation import iota
from adglot.ops.shape import permute_dims

AXIS = (Attr("axis", "int", "the axis that is indexed, from 0", 0),)


def _check_indices(indices: Type) -> None:
    if indices.dtype.kind != "i":
        raise InvalidArgument(f"indices must be int32 or int64, got {indices!r}")


# ------------------------------------------------------------------ take


def _infer_take(x: Type, indices: Type, axis: int) -> Type:
    rules.check_axis(axis, x.ndim)
    _check_indices(indices)
    return x.with_shape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def _transpose_take(cts: Sequence[Value], operands: Sequence[Any], axis: int) -> Any:
    x, indices = operands
    return [scatter_add(rules.zeros(cts[0], x.type), indices, cts[0], axis=axis), None]


def _batch_take(size: int, operands: Sequence[Value], batched: Sequence[bool], axis: int) -> Any:
    x, indices = operands
    if not batched[1]:
        return (take(x, indices, axis=axis + 1),), (True,)
    if not batched[0]:
        return (move_axis(take(x, indices, axis=axis), axis, 0),), (True,)
    rows, flat = _flat(size, x, axis + 1, indices)
    y = take(rows, flat, axis=0)
    return (_indexed_axes_to(y, indices.ndim - 1, axis),), (True,)


take: Op = Op(
    name="take",
    doc="x at integer indices along an axis; negative ones count from the end, others outside "
    "are an error. The shape is x.shape[:axis] + indices.shape + x.shape[axis + 1:].",
    operands=("x", "indices"),
    attributes=AXIS,
    evaluate=lambda x, indices, axis: np.take(x, indices, axis=axis),
    infer=_infer_take,
    jvp=rules.jvp_linear("take"),
    transpose=_transpose_take,
    batch=_batch_take,
    cost=rules.free,
    samples=lambda: [
        Sample((np.arange(4.0) ** 2, np.array([3, 0, 0, -1])), {"axis": 0}),
        Sample((np.arange(6.0).reshape(2, 3), np.array([[2, 0]])), {"axis": 1}),
        Sample((np.arange(6.0).reshape(2, 3), np.array(1)), {"axis": 0}),
    ],
)


# ------------------------------------------------------------------ scatter_add


def _infer_scatter_add(x: Type, indices: Type, updates: Type, axis: int) -> Type:
    expected = _infer_take(x, indices, axis)
    if updates.shape != expected.shape:
        raise InvalidArgument(f"updates must have shape {list(expected.shape)}, got {updates!r}")
    if updates.dtype != x.dtype:
        raise InvalidArgument(f"x and updates need one dtype, got {x!r} and {updates!r}")
    return x


def _scatter_add(x: Array, indices: Array, updates: Array, axis: int) -> Array:
    y = np.array(x)
    where: Any = (*(np.s_[:],) * axis, indices)
    np.add.at(y, where, updates)
    return y


def _jvp_scatter_add(primals: Sequence[Value], tangents: Sequence[Value | None], axis: int) -> Any:
    x, indices, updates = primals
    tx, _, tu = tangents
    y = scatter_add(x, indices, updates, axis=axis)
    if tu is None:
        return (y,), (tx,)
    base = rules.zeros(x, x.type) if tx is None else tx
    return (y,), (scatter_add(base, indices, tu, axis=axis),)


def _transpose_scatter_add(cts: Sequence[Value], operands: Sequence[Any], axis: int) -> Any:
    x, indices, updates = operands
    return [
        cts[0] if isinstance(x, Linear) else None,
        None,
        take(cts[0], indices, axis=axis) if isinstance(updates, Linear) else None,
    ]


def _batch_scatter_add(
    size: int, operands: Sequence[Value], batched: Sequence[bool], axis: int
) -> Any:
    x, indices, updates = operands
    (x, updates) = rules.with_axis(size, (x, updates), (batched[0], batched[2]))
    if not batched[1]:
        return (scatter_add(x, indices, updates, axis=axis + 1),), (True,)
    rows, flat = _flat(size, x, axis + 1, indices)
    y = scatter_add(rows, flat, _indexed_axes_from(updates, indices.ndim - 1, axis), axis=0)
    back = rules.reshape(y, (size, x.shape[axis + 1], *rows.shape[1:]))
    return (move_axis(back, 1, axis + 1),), (True,)


scatter_add: Op = Op(
    name="scatter_add",
    doc="x with updates added at integer indices along an axis; an index that stands twice is "
    "added twice. `updates` has the shape that `take` would give.",
    operands=("x", "indices", "updates"),
    attributes=AXIS,
    evaluate=_scatter_add,
    infer=_infer_scatter_add,
    jvp=_jvp_scatter_add,
    transpose=_transpose_scatter_add,
    batch=_batch_scatter_add,
    cost=lambda operands, outputs, **attributes: operands[2].size,
    samples=lambda: [
        Sample((np.arange(4.0), np.array([3, 0, 0]), np.array([1.5, -2.0, 0.5])), {"axis": 0}),
        Sample(
            (np.ones((2, 3)), np.array([2, -1]), np.array([[1.0, 2.0], [3.0, 4.0]])), {"axis": 1}
        ),
    ],
)


# ------------------------------------------------------------------ batched indices


def move_axis(x: Value, source: int, target: int) -> Value:
    """One axis to another place, the others in their order."""
    axes = [i for i in range(x.ndim) if i != source]
    axes.insert(target, source)
    return x if source == target else permute_dims(x, axes=tuple(axes))


def _flat(size: int, x: Value, axis: int, indices: Value) -> tuple[Value, Value]:
    """Rows of all batches in one axis, and indices into them."""
    n = x.shape[axis]
    front = move_axis(x, axis, 1)
    rows = rules.reshape(front, (size * n, *front.shape[2:]))
    offset = rules.reshape(iota.on(x, size=size), (size, *(1,) * (indices.ndim - 1)))
    return rows, where(indices < 0, indices + n, indices) + offset * n


def _indexed_axes_to(y: Value, k: int, axis: int) -> Value:
    """[batch, k index axes, before, after] to [batch, before, index axes, after]."""
    order = (0, *range(1 + k, 1 + k + axis), *range(1, 1 + k), *range(1 + k + axis, y.ndim))
    return permute_dims(y, axes=order)


def _indexed_axes_from(u: Value, k: int, axis: int) -> Value:
    """The inverse of `_indexed_axes_to`."""
    order = (0, *range(1 + axis, 1 + axis + k), *range(1, 1 + axis), *range(1 + axis + k, u.ndim))
    return permute_dims(u, axes=order)
