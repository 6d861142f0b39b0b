"""exp, expm1 and tanh: reduction by multiples of log 2, Taylor's series, a sum in two parts.

x = n log 2 + r with |r| <= log(2)/2, as in fdlibm's s_expm1.c (Sun 1993): the high part of log 2
has 32 bits, so n times it and the difference are exact. e^r - 1 = r + r^2/2 + r^3 (1/6 + ...) to
r^13/13!: what is left out is below 2^-58 of e^r - 1. The first two terms are kept in two doubles,
so that the result is rounded once but for about 2^-57.
"""

from __future__ import annotations

from math import factorial, inf

from adglot_server.executors.compiled.lanes import (
    Lanes,
    fast_two_sum,
    nearest,
    polynomial,
    power_of_two,
    scale,
    two_product,
    two_sum,
)

LOG2_E = 1.4426950408889634
LOG2_HIGH = 6.93147180369123816490e-01
LOG2_LOW = 1.90821492927058770002e-10
TAIL = [1 / factorial(k) for k in range(3, 14)]
BEYOND = 1100.0
"""e^x is 0 or infinite beyond it, and 2^n can still be written in two factors."""


def exp(x: Lanes) -> Lanes:
    n, high, low = reduced_exp(clamped(x), x.constant(0.0))
    return scale(_one_plus(high, low), n)


def exp_sum(x: Lanes, rest: Lanes) -> Lanes:
    """e^(x + rest) for a rest far below x."""
    n, high, low = reduced_exp(x, rest)
    return scale(_one_plus(high, low), n)


def expm1(x: Lanes) -> Lanes:
    high, low = _expm1_sum(clamped(x))
    result = (x > 709.782712893384).choose(inf, high + low)
    return (x.abs() < 2.0**-54).choose(x, result)


def tanh(x: Lanes) -> Lanes:
    """(e^2x - 1) / (e^2x + 1), both in two doubles; 1 rounded from |x| = 22 on."""
    size = x.abs()
    bounded = (size > 22.0).choose(22.0, size)
    high, low = fast_two_sum(*_expm1_sum(bounded + bounded))
    total, rest = two_sum(high.constant(2.0), high)
    rest = rest + low
    inverse = 1.0 / total
    quotient = high * inverse
    wrong = (-quotient).fma(total, high) + (low - quotient * rest)
    positive = wrong.fma(inverse, quotient)
    small = size < 2.0**-28
    return small.choose(size, positive).intrinsic("copysign", x)


def clamped(x: Lanes) -> Lanes:
    """x within [-1100, 1100]; NaN stays."""
    low = (x < -BEYOND).choose(-BEYOND, x)
    return (low > BEYOND).choose(BEYOND, low)


def reduced_exp(x: Lanes, rest: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """n and e^r - 1 in two doubles, where x + rest = n log 2 + r."""
    number, n = nearest(x * LOG2_E)
    exact = number.fma(-LOG2_HIGH, x)
    low = number.fma(LOG2_LOW, -rest)
    r = exact - low
    c = (exact - r) - low
    return n, *_expm1_near_zero(r, c)


def _expm1_near_zero(r: Lanes, c: Lanes) -> tuple[Lanes, Lanes]:
    """e^(r + c) - 1, with c far below r: r + r^2/2 exactly, then all the rest."""
    square, square_low = two_product(r, r)
    high, low = fast_two_sum(r, square * 0.5)
    tail = (square * r) * polynomial(r, TAIL)
    return high, low + (square_low * 0.5 + (tail + c.fma(r, c)))


def _one_plus(high: Lanes, low: Lanes) -> Lanes:
    total, error = fast_two_sum(high.constant(1.0), high)
    return total + (error + low)


def _expm1_sum(x: Lanes) -> tuple[Lanes, Lanes]:
    """e^x - 1 = (2^n - 1) + 2^n (e^r - 1) in two doubles; n is held where only 2^n counts."""
    n, high, low = reduced_exp(x, x.constant(0.0))
    n = (n < -60).choose(-60, n)
    # beyond 2^1023 the power alone would overflow, although e^x does not
    large = n > 1023
    factor = power_of_two(large.choose(1023, n))
    total, error = two_sum(factor - 1.0, factor * high)
    doubled = large.choose(total.constant(2.0), 1.0)
    return total * doubled, (error + factor * low) * doubled
