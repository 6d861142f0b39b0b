"""Weighted means, covariances and correlations."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from adglot import ops
from adglot.ops import rules
from adglot.ops.composites.elementwise import clip
from adglot.ops.composites.products import diagonal
from adglot.ops.composites.reductions import mean, reduced
from adglot.ops.composites.reductions import sum as reduce_sum
from adglot.ops.composites.registry import composite
from adglot.ops.composites.shapes import permute, squeeze
from adglot.ops.composites.support import all_axes, astype, is_traced, lift
from adglot.ops.core import Value


@composite("average")
def average(
    a: Any,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Value | tuple[Value, Value]:
    """The weighted mean; with `returned` the sum of the weights as well."""
    x = lift(a, *([weights] if is_traced(weights) else []))[0]
    if weights is None:
        y = mean(x, axis, keepdims=keepdims)
        total = rules.full(y, x.size // builtins.max(y.size, 1), y.type)
        return (y, total) if returned else y
    w = _aligned(x, lift(x, weights)[1], axis)
    kind = np.result_type(x.dtype, w.dtype, *(["f8"] if x.dtype.kind in "bi" else []))
    total = reduced("sum", rules.convert(w, kind), axis, keepdims)
    y = reduce_sum(rules.convert(x, kind) * w, axis, keepdims=keepdims) / total
    return (y, rules.broadcast_to(total, y.shape)) if returned else y


def _aligned(x: Value, weights: Value, axis: Any) -> Value:
    """Weights under the shape of x: given so, or only along the axes."""
    if weights.shape == x.shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    given = [axis] if isinstance(axis, int) else list(axis)
    axes = [all_axes(i, x.ndim)[0] for i in given]
    if weights.shape != tuple(x.shape[i] for i in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along axis.")
    in_order = permute(weights, np.argsort(axes).tolist())
    column = tuple(n if i in axes else 1 for i, n in enumerate(x.shape))
    return rules.broadcast_to(rules.reshape(in_order, column), x.shape)


@composite("cov")
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Value:
    """The covariance matrix of variables, one a row."""
    samples = [v for v in (m, y) if v is not None]
    others = [w for w in (fweights, aweights) if w is not None]
    lifted = lift(*samples, *others)
    kind = dtype or np.result_type(*(v.dtype for v in lifted[: len(samples)]), np.float64)
    rows = [_variables(astype(v, kind), rowvar) for v in lifted[: len(samples)]]
    X = rows[0] if len(rows) == 1 else ops.concat(*rows, axis=0)
    free = ddof if ddof is not None else int(not bias)
    weights = lifted[len(samples) :]
    w = None
    for factor in weights:
        w = factor if w is None else w * factor
    return squeeze(_covariance(X, w, weights[-1] if aweights is not None else None, free))


def _variables(x: Value, rowvar: bool) -> Value:
    matrix = x if x.ndim == 2 else rules.reshape(x, (1, x.size))
    return permute(matrix) if not rowvar and x.ndim == 2 else matrix


def _covariance(X: Value, w: Value | None, aweights: Value | None, ddof: int) -> Value:
    if w is None:
        centred = X - mean(X, 1, keepdims=True)
        free: Any = builtins.max(X.shape[1] - ddof, 0)
        weighted = centred
    else:
        total = reduce_sum(w)
        centred = X - reduce_sum(X * w, 1, keepdims=True) / total
        free = _degrees_of_freedom(w, total, aweights, ddof)
        weighted = centred * w
    return ops.divide(ops.matmul(centred, rules.conj(permute(weighted))), free)


def _degrees_of_freedom(w: Value, total: Value, aweights: Value | None, ddof: int) -> Value:
    if ddof == 0:
        return total
    if aweights is None:
        return total - ddof
    return total - reduce_sum(w * aweights) * ddof / total


@composite("corrcoef")
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Value:
    """The correlation coefficients of variables, one a row."""
    c = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    spread = ops.sqrt(ops.real(diagonal(c)))
    r = c / rules.reshape(spread, (spread.size, 1)) / spread
    if r.dtype.kind != "c":
        return clip(r, -1.0, 1.0)
    return clip(ops.real(r), -1.0, 1.0) + clip(ops.imag(r), -1.0, 1.0) * 1j
