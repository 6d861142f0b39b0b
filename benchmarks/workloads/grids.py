"""Jacobians of many unknowns, which fit into memory as nonzeros only."""

from __future__ import annotations

from typing import Any

from benchmarks.workloads.base import Namespace, Workload
from benchmarks.workloads.classics import broyden, middle


def brusselator(xp: Namespace, uv: Any) -> Any:
    """Two species on a periodic square grid, five-point differences (Hairer, Wanner IV.10)."""
    n = int((uv.shape[0] // 2) ** 0.5)
    u, v = xp.reshape(uv[: n * n], (n, n)), xp.reshape(uv[n * n :], (n, n))
    du = 1.0 + u**2 * v - 4.4 * u + 0.1 * n**2 * _laplacian(xp, u)
    dv = 3.4 * u - u**2 * v + 0.1 * n**2 * _laplacian(xp, v)
    return xp.concat([xp.reshape(du, (-1,)), xp.reshape(dv, (-1,))])


def _laplacian(xp: Namespace, w: Any) -> Any:
    rows = xp.roll(w, 1, axis=0) + xp.roll(w, -1, axis=0)
    return rows + xp.roll(w, 1, axis=1) + xp.roll(w, -1, axis=1) - 4.0 * w


def _workload(name: str, function: Any, n: int) -> Workload:
    dense = f"has no sparse Jacobians, and all of it would be {8e-9 * n * n:.2g} GB"
    lacking = dict.fromkeys(("jax", "torch", "autograd"), dense)
    title = f"{name} Jacobian, n = {n}, sparse"
    return Workload(title, function, lambda: middle(n), "jacobian", sparse=True, lacking=lacking)


WORKLOADS = (
    _workload("Broyden", broyden, 100_000),
    _workload("Brusselator on a square", brusselator, 2 * 32**2),
    _workload("Brusselator on a square", brusselator, 2 * 224**2),
)
