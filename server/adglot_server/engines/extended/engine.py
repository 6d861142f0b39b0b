"""The engines `extended` and `one-sided`; mpmath is imported when a graph is first prepared."""

from __future__ import annotations

from dataclasses import replace

from adglot.calls import OPERATORS, EngineInfo, Operator
from adglot.errors import Unsupported
from adglot.ir import Graph
from adglot_server.engines import derived, points
from adglot_server.engines.base import Execute, Prepared, Request
from adglot_server.engines.packages import Package

PACKAGE = Package("mpmath", "extended", {})
FIRST_ORDER: tuple[Operator, ...] = ("evaluate", "jvp", "vjp", "gradient", "jacobian")

EVALUATIONS = 25
"""About how often f is evaluated for one pushforward, in both stages."""

BYTES = 40
"""What a number takes in many digits, in doubles: an mpf, its tuple and two integers."""


class ExtendedEngine:
    """Every operator in extended precision: central differences in long double, then in mpmath.

    Answers are right to the last bit of the graph's dtype, or their error estimates say
    otherwise. Where the function is not differentiable the answer is the mean of both sides, and
    the estimate their distance, or infinite. Decisions (comparisons, sorting, rounding) are those
    of the exact numbers, which differ from the float ones only within a rounding of a boundary;
    float32 and float64 are both real numbers here, and zero has no sign.
    """

    name = "extended"

    def info(self) -> EngineInfo:
        """Available where mpmath is."""
        return _info(self.name, OPERATORS)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Nothing to derive: f itself is run, beside the point."""
        _refuse(self.name, request, OPERATORS)
        from adglot_server.engines.extended import differences
        from adglot_server.engines.extended.arbiter import Arbiter

        points.refuse(graph, request)
        return _prepared(graph, request, Arbiter(graph, request, differences.central, fast=True))


class OneSidedEngine:
    """Derivatives from one side, also where a function has a kink.

    The pushforward along v is the limit of (f(x + hv) - f(x)) / h for h from above to 0; that
    along -v, negated, is the one from the other side. Gradients, pullbacks and Jacobians are made
    of those along the unit vectors.
    """

    name = "one-sided"

    def info(self) -> EngineInfo:
        """Available where mpmath is."""
        return _info(self.name, FIRST_ORDER)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Nothing to derive: f itself is run, beside the point."""
        _refuse(self.name, request, FIRST_ORDER)
        from adglot_server.engines.extended import differences
        from adglot_server.engines.extended.arbiter import Arbiter

        points.refuse(graph, request)
        return _prepared(graph, request, Arbiter(graph, request, differences.one_sided, fast=False))


def _info(name: str, operators: tuple[Operator, ...]) -> EngineInfo:
    return replace(PACKAGE.info(operators), name=name, ops=())


def _refuse(name: str, request: Request, operators: tuple[Operator, ...]) -> None:
    if request.operator not in operators:
        raise Unsupported(f"{name} has no operator {request.operator}")
    PACKAGE.require()


def _prepared(graph: Graph, request: Request, one: Execute) -> Prepared:
    made = derived.prepared(graph, request, one, evaluations=EVALUATIONS)
    return replace(made, executor="mpmath", peak_bytes=BYTES * made.peak_bytes)
