"""The engine `torch`: PyTorch's functions, differentiated by torch.func."""

from __future__ import annotations

from adglot.calls import OPERATORS, EngineInfo
from adglot.ir import Graph
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.packages import Package
from adglot_server.engines.torch.lacks import LACKS

PACKAGE = Package("torch", "torch", LACKS)


class TorchEngine:
    """Every operator by torch.func.jvp, vjp and vmap, on the CPU and in the graph's dtypes.

    A deadline or a cancellation ends a run between one node and the next, but not a backward
    pass. Runs with a forward mode go one at a time.
    """

    name = "torch"

    def info(self) -> EngineInfo:
        """Available where PyTorch is installed; it is not imported to find out."""
        return PACKAGE.info(OPERATORS)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Look up every op."""
        PACKAGE.require()
        from adglot_server.engines.torch.program import prepare

        return prepare(graph, request)
