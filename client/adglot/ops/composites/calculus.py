"""Differences, cumulative sums, integrals, interpolation, convolution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from adglot import ops
from adglot.ops import rules
from adglot.ops.composites.elementwise import isnan
from adglot.ops.composites.joining import concatenate, joined
from adglot.ops.composites.reductions import sum as reduce_sum
from adglot.ops.composites.registry import NO_OUT, composite
from adglot.ops.composites.sorting import searchsorted
from adglot.ops.composites.support import (
    along,
    astype,
    constant,
    cut,
    flat,
    inexact,
    is_traced,
    lift,
    lift_one,
    one_axis,
)
from adglot.ops.core import Value

# ------------------------------------------------------------------ cumulative


def _cumulative(name: str, doc: str) -> Callable[..., Value]:
    def function(a: Any, axis: int | None = None, dtype: Any = None, out: Any = NO_OUT) -> Value:
        x, place = along(astype(lift_one(a), dtype), axis)
        return ops.TABLE[name](x, axis=place, reverse=False)

    function.__doc__ = doc
    return function


cumsum = composite("cumsum")(_cumulative("cumulative_sum", "Sums of all elements up to each."))
cumprod = composite("cumprod")(
    _cumulative("cumulative_prod", "Products of all elements up to each.")
)


def _nan_cumulative(plain: Callable[..., Value], neutral: int, doc: str) -> Callable[..., Value]:
    def function(a: Any, axis: int | None = None, dtype: Any = None, out: Any = NO_OUT) -> Value:
        x = lift_one(a)
        if x.dtype.kind in "fc":
            x = ops.where(isnan(x), neutral, x)
        return plain(x, axis, dtype)

    function.__doc__ = doc
    return function


nancumsum = composite("nancumsum")(_nan_cumulative(cumsum, 0, "`cumsum`, NaN counting as 0."))
nancumprod = composite("nancumprod")(_nan_cumulative(cumprod, 1, "`cumprod`, NaN counting as 1."))


def _standard_cumulative(plain: Callable[..., Value], first: int, doc: str) -> Callable[..., Value]:
    def function(
        x: Any,
        /,
        *,
        axis: int | None = None,
        dtype: Any = None,
        out: Any = NO_OUT,
        include_initial: bool = False,
    ) -> Value:
        v = lift_one(x)
        if axis is None and v.ndim > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` is required.")
        place = one_axis(axis or 0, v.ndim)
        y = plain(v, place, dtype)
        if not include_initial:
            return y
        shape = (*y.shape[:place], 1, *y.shape[place + 1 :])
        return ops.concat(rules.full(y, first, y.type.with_shape(shape)), y, axis=place)

    function.__doc__ = doc
    return function


cumulative_sum = composite("cumulative_sum")(
    _standard_cumulative(cumsum, 0, "`cumsum`, with an initial 0 where that is asked for.")
)
cumulative_prod = composite("cumulative_prod")(
    _standard_cumulative(cumprod, 1, "`cumprod`, with an initial 1 where that is asked for.")
)

# ------------------------------------------------------------------ differences


@composite("diff")
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Value:
    """Differences of neighbours along an axis, n times over; of bools where they differ."""
    x = lift(a, *(e for e in (prepend, append) if is_traced(e)))[0]
    place = one_axis(axis, x.ndim)
    before, after = _edge(x, prepend, place), _edge(x, append, place)
    x = concatenate([*before, x, *after], place)
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    for _ in range(n):
        x = _difference(x, place)
    return x


def _edge(x: Value, edge: Any, axis: int) -> list[Value]:
    if edge is None or edge is np._NoValue:
        return []
    e = lift(x, edge)[1]
    return [e if e.ndim else rules.broadcast_to(e, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))]


def _difference(x: Value, axis: int) -> Value:
    m = x.shape[axis]
    later, earlier = cut(x, axis, min(1, m), m), cut(x, axis, 0, max(m - 1, 0))
    return ops.not_equal(later, earlier) if x.dtype.kind == "b" else later - earlier


@composite("ediff1d")
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Value:
    """Differences of neighbours of the flattened array, between given ends."""
    x = flat(lift(ary, *(e for e in (to_end, to_begin) if is_traced(e)))[0])
    ends = [[] if e is None else [astype(flat(lift(x, e)[1]), x.dtype)] for e in (to_begin, to_end)]
    return joined([*ends[0], _difference(x, 0), *ends[1]], 0)


@composite("gradient")
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Value | Any:
    """Second-order differences within, first- or second-order at the ends, along each axis.

    Distances are scalars or coordinates, one an axis.
    """
    x = inexact(lift(f, *(v for v in varargs if is_traced(v)))[0])
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis)
    places = [one_axis(int(k), x.ndim) for k in axes]
    spacings = list(varargs) * (len(places) if len(varargs) == 1 else 1) or [1.0] * len(places)
    if len(spacings) != len(places):
        raise TypeError("invalid number of arguments")
    if edge_order not in (1, 2):
        raise ValueError("'edge_order' greater than 2 not supported")
    pairs = zip(places, spacings, strict=True)
    results = [_gradient(x, place, _steps(x, h, place), edge_order) for place, h in pairs]
    return results[0] if len(results) == 1 else tuple(results)


def _steps(x: Value, spacing: Any, axis: int) -> Any:
    """The distances of neighbours: a scalar, or a vector that stands along the axis."""
    if is_traced(spacing):
        h = lift(x, spacing)[1]
        h = _difference(h, 0) if h.ndim else h
    elif np.ndim(spacing) == 0:
        return float(spacing)
    else:
        distances = np.diff(spacing)
        if (distances == distances[0]).all():
            return float(distances[0])
        h = constant(x, distances)
    return rules.reshape(h, (h.size, *(1,) * (x.ndim - axis - 1))) if h.ndim else h


def _gradient(x: Value, axis: int, h: Any, edge_order: int) -> Value:
    m = x.shape[axis]
    if m < edge_order + 1:
        raise ValueError("Shape of array too small to calculate a numerical gradient")
    before, here, behind = (cut(x, axis, k, m - 2 + k) for k in range(3))
    if isinstance(h, Value) and h.ndim:
        h1, h2 = cut(h, 0, 0, m - 2), cut(h, 0, 1, m - 1)
        inside = (
            behind * (h1 / (h2 * (h1 + h2)))
            + here * ((h2 - h1) / (h1 * h2))
            - before * (h2 / (h1 * (h1 + h2)))
        )
    else:
        inside = (behind - before) / (h * 2.0)
    first = _one_sided(x, axis, h, range(edge_order + 1))
    last = -_one_sided(x, axis, h, range(m - 1, m - 2 - edge_order, -1))
    return rules.convert(ops.concat(first, inside, last, axis=axis), x.dtype)


def _one_sided(x: Value, axis: int, h: Any, places: Sequence[int]) -> Value:
    """The slope at the first of two or three places, in the direction of the others."""
    values = [cut(x, axis, k, k + 1) for k in places]
    steps = [_step(h, min(a, b)) for a, b in pairwise(places)]
    slopes: list[Value] = [
        (b - a) / step for (a, b), step in zip(pairwise(values), steps, strict=True)
    ]
    if len(slopes) == 1:
        return slopes[0]
    bend: Value = (slopes[1] - slopes[0]) * steps[0] / (steps[0] + steps[1])
    return slopes[0] - bend


def _step(h: Any, k: int) -> Any:
    return cut(h, 0, k, k + 1) if isinstance(h, Value) and h.ndim else h


# ------------------------------------------------------------------ integrals


@composite("trapezoid", "trapz")
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Value:
    """The integral along an axis by the trapezoidal rule."""
    v = lift(y, *(e for e in (x, dx) if is_traced(e)))[0]
    place = one_axis(axis, v.ndim)
    n = v.shape[place]
    widths: Any = dx
    if x is not None:
        points = lift(v, x)[1]
        steps = _difference(points, 0 if points.ndim == 1 else place)
        trailing = v.ndim - place - 1 if points.ndim == 1 else 0
        widths = rules.reshape(steps, (*steps.shape, *(1,) * trailing))
    heights = cut(v, place, min(1, n), n) + cut(v, place, 0, max(n - 1, 0))
    return reduce_sum(ops.divide(ops.multiply(heights, widths), 2.0), place)


# ------------------------------------------------------------------ interpolation


@composite("interp")
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Value:
    """Linear between the points (xp, fp), constant outside; at a point the slope behind it."""
    at, points, values = lift(x, xp, fp)
    values = rules.convert(values, np.result_type(values.dtype, np.float64))
    at, points = (rules.convert(v, np.dtype(np.float64)) for v in (at, points))
    if points.ndim != 1 or points.shape != values.shape:
        raise ValueError("fp and xp are not of the same length.")
    if not points.size:
        raise ValueError("array of sample points is empty")
    if period is not None:
        at, points, values, left, right = (*_unrolled(at, points, values, period), None, None)
    inside = _segment(at, points, values) if points.size > 1 else _at(values, 0)
    low, high, last = _at(points, 0), _at(points, -1), _at(values, -1)
    y = ops.where(at < low, _at(values, 0) if left is None else left, inside)
    edge = last if right is None else ops.where(at > high, right, last)
    return rules.broadcast_to(ops.where(at >= high, edge, y), at.shape)


def _at(x: Value, k: int) -> Value:
    k %= x.size
    return rules.reshape(cut(x, 0, k, k + 1), ())


def _segment(at: Value, points: Value, values: Value) -> Value:
    """On the line through the two neighbours of each x."""
    behind = searchsorted(points, at, "right")
    k = ops.minimum(ops.maximum(behind, 1), points.size - 1)
    slopes = _difference(values, 0) / _difference(points, 0)
    x0, y0, slope = (ops.take(v, k - 1, axis=0) for v in (points, values, slopes))
    return y0 + slope * (at - x0)


def _unrolled(at: Value, points: Value, values: Value, period: Any) -> tuple[Value, Value, Value]:
    """Everything in one period, the points sorted, with a neighbour from the next on each side."""
    if period == 0:
        raise ValueError("period must be a non-zero value")
    period = abs(period)
    at, points = ops.remainder(at, period), ops.remainder(points, period)
    order = ops.argsort(points, axis=0)
    points, values = (ops.take(v, order, axis=0) for v in (points, values))
    n = points.size
    points = ops.concat(
        cut(points, 0, n - 1, n) - period, points, cut(points, 0, 0, 1) + period, axis=0
    )
    values = ops.concat(cut(values, 0, n - 1, n), values, cut(values, 0, 0, 1), axis=0)
    return at, points, values


# ------------------------------------------------------------------ convolution


@composite("convolve")
def convolve(a: Any, v: Any, mode: str = "full") -> Value:
    """The product of two polynomials, or a part of it: full, same, valid."""
    x, y = (_at_least_a_vector(u) for u in lift(a, v))
    if y.size > x.size:
        x, y = y, x
    return _part(_product(x, y), x.size, y.size, mode)


@composite("correlate")
def correlate(a: Any, v: Any, mode: str = "valid") -> Value:
    """The sums over a[n + k] conj(v[n]), for the shifts k of a mode: full, same, valid."""
    x, y = (_at_least_a_vector(u) for u in lift(a, v))
    turned = ops.flip(rules.conj(y), axes=(0,))
    if y.size <= x.size:
        return _part(_product(x, turned), x.size, y.size, mode)
    # NumPy exchanges the two and turns the result, which moves the middle of mode same
    whole = ops.flip(_product(turned, x), axes=(0,))
    return ops.flip(_part(whole, y.size, x.size, mode), axes=(0,))


def _at_least_a_vector(x: Value) -> Value:
    if x.ndim > 1:
        raise ValueError("object too deep for desired array")
    if not x.size:
        raise ValueError("array cannot be empty")
    return flat(x)


def _product(x: Value, y: Value) -> Value:
    """The full convolution, as y times the matrix whose rows are x shifted to the right.

    Rows of x with as many zeros behind as there are rows, read one element short, come out
    shifted: no index array is needed.
    """
    n, m = x.size, y.size
    rows = rules.broadcast_to(x, (m, n))
    padded = ops.pad(rows, low=(0, 0), high=(0, m), interior=(0, 0))
    line = cut(flat(padded), 0, 0, m * (n + m - 1))
    return ops.matmul(y, rules.reshape(line, (m, n + m - 1)))


def _part(full: Value, n: int, m: int, mode: str) -> Value:
    """The part of a full convolution of n with m <= n elements that a mode asks for."""
    parts = {"full": (0, n + m - 1), "same": (m - 1 - m // 2, n), "valid": (m - 1, n - m + 1)}
    if mode not in parts:
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    start, count = parts[mode]
    return cut(full, 0, start, start + count)
