"""log and log1p: the series of (1 + s)/(1 - s), as in fdlibm's e_log.c and s_log1p.c (Sun 1993).

x = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), s = f/(2 + f), and
log(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))); the minimax coefficients of R are fdlibm's, whose
error is below 2^-58.45. fdlibm gives 1 ulp as the bound of both.
"""

from __future__ import annotations

from math import inf, nan

from adglot_server.executors.compiled.functions.exponentials import LOG2_HIGH, LOG2_LOW
from adglot_server.executors.compiled.lanes import Lanes, polynomial

R = [
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
]
HALF_ROOT = 0x3FE6A09E00000000
"""The bits of about sqrt(1/2)."""


def log(x: Lanes) -> Lanes:
    normal, shift = raised(x)
    k, part = split(normal)
    return _special(x, _series(part - 1.0, k + shift, x.constant(0.0)), x)


def log1p(x: Lanes) -> Lanes:
    """As log(1 + x), with what the sum 1 + x rounds off added back."""
    total = x + 1.0
    k, part = split(total)
    lost = (x > 1.0).choose(1.0 - (total - x), x - (total - 1.0)) / total
    near = k.compare("eq", 0.0)
    f = near.choose(x, part - 1.0)
    result = _series(f, k, near.choose(0.0, lost))
    return x.compare("eq", 0.0).choose(x, _special(x, result, total))


def raised(x: Lanes) -> tuple[Lanes, Lanes]:
    """x with subnormals times 2^54, and the exponent that this takes away."""
    small = x < 2.0**-1022
    return small.choose(x * 2.0**54, x), small.choose(x.constant(-54.0), 0.0)


def split(x: Lanes) -> tuple[Lanes, Lanes]:
    """k (a double) and x 2^-k in [sqrt(1/2), sqrt(2)), of a positive normal x."""
    bits = x.bits()
    k = (bits - HALF_ROOT) >> 52
    return k.cast("sitofp", "double"), (bits - (k << 52)).double()


def _series(f: Lanes, k: Lanes, c: Lanes) -> Lanes:
    """k log 2 + log(1 + f) + c."""
    s = f / (f + 2.0)
    square = s * s
    half = f * f * 0.5
    inner = s * (half + square * polynomial(square, R)) + (k * LOG2_LOW + c)
    return k * LOG2_HIGH - ((half - inner) - f)


def _special(x: Lanes, result: Lanes, argument: Lanes) -> Lanes:
    """-inf at 0, inf at inf, NaN below 0 and at NaN; of log at `argument`."""
    result = x.compare("eq", inf).choose(inf, result)
    result = argument.compare("eq", 0.0).choose(-inf, result)
    return argument.compare("ge", 0.0).choose(result, nan)
