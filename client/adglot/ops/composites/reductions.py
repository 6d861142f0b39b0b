"""Reductions with NumPy's arguments: sum, max, argmax, count_nonzero, ptp and their kin."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from adglot import ops
from adglot.errors import InvalidArgument
from adglot.ops import rules
from adglot.ops.composites.elementwise import isclose, isnan
from adglot.ops.composites.registry import NO_INITIAL, NO_OUT, NO_WHERE, composite
from adglot.ops.composites.support import (
    all_axes,
    along,
    astype,
    boolean,
    inexact,
    kept,
    lift,
    lift_one,
    unless,
)
from adglot.ops.core import Value

Axis = Any


def reduced(name: str, x: Value, axis: Axis, keepdims: Any) -> Value:
    """The op of that name over an axis, several, or all."""
    axes = all_axes(axis, x.ndim)
    return kept(ops.TABLE[name](x, axes=axes), x, axes, keepdims)


def length(x: Value, axis: Axis) -> int:
    """How many elements a reduction takes together."""
    return rules.length([x.shape[i] for i in all_axes(axis, x.ndim)])


# ------------------------------------------------------------------ sums and products


@composite("sum")
def sum(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = NO_OUT,
    keepdims: bool = False,
    initial: Any = NO_INITIAL,
    where: Any = NO_WHERE,
) -> Value:
    """The sum over an axis, several, or all; integers are summed as int64."""
    return reduced("sum", astype(lift_one(a), dtype), axis, keepdims)


@composite("prod")
def prod(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = NO_OUT,
    keepdims: bool = False,
    initial: Any = NO_INITIAL,
    where: Any = NO_WHERE,
) -> Value:
    """The product over an axis, several, or all; integers are multiplied as int64."""
    return reduced("prod", astype(lift_one(a), dtype), axis, keepdims)


@composite("count_nonzero")
def count_nonzero(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Value:
    """How many elements are not 0, as int64."""
    return reduced("sum", boolean(lift_one(a)), axis, keepdims)


@composite("nansum")
def nansum(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = NO_OUT,
    keepdims: bool = False,
    initial: Any = NO_INITIAL,
    where: Any = NO_WHERE,
) -> Value:
    """The sum without the NaNs."""
    return sum(_nan_as(0, a), axis, dtype, keepdims=keepdims)


@composite("nanprod")
def nanprod(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = NO_OUT,
    keepdims: bool = False,
    initial: Any = NO_INITIAL,
    where: Any = NO_WHERE,
) -> Value:
    """The product without the NaNs."""
    return prod(_nan_as(1, a), axis, dtype, keepdims=keepdims)


def _nan_as(replacement: float, a: Any) -> Value:
    x = lift_one(a)
    return ops.where(isnan(x), replacement, x) if x.dtype.kind in "fc" else x


# ------------------------------------------------------------------ extremes


@composite("max", "amax")
def max(
    a: Any,
    axis: Axis = None,
    out: Any = NO_OUT,
    keepdims: bool = False,
    initial: Any = NO_INITIAL,
    where: Any = NO_WHERE,
) -> Value:
    """The greatest element; a NaN wins. Ties share the derivative evenly."""
    return reduced("max", lift_one(a), axis, keepdims)


@composite("min", "amin")
def min(
    a: Any,
    axis: Axis = None,
    out: Any = NO_OUT,
    keepdims: bool = False,
    initial: Any = NO_INITIAL,
    where: Any = NO_WHERE,
) -> Value:
    """The least element; a NaN wins. Ties share the derivative evenly."""
    return reduced("min", lift_one(a), axis, keepdims)


@composite("nanmax")
def nanmax(
    a: Any,
    axis: Axis = None,
    out: Any = NO_OUT,
    keepdims: bool = False,
    initial: Any = NO_INITIAL,
    where: Any = NO_WHERE,
) -> Value:
    """The greatest element that is not NaN."""
    return _nan_extreme("max", float("-inf"), a, axis, keepdims)


@composite("nanmin")
def nanmin(
    a: Any,
    axis: Axis = None,
    out: Any = NO_OUT,
    keepdims: bool = False,
    initial: Any = NO_INITIAL,
    where: Any = NO_WHERE,
) -> Value:
    """The least element that is not NaN."""
    return _nan_extreme("min", float("inf"), a, axis, keepdims)


def _nan_extreme(name: str, worst: float, a: Any, axis: Axis, keepdims: Any) -> Value:
    x = lift_one(a)
    if x.dtype.kind != "f":
        return reduced(name, x, axis, keepdims)
    y = reduced(name, ops.where(isnan(x), worst, x), axis, keepdims)
    return ops.where(reduced("all", isnan(x), axis, keepdims), float("nan"), y)


@composite("ptp")
def ptp(a: Any, axis: Axis = None, out: Any = NO_OUT, keepdims: bool = False) -> Value:
    """Peak to peak: the greatest less the least element."""
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)


# ------------------------------------------------------------------ positions and tests


def _position(name: str) -> Callable[..., Value]:
    def function(
        a: Any, axis: int | None = None, out: Any = NO_OUT, *, keepdims: bool = False
    ) -> Value:
        whole = lift_one(a)
        x, place = along(whole, axis)
        axes = tuple(range(whole.ndim)) if axis is None else (place,)
        return kept(ops.TABLE[name](x, axis=place), whole, axes, keepdims)

    function.__doc__ = f"The first place of the {name[3:]}imum along an axis or in the flattened a."
    return function


argmax = composite("argmax")(_position("argmax"))
argmin = composite("argmin")(_position("argmin"))


@composite("any")
def any(
    a: Any,
    axis: Axis = None,
    out: Any = NO_OUT,
    keepdims: bool = False,
    *,
    where: Any = NO_WHERE,
) -> Value:
    """Whether an element is not 0."""
    return reduced("any", boolean(lift_one(a)), axis, keepdims)


@composite("all")
def all(
    a: Any,
    axis: Axis = None,
    out: Any = NO_OUT,
    keepdims: bool = False,
    *,
    where: Any = NO_WHERE,
) -> Value:
    """Whether every element is not 0."""
    return reduced("all", boolean(lift_one(a)), axis, keepdims)


@composite("array_equal")
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Value:
    """Whether shapes and all elements are equal."""
    x, y = lift(a1, a2)
    if x.shape != y.shape:
        return lift(x, np.False_)[1]
    same = ops.equal(x, y)
    return all(ops.logical_or(same, ops.logical_and(isnan(x), isnan(y))) if equal_nan else same)


@composite("array_equiv")
def array_equiv(a1: Any, a2: Any) -> Value:
    """Whether the arrays broadcast, and all elements are equal."""
    x, y = lift(a1, a2)
    try:
        return all(ops.equal(x, y))
    except InvalidArgument:
        return lift(x, np.False_)[1]


@composite("allclose")
def allclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Value:
    """Whether all elements are close, see isclose."""
    return all(isclose(a, b, rtol, atol, equal_nan))


# ------------------------------------------------------------------ means


@composite("mean")
def mean(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = NO_OUT,
    keepdims: bool = False,
    *,
    where: Any = NO_WHERE,
) -> Value:
    """The mean over an axis, several, or all; integers give float64."""
    x = lift_one(a)
    x = inexact(x) if dtype is None else astype(x, dtype)
    return ops.divide(reduced("sum", x, axis, keepdims), length(x, axis))


@composite("var")
def var(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = NO_OUT,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = NO_WHERE,
    mean: Any = None,
    correction: Any = None,
) -> Value:
    """The mean of |x - mean(x)|², over n - ddof; real also for a complex x."""
    x = lift_one(a)
    x = inexact(x) if dtype is None else astype(x, dtype)
    centre = _mean(x, axis, keepdims=True) if _missing(mean) else mean
    total = reduced("sum", squared_modulus(ops.subtract(x, centre)), axis, keepdims)
    free = length(x, axis) - (ddof if _missing(correction) else correction)
    return ops.divide(total, builtins.max(0, free))


_mean = mean


@composite("std")
def std(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = NO_OUT,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = NO_WHERE,
    mean: Any = None,
    correction: Any = None,
) -> Value:
    """The square root of `var`; where that is 0 the derivative is 0, as that of abs."""
    return smooth_root(
        var(a, axis, dtype, ddof=ddof, keepdims=keepdims, mean=mean, correction=correction)
    )


def _missing(x: Any) -> bool:
    return x is None or x is np._NoValue


def smooth_root(x: Value) -> Value:
    """The square root of a sum of squares: at 0 it has the derivative 0."""
    zero = ops.equal(x, 0.0)
    return ops.where(zero, 0.0, ops.sqrt(unless(zero, x)))


def squared_modulus(x: Value) -> Value:
    """|x|², real."""
    if x.dtype.kind != "c":
        return x * x
    re, im = ops.real(x), ops.imag(x)
    return re * re + im * im


@composite("nanmean")
def nanmean(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = NO_OUT,
    keepdims: bool = False,
    *,
    where: Any = NO_WHERE,
) -> Value:
    """The mean without the NaNs."""
    x = lift_one(a)
    if x.dtype.kind not in "fc":
        return mean(x, axis, dtype, keepdims=keepdims)
    total = nansum(x, axis, dtype, keepdims=keepdims)
    return total / _count(x, axis, keepdims, total.dtype)


@composite("nanvar")
def nanvar(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = NO_OUT,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = NO_WHERE,
    mean: Any = None,
    correction: Any = None,
) -> Value:
    """The variance without the NaNs; NaN where no more than ddof elements are left."""
    x = lift_one(a)
    if x.dtype.kind not in "fc":
        return var(x, axis, dtype, None, ddof, keepdims, mean=mean, correction=correction)
    x = astype(x, dtype)
    centre = nanmean(x, axis, keepdims=True) if _missing(mean) else mean
    there = ops.where(isnan(x), centre, x)
    total = nansum(squared_modulus(ops.subtract(there, centre)), axis, keepdims=keepdims)
    less = ddof if _missing(correction) else correction
    free = _count(x, axis, keepdims, total.dtype) - less
    return ops.where(free > 0, total / unless(free <= 0, free), float("nan"))


@composite("nanstd")
def nanstd(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = NO_OUT,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = NO_WHERE,
    mean: Any = None,
    correction: Any = None,
) -> Value:
    """The square root of `nanvar`; where that is 0 the derivative is 0."""
    return smooth_root(
        nanvar(a, axis, dtype, None, ddof, keepdims, mean=mean, correction=correction)
    )


def _count(x: Value, axis: Axis, keepdims: Any, dtype: Any) -> Value:
    there = reduced("sum", ops.logical_not(isnan(x)), axis, keepdims)
    return rules.convert(there, rules.real_dtype(dtype))
