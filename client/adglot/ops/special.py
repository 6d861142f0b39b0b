"""Elementwise ops that SciPy names: the error function, gamma and its kin, the normal quantile."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument, Violation
from adglot.ir import Type
from adglot.ops import rules
from adglot.ops import special_functions as functions
from adglot.ops.core import Attr, NonSmooth, Op, Sample, Value
from adglot.ops.elementwise import Samples, X, exp, points, unary
from adglot.ops.rules import TRANSCENDENTAL, Partial

SLOW = 3 * TRANSCENDENTAL
"""What a function without a vectorised implementation costs."""

POSITIVE = np.array([0.5, 3.25, 12.0])
PROBABILITY = np.array([0.25, 0.5, 0.9375])


def _special(
    name: str,
    doc: str,
    evaluate: Callable[..., Any],
    partial: Partial,
    samples: Samples,
    *,
    weight: int = SLOW,
    nonsmooth: tuple[NonSmooth, ...] = (),
    finite: bool = False,
) -> Op:
    return unary(
        f"special.{name}", doc, evaluate, partial, samples,
        dtype=rules.real_inexact, weight=weight, nonsmooth=nonsmooth, finite=finite,
    )  # fmt: skip


# ------------------------------------------------------------------ error function, normal


def _gauss(x: Value) -> Value:
    """e**(-x**2)."""
    return exp(-(x * x))


erf: Op = _special(
    "erf", "The error function, 2/sqrt(pi) times the integral of e**-t**2 from 0 to x.",
    functions.erf, lambda t, y, x: t * (_gauss(x) * (2 / math.sqrt(math.pi))), points(),
    finite=True,
)  # fmt: skip

erfc: Op = _special(
    "erfc", "1 - erf(x), without cancellation for large x.", functions.erfc,
    lambda t, y, x: t * (_gauss(x) * (-2 / math.sqrt(math.pi))), points(),
)  # fmt: skip

erfinv: Op = _special(
    "erfinv", "The x whose erf is y; +-inf at +-1.", functions.erfinv,
    lambda t, y, x: t * (exp(y * y) * (math.sqrt(math.pi) / 2)),
    points(np.array([0.5, -0.25, 0.875])),
)  # fmt: skip

ndtri: Op = _special(
    "ndtri", "The quantile of the standard normal distribution; -inf at 0, inf at 1.",
    functions.ndtri, lambda t, y, x: t * (exp((y * y) * 0.5) * math.sqrt(2 * math.pi)),
    points(PROBABILITY),
)  # fmt: skip


def _log_ndtr_tangent(t: Value, y: Value, x: Value) -> Value:
    """The density over the distribution; in the lower tail this loses x**2 ulp."""
    return t * (exp((x * x) * -0.5 - y) * (1 / math.sqrt(2 * math.pi)))


log_ndtr: Op = _special(
    "log_ndtr", "The logarithm of the standard normal distribution function.",
    functions.log_ndtr, _log_ndtr_tangent, points(np.array([0.5, -1.25, -6.0])),
)  # fmt: skip

expit: Op = _special(
    "expit", "The logistic function 1 / (1 + e**-x).", functions.expit,
    lambda t, y, x: t * (y * (1 - y)), points(), weight=TRANSCENDENTAL + 5, finite=True,
)  # fmt: skip


# ------------------------------------------------------------------ gamma and its kin


gamma: Op = _special(
    "gamma", "The gamma function; NaN at negative integers.", functions.gamma,
    lambda t, y, x: t * (y * digamma(x)), points(np.array([0.5, -1.25, 4.5])),
)  # fmt: skip

gammaln: Op = _special(
    "gammaln", "log |gamma(x)|; inf at 0 and negative integers.", functions.gammaln,
    lambda t, y, x: t * digamma(x), points(np.array([0.5, -1.25, 12.0])),
)  # fmt: skip

digamma: Op = _special(
    "digamma", "The derivative of gammaln.", functions.digamma,
    lambda t, y, x: t * polygamma(x, order=1), points(np.array([0.5, -1.25, 12.0])),
)  # fmt: skip


def _infer_polygamma(x: Type, order: int) -> Type:
    if order < 0:
        raise InvalidArgument(Violation("attributes.order", f"must be at least 0, got {order}"))
    return rules.infer_elementwise(rules.real_inexact)(x)


def _polygamma_tangent(t: Value, y: Value, x: Value, order: int) -> Value:
    return t * polygamma(x, order=order + 1)


polygamma: Op = Op(
    name="special.polygamma",
    doc="The derivative of digamma of an order; order 0 is digamma.",
    operands=("x",),
    attributes=(Attr("order", "int", "how often digamma is differentiated"),),
    evaluate=functions.polygamma,
    infer=_infer_polygamma,
    jvp=rules.jvp_by_partials("special.polygamma", (_polygamma_tangent,)),
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_elementwise("special.polygamma"),
    cost=rules.per_output(SLOW),
    samples=lambda: [
        *(Sample((POSITIVE,), {"order": order}) for order in (0, 1, 4)),
        Sample((np.array([-1.25, 0.25]),), {"order": 2}),
        Sample((X[::2].astype("float32"),), {"order": 1}),
    ],
)
