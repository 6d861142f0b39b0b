"""Directional derivatives of a graph by Richardson extrapolation, each with its own error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adglot import ops
from adglot.errors import AdglotError
from adglot.ir import Graph
from adglot.ops.core import Array

Arrays = Sequence[Array]

LONG = (np.longdouble, np.clongdouble)
DOUBLE = (np.float64, np.complex128)

STEPS = [2.0**-k for k in range(4, 14)]
"""From where a sample's function is still smooth to where cancellation costs four digits."""


@dataclass(frozen=True)
class Estimate:
    """A derivative of each output, and a bound on each component's error."""

    values: list[Array]
    errors: list[Array]


def is_inexact(array: Any) -> bool:
    """Whether an array has a tangent space."""
    return bool(array.dtype.kind in "fc")


def widen(arrays: Arrays, dtypes: tuple[Any, Any]) -> list[Array]:
    """The inexact arrays in a real or complex dtype of more digits; the others as they are."""
    real, complex_ = dtypes
    return [
        x.astype(complex_ if x.dtype.kind == "c" else real) if is_inexact(x) else x for x in arrays
    ]


def epsilon(dtypes: Sequence[Any]) -> float:
    """The rounding unit of the coarsest of these dtypes."""
    return float(max((np.finfo(d).eps for d in dtypes if d.kind in "fc"), default=0.0))


def evaluate_wide(graph: Graph, inputs: Arrays) -> tuple[list[Array], float]:
    """The outputs in the precision of the inputs, and the coarsest rounding unit on the way.

    Constants of the graph are exact numbers, so their dtype does not count.
    """
    values, exact = list(inputs), [not is_inexact(x) for x in inputs]
    coarsest = epsilon([x.dtype for x in inputs])
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            results = ops.evaluate_node(node, [values[i] for i in node.operands])
            constant = all(exact[i] for i in node.operands)
            if not constant:
                coarsest = max(coarsest, epsilon([y.dtype for y in results]))
            values += results
            exact += [constant] * len(results)
    return [values[i] for i in graph.outputs], coarsest


def derivative(graph: Graph, point: Arrays, direction: Sequence[Array | None]) -> Estimate:
    """d/dh graph(point + h direction) at h = 0, for real h; an integer output has none (zero).

    In extended precision if every op of the graph can be evaluated in it, else in float64.
    """
    try:
        return _extrapolate(graph, point, direction, LONG)
    except (TypeError, AdglotError):  # LAPACK, and functions written for float64, know no more
        return _extrapolate(graph, point, direction, DOUBLE)


def _extrapolate(
    graph: Graph, point: Arrays, direction: Sequence[Array | None], dtypes: tuple[Any, Any]
) -> Estimate:
    x, v = widen(point, dtypes), _widen_direction(point, direction, dtypes)

    def shifted(h: float) -> tuple[list[Array], float]:
        real = dtypes[0](h)
        moved = [a if t is None else a + real * t for a, t in zip(x, v, strict=True)]
        return evaluate_wide(graph, moved)

    rows, eps = [], 0.0
    for h in STEPS:
        (high, up), (low, down) = shifted(h), shifted(-h)
        rows.append(list(zip(high, low, strict=True)))
        eps = max(eps, up, down)
    columns = list(zip(*rows, strict=True))
    estimates = [_richardson(column, eps, dtypes[0]) for column in columns]
    return Estimate([value for value, _ in estimates], [error for _, error in estimates])


def _widen_direction(
    point: Arrays, direction: Sequence[Array | None], dtypes: tuple[Any, Any]
) -> list[Array | None]:
    return [
        None if t is None else widen([t], dtypes)[0] for _, t in zip(point, direction, strict=True)
    ]


def _richardson(
    pairs: Sequence[tuple[Array, Array]], eps: float, real: Callable[[float], Any]
) -> tuple[Array, Array]:
    """Ridders' tableau over the steps; of every component the entry with the least error."""
    if not is_inexact(pairs[0][0]):
        zero = np.zeros(pairs[0][0].shape)
        return zero, zero
    best = np.full(pairs[0][0].shape, np.nan, pairs[0][0].dtype)
    error = np.full(best.shape, np.inf)
    previous: list[Array] = []
    for h, (high, low) in zip(STEPS, pairs, strict=True):
        with np.errstate(all="ignore"):
            # of the largest component: LAPACK's errors are small against the whole result only
            rounding = 2 * eps * np.max(np.abs([high, low]), initial=0.0) / h
            row = [(high - low) / (2 * real(h))]
            for j, above in enumerate(previous, 1):
                row.append(row[-1] + (row[-1] - above) / real(4.0**j - 1))
                doubt = np.maximum(np.abs(row[-1] - row[-2]), np.abs(row[-1] - above)) + rounding
                better = doubt < error
                best = np.where(better, row[-1], best)
                error = np.where(better, doubt, error)
        previous = row
    return best, error
