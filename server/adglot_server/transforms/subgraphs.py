"""What the rules of ops with sub-graphs are given: the transforms themselves."""

from __future__ import annotations

from collections.abc import Sequence

from adglot.ir import Graph
from adglot.ops.core import Linearized, Op, Transforms


class Subgraphs:
    """The transforms, to be applied to the body of a control-flow op."""

    def jvp(self, graph: Graph, active: Sequence[bool]) -> tuple[Graph, tuple[bool, ...]]:
        from adglot_server.transforms.jvp import jvp

        return jvp(graph, active)

    def linearize(
        self, graph: Graph, active: Sequence[bool], shared: Sequence[bool] | None = None
    ) -> Linearized:
        from adglot_server.transforms.linearize import linearize

        return linearize(graph, active, shared)

    def transpose(self, graph: Graph, linear: Sequence[bool]) -> Graph:
        from adglot_server.transforms.transpose import transpose

        return transpose(graph, linear)

    def batch(
        self, graph: Graph, batched: Sequence[bool], size: int, force: Sequence[bool] | None = None
    ) -> tuple[Graph, tuple[bool, ...]]:
        from adglot_server.transforms.batch import batch

        return batch(graph, batched, size, force)


def context(op: Op) -> tuple[Transforms, ...]:
    """The arguments that come first in a call of one of this op's rules."""
    return (Subgraphs(),) if op.higher_order else ()
