"""Every operator against what statsmodels says of the same model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from statsmodels.discrete.discrete_model import Poisson

from adglot.calls import Report
from adglot.cli.demo.model import Array, Data, log_likelihood, log_likelihoods
from adglot.client import Client
from adglot.reports import reports

BOUND = 1e-12
"""The largest error of a sum of about 20 000 terms in float64, relative to its absolute terms."""

FIT_BOUND = 1e-8
"""The largest relative error of the fit: both sides stop when their steps are small."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One comparison: the `answer` at the last point, the largest `error` over all points."""

    name: str
    against: str
    answer: Array
    error: float
    bound: float = BOUND
    seconds: float | None = None
    report: Report | None = None

    @property
    def holds(self) -> bool:
        """Whether the error is within its bound; NaN is not."""
        return self.error <= self.bound


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operator, what statsmodels computes for it, and its size when no term cancels.

    Each is a function of the coefficients. The score vanishes at the maximum, so its error is
    measured against the sum of its absolute terms.
    """

    name: str
    against: str
    ours: Callable[[Array], Any]
    theirs: Callable[[Array], Any]
    size: Callable[[Array], Any]


def comparisons(ad: Client, data: Data, v: Array, w: Array) -> list[Comparison]:
    """One for each operator; `v` is a tangent of the coefficients, `w` weighs observations."""
    model = Poisson(data.y, data.X)
    J, H = model.score_obs, model.hessian
    x = (v, data.X, data.y)

    def prepared(f: Any, operator: str) -> Callable[..., Any]:
        call = ad.prepare(f, *x, operator=operator)
        return lambda beta: call(beta, data.X, data.y)

    def seeded(f: Any, operator: str, seed: Any) -> Callable[..., Any]:
        call = ad.prepare(f, *x, operator=operator)
        return lambda beta: call((beta, data.X, data.y), seed)

    jvp = seeded(log_likelihoods, "jvp", (v, None, None))
    vjp = seeded(log_likelihoods, "vjp", w)
    hvp = seeded(log_likelihood, "hvp", (v, None, None))
    return [
        Comparison("evaluate", "loglike", prepared(log_likelihood, "evaluate"), model.loglike,
                   lambda b: abs(model.loglikeobs(b)).sum()),
        Comparison("gradient", "score", prepared(log_likelihood, "gradient"), model.score,
                   lambda b: abs(J(b)).sum(0)),
        Comparison("hessian", "hessian", prepared(log_likelihood, "hessian"), H, H),
        Comparison("hvp", "hessian @ v", lambda b: hvp(b)[0], lambda b: H(b) @ v,
                   lambda b: abs(H(b)) @ abs(v)),
        Comparison("jacobian", "score_obs", prepared(log_likelihoods, "jacobian"), J, J),
        Comparison("jvp", "score_obs @ v", lambda b: jvp(b)[1], lambda b: J(b) @ v,
                   lambda b: abs(J(b)) @ abs(v)),
        Comparison("vjp", "w @ score_obs", lambda b: vjp(b)[1][0], lambda b: w @ J(b),
                   lambda b: abs(w) @ abs(J(b))),
    ]  # fmt: skip


def compare(comparison: Comparison, points: Sequence[Array]) -> Outcome:
    """Ask at all points; the time is the median, the report that of the last."""
    errors, times = [], []
    with reports() as told:
        for beta in points:
            started = time.perf_counter()
            ours = comparison.ours(beta)
            times.append(time.perf_counter() - started)
            difference = np.abs(ours - comparison.theirs(beta)).max()
            errors.append(difference / np.abs(comparison.size(beta)).max())
    return Outcome(
        comparison.name, comparison.against, np.asarray(ours), float(np.max(errors)),
        seconds=median(times), report=told[-1],
    )  # fmt: skip


def check_adjoint(dy: Array, dx: Array, v: Array, w: Array) -> Outcome:
    """<w, J v> = <J^T w, v>: forward and reverse mode are each other's adjoints."""
    forward, reverse = w @ dy, dx @ v
    error = abs(forward - reverse) / (abs(w) @ abs(dy))
    return Outcome("⟨w, Jv⟩", "⟨Jᵀw, v⟩", np.asarray(forward), float(error))


def check_fit(data: Data, beta: Array, H: Array) -> Iterator[Outcome]:
    """The maximum and its standard errors against those that statsmodels finds by itself."""
    fitted = Poisson(data.y, data.X).fit(method="newton", disp=0, tol=1e-12)
    errors = np.sqrt(np.diag(np.linalg.inv(-H)))
    for name, against, ours, theirs in (
        ("coefficients", "fit().params", beta, fitted.params),
        ("standard errors", "fit().bse", errors, fitted.bse),
    ):
        error = np.abs(ours - theirs).max() / np.abs(theirs).max()
        yield Outcome(name, against, ours, float(error), FIT_BOUND)
