"""Put a graph's nodes in an order in which those that are compiled together are neighbours.

Constants come first; then, in turn, every node that can be compiled and has its operands, and
every other node that has them. Of the nodes that can be compiled some are left alone: views that
only the interpreter reads, where they cost nothing, and regions too small to be worth a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adglot.ir import Graph, Guard, Node, Type
from adglot_server.executors.compiled import products, routines
from adglot_server.executors.compiled.elementwise import ELEMENTWISE
from adglot_server.executors.compiled.region import LINEAR, REDUCTIONS, VIEWS, taken

Array = np.ndarray[Any, Any]

COMPUTING = {*ELEMENTWISE, *REDUCTIONS, "matmul", "scatter_add", *LINEAR}
"""Ops that do not only move numbers."""

WORTH = 3
"""Nodes that compute, at least, in a region: a call costs what two of NumPy's cost."""


MOST_NODES = 2000
"""To plan the loops of more takes seconds."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The graph in its new order, and which positions of its nodes are regions."""

    graph: Graph
    regions: tuple[tuple[int, int], ...]
    constants: dict[int, Array]


def schedule(graph: Graph, smallest: int = WORTH) -> Schedule:
    """The graph, rearranged; it may have no region at all."""
    numbered = list(graph.numbered())
    known = {i: node.attributes["value"] for i, node in numbered if node.op == "constant"}
    wanted = {
        i
        for i, node in numbered
        if taken(node, graph.types, known) and _has_routines(node, graph.types)  # type: ignore[arg-type]
    }
    wanted -= _idle_views(graph, wanted)
    order, regions = _ordered(graph, wanted, smallest)
    rearranged, constants = _rearranged(graph, order)
    return Schedule(rearranged, tuple(regions), constants)


def _has_routines(node: Node, types: Sequence[Type]) -> bool:
    """Whether what a node may need of SciPy is there; small products need nothing."""
    if node.op == "matmul":
        return products.surely_small(*(types[i] for i in node.operands)) or routines.available()
    return node.op not in LINEAR or routines.available()


def _idle_views(graph: Graph, wanted: set[int]) -> set[int]:
    """Views that no compiled node reads and no caller."""
    idle = {i for i, node in graph.numbered() if i in wanted and node.op in VIEWS}
    idle -= {*graph.outputs, *(guard.value for guard in graph.guards)}
    for i, node in reversed(list(graph.numbered())):
        if i in wanted and i not in idle:
            idle.difference_update(node.operands)
    return idle


def _ordered(
    graph: Graph, wanted: set[int], smallest: int
) -> tuple[list[int], list[tuple[int, int]]]:
    """The first values of the nodes in their new order, and the regions in it."""
    numbered = list(graph.numbered())
    nodes = dict(numbered)
    maker = {i + k: i for i, node in numbered for k in range(len(node.outputs))}
    order = [i for i, node in numbered if node.op == "constant"]
    done, regions = set(order), []
    rest = [i for i, _ in numbered if i not in done]
    while rest:
        for compiled in (True, False):
            start = len(order)
            ready = _ready(rest, nodes, maker, done, {i for i in rest if (i in wanted) == compiled})
            order += ready
            if compiled and _worthwhile([nodes[i] for i in ready], smallest):
                regions.append((start, len(order)))
            rest = [i for i in rest if i not in done]
    return order, regions


def _ready(
    rest: Sequence[int],
    nodes: dict[int, Node],
    maker: dict[int, int],
    done: set[int],
    kind: set[int],
) -> list[int]:
    """Nodes of one kind that need no other kind first; they count as done then."""
    found = []
    for i in rest:
        if i in kind and all(maker.get(k, k) in done or k not in maker for k in nodes[i].operands):
            found.append(i)
            done.add(i)
    return found


def _worthwhile(nodes: Sequence[Node], smallest: int) -> bool:
    return sum(n.op in COMPUTING for n in nodes) >= smallest


def _rearranged(graph: Graph, order: Sequence[int]) -> tuple[Graph, dict[int, Array]]:
    nodes = dict(graph.numbered())
    number = {i: i for i in range(len(graph.inputs))}
    moved: list[Node] = []
    constants: dict[int, Array] = {}
    for i in order:
        node = nodes[i]
        first = len(number)
        number.update({i + k: first + k for k in range(len(node.outputs))})
        moved.append(replace(node, operands=tuple(number[k] for k in node.operands)))
        if node.op == "constant":
            constants[first] = node.attributes["value"]  # type: ignore[assignment]
    rearranged = replace(
        graph,
        nodes=tuple(moved),
        outputs=tuple(number[k] for k in graph.outputs),
        guards=tuple(Guard(number[g.value], g.expected, g.name) for g in graph.guards),
    )
    return rearranged, constants
