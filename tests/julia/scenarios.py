"""The default scenarios of DifferentiationInterfaceTest.jl in NumPy, with derivatives written down.

Its functions, points and seeds are public; matrices are given as NumPy sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Scenario:
    """f at x, its Jacobian [*shape(y), *shape(x)] there, seeds, and of a scalar f its Hessian."""

    name: str
    f: Callable[[Any], Any]
    x: Array
    jacobian: Array
    dx: Array
    dy: Array
    hessian: Array | None = None

    def __repr__(self) -> str:
        return self.name

    @property
    def pushed(self) -> Array:
        return np.tensordot(self.jacobian, self.dx, self.dx.ndim)

    @property
    def pulled(self) -> Array:
        return np.tensordot(self.dy, self.jacobian, self.dy.ndim)


NUMBER, STEP, SEED = np.array(0.42), np.array(3.14), np.array(-1 / 12)
ONE = NUMBER[None]
VECTOR = np.arange(1.0, 7.0)
MATRIX = VECTOR.reshape(3, 2).T
SEED_2 = np.array([-3.0, 4.0])
SEED_2_2 = np.array([[-3.0, 4.0], [7.0, -1.0]])
SEED_12 = np.arange(-11.0, 12.0, 2.0)
SEED_6_2 = SEED_12.reshape(2, 6).T


def _sines(x: Any) -> Any:
    return np.sin(np.array([1.0, 2.0]) * x)


def _sines_slope(x: Any, order: int = 1) -> Any:
    factor = np.array([1.0, 2.0])
    return factor * np.cos(factor * x) if order == 1 else -(factor**2) * np.sin(factor * x)


def _powers(x: Any) -> Any:
    return np.sum(x**4) * np.sum(x**6)


def _powers_gradient(x: Array) -> Array:
    return 4 * x**3 * np.sum(x**6) + 6 * x**5 * np.sum(x**4)


def _powers_hessian(x: Array) -> Array:
    v = x.ravel()
    straight = np.diag(12 * v**2 * np.sum(v**6) + 30 * v**4 * np.sum(v**4))
    crossed = 24 * (np.outer(v**3, v**5) + np.outer(v**5, v**3))
    return (straight + crossed).reshape(*x.shape, *x.shape)


def _columns(x: Any) -> Any:
    """A matrix read column by column."""
    return np.reshape(np.transpose(x), (6,))


def _both_slopes(x: Array) -> Array:
    """Of the sines of x, column by column, and of its cosines: [2, size, *shape(x)]."""
    unit = np.eye(x.size).reshape(x.size, *x.shape)
    if x.ndim == 2:
        unit = np.eye(x.size).reshape(x.size, *x.shape[::-1]).transpose(0, 2, 1)
    return np.stack([unit * np.cos(x), unit * -np.sin(x)])


def _scalar(name: str, x: Array, dx: Array) -> Scenario:
    return Scenario(name, _powers, x, _powers_gradient(x), dx, SEED, _powers_hessian(x))


BOTH, BOTH_OF_MATRIX = _both_slopes(VECTOR), _both_slopes(MATRIX)

SCENARIOS = [
    Scenario("number to number", np.sin, NUMBER, np.cos(NUMBER), STEP, SEED, -np.sin(NUMBER)),
    Scenario(
        "one to one", np.sin, NUMBER[None], np.cos(NUMBER)[None, None], STEP[None], SEED[None]
    ),
    Scenario("number to vector", _sines, NUMBER, _sines_slope(NUMBER), STEP, SEED_2),
    Scenario(
        "number to matrix",
        lambda x: np.stack([_sines(x), _sines(3 * x)], axis=1),
        NUMBER,
        np.stack([_sines_slope(NUMBER), 3 * _sines_slope(3 * NUMBER)], axis=1),
        STEP,
        SEED_2_2,
    ),
    _scalar("vector to number", VECTOR, -VECTOR),
    _scalar("matrix to number", MATRIX, -MATRIX),
    Scenario(
        "vector to vector",
        lambda x: np.concatenate([np.sin(x), np.cos(x)]),
        VECTOR,
        BOTH.reshape(12, 6),
        -VECTOR,
        SEED_12,
    ),
    Scenario(
        "vector to matrix",
        lambda x: np.stack([np.sin(x), np.cos(x)], axis=1),
        VECTOR,
        BOTH.transpose(1, 0, 2),
        -VECTOR,
        SEED_6_2,
    ),
    Scenario(
        "matrix to vector",
        lambda x: np.concatenate([_columns(np.sin(x)), _columns(np.cos(x))]),
        MATRIX,
        BOTH_OF_MATRIX.reshape(12, 2, 3),
        -MATRIX,
        SEED_12,
    ),
    Scenario(
        "matrix to matrix",
        lambda x: np.stack([_columns(np.sin(x)), _columns(np.cos(x))], axis=1),
        MATRIX,
        BOTH_OF_MATRIX.transpose(1, 0, 2, 3),
        -MATRIX,
        SEED_6_2,
    ),
]
