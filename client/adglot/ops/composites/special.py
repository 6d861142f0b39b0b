"""Functions of scipy.special in terms of those that are ops; SciPy itself is never called."""

from __future__ import annotations

import math
import operator
from typing import Any

from adglot import ops
from adglot.errors import TracingError
from adglot.ops import rules
from adglot.ops.composites.elementwise import isnan, weak
from adglot.ops.composites.reductions import reduced
from adglot.ops.composites.registry import composite
from adglot.ops.composites.support import all_axes, inexact, lift, static, unless
from adglot.ops.core import Value

# ------------------------------------------------------------------ sums of exponentials


@composite("special.logsumexp")
def logsumexp(
    a: Any,
    axis: Any = None,
    b: Any = None,
    keepdims: bool = False,
    return_sign: bool = False,
) -> Value | tuple[Value, Value]:
    """log(sum(b exp(a))), stable for a of any size; also its sign where that is asked for."""
    x, weights = _real_pair(a, b)
    shift = _shift(x, axis)
    terms = ops.exp(x - shift)
    if weights is not None:
        # an infinite or overflowing term of weight 0 does not count
        terms = ops.where(ops.equal(weights, 0.0), 0.0, weights * terms)
    total = reduced("sum", terms, axis, True)
    size = ops.log(ops.abs(total) if return_sign else total) + shift
    results = [size, ops.sign(total)] if return_sign else [size]
    if not keepdims:
        results = [_dropped(r, all_axes(axis, x.ndim)) for r in results]
    return (results[0], results[1]) if return_sign else results[0]


def _real_pair(a: Any, b: Any) -> tuple[Value, Value | None]:
    """a and b as floats of one shape."""
    values = lift(a) if b is None else lift(a, b)
    if any(v.dtype.kind == "c" for v in values):
        raise TracingError("logsumexp of complex values is not supported")
    shape = rules.broadcast_shapes(*(v.shape for v in values))
    kind = rules.inexact(*(v.dtype for v in values))
    x, *weights = (rules.broadcast_to(rules.convert(v, kind), shape) for v in values)
    return x, weights[0] if weights else None


def _dropped(y: Value, axes: tuple[int, ...]) -> Value:
    return rules.reshape(y, tuple(n for i, n in enumerate(y.shape) if i not in axes))


def _shift(x: Value, axis: Any) -> Value:
    """The greatest element rounded down: as good against overflow, and its derivative is zero."""
    greatest = reduced("max", x, axis, True)
    return ops.where(ops.isfinite(greatest), ops.floor(greatest), 0.0)


@composite("special.softmax")
def softmax(x: Any, axis: Any = None) -> Value:
    """exp(x) / sum(exp(x))."""
    v = inexact(lift(x)[0])
    terms = ops.exp(v - _shift(v, axis))
    return terms / reduced("sum", terms, axis, True)


@composite("special.log_softmax")
def log_softmax(x: Any, axis: Any = None) -> Value:
    """log(softmax(x)), where softmax underflows too."""
    v = inexact(lift(x)[0])
    shifted = v - _shift(v, axis)
    return shifted - ops.log(reduced("sum", ops.exp(shifted), axis, True))


@composite("special.logit")
def logit(x: Value) -> Value:
    """log(x / (1 - x)), the inverse of expit."""
    return ops.log(x) - ops.log1p(-inexact(x))


@composite("special.log_expit")
def log_expit(x: Value) -> Value:
    """log(expit(x))."""
    return -ops.logaddexp(0.0, -inexact(x))


# ------------------------------------------------------------------ entropies


@composite("special.xlogy")
def xlogy(x: Any, y: Any) -> Value:
    """Is x log(y), 0 where x is 0."""
    return _unless_zero(x, y, ops.log)


@composite("special.xlog1py")
def xlog1py(x: Any, y: Any) -> Value:
    """Is x log(1 + y), 0 where x is 0."""
    return _unless_zero(x, y, ops.log1p)


def _unless_zero(x: Any, y: Any, log: Any) -> Value:
    # SciPy takes Python scalars as float64 here, as in beta and betaln, and elsewhere as weak
    a, b = (inexact(v) for v in lift(x, y))
    zero = ops.logical_and(ops.equal(a, 0.0), ops.logical_not(isnan(b)))
    return ops.where(zero, 0.0, a * log(unless(zero, b)))


@composite("special.entr")
def entr(x: Value) -> Value:
    """-x log(x); 0 at 0, -inf below."""
    v = inexact(x)
    inside = unless(v < 0, v)
    return ops.where(v < 0, -float("inf"), -xlogy(inside, inside))


@composite("special.rel_entr")
def rel_entr(x: Any, y: Any) -> Value:
    """Is x log(x / y); 0 where x = 0 <= y, inf where either is negative or only y is 0."""
    a, b = (inexact(v) for v in weak(x, y))
    positive = ops.logical_and(a > 0, b > 0)
    zero = ops.logical_and(ops.equal(a, 0.0), b >= 0)
    quotient = ops.where(positive, a, 1.0) / ops.where(positive, b, 1.0)
    y = ops.where(zero, 0.0, ops.where(positive, a * ops.log(quotient), float("inf")))
    return ops.where(ops.logical_or(isnan(a), isnan(b)), a + b, y)


@composite("special.kl_div")
def kl_div(x: Any, y: Any) -> Value:
    """Is x log(x / y) - x + y; y where x = 0 <= y, inf where rel_entr is."""
    a, b = (inexact(v) for v in weak(x, y))
    entropy = rel_entr(a, b)
    infinite = ops.equal(entropy, float("inf"))
    return ops.where(infinite, entropy, entropy - a + b)


# ------------------------------------------------------------------ the normal distribution

_ROOT_HALF = math.sqrt(0.5)


@composite("special.ndtr")
def ndtr(x: Value) -> Value:
    """The normal distribution function, exact in its lower tail."""
    return ops.TABLE["special.erfc"](inexact(x) * -_ROOT_HALF) * 0.5


@composite("special.erfcinv")
def erfcinv(y: Value) -> Value:
    """The x whose erfc is y, exact near y = 0 too."""
    return ops.TABLE["special.ndtri"](inexact(y) * 0.5) * -_ROOT_HALF


# ------------------------------------------------------------------ gamma and beta


@composite("special.gammasgn")
def gammasgn(x: Value) -> Value:
    """The sign of gamma(x); NaN at the negative integers."""
    v = inexact(x)
    floor = ops.floor(v)
    negative = v < 0
    odd = ops.logical_and(negative, ops.not_equal(ops.remainder(floor, 2.0), 0.0))
    pole = ops.logical_and(negative, ops.equal(floor, v))
    return ops.where(ops.logical_or(pole, isnan(v)), float("nan"), ops.where(odd, -1.0, _one(v)))


def _one(like: Value) -> Value:
    return rules.full(like, 1.0, like.type.with_shape(()))


@composite("special.rgamma")
def rgamma(x: Value) -> Value:
    """1 / gamma(x), smooth at the poles too: there it is mirrored (DLMF 5.5.3)."""
    v = inexact(x)
    mirrored = v < 0.5
    whole = ops.round(v)
    sign = ops.remainder(whole, 2.0) * -2.0 + 1.0
    sine = sign * ops.sin((v - whole) * math.pi)
    gamma = ops.TABLE["special.gamma"](ops.where(mirrored, ops.subtract(1.0, v), v))
    return ops.where(mirrored, gamma * sine / math.pi, ops.divide(1.0, gamma))


def _gammaln(x: Any) -> Value:
    return ops.TABLE["special.gammaln"](x)


def _common(a: Any, b: Any) -> list[Value]:
    values = lift(a, b)
    kind = rules.inexact(*(v.dtype for v in values))
    return [rules.convert(v, kind) for v in values]


@composite("special.betaln")
def betaln(a: Any, b: Any) -> Value:
    """log(|beta(a, b)|)."""
    x, y = _common(a, b)
    return _gammaln(x) + _gammaln(y) - _gammaln(x + y)


@composite("special.beta")
def beta(a: Any, b: Any) -> Value:
    """gamma(a) gamma(b) / gamma(a + b)."""
    x, y = _common(a, b)
    return gammasgn(x) * gammasgn(y) * gammasgn(x + y) * ops.exp(betaln(x, y))


@composite("special.polygamma")
def polygamma(n: Any, x: Any) -> Value:
    """The derivative of digamma of a static order n."""
    order = operator.index(static(n, "n"))
    return ops.TABLE["special.polygamma"](lift(x)[0], order=order)


@composite("special.multigammaln")
def multigammaln(a: Any, d: int) -> Value:
    """The log of the multivariate gamma function of dimension d."""
    x = inexact(lift(a)[0])
    total = rules.full(x, d * (d - 1) / 4 * math.log(math.pi), x.type.with_shape(()))
    for k in range(d):
        total = total + _gammaln(x - k / 2)
    return total


# ------------------------------------------------------------------ powers and losses


@composite("special.exp10")
def exp10(x: Value) -> Value:
    """10 ** x."""
    return ops.pow(10.0, inexact(x))


@composite("special.cosm1")
def cosm1(x: Value) -> Value:
    """cos(x) - 1, exact near 0."""
    s = ops.sin(inexact(x) * 0.5)
    return s * s * -2.0


@composite("special.boxcox")
def boxcox(x: Any, lmbda: Any) -> Value:
    """(x**lmbda - 1) / lmbda, log(x) at lmbda = 0."""
    v, power = (inexact(u) for u in weak(x, lmbda))
    return _expm1_over(power, ops.log(v))


@composite("special.boxcox1p")
def boxcox1p(x: Any, lmbda: Any) -> Value:
    """((1 + x)**lmbda - 1) / lmbda, log1p(x) at lmbda = 0."""
    v, power = (inexact(u) for u in weak(x, lmbda))
    return _expm1_over(power, ops.log1p(v))


def _expm1_over(power: Value, log: Value) -> Value:
    zero = ops.equal(power, 0.0)
    return ops.where(zero, log, ops.expm1(power * log) / unless(zero, power))


@composite("special.huber")
def huber(delta: Any, r: Any) -> Value:
    """r²/2 up to |r| = delta, then delta (|r| - delta/2); inf for a negative delta."""
    d, x = (inexact(v) for v in weak(delta, r))
    size = ops.abs(x)
    loss = ops.where(size <= d, x * x * 0.5, d * (size - d * 0.5))
    return ops.where(d < 0, float("inf"), loss)


@composite("special.pseudo_huber")
def pseudo_huber(delta: Any, r: Any) -> Value:
    """delta² (sqrt(1 + (r/delta)²) - 1); 0 where either is 0, inf for a negative delta."""
    d, x = (inexact(v) for v in weak(delta, r))
    u, ratio = d, x / unless(ops.equal(d, 0.0), d)
    square = ratio * ratio
    loss = u * u * square / (ops.sqrt(square + 1.0) + 1.0)
    zero = ops.logical_or(ops.equal(d, 0.0), ops.equal(x, 0.0))
    return ops.where(d < 0, float("inf"), ops.where(zero, 0.0, loss))
