"""Which outputs of a graph depend on which inputs, loops and branches included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adglot.ir import Graph, Node

Flags = list[bool]
Seen = dict[tuple[int, tuple[bool, ...]], Flags]
"""What is known of a sub-graph already: loops in loops ask again and again."""


def reach(graph: Graph, flags: Sequence[bool], seen: Seen | None = None) -> Flags:
    """Which outputs the flagged inputs reach."""
    seen = {} if seen is None else seen
    key = (id(graph), tuple(flags))
    if key not in seen:
        values = list(flags)
        for node in graph.nodes:
            values += _through(node, [values[i] for i in node.operands], seen)
        seen[key] = [values[i] for i in graph.outputs]
    return seen[key]


def reach_around(
    body: Graph, flags: Sequence[bool], first: int, carries: int, seen: Seen | None = None
) -> Flags:
    """Flags of a loop body's inputs once they have gone round; `first` is the first carry."""
    flags, last = list(flags), first + carries
    seen = {} if seen is None else seen
    while True:
        more = either(flags[first:last], reach(body, flags, seen)[:carries])
        if more == flags[first:last]:
            return flags
        flags[first:last] = more


def either(first: Sequence[bool], second: Sequence[bool]) -> Flags:
    """Where one or the other is set."""
    return [a or b for a, b in zip(first, second, strict=True)]


def _through(node: Node, flags: Flags, seen: Seen) -> Flags:
    if any(flags) and node.op in RULES:
        return RULES[node.op](flags, seen, **node.attributes)
    return [any(flags)] * len(node.outputs)


def _call(flags: Flags, seen: Seen, function: Graph) -> Flags:
    return reach(function, flags, seen)


def _cond(flags: Flags, seen: Seen, if_true: Graph, if_false: Graph) -> Flags:
    predicate, *operands = flags
    sides = either(reach(if_true, operands, seen), reach(if_false, operands, seen))
    return [predicate or on for on in sides]


def _scan(flags: Flags, seen: Seen, body: Graph, consts: int, carries: int, **how: Any) -> Flags:
    inside = reach_around(body, flags, consts, carries, seen)
    return [*inside[consts : consts + carries], *reach(body, inside, seen)[carries:]]


def _while_loop(
    flags: Flags, seen: Seen, condition: Graph, body: Graph, consts: int, **how: Any
) -> Flags:
    inside = reach_around(body, flags, consts, len(flags) - consts, seen)
    (decided,) = reach(condition, inside, seen)
    return [decided or on for on in inside[consts:]]


RULES: dict[str, Callable[..., Flags]] = {
    "call": _call,
    "cond": _cond,
    "scan": _scan,
    "while_loop": _while_loop,
}
"""Ops whose outputs do not all depend on all operands."""
