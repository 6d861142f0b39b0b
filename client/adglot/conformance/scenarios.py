"""Whole functions that engines are tried on, in NumPy: the ops together, not one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adglot.tracing import cond, scan, shared, while_loop

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A function and a point; `scalar` says that gradients and Hessians exist."""

    name: str
    function: Function
    point: tuple[Any, ...]
    scalar: bool = True


def rosenbrock(x: Any) -> Any:
    """Rosenbrock 1960, extended to n dimensions."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def logistic_likelihood(w: Any, x: Any, y: Any) -> Any:
    """-log likelihood of labels y in {-1, 1}."""
    return np.sum(np.logaddexp(0.0, -y * (x @ w)))


def perceptron(params: Any, x: Any) -> Any:
    """Two layers and a squared loss."""
    hidden = np.tanh(x @ params["w1"] + params["b1"])
    return np.mean((hidden @ params["w2"] - 1.0) ** 2)


def gaussian(a: Any, x: Any) -> Any:
    """-2 log density of a normal distribution whose covariance is A A^T + 1."""
    covariance = a @ a.T + np.eye(3)
    return x @ np.linalg.solve(covariance, x) + np.linalg.slogdet(covariance)[1]


def gram(a: Any) -> Any:
    """Matrix in, matrix out: a wrong memory layout shows in its Jacobian."""
    return a @ a.T * np.arange(1.0, 4.0) + a[:, :1]


def lotka_volterra(x: Any) -> Any:
    """Ten Euler steps of predator and prey."""

    def step(state: Any, _: Any) -> Any:
        prey, predator = state
        change = np.stack([prey - prey * predator, prey * predator - predator])
        return state + 0.05 * change, prey

    end, course = scan(step, x, np.zeros(10))
    return np.sum(end) + np.sum(course**2)


def newton(a: Any) -> Any:
    """The square root of a, by a loop of as many steps as it takes."""

    def far(state: Any) -> Any:
        return np.abs(state[0] ** 2 - state[1]) > 1e-14 * state[1]

    def step(state: Any) -> Any:
        return (state[0] + state[1] / state[0]) / 2, state[1]

    return while_loop(far, step, (a, a), max_steps=50)[0]


def branches(x: Any) -> Any:
    """A branch that the point decides."""
    return cond(x[0] > 0.0, lambda v: np.sum(np.exp(v)), lambda v: np.sum(v**3), x)


@shared
def wave(x: Any) -> Any:
    return np.sin(x) * x


def called(x: Any) -> Any:
    """One sub-graph, called twice."""
    return np.sum(wave(wave(x)))


def spectrum(x: Any) -> Any:
    """Complex numbers on the way from real to real."""
    z = np.exp(1j * x) * (1 + x)
    return np.sum(np.abs(z + 2.0) ** 2 + z.real)


_RANDOM = np.random.default_rng(20)


def _draw(*shape: int) -> Any:
    return _RANDOM.uniform(0.2, 1.2, shape)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("rosenbrock", rosenbrock, (_draw(6),)),
    Scenario("rosenbrock (float32)", rosenbrock, (_draw(6).astype(np.float32),)),
    Scenario("logistic_likelihood", logistic_likelihood, (_draw(3), _draw(5, 3), np.ones(5))),
    Scenario(
        "perceptron",
        perceptron,
        ({"w1": _draw(3, 4), "b1": _draw(4), "w2": _draw(4)}, _draw(2, 3)),
    ),
    Scenario("gaussian", gaussian, (_draw(3, 3), _draw(3))),
    Scenario("gram", gram, (_draw(3, 2),), scalar=False),
    Scenario("lotka_volterra", lotka_volterra, (_draw(2),)),
    Scenario("newton", newton, (np.float64(2.0),)),
    Scenario("branches", branches, (_draw(3),)),
    Scenario("called", called, (_draw(3),)),
    Scenario("spectrum", spectrum, (_draw(3),)),
)
"""Every function, each at one smooth point."""
