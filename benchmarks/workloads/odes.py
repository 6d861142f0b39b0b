"""Right-hand sides of ordinary differential equations, at one point and at ten thousand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.workloads.base import Array, Namespace, Workload, generator

POINTS = 10_000


def lotka_volterra(xp: Namespace, u: Any) -> Any:
    """Predators and prey."""
    x, y = u[0], u[1]
    return xp.stack([1.5 * x - x * y, x * y - 3.0 * y])


def robertson(xp: Namespace, u: Any) -> Any:
    """A stiff reaction of three species (Robertson 1966)."""
    slow, back, fast = 0.04 * u[0], 1e4 * u[1] * u[2], 3e7 * u[1] * u[1]
    return xp.stack([back - slow, slow - back - fast, fast])


BODIES = 7


def pleiades(xp: Namespace, u: Any) -> Any:
    """Seven stars in a plane, places and then velocities (Hairer, Nørsett, Wanner, II.10)."""
    n = BODIES
    x, y = u[:n], u[n : 2 * n]
    dx = xp.reshape(x, (1, n)) - xp.reshape(x, (n, 1))
    dy = xp.reshape(y, (1, n)) - xp.reshape(y, (n, 1))
    square = dx * dx + dy * dy + xp.asarray(np.eye(n))
    pull = xp.asarray(np.arange(1.0, n + 1) * (1.0 - np.eye(n))) / (square * xp.sqrt(square))
    return xp.concat([u[2 * n :], xp.sum(pull * dx, axis=1), xp.sum(pull * dy, axis=1)])


CELLS = 32


def brusselator(xp: Namespace, u: Any) -> Any:
    """Two species that react and diffuse on a line (Hairer, Nørsett, Wanner, IV.10)."""
    a, b = u[:CELLS], u[CELLS:]
    change = a * a * b
    da = 1.0 + change - 4.0 * a + _diffused(xp, a, 1.0)
    db = 3.0 * a - change + _diffused(xp, b, 3.0)
    return xp.concat([da, db])


def _diffused(xp: Namespace, w: Any, edge: float) -> Any:
    border = xp.asarray(np.full(1, edge))
    left, right = xp.concat([border, w[:-1]]), xp.concat([w[1:], border])
    return 0.02 * (CELLS + 1) ** 2 * (left - 2.0 * w + right)


def _workloads(
    name: str, function: Callable[..., Any], n: int, sparse: bool = False
) -> Iterator[Workload]:
    def points() -> Array:
        return generator().uniform(0.5, 2.0, (POINTS, n))

    title = f"{name} Jacobian" + (", nonzeros" if sparse else "")
    yield Workload(title, function, lambda: (points()[0],), "jacobian", sparse=sparse)
    yield Workload(
        f"{title}, {POINTS} points", function, lambda: (points(),), "jacobian",
        batch=POINTS, sparse=sparse,
    )  # fmt: skip


WORKLOADS = (
    *_workloads("Lotka-Volterra", lotka_volterra, 2),
    *_workloads("Robertson", robertson, 3),
    *_workloads("Pleiades", pleiades, 4 * BODIES, sparse=True),
    *_workloads("Brusselator", brusselator, 2 * CELLS, sparse=True),
)
