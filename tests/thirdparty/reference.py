"""Derivatives along a line by Ridders' extrapolation in extended precision, each with its error.

Independent of adglot: only values of the function are used, computed in `numpy.longdouble`
(64-bit mantissa on x86; where longdouble is a double the errors are larger and say so).
C. Ridders, Advances in Engineering Software 4 (1982) 75-76.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Function = Callable[[Array], Any]

SHRINK = np.longdouble(1.6)
COLUMNS = 8
SLACK = 100
"""The least of many errors in the noise of narrow steps is too low by luck; a jump is far more."""
STEPS = [np.longdouble(10) ** -k for k in (1, 2, 3, 4, 6)]
"""Where an extrapolation begins: wide for smooth functions, narrow where kinks are close."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Numbers of one shape, and a bound on the error of each, by extrapolation and rounding."""

    value: Array
    error: Array


def slope(f: Function, x: Array, v: Array) -> Estimate:
    """The derivative of t -> f(x + t v) at 0, for `x` and `v` of one shape, `f` of any shape.

    >>> cube = slope(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([0.0, 1.0]))
    >>> bool(abs(cube.value - 12) <= cube.error < 1e-12)
    True
    """
    line, noise = _line(f, x, v), _noise(f, x, v)
    return _best(lambda h: (line(h) - line(-h)) / (2 * h), lambda h: noise / h)


def curvature(f: Function, x: Array, v: Array) -> Estimate:
    """The second derivative of t -> f(x + t v) at 0, which is v . H v for scalar `f`."""
    line, noise = _line(f, x, v), _noise(f, x, v)
    centre = 2 * line(0)
    return _best(lambda h: (line(h) - centre + line(-h)) / h**2, lambda h: 4 * noise / h**2)


def _line(f: Function, x: Array, v: Array) -> Callable[..., Array]:
    origin, direction = x.astype(np.longdouble), v.astype(np.longdouble)
    return lambda t: np.asarray(f(origin + t * direction), np.longdouble)


def _noise(f: Function, x: Array, v: Array) -> Array:
    """The rounding in values of `f`: what sixth differences see that no smooth function has.

    J. Moré and S. Wild, SIAM J. Sci. Comput. 33 (2011) 1292-1314. Some functions compute in double
    whatever they are given; the type of their value tells.
    """
    eps = np.finfo(np.result_type(np.asarray(f(x.astype(np.longdouble))), np.float64)).eps
    line = _line(f, x, v)
    near = np.stack([line(k * np.longdouble(3) ** -20) for k in range(-4, 5)])
    deviation = np.sqrt(factorial(6) ** 2 / factorial(12)) * np.abs(np.diff(near, n=6, axis=0))
    return np.maximum(4 * np.max(deviation, axis=0), eps * np.abs(near[4]))


def _best(quotient: Callable[..., Array], noise: Callable[..., Array]) -> Estimate:
    """Component by component the most certain extrapolation that narrower ones do not contradict.

    A wide step sees no kink or jump that lies between its points, a narrow one little but rounding.
    """
    families = [_most_certain(_ridders(quotient, noise, step)) for step in reversed(STEPS)]
    best = families[0]
    for wider in families[1:]:
        consistent = np.abs(wider.value - best.value) <= SLACK * (wider.error + best.error)
        better = consistent & (wider.error < best.error)
        best = Estimate(
            np.where(better, wider.value, best.value), np.where(better, wider.error, best.error)
        )
    return Estimate(best.value.astype(float), best.error.astype(float))


def _most_certain(entries: list[Estimate]) -> Estimate:
    errors = np.stack([np.where(np.isfinite(e.error), e.error, np.inf) for e in entries])
    least = np.argmin(errors, axis=0)[np.newaxis]
    values = np.stack([e.value for e in entries])
    return Estimate(
        np.take_along_axis(values, least, axis=0)[0], np.take_along_axis(errors, least, axis=0)[0]
    )


def _ridders(
    quotient: Callable[..., Array], noise: Callable[..., Array], step: np.longdouble
) -> list[Estimate]:
    """Every entry of the extrapolation table with its error."""
    entries: list[Estimate] = []
    row: list[Array] = []
    for _ in range(COLUMNS):
        last, row = row, [quotient(step)]
        for order, corner in enumerate(last, start=1):
            factor = SHRINK ** (2 * order)
            row.append((factor * row[-1] - corner) / (factor - 1))
            spread = np.maximum(np.abs(row[-1] - row[-2]), np.abs(row[-1] - corner))
            entries.append(Estimate(row[-1], 2 * spread + noise(step)))
        step = step / SHRINK
    return entries
