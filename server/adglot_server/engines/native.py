"""adglot's own engine: derivatives by graph transforms, run by our executors."""

from __future__ import annotations

from dataclasses import replace

from adglot.calls import OPERATORS, EngineInfo
from adglot.collecting import uncollected
from adglot.ir import Graph
from adglot.ops.cost import cost
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.versions import version
from adglot_server.executors.liveness import peak_bytes
from adglot_server.executors.pointwise import Pointwise
from adglot_server.executors.tiered import Tiered
from adglot_server.transforms.operators import derive, with_values
from adglot_server.transforms.simplify import simplify
from adglot_server.transforms.sparse import compress


class NativeEngine:
    """Exact derivatives of every op in the table, any order, forward and reverse."""

    name = "native"
    tiling = picking = True

    def info(self) -> EngineInfo:
        """Always available: it needs NumPy only."""
        return EngineInfo(
            self.name, True, version=version("adglot"), operators=OPERATORS, sparse=True
        )

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Derive, simplify, make ready, for one point or for any number of them.

        A program that is run often is compiled.
        """
        with uncollected(len(graph.nodes)):
            return self._prepare(graph, request)

    def _prepare(self, graph: Graph, request: Request) -> Prepared:
        function = simplify(graph)
        derive_it = compress.derive if request.sparse else derive
        derived = derive_it(function, replace(request, batch=None))
        if request.values is not None:
            derived = with_values(derived, function, request.values, request.of)
        program = simplify(derived.graph)
        points = None if request.batch is None else Pointwise(program, request.shared)
        executor = points or Tiered(program)
        return Prepared(
            execute=executor.run,
            values=derived.values,
            mode=derived.mode,
            passes=derived.passes,
            executor=executor.name,
            answered=lambda: executor.name,
            function_ops=cost(function),
            program_ops=cost(program),
            peak_bytes=points.batches.peak_bytes if points else peak_bytes(program),
            point_bytes=points.batches.point_bytes if points else 0,
            patterns=derived.patterns,
            colours=derived.colours,
            program=program,
        )
