"""Which values live when: what may be freed or overwritten, and the peak memory of a graph."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from adglot.ir import Graph, Node
from adglot.ops import TABLE

SMALL = 4096
"""Dead values of fewer bytes are kept until the run ends: to free them takes longer."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """When the memory of values may be freed.

    - `root`: for each value the one that owns its memory, itself unless it is a view
    - `dying`: for each node the results, of it or earlier ones, whose memory nobody needs behind
      it, views of that memory among them. Inputs belong to the caller, small values are kept.
    """

    root: tuple[int, ...]
    dying: tuple[tuple[int, ...], ...]


def liveness(graph: Graph) -> Liveness:
    """Owners and deaths; outputs and guarded values never die."""
    root, last = _owners(graph)
    for i in (*graph.outputs, *(guard.value for guard in graph.guards)):
        last[root[i]] = len(graph.nodes)
    large = [type.nbytes >= SMALL for type in graph.types]
    dying: dict[int, list[int]] = defaultdict(list)
    for i in range(len(graph.inputs), len(root)):
        if root[i] >= len(graph.inputs) and large[root[i]]:
            dying[last[root[i]]].append(i)
    positions = range(len(graph.nodes))
    return Liveness(tuple(root), tuple([tuple(dying.get(p, ())) for p in positions]))


def _owners(graph: Graph) -> tuple[list[int], list[int]]:
    """For each value its owner, and for each owner the last node that makes or reads a part."""
    root = list(range(len(graph.types)))
    last = [-1] * len(root)
    for position, (index, node) in enumerate(graph.numbered()):
        for i in node.operands:
            last[root[i]] = position
        if TABLE[node.op].view:
            root[index] = root[node.operands[0]]
        else:
            last[index : index + len(node.outputs)] = [position] * len(node.outputs)
    return root, last


def peak_bytes(graph: Graph) -> int:
    """The most memory that values need at one time, inputs and contiguous outputs included."""
    live = liveness(graph)
    sizes = [type.nbytes if live.root[i] == i else 0 for i, type in enumerate(graph.types)]
    held = sum(sizes[: len(graph.inputs)])
    peak = held
    for (index, node), dying in zip(graph.numbered(), live.dying, strict=True):
        held += sum(sizes[index : index + len(node.outputs)])
        peak = max(peak, held + (_inside(node) if node.attributes else 0))
        if dying:
            held -= sum([sizes[i] for i in dying])
    return max(peak, held + _copied_outputs(graph, live))


def _inside(node: Node) -> int:
    """What sub-graphs need while the node runs."""
    bodies = [value for value in node.attributes.values() if isinstance(value, Graph)]
    return max((peak_bytes(body) for body in bodies), default=0)


def _copied_outputs(graph: Graph, live: Liveness) -> int:
    """Outputs that are views or inputs are copied before they leave."""
    types = graph.types
    n = len(graph.inputs)
    return sum(types[i].nbytes for i in graph.outputs if live.root[i] != i or i < n)
