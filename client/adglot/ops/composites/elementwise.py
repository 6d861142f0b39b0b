"""NumPy's elementwise functions that are no ops: powers, logarithms, rounding, remainders."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np

from adglot import ops
from adglot.errors import TracingError
from adglot.ops import rules
from adglot.ops.composites.registry import NO_OUT, composite
from adglot.ops.composites.support import boolean, inexact, lift, lift_one, result_dtype, unless
from adglot.ops.core import Value, builder_of

SCALARS = frozenset({bool, int, float, complex, *np.sctypeDict.values()})
_LN2 = float(np.log(2.0))

# ------------------------------------------------------------------ powers and logarithms


@composite("power", "pow")
def power(x1: Any, x2: Any) -> Value:
    """x1 ** x2; the usual static scalar exponents cost one cheap op.

    >>> from adglot.ir import Type
    >>> b = ops.Builder()
    >>> x = b.input(Type("float64", (3,)))
    >>> print(b.build([x], [power(x, 2)]))
    f(%0 x0: float64[3]) {
      %1 = multiply(%0, %0) : float64[3]
      return y0=%1
    }
    """
    if isinstance(x1, Value) and type(x2) in SCALARS:
        x = rules.convert(x1, result_dtype(x1, x2))
        if x.dtype.kind == "i" and x2 < 0:
            raise ValueError("Integers to negative integer powers are not allowed.")
        if x2 in _SHORT:
            return _SHORT[x2](x)
    return ops.pow(x1, x2)


@composite("float_power")
def float_power(x1: Any, x2: Any) -> Value:
    """x1 ** x2 in at least float64."""
    return power(*(_double(x) for x in (x1, x2)))


def _double(x: Any) -> Value | Any:
    if not isinstance(x, Value):
        return x if type(x) in SCALARS else np.asarray(x, np.result_type(x, np.float64))
    return rules.convert(x, np.result_type(x.dtype, np.float64))


@composite("square")
def square(x: Any) -> Value:
    """The square x * x."""
    return ops.multiply(x, x)


@composite("reciprocal")
def reciprocal(x: Value) -> Value:
    """1 / x, of a float or complex x."""
    if x.dtype.kind in "bi":
        raise TracingError("reciprocal of integers truncates: write 1 / x")
    return ops.divide(1.0, x)


_SHORT: dict[Any, Callable[[Value], Value]] = {
    0: lambda x: rules.full(x, 1, x.type),
    1: lambda x: x,
    2: square,
    0.5: lambda x: ops.sqrt(x),
    -1: reciprocal,
}


@composite("cbrt")
def cbrt(x: Value) -> Value:
    """The real cube root."""
    size = ops.pow(ops.where(x < 0, -x, x), 1 / 3)
    return ops.where(x < 0, -size, size)


@composite("log2")
def log2(x: Value) -> Value:
    """The logarithm to base 2."""
    return ops.log(x) / _LN2


@composite("log10")
def log10(x: Value) -> Value:
    """The logarithm to base 10."""
    return ops.log(x) / float(np.log(10.0))


@composite("exp2")
def exp2(x: Value) -> Value:
    """2 ** x."""
    return ops.pow(2.0, inexact(x))


@composite("logaddexp2")
def logaddexp2(x1: Any, x2: Any) -> Value:
    """log2(2**x1 + 2**x2)."""
    a, b = weak(x1, x2)
    return ops.logaddexp(a * _LN2, b * _LN2) / _LN2


# ------------------------------------------------------------------ angles


@composite("sinc")
def sinc(x: Any) -> Value:
    """sin(pi x) / (pi x), by its Taylor series near 0, where quotients lose the derivatives."""
    y = inexact(lift_one(x)) * float(np.pi)
    small = ops.abs(y) < 1.0
    z = unless(ops.logical_not(small), y * y)
    series = rules.full(z, -1 / factorial(21), z.type.with_shape(()))
    for k in range(9, -1, -1):
        series = series * z + (-1.0) ** k / factorial(2 * k + 1)
    return ops.where(small, series, ops.sin(y) / unless(small, y))


@composite("degrees", "rad2deg")
def degrees(x: Value) -> Value:
    """From radians to degrees."""
    return inexact(x) * (180.0 / float(np.pi))


@composite("radians", "deg2rad")
def radians(x: Value) -> Value:
    """From degrees to radians."""
    return inexact(x) * (float(np.pi) / 180.0)


# ------------------------------------------------------------------ signs and steps


@composite("positive")
def positive(x: Value) -> Value:
    """Just x."""
    return x


@composite("fabs")
def fabs(x: Value) -> Value:
    """|x| of a real x, as float."""
    if x.dtype.kind == "c":
        raise TracingError("fabs takes no complex values: use abs")
    return ops.abs(inexact(x))


@composite("heaviside")
def heaviside(x1: Any, x2: Any) -> Value:
    """0 where x1 < 0, x2 where x1 = 0, 1 where x1 > 0."""
    a, b = (inexact(x) for x in weak(x1, x2))
    step = ops.where(ops.equal(a, 0.0), b, rules.convert(a > 0, b.dtype))
    return ops.where(isnan(a), a, step)


def weak(*operands: Any) -> list[Value]:
    """All as Values, Python scalars in the others' dtype."""
    return builder_of(operands).lift_weak(operands)


@composite("signbit")
def signbit(x: Value) -> Value:
    """Whether x is negative, -0.0 included; of a NaN not."""
    v = inexact(x)
    negative_zero = ops.logical_and(ops.equal(v, 0.0), ops.divide(1.0, v) < 0)
    return ops.logical_or(v < 0, negative_zero)


@composite("copysign")
def copysign(x1: Any, x2: Any) -> Value:
    """|x1| with the sign of x2."""
    a, b = (inexact(x) for x in weak(x1, x2))
    size = ops.abs(a)
    return ops.where(signbit(b), -size, size)


@composite("clip")
def clip(
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = NO_OUT,
    *,
    min: Any = None,
    max: Any = None,
) -> Value:
    """min(max(a, a_min), a_max); None bounds nothing. At a bound the derivative is 1/2."""
    low, high = a_min if min is None else min, a_max if max is None else max
    y = a if low is None else ops.maximum(a, low)
    y = y if high is None else ops.minimum(y, high)
    return lift_one(y)


@composite("fmax")
def fmax(x1: Any, x2: Any) -> Value:
    """The greater; a NaN counts as missing."""
    a, b = weak(x1, x2)
    return ops.where(isnan(a), b, ops.where(isnan(b), a, ops.maximum(a, b)))


@composite("fmin")
def fmin(x1: Any, x2: Any) -> Value:
    """The smaller; a NaN counts as missing."""
    a, b = weak(x1, x2)
    return ops.where(isnan(a), b, ops.where(isnan(b), a, ops.minimum(a, b)))


# ------------------------------------------------------------------ rounding and remainders


@composite("round", "around")
def round(a: Any, decimals: int = 0, out: Any = NO_OUT) -> Value:
    """To so many decimals, halves to even; the derivative is 0."""
    x = lift_one(a)
    if x.dtype.kind in "bi":
        if decimals < 0 or x.dtype.kind == "b":
            raise TracingError(f"round of {x.dtype} to {decimals} decimals is not supported")
        return x
    factor = 10.0 ** abs(decimals)
    if decimals == 0:
        return _rint(x)
    return _rint(x * factor) / factor if decimals > 0 else _rint(x / factor) * factor


@composite("rint")
def rint(x: Value) -> Value:
    """To the nearest integer as float, halves to even."""
    return _rint(inexact(x))


def _rint(x: Value) -> Value:
    return ops.round(x)


@composite("fix", "trunc")
def trunc(x: Value, out: Any = NO_OUT) -> Value:
    """Towards zero; an integer as it is."""
    return x if x.dtype.kind in "bi" else ops.trunc(x)


@composite("fmod")
def fmod(x1: Any, x2: Any) -> Value:
    """The remainder with the sign of x1."""
    a, b = weak(x1, x2)
    r = ops.remainder(ops.abs(a), ops.abs(b))
    return ops.where(a < 0, -r, r)


@composite("divmod")
def divmod(x1: Any, x2: Any) -> tuple[Value, Value]:
    """The floored quotient and the remainder."""
    return ops.floor_divide(x1, x2), ops.remainder(x1, x2)


@composite("modf")
def modf(x: Value) -> tuple[Value, Value]:
    """The fractional and the integral part, both with the sign of x."""
    x = inexact(x)
    whole = ops.trunc(x)
    return ops.where(isinf(x), 0.0, x - whole), whole


# ------------------------------------------------------------------ tests of values


@composite("isnan")
def isnan(x: Value) -> Value:
    """Whether x is NaN."""
    return ops.not_equal(x, x)


@composite("isinf")
def isinf(x: Value) -> Value:
    """Whether x is infinite."""
    return ops.logical_not(ops.logical_or(ops.isfinite(x), isnan(x)))


@composite("isposinf")
def isposinf(x: Value, out: Any = NO_OUT) -> Value:
    """Whether x is inf."""
    return ops.equal(inexact(x), float("inf"))


@composite("isneginf")
def isneginf(x: Value, out: Any = NO_OUT) -> Value:
    """Whether x is -inf."""
    return ops.equal(inexact(x), float("-inf"))


@composite("isclose")
def isclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Value:
    """|a - b| <= atol + rtol |b|, as bool; equal infinities are close."""
    x, y = lift(a, b)
    near = ops.abs(inexact(x) - y) <= ops.add(atol, ops.multiply(rtol, ops.abs(y)))
    close = ops.logical_or(ops.logical_and(near, ops.isfinite(y)), ops.equal(x, y))
    return ops.logical_or(close, ops.logical_and(isnan(x), isnan(y))) if equal_nan else close


@composite("nan_to_num")
def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Value:
    """x with NaN and infinities replaced: by 0 and the largest finite numbers, or as given."""
    v = lift_one(x)
    if v.dtype.kind == "c":
        parts = [nan_to_num(p, copy, nan, posinf, neginf) for p in (ops.real(v), ops.imag(v))]
        return ops.add(parts[0], ops.multiply(parts[1], 1j))
    if v.dtype.kind != "f":
        return v
    top = float(np.finfo(v.dtype).max)
    v = ops.where(isnan(v), nan, v)
    v = ops.where(isposinf(v), top if posinf is None else posinf, v)
    return ops.where(isneginf(v), -top if neginf is None else neginf, v)


# ------------------------------------------------------------------ choice and logic


@composite("where")
def where(condition: Any, x: Any = None, y: Any = None) -> Value:
    """x where the condition is not 0, y elsewhere."""
    if x is None or y is None:
        raise TracingError("where(condition) alone has a shape that depends on values")
    if isinstance(condition, Value):
        condition = boolean(condition)
    else:
        condition = np.asarray(condition).astype(bool)
    return ops.where(condition, x, y)


def _bitwise(name: str) -> Any:
    def function(x1: Any, x2: Any) -> Value:
        if result_dtype(x1, x2).kind != "b":
            raise TracingError(f"bitwise_{name} of integers has no op: only of bools")
        return ops.TABLE[f"logical_{name}"](x1, x2)

    function.__doc__ = f"logical_{name} of bools."
    return function


bitwise_and = composite("bitwise_and")(_bitwise("and"))
bitwise_or = composite("bitwise_or")(_bitwise("or"))
bitwise_xor = composite("bitwise_xor")(_bitwise("xor"))


@composite("invert", "bitwise_not", "bitwise_invert")
def invert(x: Value) -> Value:
    """Logical not of bools."""
    if x.dtype.kind != "b":
        raise TracingError("invert of integers has no op: only of bools")
    return ops.logical_not(x)
