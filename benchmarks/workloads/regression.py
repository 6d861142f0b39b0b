"""Logistic regression, and the log of a sum of exponentials."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workloads.base import Array, Namespace, Operator, Workload, generator, log_sum_exp

ROWS, COLUMNS = 500, 200


def logistic(xp: Namespace, w: Any, A: Any, y: Any) -> Any:
    """The negative log-likelihood of labels y = ±1, and a ridge."""
    margins = -y * xp.matmul(A, w)
    return xp.sum(xp.log1p(xp.exp(margins))) + 0.5 * xp.sum(w * w)


def logistic_in_casadi(w: Any, A: Any, y: Any) -> Any:
    """The same of CasADi's matrices."""
    import casadi

    margins = -y * (A @ w)
    return casadi.sum1(casadi.log1p(casadi.exp(margins))) + 0.5 * casadi.sumsqr(w)


def _point() -> tuple[Array, ...]:
    random = generator()
    A, labels = random.normal(size=(ROWS, COLUMNS)), np.sign(random.normal(size=ROWS))
    return 0.1 * random.normal(size=COLUMNS), A, labels


def _logistic(title: str, operator: Operator, **details: Any) -> Workload:
    name = f"logistic regression {title}, n = {COLUMNS}"
    return Workload(name, logistic, _point, operator, in_casadi=logistic_in_casadi, **details)


WORKLOADS = (
    _logistic("gradient", "gradient"),
    _logistic("HVP", "hvp", make_tangent=lambda: np.linspace(-1.0, 1.0, COLUMNS)),
    _logistic("Hessian", "hessian"),
    Workload(
        "log-sum-exp Hessian, n = 1000",
        log_sum_exp,
        lambda: (generator().normal(size=1_000),),
        "hessian",
        lacking={"casadi": "does not come to an end with it: minutes in casadi.hessian (MX)"},
    ),
)
