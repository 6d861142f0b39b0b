"""What the function itself computes: every value of a graph at a point, by NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from adglot.calls import Array
from adglot.ir import Graph, Node
from adglot.ops import TABLE, NonSmooth, evaluate, evaluate_node

COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")


def record(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
    """All values by index."""
    values = [np.asarray(x) for x in inputs]
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            values += evaluate_node(node, [values[i] for i in node.operands])
    return values


@dataclass(frozen=True, slots=True)
class Run:
    """A body of a control-flow node, and what it was once called with."""

    attribute: str
    body: Graph
    inputs: tuple[Array, ...]


def runs(node: Node, operands: Sequence[Array]) -> list[Run]:
    """Every call of a body while the node is evaluated, in order."""
    names = {id(body): name for name, body in node.attributes.items()}
    found: list[Run] = []

    def run(body: Graph, inputs: Sequence[Array]) -> list[Array]:
        found.append(Run(names[id(body)], body, tuple(map(np.asarray, inputs))))
        return evaluate(body, inputs)

    with np.errstate(all="ignore"):
        TABLE[node.op].evaluate(run, *operands, **node.attributes)
    return found


def kink(node: Node, operands: Sequence[Array]) -> NonSmooth | None:
    """The non-smooth set of its op that a node sits in, with one component at least."""
    with np.errstate(all="ignore"):
        for candidate in TABLE[node.op].nonsmooth:
            if np.any(candidate.contains(*operands, **node.attributes)):
                return candidate
    return None


def decisions(graph: Graph, values: Sequence[Array]) -> list[Array]:
    """The values that choose branches: of bool and integer nodes."""
    first = len(graph.inputs)
    pairs = zip(graph.types[first:], values[first:], strict=True)
    return [value for type, value in pairs if not type.is_differentiable]


def on_edge(graph: Graph, values: Sequence[Array]) -> set[int]:
    """Values that a kink, or a comparison of equals, depends on: one ulp would decide there."""
    edges = (i for node in _edges(graph, values) for i in node.operands)
    return ancestors(graph, edges)


def _edges(graph: Graph, values: Sequence[Array]) -> Iterator[Node]:
    for node in graph.nodes:
        operands = [values[i] for i in node.operands]
        equals = node.op in COMPARISONS and bool(np.any(operands[0] == operands[1]))
        if equals or kink(node, operands) is not None:
            yield node


def ancestors(graph: Graph, values: Iterator[int] | Sequence[int]) -> set[int]:
    """These values and all that they are computed from."""
    found = set(values)
    for index, node in reversed(list(graph.numbered())):
        if not found.isdisjoint(range(index, index + len(node.outputs))):
            found.update(node.operands)
    return found


def descendants(graph: Graph, values: Sequence[int]) -> set[int]:
    """These values and all that are computed from them."""
    found = set(values)
    for index, node in graph.numbered():
        if not found.isdisjoint(node.operands):
            found.update(range(index, index + len(node.outputs)))
    return found
