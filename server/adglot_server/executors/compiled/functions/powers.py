"""x ** y = e^(y log |x|), the logarithm in two doubles from a table of 128 points.

The method is that of ARM's optimized routines (Szabolcs Nagy 2018): with c near the significand z
of x and r = z/c - 1, log x = k log 2 + log c + log(1 + r), its first terms summed with their
errors; log(1 + r) is Taylor's series to r^9, |r| < 2^-7, which leaves about 2^-66 of relative
error. The table is computed here, in decimals.
"""

from __future__ import annotations

import struct
from decimal import Decimal, localcontext
from functools import cache
from math import inf, nan

from adglot_server.executors.compiled.functions.exponentials import (
    BEYOND,
    LOG2_HIGH,
    exp_sum,
)
from adglot_server.executors.compiled.functions.logarithms import raised
from adglot_server.executors.compiled.lanes import (
    Lanes,
    fast_two_sum,
    polynomial,
    two_product,
    two_sum,
)

POINTS = 128
COLUMNS = 3
FIRST = 0x3FE6955500000000
"""The bits of the significand that the table begins with, a little below sqrt(1/2)."""
SERIES = [(-1) ** (k + 1) / k for k in range(3, 10)]
DIGITS = 60


def power(x: Lanes, y: Lanes) -> Lanes:
    size = x.abs()
    high, low = _log(size)
    product, error = two_product(y, high)
    finite = product.abs() < BEYOND
    rest = finite.choose(error + y * low, 0.0)
    held = finite.choose(product, x.constant(BEYOND).intrinsic("copysign", product))
    result = exp_sum(product.is_nan().choose(product, held), rest)
    result = size.compare("eq", 1.0).choose(1.0, result)
    return _special(x, y, result)


def _special(x: Lanes, y: Lanes, size: Lanes) -> Lanes:
    """The sign, NaN for a fraction of a negative number, 1 for x^0 and 1^y whatever the other."""
    whole = y.intrinsic("trunc").compare("eq", y)
    half = y * 0.5
    odd = whole & half.intrinsic("trunc").compare("ne", half)
    signed = odd.choose(size.intrinsic("copysign", x), size)
    negative = (x < 0.0) & x.compare("ne", -inf) & ~whole
    result = negative.choose(nan, signed)
    result = (x.is_nan() | y.is_nan()).choose(nan, result)
    return (y.compare("eq", 0.0) | x.compare("eq", 1.0)).choose(1.0, result)


def _log(x: Lanes) -> tuple[Lanes, Lanes]:
    """log x in two doubles, for x >= 0; +-inf at the ends of the range."""
    normal, shift = raised(x)
    offset = normal.bits() - FIRST
    row = ((offset >> 45) & (POINTS - 1)) * COLUMNS
    exponent = offset >> 52
    k = exponent.cast("sitofp", "double") + shift
    z = (normal.bits() - (exponent << 52)).double()
    table = x.code.module.table("adglot.log", list(_table()))
    inverse, log_high, log_low = (row.lookup(table, j) for j in range(COLUMNS))
    near_one, product_low = two_product(z, inverse)
    r, r_low = fast_two_sum(near_one - 1.0, product_low)
    low_two = float(_LOG2 - Decimal(LOG2_HIGH))
    high, low = two_sum(k * LOG2_HIGH, log_high)
    high, lower = two_sum(high, r)
    square, error = two_product(r, r * -0.5)
    high, lowest = two_sum(high, square)
    tail = r * r * r * polynomial(r, SERIES)
    rest = k.fma(low_two, log_low) + (low + lower) + (lowest + error + tail + r_low)
    high, low = fast_two_sum(high, rest)
    high = x.compare("eq", 0.0).choose(-inf, x.compare("eq", inf).choose(inf, high))
    return high, low


with localcontext(prec=DIGITS):
    _LOG2 = Decimal(2).ln()


@cache
def _table() -> tuple[float, ...]:
    """Rows of 1/c, and log c in two doubles of which the first ends where LOG2_HIGH does."""
    rows: list[float] = []
    with localcontext(prec=DIGITS):
        for i in range(POINTS):
            inverse = _inverse(i)
            exact = -Decimal(inverse).ln()
            high = float((exact * 2**42).to_integral_value()) / 2**42
            rows += [inverse, high, float(exact - Decimal(high))]
    return tuple(rows)


def _inverse(i: int) -> float:
    """The inverse of the middle of an interval; 1 for the one that holds 1."""
    low, high = (_double(FIRST + (j << 45)) for j in (i, i + 1))
    return 1.0 if low <= 1.0 <= high else 2 / (low + high)


def _double(bits: int) -> float:
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])
