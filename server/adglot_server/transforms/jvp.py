"""Forward mode: push tangents through a graph, node by node."""

from __future__ import annotations

from collections.abc import Sequence

from adglot.errors import Unsupported
from adglot.ir import Graph
from adglot.ops import TABLE, Absent, Builder, Op, Value
from adglot.ops.core import Attributes
from adglot_server.transforms.subgraphs import context

Tangents = Sequence[Value | None]


def jvp(graph: Graph, active: Sequence[bool]) -> tuple[Graph, tuple[bool, ...]]:
    """(x, tangents of the active x) -> (y, tangents of the active y), and which y are active.

    An output is inactive when no active input reaches it, or when it is bool or integer.
    """
    with Builder() as builder:
        primals, tangents = start(builder, graph, active)
        outputs, moved = push(builder, graph, primals, tangents)
        result = builder.build(
            [*primals, *present(tangents)], [*outputs, *present(moved)], name=f"jvp_{graph.name}"
        )
        return result, tuple(t is not None for t in moved)


def start(
    builder: Builder, graph: Graph, active: Sequence[bool]
) -> tuple[list[Value], list[Value | None]]:
    """New inputs for the graph, and tangents of those that are active and can have one."""
    primals = [builder.input(type) for type in graph.inputs]
    tangents = [
        builder.input(x.type) if on and x.type.is_differentiable else None
        for x, on in zip(primals, active, strict=True)
    ]
    return primals, tangents


def push(
    builder: Builder, graph: Graph, primals: Sequence[Value], tangents: Tangents
) -> tuple[list[Value], list[Value | None]]:
    """Emit the graph and its derivative; outputs and their tangents, None where zero."""
    values, moved = list(primals), list(tangents)
    for node in graph.nodes:
        builder.location = node.location
        xs = [values[i] for i in node.operands]
        ts = [moved[i] for i in node.operands]
        if all(t is None for t in ts):
            outputs: Sequence[Value] = builder.record(
                TABLE[node.op], xs, node.attributes, node.outputs
            )
            derivatives: Tangents = (None,) * len(outputs)
        else:
            outputs, derivatives = _apply(TABLE[node.op], xs, ts, node.attributes)
        values += outputs
        moved += derivatives
    builder.inherit_guards(graph, values)
    return [values[i] for i in graph.outputs], [moved[i] for i in graph.outputs]


def present(values: Tangents) -> list[Value]:
    """Those that are not zero."""
    return [value for value in values if value is not None]


def _apply(
    op: Op, xs: Sequence[Value], ts: Tangents, attributes: Attributes
) -> tuple[Sequence[Value], Tangents]:
    if isinstance(op.jvp, Absent):
        raise Unsupported(f"{op.name} has no derivative: {op.jvp.reason}")
    outputs, derivatives = op.jvp(*context(op), tuple(xs), tuple(ts), **attributes)
    for y, t in zip(outputs, derivatives, strict=True):
        assert t is None or t.type == y.type, f"rule of {op.name}: tangent {t} of {y}"
    return outputs, derivatives
