"""Blocks whose place is a value: dynamic_slice, dynamic_update_slice."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument, Violation
from adglot.ir import Type
from adglot.ops import dependence, rules
from adglot.ops.arithmetic import where
from adglot.ops.core import Array, Attr, Linear, Op, Sample, Value
from adglot.ops.indexing import check_integer, jvp_written, ramp, scatter, take

Ints = tuple[int, ...]
STARTS = (
    "One integer scalar an axis says where the block starts; negative ones count from the end, "
    "and a block that does not lie inside x is an error."
)


def _check_block(x: Type, starts: Sequence[Type], sizes: Ints, name: str) -> None:
    if len(starts) != x.ndim:
        raise InvalidArgument(f"needs one start an axis of {x!r}, got {len(starts)}")
    for start in starts:
        check_integer(start, "starts")
        if start.shape:
            raise InvalidArgument(f"starts must be scalars, got {start!r}")
    if len(sizes) != x.ndim or any(not 0 <= m <= n for m, n in zip(sizes, x.shape, strict=True)):
        raise InvalidArgument(Violation(name, f"a block of {list(sizes)} does not fit in {x!r}"))


def _block(shape: Ints, starts: Sequence[Any], sizes: Ints) -> tuple[Any, ...]:
    block = []
    for axis, (n, start, m) in enumerate(zip(shape, starts, sizes, strict=True)):
        first = int(start) + n if start < 0 else int(start)
        if not 0 <= first <= n - m:
            raise IndexError(f"{m} from {start} on is out of bounds for axis {axis} with size {n}")
        block.append(builtins.slice(first, first + m))
    return tuple(block)


def _places(x: Type, starts: Sequence[Value], batched: Sequence[bool], sizes: Ints) -> list[Value]:
    """The block as index arrays, one an axis."""
    return [
        _place(start, on, n, m, axis, x.ndim)
        for axis, (start, on, n, m) in enumerate(zip(starts, batched, x.shape, sizes, strict=True))
    ]


def _place(start: Value, batched: bool, n: int, m: int, axis: int, ndim: int) -> Value:
    # what is too small must not become an index that `take` counts from the end
    wrapped = where(start < -n, n, where(start < 0, start + n, start))
    if batched:
        wrapped = rules.reshape(wrapped, (*start.shape, *(1,) * ndim))
    return wrapped + ramp(start, m, axis, ndim)


# ------------------------------------------------------------------ dynamic_slice


def _infer_dynamic_slice(x: Type, *starts: Type, sizes: Ints) -> Type:
    _check_block(x, starts, sizes, "attributes.sizes")
    return x.with_shape(sizes)


def _transpose_dynamic_slice(cts: Sequence[Value], operands: Sequence[Any], sizes: Ints) -> Any:
    x, *starts = operands
    ct = dynamic_update_slice(rules.zeros(cts[0], x.type), cts[0], *starts)
    return [ct, *(None for _ in starts)]


def _batch_dynamic_slice(
    size: int, operands: Sequence[Value], batched: Sequence[bool], sizes: Ints
) -> Any:
    x, *starts = operands
    if not any(batched[1:]):
        return (dynamic_slice(x, np.int64(0), *starts, sizes=(size, *sizes)),), (True,)
    places = _places(_one(x, batched[0]), starts, batched[1:], sizes)
    return take.batch(size, (x, *places), batched, axis=0)  # type: ignore[operator]


def _one(x: Value, batched: bool) -> Type:
    """The type of x at one point of the batch."""
    return x.type.with_shape(x.shape[1:]) if batched else x.type


dynamic_slice: Op = Op(
    name="dynamic_slice",
    doc=f"The block of x of these sizes at a place that is computed. {STARTS}",
    operands=("x", "*starts"),
    attributes=(Attr("sizes", "ints", "the shape of the block"),),
    evaluate=lambda x, *starts, sizes: x[_block(x.shape, starts, sizes)],
    infer=_infer_dynamic_slice,
    jvp=rules.jvp_linear("dynamic_slice"),
    transpose=_transpose_dynamic_slice,
    batch=_batch_dynamic_slice,
    pattern=dependence.sliced,
    cost=rules.free,
    samples=lambda: [
        Sample((np.arange(5.0), np.array(2)), {"sizes": (2,)}),
        Sample((np.ones((2, 3)), np.array(1, "int32"), np.array(-2)), {"sizes": (1, 2)}),
        Sample((np.arange(5.0) * 1j, np.array(0)), {"sizes": (5,)}),
        Sample((np.array(1.5),), {"sizes": ()}),
    ],
    view=True,
)


# ------------------------------------------------------------------ dynamic_update_slice


def _infer_dynamic_update(x: Type, update: Type, *starts: Type) -> Type:
    if update.ndim != x.ndim or update.dtype != x.dtype:
        raise InvalidArgument(f"update needs the rank and dtype of {x!r}, got {update!r}")
    _check_block(x, starts, update.shape, "operands[1]")
    return x


def _dynamic_update(x: Array, update: Array, *starts: Any) -> Array:
    y = np.array(x, order="C")
    y[_block(y.shape, starts, update.shape)] = update
    return y


def _transpose_dynamic_update(cts: Sequence[Value], operands: Sequence[Any]) -> Any:
    (ct,), (x, update, *starts) = cts, operands
    to_x, to_update = None, None
    if isinstance(x, Linear):
        to_x = dynamic_update_slice(ct, rules.zeros(ct, update.type), *starts)
    if isinstance(update, Linear):
        to_update = dynamic_slice(ct, *starts, sizes=update.type.shape)
    return [to_x, to_update, *(None for _ in starts)]


def _batch_dynamic_update(size: int, operands: Sequence[Value], batched: Sequence[bool]) -> Any:
    x, update, *starts = operands
    if not any(batched[2:]):
        x, update = rules.with_axis(size, (x, update), batched[:2])
        return (dynamic_update_slice(x, update, np.int64(0), *starts),), (True,)
    sizes = _one(update, batched[1]).shape
    places = _places(_one(x, batched[0]), starts, batched[2:], sizes)
    return scatter.batch(size, (x, update, *places), batched, axis=0)  # type: ignore[operator]


dynamic_update_slice: Op = Op(
    name="dynamic_update_slice",
    doc=f"x with a block written at a place that is computed. {STARTS} `update` has the rank and "
    "dtype of x.",
    operands=("x", "update", "*starts"),
    evaluate=_dynamic_update,
    infer=_infer_dynamic_update,
    jvp=jvp_written("dynamic_update_slice"),
    transpose=_transpose_dynamic_update,
    batch=_batch_dynamic_update,
    pattern=dependence.written,
    cost=rules.free,
    samples=lambda: [
        Sample((np.arange(5.0), np.array([7.0, 8.0]), np.array(2))),
        Sample((np.ones((2, 3)), np.array([[2.0, 3.0]]), np.array(1, "int32"), np.array(-2))),
        Sample((np.arange(3.0) * 1j, np.array([2.0 + 1j]), np.array(-1))),
        Sample((np.array(1.5), np.array(2.5))),
    ],
)
