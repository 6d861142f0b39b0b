"""The engine `complex-step`: Im f(x + i h v) / h, exact to rounding where f is analytic."""

from __future__ import annotations

from typing import Any

import numpy as np

from adglot.calls import EngineInfo, Operator
from adglot.errors import Unsupported
from adglot.ir import Graph
from adglot_server.engines import derived
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.derived import Arrays, Function, Pushed
from adglot_server.engines.versions import version
from adglot_server.transforms.complexify import complexify

OPERATORS: tuple[Operator, ...] = ("evaluate", "jvp", "vjp", "gradient", "jacobian")

EVALUATIONS = 5
"""f at the point, and once in complex numbers, which cost about four times as much."""


class ComplexStepEngine:
    """First derivatives of real functions without subtraction, so without cancellation.

    Source: Squire and Trapp, Using complex variables to estimate derivatives of real functions,
    SIAM Review 40 (1998), equation 2. The graph is extended to complex arguments; ops without an
    analytic extension in NumPy (Cholesky, QR, eigenvalues, erf) answer Unsupported.
    """

    name = "complex-step"

    def info(self) -> EngineInfo:
        """Always available: it needs NumPy only."""
        return EngineInfo(self.name, True, version=version("adglot"), operators=OPERATORS)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Extend the graph to complex arguments."""
        if request.operator not in OPERATORS:
            raise Unsupported(f"complex-step has no operator {request.operator}: one step only")
        moves = request.operator != "evaluate"
        extended = complexify(graph, request.wrt) if moves else graph
        return derived.prepare(graph, request, push, evaluations=EVALUATIONS, beside=extended)


def push(function: Function, x: Arrays, v: Arrays, noise: Arrays | None = None) -> Pushed:
    """The derivative along v; the error is rounding, eps times the tangent."""
    step = min(_step(a.dtype) for a in x)
    moved = [
        (a + 1j * step * t).astype(np.result_type(a, np.complex64))
        for a, t in zip(x, v, strict=True)
    ]
    tangents = [np.asarray(np.imag(y) / step) for y in function(moved)]
    return Pushed(tangents, [np.finfo(t.dtype).eps * abs(t) for t in tangents])


def _step(dtype: np.dtype[Any]) -> float:
    """Far below rounding, and its cube no underflow."""
    return float(np.cbrt(np.finfo(dtype).tiny))
