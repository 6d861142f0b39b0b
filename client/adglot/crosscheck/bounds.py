"""How far two answers may be apart: rounding, and what the function makes of rounding."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np

from adglot.calls import Array
from adglot.ir import Graph
from adglot.ops.cost import cost

SAFETY = 8.0
"""Both terms of the bound are multiplied by this."""


@lru_cache(maxsize=16)  # Asked for every value of a graph that a difference is followed through.
def rounding(graph: Graph) -> float:
    """What rounding alone explains, relative to a block's largest component.

    The random walk of n roundings, 8 eps sqrt(n), of the coarsest dtype that the graph has.
    """
    eps = max((float(np.finfo(t.dtype).eps) for t in _floats(graph)), default=0.0)
    return SAFETY * eps * sqrt(max(cost(graph), 1))


def _floats(graph: Graph) -> Iterator[Any]:
    yield from (type for type in graph.types if type.is_differentiable)
    bodies = (a for node in graph.nodes for a in node.attributes.values() if isinstance(a, Graph))
    for body in bodies:
        yield from _floats(body)


def bound(relative: float, a: Array, b: Array, spread: Array | float = 0.0) -> Array:
    """8 eps sqrt(n) ||block|| + 8 K, K = `spread` being the conditioning of each component.

    >>> bound(1e-15, np.array([1.0, -2.0]), np.array([1.0, 2.0]))
    array([2.e-15, 2.e-15])
    """
    return np.broadcast_to(relative * max(norm(a), norm(b)) + SAFETY * spread, a.shape).copy()


def norm(x: Array) -> float:
    """The size of the largest finite component."""
    size = abs(x[np.isfinite(x)])
    return float(size.max()) if size.size else 0.0


def inner(a: Array, b: Array) -> float:
    """The real inner product."""
    return float(np.real(np.vdot(a, b)))


def distance(a: Array, b: Array) -> Array:
    """|a - b|: 0 for non-finite numbers of the same kind, infinite where the kinds differ."""
    with np.errstate(all="ignore"):
        apart = np.abs(np.asarray(_numbers(a) - _numbers(b), np.result_type(a, b, np.int8)))
    finite = np.isfinite(a) & np.isfinite(b)
    if finite.all():
        return np.asarray(apart, np.result_type(apart, float))
    return np.where(finite, apart, np.where(_kind(a) == _kind(b), 0.0, np.inf))


def _numbers(x: Array) -> Array:
    """Booleans have no difference."""
    return x.astype(np.int8) if x.dtype.kind == "b" else x


def _kind(x: Array) -> Array:
    """0 for finite numbers, 1 for NaN, 2 and 3 for the infinities; complex ones have one."""
    sign = np.real(x) < 0 if x.dtype.kind != "c" else False
    return np.where(np.isnan(x), 1, np.where(np.isinf(x), 2 + np.asarray(sign, int), 0))


def ulps(a: Array, b: Array) -> Array:
    """|a - b| in units in the last place of the larger one; NaN where the kinds differ.

    >>> ulps(np.array([1.0, np.inf]), np.array([1.0 + 2.0**-52, np.inf]))
    array([1., 0.])
    """
    apart = distance(a, b)
    with np.errstate(all="ignore"):
        unit = np.spacing(np.maximum(np.abs(_numbers(a)), np.abs(_numbers(b))))
        count = np.where(apart == 0, 0.0, apart / unit)
    return np.where(np.isinf(apart), np.nan, count).astype(float)


def excess(a: Array, b: Array, allowed: Array) -> Array:
    """How much of its bound each component uses: over 1 is a difference.

    Where the bound is infinite, an engine that states its errors could not say anything.
    """
    apart = distance(a, b)
    with np.errstate(all="ignore"):
        used = np.where(apart == 0, 0.0, apart / allowed)
    return np.where(np.isinf(allowed), 0.0, np.where(np.isinf(apart), np.inf, used))
