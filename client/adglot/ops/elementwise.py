"""Elementwise ops of one operand: NumPy's functions; `special` has those that SciPy names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot.ops import dependence, rules
from adglot.ops.core import Array, Attr, Linear, NonSmooth, Op, Sample, Value
from adglot.ops.kernels import as_float
from adglot.ops.rules import ARITHMETIC, DIVISION, NOT_LINEAR, TRANSCENDENTAL, Partial

X = np.array([0.5, -1.25, 2.0])
INSIDE = np.array([0.5, -0.8125, 0.125])
"""Points inside (-1, 1)."""

Samples = Callable[[], list[Sample]]


def points(x: Array = X, *, complex: bool = False, kinks: Sequence[complex] = ()) -> Samples:
    """Samples in float64, float32, as a scalar, of an integer; complex and at kinks if asked."""
    return lambda: [
        Sample((x,)),
        Sample((x.astype("float32"),)),
        Sample((np.array(x[0]),)),
        *([Sample((x + 0.25j * x[::-1],))] if complex else []),
        *([Sample((np.asarray(kinks),), smooth=False)] if len(kinks) else []),
    ]


def unary(
    name: str,
    doc: str,
    evaluate: Callable[..., Any],
    partial: Partial | None,
    samples: Samples,
    *,
    adjoint: Callable[..., Value] | None = None,
    dtype: Callable[..., Any] = rules.inexact,
    weight: int = TRANSCENDENTAL,
    nonsmooth: tuple[NonSmooth, ...] = (),
    attributes: tuple[Attr, ...] = (),
    view: bool = False,
    finite: bool = False,
) -> Op:
    """An elementwise op of one operand; ``partial(t, y, x)`` is its tangent, None zero."""
    return Op(
        name=name,
        doc=doc,
        operands=("x",),
        attributes=attributes,
        evaluate=evaluate,
        infer=rules.infer_elementwise(dtype),
        jvp=rules.jvp_by_partials(name, (partial,)) if partial else rules.jvp_zero(name),
        transpose=rules.transpose_elementwise(adjoint) if adjoint else NOT_LINEAR,
        batch=rules.batch_elementwise(name),
        pattern=dependence.elementwise,
        cost=rules.per_output(weight),
        samples=samples,
        nonsmooth=nonsmooth,
        view=view,
        finite=finite,
    )


# ------------------------------------------------------------------ sign and size


negative: Op = unary(
    "negative", "-x.", np.negative, lambda t, y, x: -t, points(complex=True),
    adjoint=lambda ct, x: -ct, dtype=rules.signed, weight=ARITHMETIC, finite=True,
)  # fmt: skip


def _abs_tangent(t: Value, y: Value, x: Value) -> Value:
    return real(rules.conj(sign(x)) * t) if x.type.is_complex else sign(x) * t


abs: Op = unary(
    "abs", "The absolute value |x|; real for a complex x.", np.absolute, _abs_tangent,
    points(complex=True, kinks=[0.0, 1.5]), dtype=rules.real_dtype, weight=ARITHMETIC,
    nonsmooth=(NonSmooth("x = 0", "the derivative is 0", lambda x: x == 0),), finite=True,
)  # fmt: skip


def _sign_tangent(t: Value, y: Value, x: Value) -> Value:
    """Of z/|z|: what t turns z by, over |z|."""
    size = abs(x)
    across = t - y * real(rules.conj(y) * t)
    return across / rules.entry("where")(rules.entry("equal")(size, 0.0), np.inf, size)


def _jvp_sign(primals: Sequence[Value], tangents: Sequence[Value | None]) -> Any:
    (x,), (t,) = primals, tangents
    y = sign(x)
    return (y,), (_sign_tangent(t, y, x) if t is not None and x.type.is_complex else None,)


sign: Op = Op(
    name="sign",
    doc="-1, 0 or 1; z/|z| for a complex z (0 at 0).",
    operands=("x",),
    evaluate=np.sign,
    infer=rules.infer_elementwise(rules.signed),
    jvp=_jvp_sign,
    transpose=NOT_LINEAR,
    batch=rules.batch_elementwise("sign"),
    cost=rules.per_output(ARITHMETIC),
    samples=points(complex=True, kinks=[0.0, -1.5]),
    nonsmooth=(NonSmooth("x = 0", "the derivative is 0", lambda x: x == 0),),
    finite=True,
)


# ------------------------------------------------------------------ exponentials, logarithms


exp: Op = unary("exp", "e**x.", as_float(np.exp), lambda t, y, x: t * y, points(complex=True))

expm1: Op = unary(
    "expm1", "e**x - 1, accurate near 0.", as_float(np.expm1),
    lambda t, y, x: t * exp(x), points(complex=True),
)  # fmt: skip

log: Op = unary(
    "log", "The natural logarithm; NaN for a real x < 0, -inf at 0.", as_float(np.log),
    lambda t, y, x: t / x, points(np.abs(X), complex=True),
)  # fmt: skip

log1p: Op = unary(
    "log1p", "log(1 + x), accurate near 0.", as_float(np.log1p),
    lambda t, y, x: t / (x + 1), points(INSIDE, complex=True),
)  # fmt: skip

sqrt: Op = unary(
    "sqrt", "The square root; NaN for a real x < 0.", as_float(np.sqrt),
    lambda t, y, x: (t * 0.5) / y, points(np.abs(X), complex=True, kinks=[0.0, 1.0]),
    weight=DIVISION,
    nonsmooth=(NonSmooth("x = 0", "the derivative is inf", lambda x: x == 0),),
)  # fmt: skip


# ------------------------------------------------------------------ trigonometry


sin: Op = unary(
    "sin", "The sine of x (radians).", as_float(np.sin),
    lambda t, y, x: t * cos(x), points(complex=True), finite=True,
)  # fmt: skip

cos: Op = unary(
    "cos", "The cosine of x (radians).", as_float(np.cos),
    lambda t, y, x: -(t * sin(x)), points(complex=True), finite=True,
)  # fmt: skip

tan: Op = unary(
    "tan", "The tangent of x (radians).", as_float(np.tan),
    lambda t, y, x: t * (y * y + 1), points(complex=True),
)  # fmt: skip

asin: Op = unary(
    "asin", "The inverse sine, in [-pi/2, pi/2]; NaN for a real |x| > 1.", as_float(np.arcsin),
    lambda t, y, x: t / _root(x), points(INSIDE, complex=True),
)  # fmt: skip

acos: Op = unary(
    "acos", "The inverse cosine, in [0, pi]; NaN for a real |x| > 1.", as_float(np.arccos),
    lambda t, y, x: -(t / _root(x)), points(INSIDE, complex=True),
)  # fmt: skip

atan: Op = unary(
    "atan", "The inverse tangent, in [-pi/2, pi/2].", as_float(np.arctan),
    lambda t, y, x: t / (x * x + 1), points(complex=True), finite=True,
)  # fmt: skip


def _root(x: Value) -> Value:
    """sqrt(1 - x**2) without cancellation at 1; of a complex x on asin's branch."""
    return sqrt(1 - x) * sqrt(1 + x) if x.type.is_complex else sqrt((1 - x) * (1 + x))


# ------------------------------------------------------------------ hyperbolic functions


sinh: Op = unary(
    "sinh", "The hyperbolic sine.", as_float(np.sinh),
    lambda t, y, x: t * cosh(x), points(complex=True),
)  # fmt: skip

cosh: Op = unary(
    "cosh", "The hyperbolic cosine.", as_float(np.cosh),
    lambda t, y, x: t * sinh(x), points(complex=True),
)  # fmt: skip

tanh: Op = unary(
    "tanh", "The hyperbolic tangent.", as_float(np.tanh),
    lambda t, y, x: t * (1 - y * y), points(complex=True), finite=True,
)  # fmt: skip

asinh: Op = unary(
    "asinh", "The inverse hyperbolic sine.", as_float(np.arcsinh),
    lambda t, y, x: t / _hypotenuse(x), points(complex=True),
)  # fmt: skip

acosh: Op = unary(
    "acosh", "The inverse hyperbolic cosine, at least 0; NaN for a real x < 1.",
    as_float(np.arccosh), lambda t, y, x: t / (sqrt(x - 1) * sqrt(x + 1)),
    points(np.array([1.5, 1.0625, 4.0]), complex=True),
)  # fmt: skip

atanh: Op = unary(
    "atanh", "The inverse hyperbolic tangent; NaN for a real |x| > 1.", as_float(np.arctanh),
    lambda t, y, x: t / ((1 - x) * (1 + x)), points(INSIDE, complex=True),
)  # fmt: skip


def _hypotenuse(x: Value) -> Value:
    """sqrt(x**2 + 1), of a real x without overflow."""
    return sqrt(x * x + 1) if x.type.is_complex else rules.entry("hypot")(x, 1.0)


# ------------------------------------------------------------------ rounding


def _whole(x: Array) -> Any:
    return x == np.floor(x)


def _half(x: Array) -> Any:
    return np.logical_or(*(part - np.floor(part) == 0.5 for part in (np.real(x), np.imag(x))))


def _step(name: str, doc: str, evaluate: Callable[..., Any], **options: Any) -> Op:
    """A function that is constant between its jumps."""
    options.setdefault("dtype", rules.real_only)
    options.setdefault("samples", points(X + 0.125, kinks=[-1.0, 0.0, 2.0]))
    jumps = options.pop("jumps", NonSmooth("x is an integer", "the derivative is 0", _whole))
    samples = options.pop("samples")
    return unary(
        name, doc, evaluate, None, samples,
        weight=ARITHMETIC, nonsmooth=(jumps,), finite=True, **options,
    )  # fmt: skip


floor: Op = _step("floor", "The largest integer <= x, in x's dtype.", np.floor)
ceil: Op = _step("ceil", "The smallest integer >= x, in x's dtype.", np.ceil)
trunc: Op = _step(
    "trunc", "The integer part of x, in x's dtype.", np.trunc,
    jumps=NonSmooth("x is an integer but 0", "the derivative is 0", lambda x: _whole(x) & (x != 0)),
    samples=points(X + 0.125, kinks=[-1.0, 2.0]),
)  # fmt: skip


def _round(x: Array) -> Any:
    if x.dtype.kind in "bi":
        return x.astype(rules.counting(x.dtype))
    return np.rint(x)


round: Op = _step(
    "round", "The nearest integer, halves to even, in x's dtype (bools give int64).", _round,
    jumps=NonSmooth("x is halfway between integers", "the derivative is 0", _half),
    samples=points(X - 0.125, complex=True, kinks=[-0.5, 1.5, 2.5]), dtype=rules.counting,
)  # fmt: skip


# ------------------------------------------------------------------ tests


def _test(name: str, doc: str, evaluate: Callable[..., Any], samples: Samples) -> Op:
    return Op(
        name=name,
        doc=doc,
        operands=("x",),
        evaluate=evaluate,
        infer=rules.infer_elementwise(rules.boolean),
        jvp=rules.jvp_zero(name),
        transpose=rules.INTEGER_VALUED,
        batch=rules.batch_elementwise(name),
        cost=rules.per_output(ARITHMETIC),
        samples=samples,
        finite=True,
    )


isfinite: Op = _test(
    "isfinite", "Whether x is neither infinite nor NaN, as bool.", np.isfinite,
    lambda: [Sample((X,)), Sample((np.array([0.5, np.inf, np.nan]),), smooth=False)],
)  # fmt: skip

logical_not: Op = _test(
    "logical_not", "Whether x is 0 or False, as bool.", np.logical_not,
    lambda: [Sample((np.array([True, False]),)), Sample((X,)), Sample((np.array([0, 2]),))],
)  # fmt: skip


# ------------------------------------------------------------------ complex parts


real: Op = unary(
    "real", "The real part; a real x as it is.", np.real, lambda t, y, x: real(t),
    points(complex=True), adjoint=lambda ct, x: ct, dtype=rules.real_dtype, weight=0,
    view=True, finite=True,
)  # fmt: skip


def _jvp_imag(primals: Sequence[Value], tangents: Sequence[Value | None]) -> Any:
    (x,), (t,) = primals, tangents
    return (imag(x),), (imag(t) if t is not None and x.type.is_complex else None,)


def _transpose_imag(cts: Sequence[Value], operands: Sequence[Linear]) -> Any:
    """Im z = <i, z>."""
    (ct,), (x,) = cts, operands
    return [rules.convert(ct * 1j, x.type.dtype) if x.type.is_complex else None]


imag: Op = Op(
    name="imag",
    doc="The imaginary part; zero for a real x.",
    operands=("x",),
    evaluate=np.imag,
    infer=rules.infer_elementwise(rules.real_dtype),
    jvp=_jvp_imag,
    transpose=_transpose_imag,
    batch=rules.batch_elementwise("imag"),
    pattern=dependence.elementwise,
    cost=rules.free,
    samples=points(complex=True),
    view=True,
    finite=True,
)

conj: Op = unary(
    "conj", "The complex conjugate; a real x as it is.",
    lambda x: x.copy() if x.dtype.kind == "b" else np.conjugate(x), lambda t, y, x: conj(t),
    points(complex=True), adjoint=lambda ct, x: rules.conj(ct), dtype=rules.promoted, weight=0,
    finite=True,
)  # fmt: skip
