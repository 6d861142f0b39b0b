"""Gather and scatter at integer indices: take, scatter, scatter_add; helpers for their callers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops import dependence, rules
from adglot.ops.arithmetic import equal, where
from adglot.ops.core import TABLE, Array, Attr, Linear, Op, Sample, Value
from adglot.ops.creation import iota
from adglot.ops.shape import permute_dims

Ints = tuple[int, ...]
AXIS = (Attr("axis", "int", "the first axis that is indexed, from 0", 0),)
INDICES = (
    "Index arrays broadcast; each belongs to one axis, the first to `axis`. Negative indices "
    "count from the end, others outside are an error."
)


def taken_shape(x: Type, indices: Sequence[Type], axis: int) -> Ints:
    """The shape of ``x[:, ..., *indices]`` with the first index on `axis`."""
    if not indices:
        raise InvalidArgument("needs at least one index array")
    rules.check_axis(axis, x.ndim)
    if axis + len(indices) > x.ndim:
        raise InvalidArgument(f"{x!r} has no {len(indices)} axes from axis {axis} on")
    for index in indices:
        check_integer(index, "indices")
    shape = rules.broadcast_shapes(*[index.shape for index in indices])
    return (*x.shape[:axis], *shape, *x.shape[axis + len(indices) :])


def check_integer(index: Type, name: str) -> None:
    """Refuse an index that is not int32 or int64."""
    if index.dtype.kind != "i":
        raise InvalidArgument(f"{name} must be int32 or int64, got {index!r}")


def _at(indices: Sequence[Array], axis: int) -> tuple[Any, ...]:
    return (*(np.s_[:],) * axis, *indices)


# ------------------------------------------------------------------ take


def _take(x: Array, *indices: Array, axis: int) -> Any:
    return x.take(indices[0], axis) if len(indices) == 1 else x[_at(indices, axis)]


def _transpose_take(cts: Sequence[Value], operands: Sequence[Any], axis: int) -> Any:
    x, *indices = operands
    ct = scatter_add(rules.zeros(cts[0], x.type), cts[0], *indices, axis=axis)
    return [ct, *(None for _ in indices)]


def _batch_take(size: int, operands: Sequence[Value], batched: Sequence[bool], axis: int) -> Any:
    x, *indices = operands
    if not any(batched[1:]):
        return (take(x, *indices, axis=axis + 1),), (True,)
    lined = rules.line_up(size, indices, batched[1:])
    if batched[0]:
        x, lined = move_axis(x, 0, axis), [_each_point(size, lined), *lined]
    return (move_axis(take(x, *lined, axis=axis), axis, 0),), (True,)


take: Op = Op(
    name="take",
    doc=f"x at integer indices along one axis or several neighbours. {INDICES} The shape is "
    "x.shape[:axis] + broadcast shape of the indices + x.shape[axis + number of indices:].",
    operands=("x", "*indices"),
    attributes=AXIS,
    evaluate=_take,
    infer=lambda x, *indices, axis: x.with_shape(taken_shape(x, indices, axis)),
    jvp=rules.jvp_linear("take"),
    transpose=_transpose_take,
    batch=_batch_take,
    pattern=dependence.taken,
    cost=rules.free,
    samples=lambda: [
        Sample((np.arange(4.0) ** 2, np.array([3, 0, 0, -1])), {"axis": 0}),
        Sample((np.arange(6.0).reshape(2, 3), np.array([[2, 0]])), {"axis": 1}),
        Sample((np.arange(6.0).reshape(2, 3) * 1j, np.array(1, "int32")), {"axis": 0}),
        Sample(
            (np.arange(24.0).reshape(2, 3, 4), np.array([[2], [0]]), np.array([3, -4, 1])),
            {"axis": 1},
        ),
        Sample((np.array([True, False]), np.array([], "int64")), {"axis": 0}),
    ],
    finite=True,
)


# ------------------------------------------------------------------ scatter_add


def _infer_scatter(x: Type, updates: Type, *indices: Type, axis: int) -> Type:
    shape = taken_shape(x, indices, axis)
    if updates.shape != shape:
        raise InvalidArgument(f"updates must have shape {list(shape)}, got {updates!r}")
    if updates.dtype != x.dtype:
        raise InvalidArgument(f"x and updates need one dtype, got {x!r} and {updates!r}")
    return x


def _scatter_add(x: Array, updates: Array, *indices: Array, axis: int) -> Array:
    y = np.array(x, order="C")
    cells: Any = indices[0]
    if y.ndim > 1:
        cells = np.arange(y.size).reshape(y.shape)[_at(indices, axis)]
    # the fast loop of add.at, five times as fast as the other, is for one axis of indices
    np.add.at(y.reshape(-1), cells.reshape(-1), updates.reshape(-1))
    return y


def jvp_written(name: str) -> Callable[..., Any]:
    """For an op that puts updates into x: it is linear in the two together."""

    def jvp(primals: Sequence[Value], tangents: Sequence[Value | None], **attributes: Any) -> Any:
        write = TABLE[name]
        moved = [
            rules.zeros(x, x.type) if t is None else t
            for x, t in zip(primals[:2], tangents[:2], strict=True)
        ]
        y = write(*primals, **attributes)
        return (y,), (write(*moved, *primals[2:], **attributes),)

    return jvp


def _transpose_scatter_add(cts: Sequence[Value], operands: Sequence[Any], axis: int) -> Any:
    x, updates, *indices = operands
    return [
        cts[0] if isinstance(x, Linear) else None,
        take(cts[0], *indices, axis=axis) if isinstance(updates, Linear) else None,
        *(None for _ in indices),
    ]


def _batch_scatter(name: str) -> Callable[..., Any]:
    def batch(size: int, operands: Sequence[Value], batched: Sequence[bool], axis: int) -> Any:
        write, indices = TABLE[name], operands[2:]
        x, updates = rules.with_axis(size, operands[:2], batched[:2])
        if not any(batched[2:]):
            return (write(x, updates, *indices, axis=axis + 1),), (True,)
        lined = rules.line_up(size, indices, batched[2:])
        x, updates = move_axis(x, 0, axis), move_axis(updates, 0, axis)
        y = write(x, updates, _each_point(size, lined), *lined, axis=axis)
        return (move_axis(y, axis, 0),), (True,)

    return batch


scatter_add: Op = Op(
    name="scatter_add",
    doc=f"x with updates added where `take` would read; a place that stands twice is added to "
    f"twice. {INDICES} `updates` has the dtype of x and the shape that `take` would give.",
    operands=("x", "updates", "*indices"),
    attributes=AXIS,
    evaluate=_scatter_add,
    infer=_infer_scatter,
    jvp=jvp_written("scatter_add"),
    transpose=_transpose_scatter_add,
    batch=_batch_scatter("scatter_add"),
    pattern=dependence.added,
    cost=lambda operands, outputs, axis: operands[1].size,
    samples=lambda: [
        Sample((np.arange(4.0), np.array([1.5, -2.0, 0.5]), np.array([3, 0, 0])), {"axis": 0}),
        Sample(
            (np.ones((2, 3)), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([2, -1])), {"axis": 1}
        ),
        Sample(
            (
                np.arange(12.0).reshape(1, 3, 4) * 1j,
                np.array([[0.5, 1.5 + 1j]]),
                np.array([2, 2]),
                np.array(-1),
            ),
            {"axis": 1},
        ),
    ],
)


# ------------------------------------------------------------------ scatter


def _scatter(x: Array, updates: Array, *indices: Array, axis: int) -> Array:
    y = np.array(x, order="C")
    y[_at(indices, axis)] = updates
    return y


def _transpose_scatter(cts: Sequence[Value], operands: Sequence[Any], axis: int) -> Any:
    (ct,), (x, updates, *indices) = cts, operands
    to_x, to_updates = None, None
    if isinstance(x, Linear):
        to_x = scatter(ct, rules.zeros(ct, updates.type), *indices, axis=axis)
    if isinstance(updates, Linear):
        taken = take(ct, *indices, axis=axis)
        lasting = _lasting(x.type, indices, axis)
        to_updates = taken if lasting is None else where(lasting, taken, 0.0)
    return [to_x, to_updates, *(None for _ in indices)]


def _lasting(x: Type, indices: Sequence[Value], axis: int) -> Value | None:
    """Which updates no later one overwrites, as a mask that broadcasts to them; None for all."""
    shape = rules.broadcast_shapes(*[index.shape for index in indices])
    after = axis + len(indices)
    if rules.length(shape) <= 1 or _distinct(x.shape[axis:after], indices):
        return None
    number = rules.reshape(iota.on(indices[0], size=rules.length(shape)), shape)
    nobody = rules.zeros(number, Type("int64", x.shape[axis:after]))
    last = take(scatter(nobody, number, *indices, axis=0), *indices, axis=0)
    return rules.reshape(equal(last, number), (*shape, *(1,) * (x.ndim - after)))


def _distinct(shape: Ints, indices: Sequence[Value]) -> bool:
    """Whether the indices are constants, and no place stands twice."""
    arrays = [array for index in indices if (array := rules.known(index)) is not None]
    if len(arrays) != len(indices):
        return False
    count = np.zeros(shape, np.int64)
    try:
        np.add.at(count, _at(arrays, 0), 1)
    except IndexError:
        return False  # an error belongs to the run
    return bool(np.all(count <= 1))


scatter: Op = Op(
    name="scatter",
    doc=f"x with updates written where `take` would read; of a place that stands twice the last "
    f"update stays. {INDICES} `updates` has the dtype of x and the shape that `take` would give.",
    operands=("x", "updates", "*indices"),
    attributes=AXIS,
    evaluate=_scatter,
    infer=_infer_scatter,
    jvp=jvp_written("scatter"),
    transpose=_transpose_scatter,
    batch=_batch_scatter("scatter"),
    pattern=dependence.written,
    cost=rules.free,
    samples=lambda: [
        Sample((np.arange(4.0), np.array([1.5, -2.0, 0.5]), np.array([3, 0, 0])), {"axis": 0}),
        Sample((np.ones((2, 3)), np.array([2.0, 3.0]), np.array(-1)), {"axis": 1}),
        Sample(
            (
                np.arange(24.0).reshape(2, 3, 4) * 1j,
                np.arange(8.0).reshape(2, 2, 2) + 0j,
                np.array([[2], [0]]),
                np.array([3, -1]),
            ),
            {"axis": 1},
        ),
    ],
)


# ------------------------------------------------------------------ helpers


def move_axis(x: Value, source: int, target: int) -> Value:
    """One axis to another place, the others in their order."""
    axes = [i for i in range(x.ndim) if i != source]
    axes.insert(target, source)
    return x if source == target else permute_dims(x, axes=tuple(axes))


def ramp(like: Value, size: int, axis: int, ndim: int) -> Value:
    """0, 1, ..., size - 1 along one axis of an array of this rank."""
    shape = (1,) * axis + (size,) + (1,) * (ndim - axis - 1)
    return rules.reshape(iota.on(like, size=size), shape)


def take_along(x: Value, indices: Value, axis: int) -> Value:
    """NumPy's ``take_along_axis``: an index for each place off the axis."""
    places = [indices if k == axis else ramp(indices, n, k, x.ndim) for k, n in enumerate(x.shape)]
    return take(x, *places, axis=0)


def _each_point(size: int, lined: Sequence[Value]) -> Value:
    """The index of the batch axis, to stand before index arrays that are lined up behind it."""
    return ramp(lined[0], size, 0, max(index.ndim for index in lined))
