"""Which values live when: what may be freed or overwritten, and the peak memory of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adglot.ir import Graph, Node, Type
from adglot.ops import TABLE

FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Liveness:
    """For each value: the value that owns its memory, and the last node that needs that memory."""

    root: tuple[int, ...]
    last: tuple[int, ...]


def liveness(graph: Graph) -> Liveness:
    """Owners and last uses; outputs and guarded values live for ever."""
    count = len(graph.types)
    root = list(range(count))
    last = [-1] * count
    for position, (index, node) in enumerate(graph.numbered()):
        for i in node.operands:
            last[root[i]] = position
        if TABLE[node.op].view:
            root[index] = root[node.operands[0]]
    for i in (*graph.outputs, *(guard.value for guard in graph.guards)):
        last[root[i]] = FOREVER
    return Liveness(tuple(root), tuple(last))


def peak_bytes(graph: Graph) -> int:
    """The most memory that values need at one time, inputs and contiguous outputs included."""
    live = liveness(graph)
    types = graph.types
    held = sum(type.nbytes for type in graph.inputs)
    peak = held
    for position, (index, node) in enumerate(graph.numbered()):
        held += _made(node, index, live)
        peak = max(peak, held + _inside(node, types))
        held -= _freed(node, index, position, live, types)
    return max(peak, held + _copied_outputs(graph, live))


def _made(node: Node, index: int, live: Liveness) -> int:
    return sum(
        type.nbytes for k, type in enumerate(node.outputs) if live.root[index + k] == index + k
    )


def _inside(node: Node, types: Sequence[Type]) -> int:
    """What sub-graphs need while the node runs."""
    bodies = [value for value in node.attributes.values() if isinstance(value, Graph)]
    return max((peak_bytes(body) for body in bodies), default=0)


def _freed(node: Node, index: int, position: int, live: Liveness, types: Sequence[Type]) -> int:
    """Memory of node results that die here; inputs belong to the caller."""
    dying = {live.root[i] for i in node.operands} | {
        live.root[index + k] for k in range(len(node.outputs))
    }
    return sum(types[i].nbytes for i in dying if live.last[i] <= position and i >= 0)


def _copied_outputs(graph: Graph, live: Liveness) -> int:
    """Outputs that are views or inputs are copied before they leave."""
    types = graph.types
    n = len(graph.inputs)
    return sum(types[i].nbytes for i in graph.outputs if live.root[i] != i or i < n)
