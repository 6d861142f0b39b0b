"""Newton's method, every derivative from a client."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from adglot.cli.demo.model import Array, Data, log_likelihood
from adglot.client import Client
from adglot.errors import AdglotError

TOLERANCE = 1e-10
"""The longest step, relative to the coefficients, that counts as none."""

MOST_STEPS = 50
SHORTEST = 2.0**-20


@dataclass(frozen=True, slots=True)
class Step:
    """Where one iteration started and how far it went: `length` 1 is a whole Newton step."""

    value: float
    slope: float
    length: float
    seconds: float
    beta: Array


def newton(ad: Client, data: Data, beta: Array) -> Iterator[Step]:
    """Maximise the log-likelihood; the last step's beta is the maximum.

    The step is halved until the value rises by a part of what the slope promises (Armijo).
    """
    point = (beta, data.X, data.y)
    evaluate = ad.prepare(log_likelihood, *point, operator="evaluate")
    gradient = ad.prepare(log_likelihood, *point, operator="value_and_gradient")
    hessian = ad.prepare(log_likelihood, *point, operator="hessian")
    for _ in range(MOST_STEPS):
        started = time.perf_counter()
        value, g = gradient(beta, data.X, data.y)
        step = np.linalg.solve(hessian(beta, data.X, data.y), -g)
        length = 1.0 if _tiny(step, beta) else _length(evaluate, data, beta, step, value, g @ step)
        beta = beta + length * step
        yield Step(value, np.abs(g).max(), length, time.perf_counter() - started, beta)
        if _tiny(step, beta):
            return
    raise AdglotError(f"Newton's method has not converged in {MOST_STEPS} steps")


def _tiny(step: Array, beta: Array) -> bool:
    return bool(np.abs(step).max() <= TOLERANCE * (1.0 + np.abs(beta).max()))


def _length(
    evaluate: Any, data: Data, beta: Array, step: Array, value: float, slope: float
) -> float:
    length = 1.0
    while not evaluate(beta + length * step, data.X, data.y) >= value + 1e-4 * length * slope:
        length /= 2
        if length < SHORTEST:
            raise AdglotError("Newton's direction does not go up: a derivative is wrong")
    return length
