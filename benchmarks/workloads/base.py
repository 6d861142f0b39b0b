"""What a workload is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, Any]
Namespace = Any
"""Array API functions, and `scan` as `adglot.scan` has it."""

Operator = Literal["gradient", "jacobian", "hessian", "hvp"]


@dataclass(frozen=True)
class Workload:
    """One derivative of one function at one point, or at `batch` points.

    - `function`: of a namespace and the arrays of one point.
    - `make_point`: all arguments; where there is a batch, each with a leading axis of it.
    - `argnums`: the arguments to differentiate by.
    - `sparse`: nonzeros of the matrix are enough (who has none answers with all of it).
    - `make_tangent`: of an HVP, by the one argument.
    - `in_casadi`: the same function of CasADi's matrices (MX), where writing it out in scalars
      would be a disservice to CasADi.
    - `lacking`: who is left out, and why.
    """

    name: str
    function: Callable[..., Any]
    make_point: Callable[[], tuple[Array, ...]]
    operator: Operator
    argnums: tuple[int, ...] = (0,)
    batch: int | None = None
    sparse: bool = False
    make_tangent: Callable[[], Array] | None = None
    in_casadi: Callable[..., Any] | None = None
    lacking: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def point(self) -> tuple[Array, ...]:
        """All arguments."""
        return self.make_point()

    @property
    def example(self) -> tuple[Array, ...]:
        """The first point of a batch; the point where there is none."""
        return self.point if self.batch is None else tuple(x[0] for x in self.point)

    @property
    def wrt(self) -> tuple[Array, ...]:
        """The arguments to differentiate by, of one point."""
        return tuple(self.example[i] for i in self.argnums)

    @property
    def seeds(self) -> tuple[Array, ...]:
        """The tangent of an HVP, for whoever appends it to the point."""
        return () if self.make_tangent is None else (self.make_tangent(),)


def log_sum_exp(xp: Namespace, x: Any, axis: int = 0) -> Any:
    """log(sum(exp(x))) along an axis, the greatest taken out."""
    top = xp.max(x, axis=axis, keepdims=True)
    return xp.log(xp.sum(xp.exp(x - top), axis=axis)) + xp.squeeze(top, axis=axis)


def generator() -> np.random.Generator:
    """The same numbers in every run."""
    return np.random.default_rng(0)
