"""adglot's own engine: derivatives by graph transforms, run by our executors."""

from __future__ import annotations

from adglot.calls import OPERATORS, EngineInfo
from adglot.ir import Graph
from adglot.ops.cost import cost
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.versions import version
from adglot_server.executors.liveness import peak_bytes
from adglot_server.executors.tiered import Tiered
from adglot_server.transforms.operators import derive
from adglot_server.transforms.simplify import simplify
from adglot_server.transforms.sparse import compress


class NativeEngine:
    """Exact derivatives of every op in the table, any order, forward and reverse."""

    name = "native"

    def info(self) -> EngineInfo:
        """Always available: it needs NumPy only."""
        return EngineInfo(
            self.name, True, version=version("adglot"), operators=OPERATORS, sparse=True
        )

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Derive, simplify, make ready; a program that is run often is compiled."""
        function = simplify(graph)
        derived = (compress.derive if request.sparse else derive)(function, request)
        program = simplify(derived.graph)
        points = 1 if request.batch is None else request.batch
        tiered = Tiered(program)
        return Prepared(
            execute=tiered.run,
            values=derived.values,
            mode=derived.mode,
            passes=derived.passes,
            executor=tiered.name,
            answered=lambda: tiered.name,
            function_ops=points * cost(function),
            program_ops=cost(program),
            peak_bytes=peak_bytes(program),
            patterns=derived.patterns,
            colours=derived.colours,
            program=program,
        )
