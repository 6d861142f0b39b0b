"""Make a graph smaller without changing its values: sharing, folding, algebra, dead code."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from adglot.errors import AdglotError
from adglot.ir import Attribute, Graph, Node, Type
from adglot.ops import TABLE, Builder, Op, Value, evaluate_node
from adglot.ops.core import Array, Attributes
from adglot_server.transforms.algebra import REWRITES
from adglot_server.transforms.dead import rebuilt, trim

FOLDED_SIZE = 256
"""Constants are folded up to this many elements: data stays data."""

SPREADING = ("broadcast_to", "reshape")
"""Ops of whose result all elements are equal where those of the operand are."""


def simplify(graph: Graph) -> Graph:
    """The same function in fewer nodes; names, trees, guards and locations are kept."""
    graph = trim(graph)
    with Builder() as builder:
        simplifier = Simplifier(builder)
        values = [builder.input(type) for type in graph.inputs]
        for node in graph.nodes:
            builder.location = node.location
            xs = tuple([values[i] for i in node.operands])
            attributes = _simplified_bodies(node.attributes)
            values += simplifier.emit(TABLE[node.op], xs, attributes, node.outputs)
        return rebuilt(builder, graph, values)


class Simplifier:
    """Emits nodes, unless a rewrite, a fold or an equal node already there does without."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._known: dict[Hashable, tuple[Value, ...]] = {}
        self._nodes: dict[int, tuple[Op, tuple[Value, ...], Attributes]] = {}
        self._tensors: dict[int, Array] = {}

    def __call__(self, name: str, *operands: Value, **attributes: Any) -> Value:
        """Emit an op with one output: what rewrites call."""
        return self.emit(TABLE[name], operands, attributes)[0]

    def emit(
        self,
        op: Op,
        operands: tuple[Value, ...],
        attributes: Attributes,
        types: tuple[Type, ...] = (),
    ) -> tuple[Value, ...]:
        """The results, of these types where they are known."""
        key = (op.name, tuple([x.index for x in operands]), _key(attributes))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._emit_new(op, operands, attributes, types)
        return known

    def definition(self, x: Value, name: str) -> tuple[tuple[Value, ...], Attributes] | None:
        """Operands and attributes of the node that defines x, if it is of this op."""
        node = self._nodes.get(x.index)
        return (node[1], node[2]) if node and node[0].name == name else None

    def scalar_of(self, x: Value) -> complex | None:
        """The number that x holds everywhere, if it is a constant or a broadcast one."""
        while (node := self._nodes.get(x.index)) and node[0].name in SPREADING:
            x = node[1][0]
        array = self._tensors.get(x.index)
        return None if array is None or array.size != 1 else array.item()

    def _emit_new(
        self,
        op: Op,
        operands: tuple[Value, ...],
        attributes: Attributes,
        types: tuple[Type, ...],
    ) -> tuple[Value, ...]:
        types = types or op.output_types([x.type for x in operands], attributes)
        folded = self._fold(op, operands, attributes, types)
        if folded is not None:
            return folded
        rewrite = REWRITES.get(op.name)
        if rewrite is not None:
            better = rewrite(self, types[0], *operands, **attributes)
            if better is not None:
                assert better.type == types[0], f"rewrite of {op.name}: {better} for {types[0]}"
                return (better,)
        outputs = self._builder.record(op, operands, attributes, types)
        for y in outputs:
            self._nodes[y.index] = (op, operands, attributes)
        if op.name == "constant":
            self._tensors[outputs[0].index] = attributes["value"]  # type: ignore[assignment]
        return outputs

    def _fold(
        self, op: Op, operands: Sequence[Value], attributes: Attributes, types: Sequence[Type]
    ) -> tuple[Value, ...] | None:
        if not operands or op.higher_order:
            return None
        arrays = self._constants(operands)
        if arrays is None:
            return None
        if max(t.size for t in types) > max(x.size for x in operands):
            return None  # a broadcast constant is better left to broadcasting
        results = _evaluate(Node(op.name, (), attributes, tuple(types)), arrays)
        if results is None:
            return None
        constant = TABLE["constant"]
        return tuple(self.emit(constant, (), {"value": np.array(a)})[0] for a in results)

    def _constants(self, operands: Sequence[Value]) -> list[Array] | None:
        """The tensors of the operands, if all are constants that are small."""
        arrays = []
        for x in operands:
            array = self._tensors.get(x.index)
            if array is None or array.size > FOLDED_SIZE:
                return None
            arrays.append(array)
        return arrays


def _evaluate(node: Node, arrays: Sequence[Any]) -> list[Array] | None:
    try:
        with np.errstate(all="ignore"):
            return evaluate_node(node, arrays)
    except (AdglotError, ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError):
        return None  # an error belongs to the run, not to the preparation


def _simplified_bodies(attributes: Attributes) -> Attributes:
    return attributes and {
        key: simplify(value) if isinstance(value, Graph) else value
        for key, value in attributes.items()
    }


def _key(attributes: Mapping[str, Attribute]) -> Hashable:
    if not attributes:
        return ()
    return tuple([(key, _attribute_key(attributes[key])) for key in sorted(attributes)])


def _attribute_key(value: Attribute) -> Hashable:
    if isinstance(value, np.ndarray):
        return (value.dtype.name, value.shape, value.tobytes())
    if isinstance(value, float | complex):
        return (type(value), repr(value))  # 0.0 and -0.0 are equal, but not the same
    return (type(value), value)
