"""sin, cos and tan: reduction by multiples of pi/2 in two doubles, then polynomials.

Up to 2^19 multiples pi/2 is subtracted in four parts (Cody and Waite 1980), of 33 bits each but
the last: 152 bits, products and differences exact. Beyond, x 2/pi is formed modulo 4 from a table
with one row of 2/pi an exponent (Payne and Hanek 1983), 212 bits a row: no double comes nearer
than 2^-62 to a multiple of pi/2 (Muller, Elementary Functions, 11.3). The polynomials on
[-pi/4, pi/4] are those of fdlibm's k_sin.c and k_cos.c (Sun 1993), errors below 2^-58; their sums
end in two doubles, so that sine, cosine and their quotient are rounded once but for about 2^-55.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import floor

from adglot_server.executors.compiled.lanes import (
    Lanes,
    call,
    fast_two_sum,
    nearest,
    polynomial,
    two_product,
    two_sum,
)

PAIR = tuple[Lanes, Lanes]

TWO_OVER_PI = 0.6366197723675814
MOST_MULTIPLES = 2.0**19
FIRST_ROW = 19
"""The exponent of the first row of the table."""
ROWS = 1024 - FIRST_ROW
ROW = 4
BITS = 1400
"""Of pi: the largest exponent, the 212 bits of a row, and some to spare."""

SIN = [
    -1.66666666666666324348e-01,
    8.33333333332248946124e-03,
    -1.98412698298579493134e-04,
    2.75573137070700676789e-06,
    -2.50507602534068634195e-08,
    1.58969099521155010221e-10,
]
COS = [
    4.16666666666666019037e-02,
    -1.38888888888741095749e-03,
    2.48015872894767294178e-05,
    -2.75573143513906633035e-07,
    2.08757232129817482790e-09,
    -1.13596475577881948265e-11,
]


def sin(x: Lanes) -> Lanes:
    quadrant, sine, cosine = _in_quadrant(x)
    chosen = _swapped(quadrant, sine, cosine)
    result = _turned(chosen[0] + chosen[1], quadrant)
    return x.compare("eq", 0.0).choose(x, result)


def cos(x: Lanes) -> Lanes:
    quadrant, sine, cosine = _in_quadrant(x)
    chosen = _swapped(quadrant + 1, sine, cosine)
    return _turned(chosen[0] + chosen[1], quadrant + 1)


def tan(x: Lanes) -> Lanes:
    quadrant, sine, cosine = _in_quadrant(x)
    above, below = _swapped(quadrant, sine, cosine), _swapped(quadrant + 1, sine, cosine)
    inverse = 1.0 / below[0]
    quotient = above[0] * inverse
    wrong = (-quotient).fma(below[0], above[0]) + (above[1] - quotient * below[1])
    result = wrong.fma(inverse, quotient)
    odd = ((quadrant & 1) << 63) ^ result.bits()
    return x.compare("eq", 0.0).choose(x, odd.double())


def _in_quadrant(x: Lanes) -> tuple[Lanes, PAIR, PAIR]:
    """The multiple of pi/2, and sine and cosine of what is left."""
    quadrant, r, c = _reduced(x)
    return quadrant, _sine(r, c), _cosine(r, c)


def _swapped(quadrant: Lanes, sine: PAIR, cosine: PAIR) -> PAIR:
    """The cosine in odd quadrants."""
    odd = (quadrant & 1).compare("ne", 0)
    return odd.choose(cosine[0], sine[0]), odd.choose(cosine[1], sine[1])


def _turned(y: Lanes, quadrant: Lanes) -> Lanes:
    """-y in the third and fourth quadrant."""
    return (y.bits() ^ ((quadrant & 2) << 62)).double()


def _sine(r: Lanes, c: Lanes) -> PAIR:
    """sin(r + c) = r + (c cos r - r^3/6 + ...)."""
    square = r * r
    tail = square * r * polynomial(square, SIN)
    return fast_two_sum(r, (-c * 0.5).fma(square, c) + tail)


def _cosine(r: Lanes, c: Lanes) -> PAIR:
    """cos(r + c) = (1 - r^2/2) + (r^4/24 - ... - c r)."""
    square, low = two_product(r, r)
    high, error = fast_two_sum(square.constant(1.0), square * -0.5)
    tail = square * square * polynomial(square, COS)
    return fast_two_sum(high, error + ((tail - low * 0.5) - c * r))


# ------------------------------------------------------------------ reduction


def _reduced(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """n and x - n pi/2 in two doubles; the table is read where some lane is large."""
    code, number = x.code, x * TWO_OVER_PI
    huge = number.abs() > MOST_MULTIPLES
    n, integer = nearest(number)
    r, c = _cody_waite(x, n)
    few, many, after = code.fresh("few"), code.fresh("many"), code.fresh("after")
    code.block(few)
    code.emit(f"br i1 {huge.any()}, label %{many}, label %{after}")
    code.emit(f"{many}:")
    known = dict(code.known)
    parts = [call(f"payne_hanek_{i}", _payne_hanek_part(i), x) for i in range(3)]
    large = [
        huge.choose(parts[0].cast("fptosi", "i64"), integer),
        huge.choose(parts[1], r),
        huge.choose(parts[2], c),
    ]
    code.known = known  # What only large numbers come by is not there for others.
    code.block(after)
    chosen = [
        code.value(a.element, a.width, f"phi {a.type} [{a.name}, %{few}], [{b.name}, %{many}]")
        for a, b in zip((integer, r, c), large, strict=True)
    ]
    return chosen[0], chosen[1], chosen[2]


def _cody_waite(x: Lanes, n: Lanes) -> PAIR:
    first, second, third, fourth = _parts(_half_pi(), (33, 33, 33, 53))
    high, low = two_sum(n.fma(-first, x), n * -second)
    high, lower = two_sum(high, n * -third)
    return two_sum(high, low + lower - n * fourth)


def _payne_hanek_part(which: int) -> object:
    """Part of (n modulo 4, r, c): a function has one result, so there are three."""
    return lambda x: _payne_hanek(x)[which]


def _payne_hanek(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    bits = x.bits()
    exponent = ((bits >> 52) & 0x7FF) - 1023
    row = (exponent - FIRST_ROW).intrinsic("smax", 0)
    row = row.intrinsic("smin", ROWS - 1) * ROW
    # 2^52 <= |significand| < 2^53, an integer
    integer = ((bits & 0x000FFFFFFFFFFFFF) | 0x4330000000000000).double()
    significand = integer.intrinsic("copysign", x)
    table = x.code.module.table("adglot.two_over_pi", list(_two_over_pi()))
    products = [two_product(significand, row.lookup(table, j)) for j in range(ROW)]
    n, high, low = _modulo_four(products)
    r, error = two_product(high, float(_half_pi()))
    tail = float(_half_pi() - Fraction(float(_half_pi())))
    r, c = fast_two_sum(r, error + (low * float(_half_pi()) + high * tail))
    infinite = exponent.compare("gt", 1023)
    return n, infinite.choose(float("nan"), r), c


def _modulo_four(products: list[PAIR]) -> tuple[Lanes, Lanes, Lanes]:
    """The sum of the products without multiples of 4: an integer, and what is left in two."""
    (a, b), (c, d), (e, f), (g, _) = products
    whole, rest = _taken_off(a)
    more, b = _taken_off(b)
    third, c = _taken_off(c)
    n = whole + more + third
    high, low = two_sum(rest, b)
    high, lower = two_sum(high, c)
    low, lowest = two_sum(low, lower)
    low, under = two_sum(low, d)
    low, under_e = two_sum(low, e)
    rest_low = lowest + under + under_e + f + g
    high, low = two_sum(high, low)
    extra, high = _taken_off(high)
    high, low = two_sum(high, low)
    return n + extra, *fast_two_sum(high, low + rest_low)


def _taken_off(x: Lanes) -> tuple[Lanes, Lanes]:
    """The nearest integer modulo 4, and x less that integer (exactly)."""
    whole = x.intrinsic("rint")
    quarter = (whole * 0.25).intrinsic("floor")
    return whole - quarter * 4.0, x - whole


# ------------------------------------------------------------------ pi


@cache
def _half_pi() -> Fraction:
    """pi/2 to BITS bits, by Machin's formula pi/4 = 4 atan(1/5) - atan(1/239)."""
    one = 1 << (BITS + 16)
    quarter = 4 * _inverse_tangent(5, one) - _inverse_tangent(239, one)
    return Fraction(2 * quarter, one)


def _inverse_tangent(n: int, one: int) -> int:
    """atan(1/n) times `one`, by its series."""
    power = one // n
    total, k = power, 1
    while power:
        power //= -n * n
        k += 2
        total += power // k
    return total


def _parts(x: Fraction, bits: tuple[int, ...]) -> list[float]:
    """x as a sum of doubles of so many significant bits at most, each the nearest below."""
    parts, exponent = [], 0
    for count in bits:
        exponent -= count
        part = Fraction(floor(x / Fraction(2) ** (exponent + 1)), 1) * Fraction(2) ** (exponent + 1)
        parts.append(float(part))
        x -= part
    return parts


@cache
def _two_over_pi() -> tuple[float, ...]:
    """For each exponent e the number 2^(e - 52) 2/pi modulo 4, in rows of four doubles."""
    inverse = 1 / _half_pi()
    rows: list[float] = []
    for e in range(FIRST_ROW, 1024):
        x = inverse * Fraction(2) ** (e - 52)
        x -= 4 * floor(x / 4)
        for _ in range(ROW):
            rows.append(float(x))
            x -= Fraction(rows[-1])
    return tuple(rows)
