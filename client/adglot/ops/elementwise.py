"""Elementwise ops of one operand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adglot.ops import rules
from adglot.ops.core import Array, NonSmooth, Op, Sample, Value
from adglot.ops.rules import ARITHMETIC, NOT_LINEAR, TRANSCENDENTAL, Partial

X = np.array([0.5, -1.25, 2.0])


def points(x: Array = X, *, complex: bool = False) -> Callable[[], list[Sample]]:
    """Samples in float64, float32, as a scalar, and in complex128 where asked for."""
    return lambda: [
        Sample((x,)),
        Sample((x.astype("float32"),)),
        Sample((np.array(x[0]),)),
        *([Sample((x + 0.25j * x[::-1],))] if complex else []),
    ]


def unary(
    name: str,
    doc: str,
    evaluate: Callable[..., Any],
    partial: Partial | None,
    samples: Callable[[], list[Sample]],
    *,
    adjoint: Callable[..., Value] | None = None,
    dtype: Callable[..., Any] = rules.inexact,
    weight: int = TRANSCENDENTAL,
    nonsmooth: tuple[NonSmooth, ...] = (),
) -> Op:
    """An elementwise op of one operand; ``partial(t, y, x)`` is its tangent, None zero."""
    return Op(
        name=name,
        doc=doc,
        operands=("x",),
        evaluate=evaluate,
        infer=rules.infer_elementwise(dtype),
        jvp=rules.jvp_by_partials(name, (partial,)) if partial else rules.jvp_zero(name),
        transpose=rules.transpose_elementwise(adjoint) if adjoint else NOT_LINEAR,
        batch=rules.batch_elementwise(name),
        cost=rules.per_output(weight),
        samples=samples,
        nonsmooth=nonsmooth,
    )


def _real_dtype(dtype: Any) -> Any:
    return np.empty(0, dtype).real.dtype


negative: Op = unary(
    "negative", "-x.", np.negative, lambda t, y, x: -t, points(complex=True),
    adjoint=lambda ct, x: -ct, dtype=rules.promoted, weight=ARITHMETIC,
)  # fmt: skip

exp: Op = unary("exp", "e**x.", np.exp, lambda t, y, x: t * y, points(complex=True))

log: Op = unary(
    "log", "The natural logarithm; NaN for x < 0, -inf at 0.", np.log,
    lambda t, y, x: t / x, points(abs(X), complex=True),
)  # fmt: skip

sin: Op = unary(
    "sin", "The sine of x (radians).", np.sin, lambda t, y, x: t * cos(x), points(complex=True)
)

cos: Op = unary(
    "cos", "The cosine of x (radians).", np.cos, lambda t, y, x: -(t * sin(x)), points(complex=True)
)

# ------------------------------------------------------------------ complex parts


real: Op = unary(
    "real", "The real part; a real x as it is.", np.real, lambda t, y, x: real(t), points(complex=True),
    adjoint=lambda ct, x: ct, dtype=_real_dtype, weight=0,
)  # fmt: skip

imag: Op = unary(
    "imag", "The imaginary part; zero for a real x.", np.imag, lambda t, y, x: imag(t),
    points(complex=True), adjoint=lambda ct, x: _times_i(ct, x), dtype=_real_dtype, weight=0,
)  # fmt: skip

conj: Op = unary(
    "conj", "The complex conjugate; a real x as it is.", np.conjugate, lambda t, y, x: conj(t),
    points(complex=True), adjoint=lambda ct, x: rules.conj(ct), dtype=rules.promoted, weight=0,
)  # fmt: skip


def _times_i(ct: Value, x: Any) -> Value:
    return ct * 1j if x.type.is_complex else ct * 0.0
