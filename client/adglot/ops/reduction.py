"""Ops that reduce axes: sum, prod, max, min, argmax, argmin, any, all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops import dependence, rules
from adglot.ops.arithmetic import where
from adglot.ops.core import Array, Attr, NonSmooth, Op, Sample, Value
from adglot.ops.cumulative import accumulated_dtype, cumulative_prod, previous
from adglot.ops.shape import matrix, permute_dims

Ints = tuple[int, ...]
AXES = (Attr("axes", "ints", "the axes to reduce, ascending, from 0"),)


def reduced_shape(x: Type, axes: Ints) -> Ints:
    rules.check_axes(axes, x.ndim)
    return tuple(n for i, n in enumerate(x.shape) if i not in axes)


def kept_shape(x: Type, axes: Ints) -> Ints:
    """The reduced shape with length 1 in place of the reduced axes."""
    return tuple(1 if i in axes else n for i, n in enumerate(x.shape))


def spread(y: Value, x: Type, axes: Ints) -> Value:
    """A reduced x at every place it was reduced from."""
    return rules.broadcast_to(rules.reshape(y, kept_shape(x, axes)), x.shape)


def _samples() -> list[Sample]:
    return [
        Sample((matrix(),), {"axes": (0, 1)}),
        Sample((matrix(),), {"axes": (1,)}),
        Sample((matrix() + matrix()[::-1] * 1j,), {"axes": (0,)}),
        Sample((matrix().astype("float32"),), {"axes": ()}),
        Sample((np.array([True, False]),), {"axes": (0,)}),
        Sample((np.arange(6, dtype="int32").reshape(2, 1, 3),), {"axes": (0, 2)}),
        Sample((np.ones((0, 2)),), {"axes": (1,)}),
    ]


# ------------------------------------------------------------------ sum


sum: Op = Op(
    name="sum",
    doc="The sum over the axes; integers and bools give int64.",
    operands=("x",),
    attributes=AXES,
    evaluate=lambda x, axes: np.add.reduce(x, axes),
    infer=lambda x, axes: Type(accumulated_dtype(x.dtype), reduced_shape(x, axes)),
    jvp=rules.jvp_linear("sum"),
    transpose=lambda cts, operands, axes: [spread(cts[0], operands[0].type, axes)],
    batch=rules.batch_leading("sum", axes=rules.shift_axes),
    pattern=dependence.summed,
    cost=rules.per_input(rules.ARITHMETIC),
    samples=lambda: [*_samples(), Sample((np.ones((0, 2)),), {"axes": (0,)})],
    finite=True,
)


# ------------------------------------------------------------------ prod


def _jvp_prod(primals: Sequence[Value], tangents: Sequence[Value | None], axes: Ints) -> Any:
    (x,), (t,) = primals, tangents
    y = prod(x, axes=axes)
    if t is None or x.size == 0:
        return (y,), (None,)
    return (y,), (sum(t * _others(x, axes), axes=axes),)


def _others(x: Value, axes: Ints) -> Value:
    """For each element the product of all others; without a division, so zeros do no harm."""
    order = [*(i for i in range(x.ndim) if i not in axes), *axes]
    moved = permute_dims(x, axes=tuple(order))
    kept = moved.shape[: x.ndim - len(axes)]
    line = rules.reshape(moved, (*kept, rules.length([x.shape[i] for i in axes])))
    back = tuple(order.index(i) for i in range(x.ndim))
    return permute_dims(rules.reshape(_others_in_line(line), moved.shape), axes=back)


def _others_in_line(x: Value) -> Value:
    axis = x.ndim - 1
    before = previous(cumulative_prod(x, axis=axis), axis, False, 1)
    after = previous(cumulative_prod(x, axis=axis, reverse=True), axis, True, 1)
    return before * after


prod: Op = Op(
    name="prod",
    doc="The product over the axes; integers and bools give int64.",
    operands=("x",),
    attributes=AXES,
    evaluate=lambda x, axes: np.multiply.reduce(x, axes),
    infer=lambda x, axes: Type(accumulated_dtype(x.dtype), reduced_shape(x, axes)),
    jvp=_jvp_prod,
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_leading("prod", axes=rules.shift_axes),
    cost=rules.per_input(rules.ARITHMETIC),
    samples=lambda: [
        *_samples(),
        Sample((np.array([[2.0, 0.0, 3.0], [0.0, 5.0, 0.0]]),), {"axes": (1,)}),
        Sample((np.arange(24.0).reshape(2, 3, 2, 2) - 11.5,), {"axes": (0, 2)}),
        Sample((np.ones((0, 2)),), {"axes": (0,)}),
    ],
)


# ------------------------------------------------------------------ max, min


def _infer_extreme(x: Type, axes: Ints) -> Type:
    shape = reduced_shape(x, axes)
    if x.size == 0 and rules.length(shape):
        raise InvalidArgument(f"there is no extreme of nothing: axes {list(axes)} of {x!r}")
    return x.with_shape(shape)


def _jvp_extreme(name: str, behind: str) -> Callable[..., Any]:
    def jvp(primals: Sequence[Value], tangents: Sequence[Value | None], axes: Ints) -> Any:
        (x,), (t,) = primals, tangents
        y = rules.entry(name)(x, axes=axes)
        if t is None:
            return (y,), (None,)
        # no element is less or greater than NaN: so nobody is out, forwards and backwards
        compare = rules.entry("not_equal" if x.type.is_complex else behind)
        out = compare(x, rules.reshape(y, kept_shape(x.type, axes)))
        ties = rules.length([x.shape[i] for i in axes]) - sum(out, axes=axes)
        total = sum(where(out, 0.0, t), axes=axes)
        return (y,), (total / rules.convert(ties, y.dtype),)

    return jvp


def _ties(reduce: Callable[..., Any]) -> Callable[..., Any]:
    def contains(x: Array, axes: Ints) -> Any:
        extreme = reduce(x, axes, keepdims=True)
        return (np.add.reduce(x == extreme, axes) > 1) | np.isnan(np.squeeze(extreme, axes))

    return contains


def _extreme(name: str, doc: str, reduce: Callable[..., Any], behind: str) -> Op:
    return Op(
        name=name,
        doc=doc + " over the axes; NaN if there is one. Complex numbers are ordered by real part, "
        "then imaginary part.",
        operands=("x",),
        attributes=AXES,
        evaluate=lambda x, axes: reduce(x, axes),
        infer=_infer_extreme,
        jvp=_jvp_extreme(name, behind),
        transpose=rules.NOT_LINEAR,
        batch=rules.batch_leading(name, axes=rules.shift_axes),
        cost=rules.per_input(2 * rules.ARITHMETIC),  # as maximum: it compares, and passes NaN on
        samples=lambda: [
            *_samples(),
            Sample((np.array([[2.0, 1.0, 2.0], [1.0, 1.0, 3.0]]),), {"axes": (1,)}, smooth=False),
        ],
        nonsmooth=(
            NonSmooth(
                "several elements are the extreme one",
                "they share the derivative evenly, as all do where one is NaN",
                _ties(reduce),
            ),
        ),
        finite=True,
    )


max: Op = _extreme("max", "The greatest element", np.maximum.reduce, "less")
min: Op = _extreme("min", "The least element", np.minimum.reduce, "greater")


# ------------------------------------------------------------------ argmax, argmin


def _infer_position(x: Type, axis: int) -> Type:
    rules.check_axis(axis, x.ndim)
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    if x.size == 0 and rules.length(shape):
        raise InvalidArgument(f"there is no extreme of nothing: axis {axis} of {x!r}")
    return Type("int64", shape)


def _position(name: str, doc: str, evaluate: Callable[..., Any]) -> Op:
    return Op(
        name=name,
        doc=f"{doc} along an axis, as int64: of equals the first, a NaN before all others.",
        operands=("x",),
        attributes=(Attr("axis", "int", "the axis, from 0"),),
        evaluate=evaluate,
        infer=_infer_position,
        jvp=rules.jvp_zero(name),
        transpose=rules.INTEGER_VALUED,
        batch=rules.batch_leading(name, axis=rules.shift_axis),
        cost=rules.per_input(rules.ARITHMETIC),
        samples=lambda: [
            Sample((matrix(),), {"axis": 0}),
            Sample((matrix().astype("float32"),), {"axis": 1}),
            Sample((np.array([2, 7, 7, 2]),), {"axis": 0}),
            Sample((np.array([2 + 1j, 2 + 2j]),), {"axis": 0}),
            Sample((np.ones((0, 2)),), {"axis": 1}),
        ],
    )


argmax: Op = _position("argmax", "Where the greatest element is", lambda x, axis: x.argmax(axis))
argmin: Op = _position("argmin", "Where the least element is", lambda x, axis: x.argmin(axis))


# ------------------------------------------------------------------ any, all


def _test(name: str, doc: str, reduce: Callable[..., Any]) -> Op:
    return Op(
        name=name,
        doc=f"{doc}, over the axes.",
        operands=("x",),
        attributes=AXES,
        evaluate=lambda x, axes: reduce(x, axes),
        infer=lambda x, axes: Type("bool", reduced_shape(x, axes)),
        jvp=rules.jvp_zero(name),
        transpose=rules.INTEGER_VALUED,
        batch=rules.batch_leading(name, axes=rules.shift_axes),
        cost=rules.per_input(rules.ARITHMETIC),
        samples=lambda: [*_samples(), Sample((np.ones((0, 2)),), {"axes": (0,)})],
    )


any: Op = _test("any", "Whether an element is not 0 (a NaN is not)", np.logical_or.reduce)
all: Op = _test("all", "Whether no element is 0 (a NaN is not)", np.logical_and.reduce)
