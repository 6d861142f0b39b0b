"""Check a graph that came from outside, every fault with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from adglot.errors import InvalidArgument, LimitExceeded, Violation
from adglot.ir.graph import OPSET, Attribute, Graph, Guard, Node
from adglot.ir.types import Type


@dataclass(frozen=True, slots=True)
class Limits:
    """What a graph may at most be; bytes are those of one value."""

    nodes: int = 1_000_000
    value_bytes: int = 1 << 34
    rank: int = 32
    nesting: int = 16


DEFAULT_LIMITS = Limits()


class Infer(Protocol):
    """The op table's part: output types of one node, InvalidArgument with ``op`` or operand."""

    def __call__(
        self, op: str, operands: Sequence[Type], attributes: Mapping[str, Attribute], /
    ) -> tuple[Type, ...]: ...


def validate(graph: Graph, infer: Infer, limits: Limits = DEFAULT_LIMITS, depth: int = 0) -> Graph:
    """The graph with every node's output types filled in; the graph itself if they are there.

    Raises InvalidArgument with fields such as ``nodes[3].operands[1]``, LimitExceeded when the
    graph is over a limit. Nodes are checked in order; a node whose outputs cannot be told ends
    the check, since the numbers of all later values hang on it.
    """
    _refuse_oversize(graph, limits, depth)
    faults = list(_signature_faults(graph, limits))
    types = list(graph.inputs)
    nodes: list[Node] = []
    for i, node in enumerate(graph.nodes):
        try:
            checked = _check_node(node, types, infer, limits, depth)
        except InvalidArgument as error:
            faults += error.within(f"nodes[{i}]").violations
            break
        nodes.append(checked)
        types += checked.outputs
    else:
        faults += _result_faults(graph, types)
    if faults:
        raise InvalidArgument(faults)
    changed = any(a is not b for a, b in zip(nodes, graph.nodes, strict=True))
    return replace(graph, nodes=tuple(nodes)) if changed else graph


def _refuse_oversize(graph: Graph, limits: Limits, depth: int) -> None:
    if len(graph.nodes) > limits.nodes:
        raise LimitExceeded("nodes", limits.nodes, len(graph.nodes))
    if depth > limits.nesting:
        raise LimitExceeded("nesting", limits.nesting, depth)


def _signature_faults(graph: Graph, limits: Limits) -> Iterator[Violation]:
    if not 1 <= graph.opset <= OPSET:
        yield Violation("opset", f"this side knows op sets 1 to {OPSET}, got {graph.opset}")
    for i, type in enumerate(graph.inputs):
        yield from _type_faults(type, f"inputs[{i}]", limits)
    for kind, names, count in (
        ("input", graph.input_names, len(graph.inputs)),
        ("output", graph.output_names, len(graph.outputs)),
    ):
        if len(names) != count:
            yield Violation(f"{kind}_names", f"expected {count} names, got {len(names)}")
        for name in sorted(name for name, times in Counter(names).items() if times > 1):
            yield Violation(f"{kind}_names", f"{name!r} stands twice")


def _type_faults(type: Type, field: str, limits: Limits) -> Iterator[Violation]:
    if any(n < 0 for n in type.shape):
        yield Violation(f"{field}.shape", f"lengths must not be negative, got {type!r}")
    elif type.ndim > limits.rank:
        yield Violation(f"{field}.shape", f"at most {limits.rank} axes, got {type.ndim}")
    elif type.nbytes > limits.value_bytes:
        raise LimitExceeded("value_bytes", limits.value_bytes, type.nbytes)


def _check_node(
    node: Node, types: Sequence[Type], infer: Infer, limits: Limits, depth: int
) -> Node:
    faults = [
        Violation(f"operands[{k}]", f"value {i} is not defined before this node")
        for k, i in enumerate(node.operands)
        if not 0 <= i < len(types)
    ]
    if faults:
        raise InvalidArgument(faults)
    attributes = {
        key: _check_body(key, value, infer, limits, depth) if isinstance(value, Graph) else value
        for key, value in node.attributes.items()
    }
    outputs = infer(node.op, [types[i] for i in node.operands], attributes)
    faults = [
        fault
        for k, type in enumerate(outputs)
        for fault in _type_faults(type, f"outputs[{k}]", limits)
    ]
    if node.outputs and node.outputs != outputs:
        faults.append(
            Violation("outputs", f"declared {node.outputs}, but {node.op} gives {outputs}")
        )
    if faults:
        raise InvalidArgument(faults)
    if node.outputs and all(attributes[key] is value for key, value in node.attributes.items()):
        return node
    return Node(node.op, node.operands, attributes, outputs, node.location)


def _check_body(key: str, body: Graph, infer: Infer, limits: Limits, depth: int) -> Graph:
    try:
        checked = validate(body, infer, limits, depth + 1)
    except InvalidArgument as error:
        raise error.within(f"attributes.{key}") from None
    if body.guards:
        raise InvalidArgument(Violation(f"attributes.{key}.guards", "a sub-graph has no guards"))
    return checked


def _result_faults(graph: Graph, types: Sequence[Type]) -> Iterator[Violation]:
    if not graph.outputs:
        yield Violation("outputs", "a graph needs at least one output")
    for k, index in enumerate(graph.outputs):
        if not 0 <= index < len(types):
            yield Violation(
                f"outputs[{k}]", f"there is no value {index}, the last is {len(types) - 1}"
            )
    for k, guard in enumerate(graph.guards):
        if not 0 <= guard.value < len(types):
            yield Violation(f"guards[{k}].value", f"there is no value {guard.value}")
        elif not _guardable(guard, types[guard.value]):
            yield Violation(
                f"guards[{k}].value",
                f"a guard needs one bool or integer, got {types[guard.value]!r}",
            )


def _guardable(guard: Guard, type: Type) -> bool:
    return type.size == 1 and type.dtype.kind == ("b" if isinstance(guard.expected, bool) else "i")
