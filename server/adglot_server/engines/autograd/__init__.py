"""The engine `autograd`: NumPy, differentiated by HIPS autograd."""

from __future__ import annotations

from adglot.calls import OPERATORS, EngineInfo
from adglot.ir import Graph
from adglot_server.engines.autograd.lacks import LACKS
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.packages import Package

PACKAGE = Package("autograd", "autograd", LACKS)


class AutogradEngine:
    """Every operator by autograd's make_jvp and make_vjp, point by point and seed by seed.

    Where an op has no rule for forward mode, columns are pullbacks of pullbacks. A deadline or a
    cancellation ends a run between one node and the next, but not a backward pass. Runs go one
    at a time.
    """

    name = "autograd"

    def info(self) -> EngineInfo:
        """Available where autograd is installed; it is not imported to find out."""
        return PACKAGE.info(OPERATORS)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Look up every op."""
        PACKAGE.require()
        from adglot_server.engines.autograd.program import prepare

        return prepare(graph, request)
