"""Order and search: sort, median, quantiles, searchsorted, digitize."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot import ops
from adglot.errors import TracingError
from adglot.ops import rules
from adglot.ops.composites.elementwise import isnan
from adglot.ops.composites.joining import joined
from adglot.ops.composites.reductions import reduced
from adglot.ops.composites.registry import NO_OUT, Refused, composite
from adglot.ops.composites.shapes import moveaxis
from adglot.ops.composites.support import (
    all_axes,
    along,
    cut,
    kept,
    lift,
    lift_one,
    static,
)
from adglot.ops.core import Value

NO_ORDER: Any = Refused(None)
NO_WEIGHTS: Any = Refused(None)

# ------------------------------------------------------------------ sort


@composite("sort")
def sort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: Any = NO_ORDER,
    *,
    stable: Any = None,
) -> Value:
    """In ascending order along an axis, NaNs last."""
    x, place = along(lift_one(a), axis)
    return ops.sort(x, axis=place)


@composite("argsort")
def argsort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: Any = NO_ORDER,
    *,
    stable: Any = None,
) -> Value:
    """The indices that sort; equals keep their order."""
    x, place = along(lift_one(a), axis)
    return ops.argsort(x, axis=place)


# ------------------------------------------------------------------ quantiles


def _hyndman_fan(alpha: float, beta: float) -> Callable[[int, float], float]:
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


_PLACES: dict[str, Callable[[int, float], float]] = {
    "linear": lambda n, q: (n - 1) * q,
    "lower": lambda n, q: math.floor((n - 1) * q),
    "higher": lambda n, q: math.ceil((n - 1) * q),
    "nearest": lambda n, q: round((n - 1) * q),
    "midpoint": lambda n, q: 0.5 * (math.floor((n - 1) * q) + math.ceil((n - 1) * q)),
    "inverted_cdf": lambda n, q: math.ceil(n * q - 1),
    "averaged_inverted_cdf": lambda n, q: n * q - 0.5 if n * q % 1 == 0 else math.ceil(n * q - 1),
    "closest_observation": lambda n, q: round(n * q) - 1,
    "interpolated_inverted_cdf": _hyndman_fan(0, 1),
    "hazen": _hyndman_fan(0.5, 0.5),
    "weibull": _hyndman_fan(0, 0),
    "median_unbiased": _hyndman_fan(1 / 3, 1 / 3),
    "normal_unbiased": _hyndman_fan(3 / 8, 3 / 8),
}
"""Where a quantile lies among n sorted elements: Hyndman and Fan (1996), and NumPy's own."""

_DISCRETE = frozenset({"lower", "higher", "nearest", "inverted_cdf", "closest_observation"})
"""The methods that answer with an element as it is."""


@composite("quantile")
def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = NO_OUT,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = NO_WEIGHTS,
) -> Value:
    """The values below which static fractions q of the elements lie; NaN where there is a NaN."""
    x = lift_one(a)
    fractions = _checked(q)
    if method not in _PLACES:
        raise ValueError(f"{method!r} is not a valid method: {', '.join(_PLACES)} are")
    axes = all_axes(axis, x.ndim)
    kind = _interpolated(x, q, method)
    line = _sorted_line(x if x.dtype.kind in "fc" else rules.convert(x, kind), axes)
    rows = [_quantile(line, float(p), method, kind) for p in fractions.ravel()]
    return _stacked([kept(row, x, axes, keepdims) for row in rows], fractions.shape)


def _stacked(rows: Sequence[Value], shape: tuple[int, ...]) -> Value:
    """The rows along leading axes of this shape."""
    whole = joined([rules.reshape(row, (1, *row.shape)) for row in rows], 0)
    return rules.reshape(whole, (*shape, *rows[0].shape))


def _checked(q: Any) -> Any:
    """The fractions as an array; ValueError, as NumPy's, where one is none."""
    fractions = np.asarray(static(q, "q"), np.float64)
    if ((fractions < 0) | (fractions > 1)).any():
        raise ValueError("Quantiles must be in the range [0, 1]")
    return fractions


def _interpolated(x: Value, q: Any, method: str) -> Any:
    """The dtype of the result: that of x, or of x and an array q where there is interpolation."""
    if method in _DISCRETE:
        return x.dtype
    return np.result_type(rules.inexact(x.dtype), *([] if type(q) in (int, float) else ["f8"]))


def _sorted_line(x: Value, axes: tuple[int, ...]) -> Value:
    """The reduced axes merged into a last one, sorted."""
    moved = moveaxis(x, axes, range(x.ndim - len(axes), x.ndim))
    lead = moved.shape[: x.ndim - len(axes)]
    line = rules.reshape(moved, (*lead, rules.length(moved.shape[len(lead) :])))
    return ops.sort(line, axis=len(lead))


def _quantile(line: Value, q: float, method: str, kind: Any) -> Value:
    n = line.shape[-1]
    place = min(max(_PLACES[method](n, q), 0), n - 1)
    below = int(place)
    y = rules.convert(_at(line, below), kind)
    if place > below:
        rise = rules.convert(_at(line, below + 1) - _at(line, below), kind)
        y = y + rise * (place - below)
    last = _at(line, n - 1)
    return ops.where(isnan(last), last, y) if line.dtype.kind in "fc" else y


def _at(line: Value, k: int) -> Value:
    return rules.reshape(cut(line, line.ndim - 1, k, k + 1), line.shape[:-1])


@composite("percentile")
def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = NO_OUT,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = NO_WEIGHTS,
) -> Value:
    """The quantiles at q percent."""
    return quantile(a, _fractions(q), axis, method=method, keepdims=keepdims)


def _fractions(percent: Any) -> Any:
    """Hundredths; Python's numbers stay Python's, for they leave the dtype of the result alone."""
    python = type(percent) in (bool, int, float)
    fractions = percent / 100 if python else np.true_divide(static(percent, "q"), 100)
    if np.any((fractions < 0) | (fractions > 1)):
        raise ValueError("Percentiles must be in the range [0, 100]")
    return fractions


@composite("median")
def median(
    a: Any,
    axis: Any = None,
    out: Any = NO_OUT,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Value:
    """The middle element, or the mean of the two middle ones; NaN where there is a NaN."""
    return quantile(a, 0.5, axis, keepdims=keepdims)


@composite("nanquantile")
def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = NO_OUT,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = NO_WEIGHTS,
) -> Value:
    """The quantiles without the NaNs, by the linear method."""
    x = lift_one(a)
    if x.dtype.kind not in "fc":
        return quantile(x, q, axis, method=method, keepdims=keepdims)
    if method != "linear":
        raise TracingError(f"nanquantile: method {method!r} is not supported: use 'linear'")
    fractions = _checked(q)
    axes = all_axes(axis, x.ndim)
    line, kind = _sorted_line(x, axes), _interpolated(x, q, method)
    rows = [_nan_quantile(line, float(p), kind) for p in fractions.ravel()]
    return _stacked([kept(row, x, axes, keepdims) for row in rows], fractions.shape)


def _nan_quantile(line: Value, q: float, kind: Any) -> Value:
    """The NaNs stand at the end, so the place counts from what stands before them."""
    there = reduced("sum", ops.logical_not(isnan(line)), -1, True)
    place = ops.maximum(there - 1, 0) * q
    below = ops.floor(place)
    k = rules.convert(below, np.dtype(np.int64))
    low = ops.indexing.take_along(line, k, line.ndim - 1)
    high = ops.indexing.take_along(line, ops.minimum(k + 1, line.shape[-1] - 1), line.ndim - 1)
    share = rules.convert(place - below, kind)
    rise = ops.where(share > 0, rules.convert(high - low, kind) * share, 0.0)
    return rules.reshape(rules.convert(low, kind) + rise, line.shape[:-1])


@composite("nanpercentile")
def nanpercentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = NO_OUT,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = NO_WEIGHTS,
) -> Value:
    """The quantiles without the NaNs at q percent, by the linear method."""
    return nanquantile(a, _fractions(q), axis, method=method, keepdims=keepdims)


@composite("nanmedian")
def nanmedian(
    a: Any,
    axis: Any = None,
    out: Any = NO_OUT,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Value:
    """The median without the NaNs."""
    return nanquantile(a, 0.5, axis, keepdims=keepdims)


# ------------------------------------------------------------------ search


@composite("searchsorted")
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Value:
    """Where each v belongs in the sorted a, before (left) or behind (right) equal elements."""
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right', got {side!r}")
    table, x = lift(a, v)
    if table.ndim != 1:
        raise ValueError("object too deep for desired array")
    if sorter is not None:
        table = ops.take(table, *lift(table, sorter)[1:], axis=0)
    kind = np.result_type(table.dtype, x.dtype)
    table, x = rules.convert(table, kind), rules.convert(x, kind)
    if table.size <= COUNTED:
        return _counted(table, x, side)
    return _bisected(table, x, side)


COUNTED = 16
"""Up to so many elements are compared all at once; more are bisected."""


def _comes_before(table: Value, x: Value, side: str) -> Value:
    """Which elements of the table stand before x; NaN is the greatest."""
    if side == "left":
        before = table < x
        return before if x.dtype.kind == "i" else _or(before, x, table)
    after = x < table
    return ops.logical_not(after if x.dtype.kind == "i" else _or(after, table, x))


def _or(less: Value, greater: Value, other: Value) -> Value:
    """Less, or `greater` is NaN and the other is not."""
    return ops.logical_or(less, ops.logical_and(isnan(greater), ops.logical_not(isnan(other))))


def _counted(table: Value, x: Value, side: str) -> Value:
    column = rules.reshape(x, (*x.shape, 1))
    return reduced("sum", _comes_before(table, column, side), -1, False)


def _bisected(table: Value, x: Value, side: str) -> Value:
    """Halve the range of every x until it is empty: about log2(n) steps of whole arrays."""
    n = table.size
    low = rules.zeros(x, x.type.with_dtype("int64"))
    high = rules.full(x, n, low.type)
    for _ in range(n.bit_length()):
        middle = ops.floor_divide(low + high, 2)
        # where low = high = n there is nothing to look at: any element will do
        seen = ops.take(table, ops.minimum(middle, n - 1), axis=0)
        up = ops.logical_and(_comes_before(seen, x, side), low < high)
        low, high = ops.where(up, middle + 1, low), ops.where(up, high, middle)
    return low


@composite("digitize")
def digitize(x: Any, bins: Any, right: bool = False) -> Value:
    """Which of the bins, static and monotonic, each x falls in."""
    edges = np.asarray(static(bins, "bins"))
    steps = np.diff(edges)
    if (steps >= 0).all():
        return searchsorted(edges, x, "left" if right else "right")
    if not (steps <= 0).all():
        raise ValueError("bins must be monotonically increasing or decreasing")
    return edges.size - searchsorted(edges[::-1], x, "left" if right else "right")
