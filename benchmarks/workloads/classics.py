"""Rosenbrock's function and Broyden's tridiagonal one, small and large."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workloads.base import Array, Namespace, Workload


def rosenbrock(xp: Namespace, x: Any) -> Any:
    """The chained function of n variables (Rosenbrock 1960)."""
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_in_casadi(x: Any) -> Any:
    """The same of CasADi's matrices."""
    import casadi

    return casadi.sum1(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def broyden(xp: Namespace, x: Any) -> Any:
    """The tridiagonal function (Moré, Garbow, Hillstrom 1981, problem 30)."""
    zero = xp.asarray(np.zeros(1))
    before, after = xp.concat([zero, x[:-1]]), xp.concat([x[1:], zero])
    return (3.0 - 2.0 * x) * x - before - 2.0 * after + 1.0


def _rosenbrock(n: int, **details: Any) -> Workload:
    name = f"Rosenbrock gradient, n = {n}"
    return Workload(name, rosenbrock, lambda: (np.linspace(-1.0, 1.0, n),), "gradient", **details)


def middle(n: int) -> tuple[Array, ...]:
    """A point around one."""
    return (np.linspace(0.5, 1.5, n),)


WORKLOADS = (
    _rosenbrock(10),
    _rosenbrock(1_000),
    _rosenbrock(
        1_000_000,
        in_casadi=rosenbrock_in_casadi,
        lacking={"differences": "would be a million evaluations of a million terms"},
    ),
    Workload("Broyden Jacobian, n = 1000, sparse", broyden, lambda: middle(1_000), "jacobian",
             sparse=True),
    Workload("Broyden Jacobian, n = 1000, dense", broyden, lambda: middle(1_000), "jacobian"),
)  # fmt: skip
