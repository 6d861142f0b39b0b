"""Elementwise functions of two operands: powers, remainders, extrema, angles and lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot.ops import rules
from adglot.ops.arithmetic import (
    X1,
    X2,
    binary,
    complex_pairs,
    equal,
    greater_equal,
    less_equal,
    logical_and,
    pairs,
    where,
)
from adglot.ops.core import Array, NonSmooth, Op, Sample, Value
from adglot.ops.elementwise import log
from adglot.ops.kernels import as_float, as_int
from adglot.ops.rules import ARITHMETIC, DIVISION, NOT_LINEAR, TRANSCENDENTAL

Tangents = Sequence[Value | None]

# ------------------------------------------------------------------ powers


def _jvp_pow(primals: Sequence[Value], tangents: Tangents) -> Any:
    x1, x2 = primals
    t1, t2 = tangents
    y = pow(x1, x2)
    terms = [
        None if t1 is None else _base_tangent(t1, x1, x2),
        None if t2 is None else t2 * (y * log(rules.convert(where(equal(x1, 0), 1, x1), y.dtype))),
    ]
    return (y,), (rules.add_tangents(terms, y.type),)


def _base_tangent(t: Value, x: Value, exponent: Value) -> Value | None:
    """Of x**e by x: e x**(e - 1), without 0 * inf where e = 0."""
    constant = rules.known(exponent)
    if constant is not None:
        return _constant_power_tangent(t, x, constant)
    flat = logical_and(equal(x, 0), equal(exponent, 0))
    return t * (exponent * pow(x, where(flat, 1, exponent) - 1))


def _constant_power_tangent(t: Value, x: Value, exponent: Array) -> Value | None:
    if np.all(exponent == 0):
        return None
    if np.all(exponent == 1):
        return t
    if np.all(exponent == 2):
        return t * (x * exponent)
    return t * (pow(x, np.where(exponent == 0, exponent, exponent - 1)) * exponent)


def _power_samples() -> list[Sample]:
    base, signed = np.array([0.5, 1.25, 2.0]), np.array([-1.5, 0.0, 2.0])
    return [
        *complex_pairs(base, X2)(),
        Sample((signed, np.array([2, 3, 0]))),
        Sample((signed, np.array([[1], [2]], "int32"))),
        Sample((np.array([2, -3]), np.array([3, 2]))),
        Sample((np.array([True, False, False]), np.array([True, True, False]))),
        Sample((np.zeros(3), np.array([0.0, 0.5, 2.0])), smooth=False),
    ]


pow: Op = Op(
    name="pow",
    doc="x1 ** x2; NaN where a negative real base has a fractional exponent. The derivative by "
    "the base is right for every base, 0 and negative ones included. Integers to negative "
    "integers are an error.",
    operands=("x1", "x2"),
    evaluate=as_int(np.power),
    infer=rules.infer_elementwise(rules.counting),
    jvp=_jvp_pow,
    transpose=NOT_LINEAR,
    batch=rules.batch_elementwise("pow"),
    cost=rules.per_output(2 * TRANSCENDENTAL),
    samples=_power_samples,
    nonsmooth=(
        NonSmooth(
            "x1 = 0 and x2 < 1 (but not 0)",
            "the derivative by x1 is infinite",
            lambda x1, x2: (x1 == 0) & (np.real(x2) < 1) & (x2 != 0),
        ),
        NonSmooth(
            "x1 = x2 = 0, x2 no integer dtype",
            "the derivative by x2 is 0",
            lambda x1, x2: (x1 == 0) & (x2 == 0) & (x2.dtype.kind in "fc"),
        ),
    ),
    weak=True,
)


# ------------------------------------------------------------------ quotients


def _multiple(x1: Array, x2: Array) -> Any:
    return np.remainder(x1, x2) == 0


floor_divide: Op = binary(
    "floor_divide",
    "The largest integer <= x1 / x2, in the operands' dtype; 0 for integers over 0.",
    as_int(np.floor_divide),
    (None, None),
    lambda: [
        *pairs()(),
        Sample((np.array([7, -7, 7]), np.array([2, 2, -2]))),
        Sample((np.array([3.0, -1.5]), np.array([1.5, 0.5])), smooth=False),
    ],
    dtype=rules.real_counting,
    weight=DIVISION,
    nonsmooth=(NonSmooth("x1 is a multiple of x2", "the derivative is 0", _multiple),),
)

remainder: Op = binary(
    "remainder",
    "x1 - floor(x1 / x2) * x2, with the sign of x2; 0 for integers over 0.",
    as_int(np.remainder),
    (lambda t, y, x1, x2: t, lambda t, y, x1, x2: -(t * floor_divide(x1, x2))),
    lambda: [
        *pairs()(),
        Sample((np.array([3.0, -1.5]), np.array([1.5, 0.5])), smooth=False),
    ],
    dtype=rules.real_counting,
    weight=DIVISION,
    nonsmooth=(
        NonSmooth("x1 is a multiple of x2", "the derivative is that from above", _multiple),
    ),
)


# ------------------------------------------------------------------ extrema


def _extremum(name: str, doc: str, evaluate: Callable[..., Any], first: Op) -> Op:
    """An op that takes x1 where `first(x1, x2)` holds, and either where both orders do.

    Two selections and one factor, rather than nested selections, keep its pullback cheap.
    """

    def jvp(primals: Sequence[Value], tangents: Tangents) -> Any:
        (x1, x2), (t1, t2) = primals, tangents
        y = rules.entry(name)(x1, x2)
        t = rules.add_tangents(
            [
                None if t1 is None else where(first(x1, x2), t1, 0.0),
                None if t2 is None else where(first(x2, x1), t2, 0.0),
            ],
            y.type,
        )
        if t is None:
            return (y,), (None,)
        half, whole = y.dtype.type(0.5), y.dtype.type(1.0)
        t = t * where(equal(x1, x2), half, whole)
        return (y,), (rules.expand(t, y.type),)

    return Op(
        name=name,
        doc=f"{doc}; NaN if either is NaN.",
        operands=("x1", "x2"),
        evaluate=evaluate,
        infer=rules.infer_elementwise(rules.promoted),
        jvp=jvp,
        transpose=NOT_LINEAR,
        batch=rules.batch_elementwise(name),
        cost=rules.per_output(2 * ARITHMETIC),
        samples=lambda: [*complex_pairs()(), Sample((X1, X1 * [1, 1, 2]), smooth=False)],
        nonsmooth=(
            NonSmooth("x1 = x2", "half of each operand's derivative", lambda x1, x2: x1 == x2),
        ),
        weak=True,
        finite=True,
    )


maximum: Op = _extremum("maximum", "The larger one of x1 and x2", np.maximum, greater_equal)
minimum: Op = _extremum("minimum", "The smaller one of x1 and x2", np.minimum, less_equal)


# ------------------------------------------------------------------ the plane


def _at_origin(x1: Array, x2: Array) -> Any:
    return (x1 == 0) & (x2 == 0)


ORIGIN = (NonSmooth("x1 = x2 = 0", "the derivative is 0", _at_origin),)
ZEROS = (np.array([0.0, 0.0, 1.0]), np.array([0.0, -0.0, 0.0]))


def _divisor(size: Value) -> Value:
    """The size, and inf for 0: what is divided by it is 0 at the origin."""
    return where(equal(size, 0.0), np.inf, size)


def _jvp_hypot(primals: Sequence[Value], tangents: Tangents) -> Any:
    y = hypot(*primals)
    size = _divisor(y)
    terms = [t * (x / size) for t, x in zip(tangents, primals, strict=True) if t is not None]
    return (y,), (rules.add_tangents(terms, y.type),)


def _jvp_atan2(primals: Sequence[Value], tangents: Tangents) -> Any:
    (x1, x2), (t1, t2) = primals, tangents
    y = atan2(x1, x2)
    size = _divisor(hypot(x1, x2))
    terms = [
        None if t1 is None else t1 * (x2 / size),
        None if t2 is None else -(t2 * (x1 / size)),
    ]
    t = rules.add_tangents(terms, y.type)
    return (y,), (None if t is None else t / size,)


def _planar(name: str, doc: str, evaluate: Callable[..., Any], jvp: Any, weight: int) -> Op:
    return Op(
        name=name,
        doc=doc,
        operands=("x1", "x2"),
        evaluate=evaluate,
        infer=rules.infer_elementwise(rules.real_inexact),
        jvp=jvp,
        transpose=NOT_LINEAR,
        batch=rules.batch_elementwise(name),
        cost=rules.per_output(weight),
        samples=lambda: [*pairs()(), Sample(ZEROS, smooth=False)],
        nonsmooth=ORIGIN,
        weak=True,
    )


hypot: Op = _planar(
    "hypot", "sqrt(x1**2 + x2**2) without overflow on the way.",
    as_float(np.hypot), _jvp_hypot, TRANSCENDENTAL,
)  # fmt: skip

atan2: Op = _planar(
    "atan2", "The angle of the point (x2, x1) from the first axis, in [-pi, pi].",
    as_float(np.arctan2), _jvp_atan2, 2 * TRANSCENDENTAL,
)  # fmt: skip


# ------------------------------------------------------------------ logaddexp


def _jvp_logaddexp(primals: Sequence[Value], tangents: Tangents) -> Any:
    (x1, x2), (t1, t2) = primals, tangents
    y = logaddexp(x1, x2)
    expit = rules.entry("special.expit")
    ahead = where(logical_and(equal(x1, x2), equal(x1, y)), 0.0, x1 - x2)
    terms = [
        None if t1 is None else t1 * expit(ahead),
        None if t2 is None else t2 * expit(-ahead),
    ]
    return (y,), (rules.add_tangents(terms, y.type),)


logaddexp: Op = Op(
    name="logaddexp",
    doc="log(e**x1 + e**x2) without overflow on the way.",
    operands=("x1", "x2"),
    evaluate=as_float(np.logaddexp),
    infer=rules.infer_elementwise(rules.real_inexact),
    jvp=_jvp_logaddexp,
    transpose=NOT_LINEAR,
    batch=rules.batch_elementwise("logaddexp"),
    cost=rules.per_output(2 * TRANSCENDENTAL),
    samples=lambda: [
        *pairs()(),
        Sample((np.array([300.0, -800.0]), np.array([301.0, 800.0]))),
        Sample((np.array([-np.inf, np.inf, 0.0]), np.array([-np.inf, np.inf, 1.0])), smooth=False),
    ],
    nonsmooth=(
        NonSmooth(
            "x1 = x2 are infinite",
            "half of each operand's derivative",
            lambda x1, x2: (x1 == x2) & np.isinf(x1),
        ),
    ),
    weak=True,
)
