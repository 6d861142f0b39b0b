"""Gradients through LAPACK."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workloads.base import Array, Namespace, Workload, generator

N = 100


def solve(xp: Namespace, A: Any, b: Any) -> Any:
    """The squared length of the solution of A x = b."""
    x = xp.linalg.solve(A, b)
    return xp.sum(x * x)


def log_determinant(xp: Namespace, X: Any) -> Any:
    """Of 1 + X X', by Cholesky's factor."""
    eye = xp.asarray(np.eye(X.shape[0]))
    factor = xp.linalg.cholesky(eye + xp.matmul(X, xp.permute_dims(X, (1, 0))))
    return 2.0 * xp.sum(xp.log(xp.sum(eye * factor, axis=1)))


def solve_in_casadi(A: Any, b: Any) -> Any:
    """`solve` of CasADi's matrices, by the only factorization that it writes as C."""
    import casadi

    return casadi.sumsqr(casadi.solve(A, b, "qr"))


def _matrix() -> Array:
    return generator().normal(size=(N, N)) + 2 * np.sqrt(N) * np.eye(N)


WORKLOADS = (
    Workload(
        f"linear solve gradient, n = {N}",
        solve,
        lambda: (_matrix(), np.linspace(-1.0, 1.0, N)),
        "gradient",
        argnums=(0, 1),
        in_casadi=solve_in_casadi,
    ),
    Workload(
        f"Cholesky log-determinant gradient, n = {N}",
        log_determinant,
        lambda: (_matrix(),),
        "gradient",
        lacking={"casadi": "has no Cholesky factor of matrices (MX); in scalars it is a million"},
    ),
)
