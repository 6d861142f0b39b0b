"""Count the scalar operations of a graph, by the costs in the table."""

from __future__ import annotations

from adglot.ir import Graph
from adglot.ops.core import TABLE


def cost(graph: Graph) -> int:
    """Scalar operations of one evaluation, in additions (see `rules.ARITHMETIC` and its kin)."""
    types = graph.types
    return sum(
        TABLE[node.op].cost([types[i] for i in node.operands], node.outputs, **node.attributes)
        for node in graph.nodes
    )
