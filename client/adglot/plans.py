"""What each operator asks and how it shapes the answer, whoever does the sending.

A plan is a generator: it yields requests, is sent their replies, and returns the result. `Client`
drives plans with blocking calls, `adglot.aio` by awaiting; nothing is written twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from adglot.calls import (
    DEFAULT_ENGINE,
    OPERATORS,
    Answer,
    Array,
    Call,
    Explain,
    Explanation,
    Listing,
    Mode,
    Operator,
    Register,
    Request,
)
from adglot.errors import AdglotError, GuardFailed, InvalidArgument, UnknownGraph, Violation
from adglot.ir import LEAF, Graph, Tree
from adglot.naming import named_error, named_text
from adglot.nesting import leaves_like, nest, scalars, scatter
from adglot.points import Point, Source, as_dtype
from adglot.reports import tell

T = TypeVar("T")
Plan = Generator[Request, Any, T]
Argnums = int | Sequence[int]

MOST_KNOWN = 10_000


@dataclass(slots=True)
class Session:
    """What a client remembers: the digests that its server should know."""

    known: set[str] = field(default_factory=set)

    def send(self, call: Call, wrap: Callable[[Call], Request]) -> Plan[Any]:
        """Ask by digest where the server should know the graph, and send it where it does not."""
        if call.digest in self.known:
            try:
                return (yield wrap(replace(call, graph=call.digest)))
            except UnknownGraph:
                self.known.discard(call.digest)
        reply = yield wrap(call)
        self.remember(call.digest)
        return reply

    def remember(self, digest: str) -> None:
        if len(self.known) >= MOST_KNOWN:
            self.known.clear()
        self.known.add(digest)


@dataclass(frozen=True, slots=True)
class Ask:
    """A function, arguments, and what every operator takes besides."""

    session: Session
    source: Source
    args: tuple[Any, ...]
    engine: str = DEFAULT_ENGINE
    batch: bool = False
    timeout: float | None = None

    def send(
        self, build: Callable[[Point], Call], wrap: Callable[[Call], Request] = lambda call: call
    ) -> Plan[tuple[Point, Any]]:
        """Send the call that `build` makes; where a guard fails, once more with another graph."""
        point = self.source.at(self.args, self.batch)
        try:
            return point, (yield from self._send(point, build, wrap))
        except GuardFailed:
            another = self.source.again(self.args, self.batch)
            if another is None:
                raise
        return another, (yield from self._send(another, build, wrap))

    def _send(
        self, point: Point, build: Callable[[Point], Call], wrap: Callable[[Call], Request]
    ) -> Plan[Any]:
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        call = replace(build(point), engine=self.engine, batch=self.batch, deadline=deadline)
        try:
            reply = yield from self.session.send(call, wrap)
        except AdglotError as error:
            raise named_error(error, point.graph, call) from None
        if isinstance(reply, Answer):
            tell(reply.report)
        return reply


def evaluate(ask: Ask) -> Plan[Any]:
    point, answer = yield from ask.send(lambda p: Call("evaluate", p.graph, p.values))
    return _values(point, answer)


def jvp(ask: Ask, tangents: Any, seed_axis: bool) -> Plan[tuple[Any, Any]]:
    point, answer = yield from ask.send(
        lambda p: replace(
            _tangent_call("jvp", p, tangents), seed_axis=seed_axis, include_values=True
        )
    )
    return _values(point, answer), _by_output(point, answer, scalars(answer.derivatives))


def vjp(ask: Ask, cotangents: Any, seed_axis: bool) -> Plan[tuple[Any, Any]]:
    point, answer = yield from ask.send(
        lambda p: replace(_cotangent_call(p, cotangents), seed_axis=seed_axis, include_values=True)
    )
    return _values(point, answer), _by_input(point, answer)


def hvp(ask: Ask, tangents: Any, seed_axis: bool) -> Plan[Any]:
    point, answer = yield from ask.send(
        lambda p: replace(_tangent_call("hvp", p, tangents), seed_axis=seed_axis)
    )
    return _by_input(point, answer)


def gradient(ask: Ask, argnums: Argnums, value: bool) -> Plan[Any]:
    point, answer = yield from ask.send(_whole("gradient", argnums, value=value))
    result = nest(point.tree(argnums), scalars(answer.derivatives))
    return (_values(point, answer), result) if value else result


def derivative(ask: Ask, argnum: int) -> Plan[Any]:
    def build(point: Point) -> Call:
        values = [point.values[i] for i in point.positions(argnum)]
        if [value.ndim - ask.batch for value in values] != [0]:
            what = "derivative takes one scalar argument: use gradient or jacobian"
            raise InvalidArgument(Violation(f"args[{argnum}]", what))
        return _whole("jacobian", argnum, mode="forward")(point)

    point, answer = yield from ask.send(build)
    return _by_output(point, answer, scalars(answer.derivatives))


def jacobian(ask: Ask, argnums: Argnums, mode: Mode, value: bool) -> Plan[Any]:
    point, answer = yield from ask.send(_whole("jacobian", argnums, mode, value))
    result = _by_output(point, answer, _rows(point.tree(argnums), answer.derivatives))
    return (_values(point, answer), result) if value else result


def hessian(ask: Ask, argnums: Argnums) -> Plan[Any]:
    point, answer = yield from ask.send(_whole("hessian", argnums))
    tree = point.tree(argnums)
    return nest(tree, _rows(tree, answer.derivatives))


def explain(ask: Ask, operator: str, argnums: Argnums | None, mode: Mode) -> Plan[Explanation]:
    name = SAME_PROGRAM.get(operator, operator)
    if argnums is None and name in ("gradient", "jacobian", "hessian"):
        argnums = 0

    def build(point: Point) -> Call:
        wrt = () if argnums is None else point.positions(argnums)
        return Call(_operator(name), point.graph, wrt=wrt, mode=mode)

    explanation: Explanation
    point, explanation = yield from ask.send(build, Explain)
    return replace(explanation, text=named_text(explanation.text, point.graph))


def register(session: Session, graph: Graph) -> Plan[str]:
    digest: str = yield Register(graph)
    session.remember(digest)
    return digest


def listing(which: Listing) -> Plan[Any]:
    return (yield which)


SAME_PROGRAM = {
    "value_and_gradient": "gradient",
    "value_and_jacobian": "jacobian",
    "derivative": "jacobian",
}
"""Methods of a client that run the program of another operator."""


def _operator(name: str) -> Operator:
    for operator in OPERATORS:
        if operator == name:
            return operator
    known = ", ".join((*OPERATORS, *SAME_PROGRAM))
    raise InvalidArgument(Violation("operator", f"unknown operator {name!r}; there are {known}"))


def _whole(
    operator: Operator, argnums: Argnums, mode: Mode = "auto", value: bool = False
) -> Callable[[Point], Call]:
    """The call of an operator that takes no seeds."""
    return lambda point: Call(
        operator,
        point.graph,
        point.values,
        wrt=point.positions(argnums),
        mode=mode,
        include_values=value,
    )


def _tangent_call(operator: Operator, point: Point, tangents: Any) -> Call:
    leaves = leaves_like(point.inputs, tangents, "tangents")
    dtypes = [value.dtype for value in point.values]
    wrt, seeds = _seeds(leaves, dtypes)
    return Call(operator, point.graph, point.values, seeds, wrt=wrt)


def _cotangent_call(point: Point, cotangents: Any) -> Call:
    if isinstance(point.graph, str):
        leaves = list(cotangents) if isinstance(cotangents, tuple) else [cotangents]
        of, seeds = _seeds(leaves, [np.asarray(leaf).dtype for leaf in leaves])
    else:
        types = point.graph.output_types
        tree = point.outputs or Tree("tuple", (LEAF,) * len(types))
        leaves = leaves_like(tree, cotangents, "cotangents")
        of, seeds = _seeds(leaves, [type.dtype for type in types])
    return Call("vjp", point.graph, point.values, seeds, of=of)


def _seeds(
    leaves: Sequence[Any], dtypes: Sequence[np.dtype[Any]]
) -> tuple[tuple[int, ...], tuple[Array, ...]]:
    """The positions that have a seed, and their seeds: None is zero, and so is a zero integer."""
    given = [
        (i, as_dtype(leaf, dtype))
        for i, (leaf, dtype) in enumerate(zip(leaves, dtypes, strict=True))
        if leaf is not None and (dtype.kind in "fc" or np.any(leaf))
    ]
    return tuple(i for i, _ in given), tuple(seed for _, seed in given)


def _values(point: Point, answer: Answer) -> Any:
    return nest(point.outputs, scalars(answer.values))


def _by_input(point: Point, answer: Answer) -> Any:
    leaves = scatter(len(point.values), answer.report.wrt, scalars(answer.derivatives))
    return nest(point.inputs, leaves)


def _by_output(point: Point, answer: Answer, items: Sequence[Any]) -> Any:
    """One item an output that has derivatives, None for the others."""
    if point.outputs is None:
        return nest(None, items)
    return nest(point.outputs, scatter(point.outputs.size, answer.report.of, items))


def _rows(tree: Tree, blocks: Sequence[Array]) -> list[Any]:
    """Blocks that run fastest over the leaves of `tree`, one nested item a row."""
    n = max(tree.size, 1)
    return [nest(tree, scalars(blocks[k : k + n])) for k in range(0, len(blocks), n)]
