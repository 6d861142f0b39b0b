"""Cut from a control-flow node what nobody uses: outputs, carries, operands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adglot.ir import Graph
from adglot.ops.control import bodies
from adglot.ops.control.reach import either
from adglot.ops.core import Attributes, Builder, Value

Flags = list[bool]


@dataclass(frozen=True, slots=True)
class Pruned:
    """Which operands and outputs a node keeps, and its attributes then."""

    operands: Flags
    outputs: Flags
    attributes: dict[str, Any]


def prune(op: str, attributes: Attributes, used: Sequence[bool]) -> Pruned | None:
    """The node with the used outputs and what they need; None if nothing can be cut."""
    if op not in RULES:
        return None
    pruned = RULES[op](dict(attributes), list(used))
    return None if all(pruned.operands) and all(pruned.outputs) else pruned


def needed(graph: Graph, outputs: Sequence[bool]) -> Flags:
    """Which inputs these outputs depend on."""
    wanted = {i for i, on in zip(graph.outputs, outputs, strict=True) if on}
    for index, node in reversed(list(graph.numbered())):
        if any(index + k in wanted for k in range(len(node.outputs))):
            wanted.update(node.operands)
    return [i in wanted for i in range(len(graph.inputs))]


def narrowed(graph: Graph, inputs: Sequence[bool], outputs: Sequence[bool]) -> Graph:
    """The graph with those inputs and outputs only, which must not depend on the others."""

    def function(b: Builder, *xs: Value) -> list[Value]:
        given = iter(xs)
        pairs = zip(graph.inputs, inputs, strict=True)
        operands = [next(given) if on else b.value(type) for type, on in pairs]
        return bodies.choose(b.inline(graph, operands), outputs)

    return bodies.make(bodies.choose(graph.inputs, inputs), function, graph.name)


def _scan(attributes: dict[str, Any], used: Flags) -> Pruned:
    body, consts, carries = (attributes[key] for key in ("body", "consts", "carries"))
    inputs, outputs = _around(body, consts, carries, used)
    return Pruned(
        inputs,
        outputs,
        {
            **attributes,
            "body": narrowed(body, inputs, outputs),
            "consts": sum(inputs[:consts]),
            "carries": sum(outputs[:carries]),
        },
    )


def _around(body: Graph, consts: int, carries: int, used: Flags) -> tuple[Flags, Flags]:
    """Inputs and outputs of a loop's body that are needed for the used ones, round and round."""
    while True:
        inputs = needed(body, used)
        more = either(used[:carries], inputs[consts : consts + carries])
        if more == used[:carries]:
            return [*inputs[:consts], *more, *inputs[consts + carries :]], used
        used = [*more, *used[carries:]]


def _while_loop(attributes: dict[str, Any], used: Flags) -> Pruned:
    condition, body, consts = (attributes[key] for key in ("condition", "body", "consts"))
    asked = needed(condition, [True])
    inputs, outputs = _around(body, consts, len(used), either(used, asked[consts:]))
    inputs = either(inputs, asked)
    return Pruned(
        inputs,
        outputs,
        {
            **attributes,
            "condition": narrowed(condition, inputs, [True]),
            "body": narrowed(body, inputs, outputs),
            "consts": sum(inputs[:consts]),
        },
    )


def _cond(attributes: dict[str, Any], used: Flags) -> Pruned:
    true, false = attributes["if_true"], attributes["if_false"]
    inputs = either(needed(true, used), needed(false, used))
    sides = {
        "if_true": narrowed(true, inputs, used),
        "if_false": narrowed(false, inputs, used),
    }
    return Pruned([True, *inputs], used, sides)


def _call(attributes: dict[str, Any], used: Flags) -> Pruned:
    inputs = needed(attributes["function"], used)
    return Pruned(inputs, used, {"function": narrowed(attributes["function"], inputs, used)})


RULES: dict[str, Callable[[dict[str, Any], Flags], Pruned]] = {
    "scan": _scan,
    "while_loop": _while_loop,
    "cond": _cond,
    "call": _call,
}
"""The ops whose outputs can be dropped one by one."""
