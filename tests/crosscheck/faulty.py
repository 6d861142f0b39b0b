"""Engines that are wrong on purpose: the native one with one rule replaced."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import adglot
from adglot.calls import OPERATORS, EngineInfo
from adglot.ir import Graph, Node, Type
from adglot.ops import TABLE, Builder, Value
from adglot_server.engines.autograd import AutogradEngine
from adglot_server.engines.base import Engine, Prepared, Request
from adglot_server.engines.extended import ExtendedEngine
from adglot_server.engines.finite_difference import FiniteDifferenceEngine
from adglot_server.engines.native import NativeEngine
from adglot_server.service.core import Core
from adglot_server.service.embedded import EmbeddedTransport
from adglot_server.service.engines import Engines

Values = Sequence[Value]
Rule = Callable[[str, Values, Values, dict[str, Any]], Value]
"""(op, primals, tangents, attributes) -> the tangent of the output."""


def right(op: str, primals: Values, tangents: Values, attributes: dict[str, Any]) -> Value:
    _, (tangent,) = TABLE[op].jvp(primals, tangents, **attributes)
    return tangent


def sign(op: str, primals: Values, tangents: Values, attributes: dict[str, Any]) -> Value:
    return -right(op, primals, tangents, attributes)


def factor(op: str, primals: Values, tangents: Values, attributes: dict[str, Any]) -> Value:
    return right(op, primals, tangents, attributes) * 2.0


def missing_term(op: str, primals: Values, tangents: Values, attributes: dict[str, Any]) -> Value:
    """The last operand's tangent counts in its first row only."""
    mask = [[1.0], [0.0], [0.0]]
    return right(op, primals, [*tangents[:-1], tangents[-1] * mask], attributes)


def wrong_axis(op: str, primals: Values, tangents: Values, attributes: dict[str, Any]) -> Value:
    turned = [TABLE["permute_dims"](t, axes=(1, 0)) for t in tangents]
    return right(op, primals, turned, attributes)


WAYS: dict[str, Rule] = {
    "sign": sign,
    "factor": factor,
    "missing term": missing_term,
    "wrong axis": wrong_axis,
}


@dataclass
class FaultyEngine:
    """Native, but for the rule of one op."""

    op: str
    rule: Rule
    name: str = "faulty"
    version: str = "1.0"

    def info(self) -> EngineInfo:
        return EngineInfo(self.name, True, version=self.version, operators=OPERATORS)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        return NativeEngine().prepare(self.replaced(graph), request)

    def replaced(self, graph: Graph) -> Graph:
        """The same function, its derivative being wrong at every node of the op."""
        types = graph.types
        nodes = [self._node(node, [types[i] for i in node.operands]) for node in graph.nodes]
        return replace(graph, nodes=tuple(nodes))

    def _node(self, node: Node, types: Sequence[Type]) -> Node:
        attributes = {
            name: self.replaced(value) if isinstance(value, Graph) else value
            for name, value in node.attributes.items()
        }
        if node.op != self.op:
            return replace(node, attributes=attributes)
        xs, rule = self._function(node, types), self._rule(node, types)
        wrong = {"function": xs, "rule": rule, "mode": "jvp"}
        return replace(node, op="custom_derivative", attributes=wrong)

    def _function(self, node: Node, types: Sequence[Type]) -> Graph:
        builder = Builder()
        xs = [builder.input(type) for type in types]
        return builder.build(xs, TABLE[self.op].all(*xs, **node.attributes))

    def _rule(self, node: Node, types: Sequence[Type]) -> Graph:
        builder = Builder()
        xs, ts = ([builder.input(type) for type in types] for _ in range(2))
        return builder.build([*xs, *ts], [self.rule(self.op, xs, ts, dict(node.attributes))])


QUICK = (NativeEngine, AutogradEngine, FiniteDifferenceEngine, ExtendedEngine)
"""Engines that every machine with the tests has, and that start at once."""


def service(*engines: Engine) -> adglot.Client:
    """A client of a service in this process with these engines besides the quick ones."""
    attached = {engine.name: engine for engine in (*(made() for made in QUICK), *engines)}
    return adglot.Client(EmbeddedTransport(Core(engines=Engines((), attached))))
