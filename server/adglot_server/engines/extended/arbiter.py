"""One operator of a graph at a point: in long double where that decides, else in many digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from adglot.errors import Unsupported
from adglot.ir import Graph, Type
from adglot.ops.core import Array
from adglot.stopping import stopped_by
from adglot_server.engines.base import Execute, Request
from adglot_server.engines.derived import Arrays, Plan, Push, result_types
from adglot_server.engines.extended import arithmetic, differences, functions, long_double
from adglot_server.engines.extended.arithmetic import CTX
from adglot_server.engines.walk import Language, PointCheck, Walk
from adglot_server.executors.control import Control

RAISING = ("linalg.inv", "linalg.solve", "linalg.triangular_solve")
"""Ops that LAPACK refuses where a matrix is singular but for its rounding: then we do, too."""

FACTORS = (1, 2, 4)
"""Of the digits that should be enough, tried one after the other until nothing changes."""


class Arbiter:
    """Runs a request with differences of the kind `push`, preferably by the `fast` stage."""

    def __init__(self, graph: Graph, request: Request, push: Push, *, fast: bool) -> None:
        self._types = result_types(graph, request)
        self._parts = _Parts(len(request.of), request.operator != "evaluate")
        self._order = {"evaluate": 0, "hvp": 2, "hessian": 2}.get(request.operator, 1)
        self._check = PointCheck(graph, replace(request, batch=None), raising=RAISING)
        self._exact = _Stage(graph, request, functions.LANGUAGE)
        self._push = push
        self._long = _long_double(graph, request) if fast and self._order == 1 else None

    def __call__(self, inputs: Sequence[Array], control: Control) -> Arrays:
        """Values, derivatives and errors at one point; seeds stand behind the inputs."""
        self._check(inputs, control)
        with stopped_by(control.check), np.errstate(all="ignore"):
            results = self._fast(inputs, control)
            if results is None:
                with arithmetic.computing(control):
                    results = self._sure([arithmetic.lift(x) for x in inputs], control)
        return [arithmetic.narrow(x, t.dtype) for x, t in zip(results, self._types, strict=True)]

    def _fast(self, inputs: Sequence[Array], control: Control) -> Arrays | None:
        """The results, if every error is at most a rounding of the largest component."""
        if self._long is None:
            return None
        x = [long_double.lift(a) for a in inputs]
        rounding = long_double.EPS * long_double.largest(self._long.everything(x))
        push = partial(long_double.central, rounding=rounding)
        results = self._long.run(push, x, control)
        return results if self._within(self._parts.errors(results), results) else None

    def _sure(self, inputs: Arrays, control: Control) -> Arrays:
        """In so many digits that twice as many change nothing."""
        CTX.dps = differences.DIGITS[self._order]
        digits = differences.digits_needed(self._exact.everything(inputs), self._order)
        CTX.dps = digits
        results = self._exact.run(self._push, inputs, control)
        for factor in FACTORS[1:]:
            CTX.dps = factor * digits
            coarse, results = results, self._exact.run(self._push, inputs, control)
            changes = list(map(_change, self._parts.main(coarse), self._parts.main(results)))
            if self._within(changes, results):
                break
        return self._parts.with_errors(results, changes)

    def _within(self, errors: Arrays, results: Arrays) -> bool:
        """Whether errors of the derivatives are at most a rounding of the largest component.

        Or those of the values, where there are no derivatives.
        """
        types = self._parts.main(self._types)
        return all(map(_is_rounding, errors, self._parts.main(results), types))


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the results of a request are: values, then derivatives and their errors, if any."""

    values: int
    derived: bool

    def main(self, results: list[Any]) -> list[Any]:
        """The derivatives, or where there are none the values."""
        rest = results[self.values :]
        return rest[: len(rest) // 2] if self.derived else results

    def errors(self, results: Arrays) -> Arrays:
        rest = results[self.values :]
        return rest[len(rest) // 2 :]

    def with_errors(self, results: Arrays, changes: Arrays) -> Arrays:
        """The errors are what the differences know of theirs, and what more digits changed."""
        if not self.derived:
            return results
        known = map(arithmetic.magnitude, self.errors(results))
        errors = [a + b for a, b in zip(known, changes, strict=True)]
        return [*results[: self.values], *self.main(results), *errors]


class _Stage:
    """A graph in one language."""

    def __init__(self, graph: Graph, request: Request, language: Language) -> None:
        self._graph, self._request = graph, request
        self._walk = _run(Walk(graph, language))
        self._everything = Walk(_with_all_values(graph), language)

    def everything(self, inputs: Sequence[Array]) -> Arrays:
        """All values of the graph at a point; seeds behind the inputs are left alone."""
        return self._everything(inputs[: len(self._graph.inputs)])

    def run(self, push: Push, inputs: Sequence[Array], control: Control) -> Arrays:
        """Values, derivatives and errors."""
        return Plan(self._graph, self._request, push, self._walk, self._walk)(inputs, control)


def _long_double(graph: Graph, request: Request) -> _Stage | None:
    """None where NumPy has no long double for an op of the graph."""
    try:
        return _Stage(graph, request, long_double.LANGUAGE)
    except Unsupported:
        return None


def _run(walk: Walk) -> Execute:
    return lambda values, control: walk(values)


def _with_all_values(graph: Graph) -> Graph:
    everything = range(len(graph.types))
    return replace(graph, outputs=tuple(everything), output_names=tuple(map(str, everything)))


def _change(coarse: Array, fine: Array) -> Any:
    """How far two precisions are apart."""
    if not arithmetic.is_exact(fine):
        return np.zeros(fine.shape)
    return arithmetic.magnitude(coarse - fine)


def _is_rounding(error: Any, x: Array, type: Type) -> bool:
    """Whether an error is at most a rounding of the largest component."""
    if not type.is_differentiable:
        return True
    size = arithmetic.magnitude(x)
    largest = np.max(size[np.isfinite(size)], initial=0.0)
    return bool(np.all(error <= np.finfo(type.dtype).eps * largest))
