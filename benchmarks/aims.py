"""What adglot wants to be, and what a run says about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from benchmarks.results import ratio

Workload = dict[str, Any]
"""As JSON."""


@dataclass(frozen=True)
class Aim:
    """A peer is so many times slower than we are, at all workloads of such names.

    - `names`: patterns, as of files.
    - `operator`: of these only, where one is named.
    - `what`, `ours`: the number compared, and whose is ours where it is not the client's.
    - `at_most`: this peer may be so many times faster instead: the function itself.
    """

    against: str
    what_of: str
    least: float
    names: tuple[str, ...] = ("*",)
    operator: str = ""
    what: str = "seconds"
    ours: tuple[str, ...] = ("adglot", "engine")
    at_most: bool = False

    def covers(self, workload: Workload) -> bool:
        """Whether the workload counts."""
        right = self.operator in ("", workload["operator"])
        return right and any(fnmatchcase(workload["name"], name) for name in self.names)

    @property
    def text(self) -> str:
        """As the table has it."""
        return f"{'at most' if self.at_most else 'at least'} {self.least:g}"


SMALL = (
    "Rosenbrock gradient, n = 10",
    "Rosenbrock gradient, n = 1000",
    "LSTM*",
    "logistic regression*",
)
ODES = ("Pleiades*points", "Brusselator Jacobian*points")

AIMS = (
    Aim("jax", "gradients, n ≤ 1000", 10, SMALL, "gradient"),
    Aim("jax", "Rosenbrock, n = 1 000 000", 2, ("Rosenbrock gradient, n = 1000000",)),
    Aim("jax", "bundle adjustment", 6, ("bundle*",)),
    Aim("jax", "log-sum-exp Hessian", 3, ("log-sum-exp*",)),
    Aim("jax", "GMM (stretch 4)", 1.5, ("GMM*",)),
    Aim("jax", "Pleiades, Brusselator, 10 000 points", 50, ODES),
    Aim("jax", "Lotka-Volterra, 10 000 points", 2, ("Lotka-Volterra*points",)),
    Aim("jax", "until compiled code answers", 5, what="first_seconds", ours=("compiled",)),
    Aim("jax", "until optimised code answers", 5, what="first_seconds", ours=("optimised",)),
    Aim("casadi", "bundle adjustment", 2, ("bundle*",)),
    Aim("casadi", "Pleiades, Brusselator, 10 000 points", 2.5, ODES),
    Aim("casadi", "Rosenbrock, n = 1000", 4, ("Rosenbrock gradient, n = 1000",)),
    Aim("torch", "everywhere", 4),
    Aim("autograd", "everywhere", 4),
    Aim(
        "function", "gradients, everywhere", 3, operator="gradient", ours=("adglot",), at_most=True
    ),
)


@dataclass(frozen=True)
class Reached:
    """The worst of the workloads of an aim, as one of our ways answers."""

    ratio: float
    workload: str
    missed: int
    of: int


def reached(aim: Aim, ours: str, workloads: Sequence[Workload]) -> Reached | None:
    """None where nothing that the aim covers was measured."""
    ratios = {
        w["name"]: value
        for w in workloads
        if aim.covers(w) and (value := ratio(w, aim.against, ours, aim.what)) is not None
    }
    if aim.at_most:
        ratios = {name: 1 / value for name, value in ratios.items()}
    if not ratios:
        return None
    worst = (max if aim.at_most else min)(ratios, key=ratios.__getitem__)
    missed = sum((r > aim.least) if aim.at_most else (r < aim.least) for r in ratios.values())
    return Reached(ratios[worst], worst, missed, len(ratios))
