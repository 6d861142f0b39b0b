"""A region: nodes that are compiled together, with what they read and what they leave behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adglot.ir import Graph, Guard, Node, Type
from adglot_server.executors.compiled.elementwise import (
    ELEMENTWISE,
    has_element,
    operand_dtypes,
)

Array = np.ndarray[Any, Any]

REDUCTIONS = ("sum", "prod", "max", "min", "any", "all")
VIEWS = ("reshape", "permute_dims", "broadcast_to", "slice", "flip")
MOVES = (*VIEWS, "pad", "concat", "take", "iota")
LINEAR = ("linalg.cholesky", "linalg.solve", "linalg.inv", "linalg.triangular_solve")
"""Ops that LAPACK computes, if SciPy is there; `lowering` writes them in routines."""

IN_PLACE = ("potrf", "getrf", "getrs", "trsm", "scattered", "checked")
"""Routines: they work where their result is to be, which holds their last operand first."""

ROUTINES = ("matmul", "gathered", *IN_PLACE)
"""What no loop over the result's elements computes."""


def taken(node: Node, types: Sequence[Type], known: Mapping[int, Array]) -> bool:
    """Whether a node can be compiled; `known` are the graph's constants."""
    of = [types[i] for i in node.operands]
    if any(not has_element(t.dtype) or t.size == 0 for t in (*of, *node.outputs)):
        return False
    if node.op in ELEMENTWISE:
        return operand_dtypes(node, of) is not None
    if node.op in REDUCTIONS:
        return bool(node.attributes["axes"])
    if node.op == "pad":
        return not any(ints(node, "interior"))
    if node.op == "matmul" or node.op in LINEAR:
        kinds = {t.dtype for t in (*of, *node.outputs)}
        return len(kinds) == 1 and kinds.pop().kind == "f"
    if node.op in ("take", "scatter_add"):
        return _taken_in_range(node, of, known)
    return node.op in MOVES


def _taken_in_range(node: Node, of: Sequence[Type], known: Mapping[int, Array]) -> bool:
    """One index array that is known and in range: an error belongs to the interpreter."""
    *others, last = node.operands
    if len(others) != (1 if node.op == "take" else 2) or last not in known:
        return False
    index, size = known[last], of[0].shape[axis_of(node)]
    return bool(np.all((index >= -size) & (index < size)))


def ints(node: Node, name: str) -> tuple[int, ...]:
    value = node.attributes[name]
    assert isinstance(value, tuple)
    return value


def axis_of(node: Node) -> int:
    value = node.attributes["axis"]
    assert isinstance(value, int)
    return value


@dataclass(frozen=True, eq=False, slots=True)
class Region:
    """Neighbouring nodes of a graph, by the index of their values.

    `constants` are arrays of the graph; `inputs` are read and `outputs` left in arrays of NumPy.
    """

    types: tuple[Type, ...]
    nodes: Mapping[int, Node]
    constants: Mapping[int, Array]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    guards: tuple[Guard, ...] = ()
    """Of those whose value code looks at itself."""

    def operand_types(self, node: Node) -> list[Type]:
        return [self.types[i] for i in node.operands]

    def domain(self, index: int) -> tuple[int, ...]:
        """The shape that a loop runs over to make a value."""
        node = self.nodes[index]
        made_of = node.operands[0] if node.op in REDUCTIONS else index
        return self.types[made_of].shape


def region_of(graph: Graph, start: int, stop: int, constants: Mapping[int, Array]) -> Region:
    """The nodes at the positions from start to stop, constants apart."""
    numbered = list(graph.numbered())
    inside = {i: node for i, node in numbered[start:stop] if node.op != "constant"}
    read = [i for node in inside.values() for i in node.operands]
    inputs = dict.fromkeys(i for i in read if i not in inside and i not in constants)
    elsewhere = [node for _, node in (*numbered[:start], *numbered[stop:])]
    used = {i for node in elsewhere for i in node.operands}
    used.update(graph.outputs, (guard.value for guard in graph.guards))
    outputs = tuple(i for i in inside if i in used)
    return Region(graph.types, inside, constants, tuple(inputs), outputs)
