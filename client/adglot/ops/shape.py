"""Ops that only move numbers, or put zeros among them: reshape, slice, concat, pad, tril, ..."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument, Violation
from adglot.ir import Type
from adglot.ops import dependence, rules
from adglot.ops.core import Array, Attr, Linear, Op, Placed, Sample, Value

Ints = tuple[int, ...]


def matrix() -> Array:
    """A sample of real numbers, two rows of three."""
    return np.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.75]])


# ------------------------------------------------------------------ reshape


def _infer_reshape(x: Type, shape: Ints) -> Type:
    if rules.length(shape) != x.size or min(shape, default=0) < 0:
        raise InvalidArgument(f"cannot reshape {x!r} to {list(shape)}")
    return x.with_shape(shape)


reshape: Op = Op(
    name="reshape",
    doc="The same numbers in row-major order under another shape.",
    operands=("x",),
    attributes=(Attr("shape", "ints", "the new shape, every length given"),),
    evaluate=lambda x, shape: x.reshape(shape),
    infer=_infer_reshape,
    jvp=rules.jvp_linear("reshape"),
    transpose=lambda cts, operands, shape: [rules.reshape(cts[0], operands[0].type.shape)],
    batch=rules.batch_leading("reshape", shape=rules.lead()),
    pattern=dependence.moved,
    cost=rules.free,
    samples=lambda: [
        Sample((matrix(),), {"shape": (3, 2)}),
        Sample((matrix() + 1j,), {"shape": (1, 6, 1)}),
        Sample((np.array([2.0]),), {"shape": ()}),
    ],
    view=True,
    finite=True,
)


# ------------------------------------------------------------------ permute_dims


def _infer_permute(x: Type, axes: Ints) -> Type:
    if sorted(axes) != list(range(x.ndim)):
        raise InvalidArgument(
            Violation("attributes.axes", f"no permutation of {x.ndim} axes: {list(axes)}")
        )
    return x.with_shape(tuple(x.shape[axis] for axis in axes))


def _inverse(axes: Ints) -> Ints:
    return tuple(axes.index(i) for i in range(len(axes)))


permute_dims: Op = Op(
    name="permute_dims",
    doc="Axis i of the result is axis axes[i] of x.",
    operands=("x",),
    attributes=(Attr("axes", "ints", "a permutation of the axes"),),
    evaluate=lambda x, axes: x.transpose(axes),
    infer=_infer_permute,
    jvp=rules.jvp_linear("permute_dims"),
    transpose=lambda cts, operands, axes: [permute_dims(cts[0], axes=_inverse(axes))],
    batch=rules.batch_leading(
        "permute_dims", axes=lambda axes, size: (0, *(axis + 1 for axis in axes))
    ),
    pattern=dependence.moved,
    cost=rules.free,
    samples=lambda: [
        Sample((matrix(),), {"axes": (1, 0)}),
        Sample((np.arange(24.0).reshape(2, 3, 4) * 1j,), {"axes": (2, 0, 1)}),
        Sample((np.array(2.0),), {"axes": ()}),
    ],
    view=True,
    finite=True,
)


# ------------------------------------------------------------------ broadcast_to


def _infer_broadcast(x: Type, shape: Ints) -> Type:
    if rules.broadcast_shapes(x.shape, shape) != shape:
        raise InvalidArgument(f"cannot broadcast {x!r} to {list(shape)}")
    return x.with_shape(shape)


def _batch_broadcast(
    size: int, operands: Sequence[Value], batched: Sequence[bool], shape: Ints
) -> Any:
    (x,) = operands
    lined = rules.reshape(x, (size, *(1,) * (len(shape) + 1 - x.ndim), *x.shape[1:]))
    return (rules.broadcast_to(lined, (size, *shape)),), (True,)


broadcast_to: Op = Op(
    name="broadcast_to",
    doc="x repeated along new leading axes and axes of length 1, as NumPy broadcasts.",
    operands=("x",),
    attributes=(Attr("shape", "ints", "the shape of the result"),),
    evaluate=np.broadcast_to,
    infer=_infer_broadcast,
    jvp=rules.jvp_linear("broadcast_to"),
    transpose=lambda cts, operands, shape: [rules.contract(cts[0], operands[0].type)],
    batch=_batch_broadcast,
    pattern=dependence.moved,
    cost=rules.free,
    samples=lambda: [
        Sample((np.array(2.0),), {"shape": (2, 2)}),
        Sample((np.array([[1.0], [2.0]]) * 1j,), {"shape": (3, 2, 2)}),
        Sample((np.ones((2, 1)),), {"shape": (2, 0)}),
    ],
    view=True,
    finite=True,
)


# ------------------------------------------------------------------ concat


def _infer_concat(*types: Type, axis: int) -> Type:
    if not types:
        raise InvalidArgument("needs at least one operand")
    first = types[0]
    rules.check_axis(axis, first.ndim)
    rest = {t.shape[:axis] + t.shape[axis + 1 :] for t in types}
    if len(rest) != 1 or any(t.ndim != first.ndim for t in types):
        raise InvalidArgument(f"operands must agree but for axis {axis}, got {list(types)}")
    total = sum(t.shape[axis] for t in types)
    shape = (*first.shape[:axis], total, *first.shape[axis + 1 :])
    return Type(rules.promoted(*(t.dtype for t in types)), shape)


def _jvp_concat(primals: Sequence[Value], tangents: Sequence[Value | None], axis: int) -> Any:
    y = concat(*primals, axis=axis)
    parts = [
        rules.zeros(x, x.type.with_dtype(y.dtype)) if t is None else rules.convert(t, y.dtype)
        for x, t in zip(primals, tangents, strict=True)
    ]
    return (y,), (concat(*parts, axis=axis),)


def _transpose_concat(cts: Sequence[Value], operands: Sequence[Any], axis: int) -> Any:
    ct, at, parts = cts[0], 0, []
    for x in operands:
        n = x.type.shape[axis]
        part = slice_axis(ct, axis, at, at + n) if isinstance(x, Linear) else None
        parts.append(None if part is None else rules.convert(part, x.type.dtype))
        at += n
    return parts


concat: Op = Op(
    name="concat",
    doc="The operands one after the other along an axis.",
    operands=("*arrays",),
    attributes=(Attr("axis", "int", "the axis, from 0", 0),),
    evaluate=lambda *arrays, axis: np.concatenate(arrays, axis),
    infer=_infer_concat,
    jvp=_jvp_concat,
    transpose=_transpose_concat,
    batch=rules.batch_leading("concat", axis=rules.shift_axis),
    pattern=dependence.moved,
    cost=rules.free,
    samples=lambda: [
        Sample((np.array([1.0, 2.0]), np.array([3.0])), {"axis": 0}),
        Sample((matrix(), matrix()[:, :1]), {"axis": 1}),
        Sample((np.array([1.0, 2.0]), np.array([3], "int64")), {"axis": 0}),
        Sample((np.array([1.0]), np.array([2.0 - 1j]), np.array([], "float32")), {"axis": 0}),
    ],
    finite=True,
)


# ------------------------------------------------------------------ flip


def _infer_flip(x: Type, axes: Ints) -> Type:
    rules.check_axes(axes, x.ndim)
    return x


def _flip(x: Array, axes: Ints) -> Any:
    index: list[Any] = [np.s_[:]] * x.ndim
    for axis in axes:
        index[axis] = np.s_[::-1]
    return x[tuple(index)]


flip: Op = Op(
    name="flip",
    doc="x in reverse order along the axes.",
    operands=("x",),
    attributes=(Attr("axes", "ints", "ascending axes, from 0"),),
    evaluate=_flip,
    infer=_infer_flip,
    jvp=rules.jvp_linear("flip"),
    transpose=lambda cts, operands, axes: [flip(cts[0], axes=axes)],
    batch=rules.batch_leading("flip", axes=rules.shift_axes),
    pattern=dependence.moved,
    cost=rules.free,
    samples=lambda: [
        Sample((np.array([1.0, 2.0, 3.0]),), {"axes": (0,)}),
        Sample((matrix() * 1j,), {"axes": (0, 1)}),
        Sample((matrix(),), {"axes": ()}),
    ],
    view=True,
    finite=True,
)


# ------------------------------------------------------------------ slice


def _infer_slice(x: Type, start: Ints, stop: Ints, strides: Ints) -> Type:
    if not len(start) == len(stop) == len(strides) == x.ndim:
        raise InvalidArgument(f"start, stop and strides need one entry an axis of {x!r}")
    for axis, (a, b, c, n) in enumerate(zip(start, stop, strides, x.shape, strict=True)):
        if not (0 <= a <= b <= n and c >= 1):
            raise InvalidArgument(f"{a}:{b}:{c} is no slice of axis {axis} of {x!r}")
    lengths = (-(-(b - a) // c) for a, b, c in zip(start, stop, strides, strict=True))
    return x.with_shape(tuple(lengths))


def _index(start: Ints, stop: Ints, strides: Ints) -> tuple[Any, ...]:
    return tuple(map(builtins.slice, start, stop, strides))


slice: Op = Op(
    name="slice",
    doc="x[start:stop:strides] on every axis; strides are positive (`flip` turns an axis round).",
    operands=("x",),
    attributes=(
        Attr("start", "ints", "first index on each axis"),
        Attr("stop", "ints", "one past the last index, at most the length"),
        Attr("strides", "ints", "steps, at least 1"),
    ),
    evaluate=lambda x, start, stop, strides: x[_index(start, stop, strides)],
    infer=_infer_slice,
    jvp=rules.jvp_linear("slice"),
    transpose=lambda cts, operands, start, stop, strides: [
        Placed(cts[0], operands[0].type, start, strides)
    ],
    batch=rules.batch_leading(
        "slice", start=rules.lead(0), stop=rules.lead(), strides=rules.lead(1)
    ),
    pattern=dependence.moved,
    cost=rules.free,
    samples=lambda: [
        Sample((np.arange(7.0),), {"start": (1,), "stop": (6,), "strides": (2,)}),
        Sample((matrix() * 1j,), {"start": (0, 1), "stop": (1, 3), "strides": (1, 1)}),
        Sample((np.arange(4.0),), {"start": (2,), "stop": (2,), "strides": (1,)}),
    ],
    view=True,
    finite=True,
)


def slice_axis(x: Value, axis: int, start: int, stop: int, stride: int = 1) -> Value:
    """x[start:stop:stride] along one axis."""
    if (start, stop, stride) == (0, x.shape[axis], 1):
        return x
    starts, stops, strides = [0] * x.ndim, list(x.shape), [1] * x.ndim
    starts[axis], stops[axis], strides[axis] = start, stop, stride
    return slice(x, start=tuple(starts), stop=tuple(stops), strides=tuple(strides))


# ------------------------------------------------------------------ pad


def _infer_pad(x: Type, low: Ints, high: Ints, interior: Ints) -> Type:
    if not len(low) == len(high) == len(interior) == x.ndim:
        raise InvalidArgument(f"low, high and interior need one entry an axis of {x!r}")
    if min((*low, *high, *interior), default=0) < 0:
        raise InvalidArgument("low, high and interior must not be negative")
    return x.with_shape(_padded(x.shape, low, high, interior))


@lru_cache(maxsize=1024)  # worked out anew it takes longer than padding a small array
def _padded(shape: Ints, low: Ints, high: Ints, interior: Ints) -> Ints:
    lengths = zip(low, shape, interior, high, strict=True)
    return tuple(a + n + max(n - 1, 0) * i + b for a, n, i, b in lengths)


def _pad(x: Array, low: Ints, high: Ints, interior: Ints) -> Array:
    y = np.zeros(_padded(x.shape, low, high, interior), x.dtype)
    y[_block(x.shape, low, interior)] = x
    return y


@lru_cache(maxsize=1024)
def _block(shape: Ints, low: Ints, interior: Ints) -> tuple[Any, ...]:
    return tuple(
        builtins.slice(a, a + (n - 1) * (i + 1) + 1 if n else a, i + 1)
        for a, n, i in zip(low, shape, interior, strict=True)
    )


def _transpose_pad(
    cts: Sequence[Value], operands: Sequence[Linear], low: Ints, high: Ints, interior: Ints
) -> Any:
    block = _block(operands[0].type.shape, low, interior)
    start, stop = tuple(s.start for s in block), tuple(s.stop for s in block)
    return [slice(cts[0], start=start, stop=stop, strides=tuple(s.step for s in block))]


pad: Op = Op(
    name="pad",
    doc="x among zeros: `low` before, `high` after, `interior` between neighbours, on each axis.",
    operands=("x",),
    attributes=(
        Attr("low", "ints", "zeros before"),
        Attr("high", "ints", "zeros after"),
        Attr("interior", "ints", "zeros between two neighbours"),
    ),
    evaluate=_pad,
    infer=_infer_pad,
    jvp=rules.jvp_linear("pad"),
    transpose=_transpose_pad,
    batch=rules.batch_leading("pad", low=rules.lead(0), high=rules.lead(0), interior=rules.lead(0)),
    pattern=dependence.moved,
    cost=rules.free,
    samples=lambda: [
        Sample((np.array([1.0, 2.0]),), {"low": (1,), "high": (2,), "interior": (0,)}),
        Sample((matrix() * 1j,), {"low": (0, 1), "high": (1, 0), "interior": (2, 1)}),
        Sample((np.ones((2, 0)),), {"low": (1, 2), "high": (0, 1), "interior": (0, 3)}),
    ],
    finite=True,
)


# ------------------------------------------------------------------ tril, triu


def _triangle(name: str, doc: str, evaluate: Callable[..., Any]) -> Op:
    def infer(x: Type, diagonal: int) -> Type:
        if x.ndim < 2:
            raise InvalidArgument(f"needs at least two axes, got {x!r}")
        return x

    return Op(
        name=name,
        doc=doc,
        operands=("x",),
        attributes=(Attr("diagonal", "int", "0 is the main one, 1 the one above it", 0),),
        evaluate=lambda x, diagonal: evaluate(x, diagonal),
        infer=infer,
        jvp=rules.jvp_linear(name),
        transpose=lambda cts, operands, diagonal: [rules.entry(name)(cts[0], diagonal=diagonal)],
        batch=rules.batch_leading(name),
        pattern=dependence.moved,
        cost=rules.free,
        samples=lambda: [
            Sample((matrix(),), {"diagonal": 0}),
            Sample((np.arange(18.0).reshape(2, 3, 3) * (1 + 2j),), {"diagonal": -1}),
            Sample((matrix().T.astype("float32"),), {"diagonal": 1}),
        ],
        finite=True,
    )


tril: Op = _triangle("tril", "x on and below a diagonal of its last two axes, zero above.", np.tril)
triu: Op = _triangle("triu", "x on and above a diagonal of its last two axes, zero below.", np.triu)
