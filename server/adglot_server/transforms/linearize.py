"""Cut a graph in two: what depends on the point, and what is linear in the tangents."""

from __future__ import annotations

from collections.abc import Sequence

from adglot.ir import Graph
from adglot.ops import Builder, Value
from adglot.ops.core import Linearized, Record
from adglot_server.transforms.jvp import present, push, start
from adglot_server.transforms.transpose import linear_program


def linearize(
    graph: Graph, active: Sequence[bool], shared: Sequence[bool] | None = None
) -> Linearized:
    """x -> (y, residuals), and (known x, residuals, tangents) -> tangents of y.

    Residuals are the values that the linear part needs of the other. Constants, and views of
    something larger kept already, are not handed over: the linear part makes them again.
    """
    with Builder() as builder:
        primals, holes = start(builder, graph, active)
        outputs, moved = push(builder, graph, primals, holes)
        wanted = _wanted(builder, present(holes), present(moved))
        known = [i for i, on in enumerate(shared or [True] * len(primals)) if on and i in wanted]
        residuals = [x for i, x in wanted.items() if i not in known]
        inputs = [*(primals[i] for i in known), *residuals, *present(holes)]
        return Linearized(
            builder.build(primals, [*outputs, *residuals], name=graph.name),
            builder.build(inputs, present(moved), name=f"linear_{graph.name}", guarded=False),
            tuple(known),
            tuple(t is not None for t in moved),
        )


def _wanted(
    builder: Builder, holes: Sequence[Value], tangents: Sequence[Value]
) -> dict[int, Value]:
    """What the linear nodes behind these tangents read of the others, by index."""
    _, linear = linear_program(builder, holes)
    static = _static(builder.records)
    wanted = {t.index: t for t in tangents if t.index not in linear}
    for record in reversed(builder.live(tangents)):
        if any(x.index in linear for x in record.operands):
            wanted.update((x.index, x) for x in record.operands if x.index not in linear)
        elif any(y.index in wanted for y in record.outputs) and _is_made_again(record, static):
            for y in record.outputs:
                wanted.pop(y.index, None)
            wanted.update((x.index, x) for x in record.operands)
    return dict(sorted(wanted.items()))


def _static(records: Sequence[Record]) -> set[int]:
    """Values that no input reaches."""
    static: set[int] = set()
    for record in records:
        if all(x.index in static for x in record.operands):
            static.update(y.index for y in record.outputs)
    return static


def _is_made_again(record: Record, static: set[int]) -> bool:
    """Whether the linear part emits this node once more, and no residual holds its result."""
    if all(y.index in static for y in record.outputs):
        return True
    sizes = [sum(v.type.nbytes for v in values) for values in (record.operands, record.outputs)]
    types = [[v.type for v in values] for values in (record.operands, record.outputs)]
    return sizes[0] <= sizes[1] and record.op.cost(*types, **record.attributes) == 0
