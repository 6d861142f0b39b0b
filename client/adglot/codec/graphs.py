"""Graphs to and from protobuf, and thereby to and from files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from google.protobuf.message import DecodeError

from adglot.codec.tensors import (
    tensor_from_proto,
    tensor_to_proto,
    type_from_proto,
    type_to_proto,
)
from adglot.errors import InvalidArgument, Violation
from adglot.ir import LEAF, Attribute, Graph, Guard, Node, Tree
from adglot.stopping import may_stop
from adglot.v1 import graph_pb2 as pb

P = TypeVar("P")
T = TypeVar("T")


def dumps(graph: Graph) -> bytes:
    """The graph as a serialized ``adglot.v1.Graph``."""
    # Otherwise two processes may write the attributes of a node in two orders.
    return graph_to_proto(graph).SerializeToString(deterministic=True)


def loads(data: bytes | memoryview) -> Graph:
    """The graph of a serialized message, its types not yet inferred or checked.

    Raises InvalidArgument with the path of the field that is wrong.
    """
    try:
        message = pb.Graph.FromString(bytes(data))
    except DecodeError:
        what = "not a valid Graph message: corrupt, cut short or nested too deep"
        raise InvalidArgument(what) from None
    return graph_from_proto(message)


def graph_to_proto(graph: Graph) -> pb.Graph:
    return pb.Graph(
        inputs=map(type_to_proto, graph.inputs),
        nodes=map(_node_to_proto, graph.nodes),
        outputs=graph.outputs,
        input_names=graph.input_names,
        output_names=graph.output_names,
        guards=map(_guard_to_proto, graph.guards),
        name=graph.name,
        opset=graph.opset,
        input_tree=graph.input_tree.to_json(),
        output_tree=graph.output_tree.to_json(),
    )


def graph_from_proto(message: pb.Graph) -> Graph:
    return Graph(
        inputs=_types(message.inputs, "inputs"),
        nodes=tuple(_node(node, f"nodes[{i}]") for i, node in enumerate(message.nodes)),
        outputs=tuple(message.outputs),
        input_names=_names(message.input_names, "x", len(message.inputs)),
        output_names=_names(message.output_names, "y", len(message.outputs)),
        guards=tuple(_guard(guard, f"guards[{i}]") for i, guard in enumerate(message.guards)),
        name=message.name,
        opset=message.opset,
        input_tree=_tree(message.input_tree, "input_tree"),
        output_tree=_tree(message.output_tree, "output_tree"),
    )


def _names(names: Sequence[str], letter: str, count: int) -> tuple[str, ...]:
    return tuple(names) or tuple(f"{letter}{i}" for i in range(count))


def _tree(text: str, field: str) -> Tree:
    return _within(field, Tree.from_json, text) if text else LEAF


def _within(field: str, read: Callable[[P], T], part: P) -> T:
    """What `read` makes of a part of the message; its faults are seen from the whole."""
    try:
        return read(part)
    except InvalidArgument as error:
        raise error.within(field) from None


def _types(messages: Iterable[Any], field: str) -> tuple[Any, ...]:
    return tuple([_within(f"{field}[{i}]", type_from_proto, m) for i, m in enumerate(messages)])


def _node_to_proto(node: Node) -> pb.Node:
    return pb.Node(
        op=node.op,
        operands=node.operands,
        attributes={name: _attribute_to_proto(value) for name, value in node.attributes.items()},
        outputs=map(type_to_proto, node.outputs),
        location=node.location,
    )


def _node(message: pb.Node, field: str) -> Node:
    may_stop()
    return Node(
        op=message.op,
        operands=tuple(message.operands),
        attributes={
            name: _attribute(value, f"{field}.attributes.{name}")
            for name, value in message.attributes.items()
        },
        outputs=_types(message.outputs, f"{field}.outputs"),
        location=message.location,
    )


def _attribute_to_proto(value: Attribute) -> pb.Attribute:
    match value:
        case bool():
            return pb.Attribute(boolean=value)
        case int():
            return pb.Attribute(integer=value)
        case float():
            return pb.Attribute(real=value)
        case complex():
            return pb.Attribute(complex=pb.Complex(real=value.real, imag=value.imag))
        case str():
            return pb.Attribute(text=value)
        case tuple():
            return pb.Attribute(integers=pb.IntegerList(values=value))
        case np.ndarray():
            return pb.Attribute(tensor=tensor_to_proto(value))
        case Graph():
            return pb.Attribute(graph=graph_to_proto(value))


def _attribute(message: pb.Attribute, field: str) -> Attribute:
    match message.WhichOneof("value"):
        case "boolean" | "integer" | "real" | "text" as kind:
            scalar: Attribute = getattr(message, kind)
            return scalar
        case "complex":
            return complex(message.complex.real, message.complex.imag)
        case "integers":
            return tuple(message.integers.values)
        case "tensor":
            return _within(field, tensor_from_proto, message.tensor)
        case "graph":
            return _within(field, graph_from_proto, message.graph)
        case _:
            raise InvalidArgument(Violation(field, "has no value of a kind that this side knows"))


def _guard_to_proto(guard: Guard) -> pb.Guard:
    if isinstance(guard.expected, bool):
        return pb.Guard(value=guard.value, boolean=guard.expected, name=guard.name)
    return pb.Guard(value=guard.value, integer=guard.expected, name=guard.name)


def _guard(message: pb.Guard, field: str) -> Guard:
    match message.WhichOneof("expected"):
        case "boolean":
            return Guard(message.value, message.boolean, message.name)
        case "integer":
            return Guard(message.value, message.integer, message.name)
        case _:
            what = "says neither which boolean nor which integer is expected"
            raise InvalidArgument(Violation(field, what))
