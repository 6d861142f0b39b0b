"""What each operator asks and how it shapes the answer, whoever does the sending.

A plan is a generator: it yields requests, is sent their replies, and returns the result. `Client`
drives plans with blocking calls, `adglot.aio` by awaiting; nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from adglot.asking import Ask, Fields, Plan, Session
from adglot.calls import (
    OPERATORS,
    Answer,
    Array,
    Explain,
    Explanation,
    Listing,
    Mode,
    Operator,
    Register,
)
from adglot.errors import InvalidArgument, Violation
from adglot.ir import LEAF, Graph, Tree, leaves_like
from adglot.naming import named_text
from adglot.nesting import nest, scalars, scatter
from adglot.points import Point, as_dtype, moving
from adglot.sparse import blocks, check_installed

Argnums = int | Sequence[int]


def evaluate(ask: Ask) -> Plan[Any]:
    point, answer = yield from ask.send(lambda point: {"operator": "evaluate"})
    return _values(point, answer)


def jvp(ask: Ask, tangents: Any, seed_axis: bool) -> Plan[tuple[Any, Any]]:
    def build(point: Point) -> Fields:
        wrt, seeds = _tangents(point, tangents)
        return {
            "operator": "jvp",
            "wrt": wrt,
            "seeds": seeds,
            "seed_axis": seed_axis,
            "include_values": True,
        }

    point, answer = yield from ask.send(build)
    return _values(point, answer), _by_output(point, answer, scalars(answer.derivatives))


def vjp(ask: Ask, cotangents: Any, seed_axis: bool) -> Plan[tuple[Any, Any]]:
    def build(point: Point) -> Fields:
        of, seeds = _cotangents(point, cotangents)
        return {
            "operator": "vjp",
            "of": of,
            "seeds": seeds,
            "seed_axis": seed_axis,
            "include_values": True,
        }

    point, answer = yield from ask.send(build)
    return _values(point, answer), _by_input(point, answer)


def hvp(ask: Ask, tangents: Any, seed_axis: bool) -> Plan[Any]:
    def build(point: Point) -> Fields:
        wrt, seeds = _tangents(point, tangents)
        return {"operator": "hvp", "wrt": wrt, "seeds": seeds, "seed_axis": seed_axis}

    point, answer = yield from ask.send(build)
    return _by_input(point, answer)


def gradient(ask: Ask, argnums: Argnums, value: bool) -> Plan[Any]:
    point, answer = yield from ask.send(_whole("gradient", argnums, value=value))
    result = nest(point.tree(argnums), scalars(answer.derivatives))
    return (_values(point, answer), result) if value else result


def derivative(ask: Ask, argnum: int) -> Plan[Any]:
    def build(point: Point) -> Fields:
        positions, on = point.positions(argnum), moving(point.inputs, ask.batch)
        if [point.values[i].ndim - on[i] for i in positions] != [0]:
            what = "derivative takes one scalar argument: use gradient or jacobian"
            raise InvalidArgument(Violation(f"args[{argnum}]", what))
        return _whole("jacobian", argnum, mode="forward")(point)

    point, answer = yield from ask.send(build)
    return _by_output(point, answer, scalars(answer.derivatives))


def jacobian(ask: Ask, argnums: Argnums, mode: Mode, sparse: bool, value: bool) -> Plan[Any]:
    point, answer = yield from ask.send(_whole("jacobian", argnums, mode, value, sparse))
    result = _by_output(point, answer, _rows(point.tree(argnums), _blocks(ask, answer, sparse)))
    return (_values(point, answer), result) if value else result


def hessian(ask: Ask, argnums: Argnums, sparse: bool) -> Plan[Any]:
    point, answer = yield from ask.send(_whole("hessian", argnums, sparse=sparse))
    tree = point.tree(argnums)
    return nest(tree, _rows(tree, _blocks(ask, answer, sparse)))


def explain(
    ask: Ask, operator: str, argnums: Argnums | None, mode: Mode, sparse: bool
) -> Plan[Explanation]:
    explanation: Explanation
    build = _program(operator, argnums, mode, sparse)
    point, explanation = yield from ask.send(build, Explain)
    return replace(explanation, text=named_text(explanation.text, point.graph))


def make(
    ask: Ask, operator: str, argnums: Argnums | None, mode: Mode, sparse: bool
) -> Plan[object]:
    """Have the program made that the calls of a method run."""
    build = _program(operator, argnums, mode, sparse)
    return (yield from ask.send(build, partial(Explain, text=False)))


def _program(
    operator: str, argnums: Argnums | None, mode: Mode, sparse: bool
) -> Callable[[Point], Fields]:
    name = SAME_PROGRAM.get(operator, operator)
    if argnums is None and name in ("gradient", "jacobian", "hessian"):
        argnums = 0

    def build(point: Point) -> Fields:
        return {
            "operator": _operator(name),
            "wrt": () if argnums is None else point.positions(argnums),
            "mode": mode,
            "sparse": sparse,
            "include_values": operator in BRINGING_VALUES,
        }

    return build


def register(session: Session, graph: Graph) -> Plan[str]:
    digest: str = yield Register(graph)
    session.remember(digest)
    session.known.register(digest, graph)
    return digest


def listing(which: Listing) -> Plan[Any]:
    return (yield which)


SAME_PROGRAM = {
    "value_and_gradient": "gradient",
    "value_and_jacobian": "jacobian",
    "derivative": "jacobian",
}
"""Methods of a client that run the program of another operator."""


BRINGING_VALUES = ("evaluate", "jvp", "vjp", "value_and_gradient", "value_and_jacobian")
"""Methods whose answers have the values, too."""


def _operator(name: str) -> Operator:
    for operator in OPERATORS:
        if operator == name:
            return operator
    known = ", ".join((*OPERATORS, *SAME_PROGRAM))
    raise InvalidArgument(Violation("operator", f"unknown operator {name!r}; there are {known}"))


def _whole(
    operator: Operator,
    argnums: Argnums,
    mode: Mode = "auto",
    value: bool = False,
    sparse: bool = False,
) -> Callable[[Point], Fields]:
    """The call of an operator that takes no seeds."""
    if sparse:
        check_installed()
    return lambda point: {
        "operator": operator,
        "wrt": point.positions(argnums),
        "mode": mode,
        "include_values": value,
        "sparse": sparse,
    }


Seeds = tuple[tuple[int, ...], tuple[Array, ...]]
"""Positions of inputs or outputs, and a seed for each."""


def _tangents(point: Point, tangents: Any) -> Seeds:
    leaves = leaves_like(point.inputs, tangents, "tangents")
    return _seeds(leaves, [value.dtype for value in point.values], "tangents")


def _cotangents(point: Point, cotangents: Any) -> Seeds:
    if isinstance(point.graph, str):
        leaves = list(cotangents) if isinstance(cotangents, tuple) else [cotangents]
        return _seeds(leaves, [np.asarray(leaf).dtype for leaf in leaves], "cotangents")
    types = point.graph.output_types
    tree = point.outputs or Tree("tuple", (LEAF,) * len(types))
    leaves = leaves_like(tree, cotangents, "cotangents")
    return _seeds(leaves, [type.dtype for type in types], "cotangents")


def _seeds(leaves: Sequence[Any], dtypes: Sequence[np.dtype[Any]], field: str) -> Seeds:
    """The positions that have a seed, and their seeds: None is zero, and so is a zero integer."""
    given = [
        (i, as_dtype(leaf, dtype))
        for i, (leaf, dtype) in enumerate(zip(leaves, dtypes, strict=True))
        if leaf is not None and (dtype.kind in "fc" or np.any(leaf))
    ]
    if not given:
        raise InvalidArgument(Violation(field, "needs one at least that is not None"))
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


def _blocks(ask: Ask, answer: Answer, sparse: bool) -> list[Any]:
    return blocks(answer, ask.batched) if sparse else scalars(answer.derivatives)


def _rows(tree: Tree, items: Sequence[Any]) -> list[Any]:
    """Items that run fastest over the leaves of `tree`, one nested item a row."""
    n = max(tree.size, 1)
    return [nest(tree, items[k : k + n]) for k in range(0, len(items), n)]
