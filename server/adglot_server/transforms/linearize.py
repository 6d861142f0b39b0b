"""Cut a graph in two: what depends on the point, and what is linear in the tangents."""

from __future__ import annotations

from collections.abc import Sequence

from adglot.ir import Graph
from adglot.ops import Builder, Value
from adglot.ops.core import Linearized, Record
from adglot_server.transforms.jvp import present, push, start
from adglot_server.transforms.transpose import linear_program

CHEAP = ("add", "subtract", "multiply", "negative")
"""Ops that take less time than to keep their result and read it again."""

DEEP = 2
"""Nodes, one behind the other, that are made again for the sake of one value."""


def linearize(
    graph: Graph, active: Sequence[bool], shared: Sequence[bool] | None = None
) -> Linearized:
    """x -> (y, residuals), and (known x, residuals, tangents) -> tangents of y.

    Residuals are the values that the linear part needs of the other. Constants, views of
    something larger kept already, and what one or two cheap ops make of what is kept or known are
    not handed over: the linear part makes them again.
    """
    with Builder() as builder:
        primals, holes = start(builder, graph, active)
        outputs, moved = push(builder, graph, primals, holes)
        readable = [i for i, on in enumerate(shared or [True] * len(primals)) if on]
        wanted = _wanted(builder, present(holes), present(moved), readable)
        known = [i for i in readable if i in wanted]
        residuals = [x for i, x in wanted.items() if i not in known]
        inputs = [*(primals[i] for i in known), *residuals, *present(holes)]
        return Linearized(
            builder.build(primals, [*outputs, *residuals], name=graph.name),
            builder.build(inputs, present(moved), name=f"linear_{graph.name}", guarded=False),
            tuple(known),
            tuple(t is not None for t in moved),
        )


def _wanted(
    builder: Builder, holes: Sequence[Value], tangents: Sequence[Value], readable: Sequence[int]
) -> dict[int, Value]:
    """What the linear nodes behind these tangents read of the others, by index."""
    _, linear = linear_program(builder, holes)
    records = builder.live(tangents)
    wanted = {t.index: t for t in tangents if t.index not in linear}
    for record in records:
        if any(x.index in linear for x in record.operands):
            wanted.update((x.index, x) for x in record.operands if x.index not in linear)
    again = _Again(builder.records, {*wanted, *readable})
    for record in reversed(records):
        if any(y.index in wanted for y in record.outputs) and again.makes(record):
            for y in record.outputs:
                wanted.pop(y.index, None)
            wanted.update((x.index, x) for x in record.operands)
    return dict(sorted(wanted.items()))


class _Again:
    """Which nodes the linear part emits once more, so that no residual holds their results."""

    def __init__(self, records: Sequence[Record], kept: set[int]) -> None:
        """`kept` are the values that are there in any case."""
        self._makers = {y.index: record for record in records for y in record.outputs}
        self._static, self._kept = _static(records), kept

    def makes(self, record: Record, deep: int = DEEP) -> bool:
        """Whether this is one, others made again before it."""
        if all(y.index in self._static for y in record.outputs):
            return True
        sides = (record.operands, record.outputs)
        types = [[v.type for v in values] for values in sides]
        free = record.op.cost(*types, **record.attributes) == 0
        if free and sum(t.nbytes for t in types[0]) <= sum(t.nbytes for t in types[1]):
            return True
        cheap = deep > 0 and (free or record.op.name in CHEAP)
        return cheap and all(self._is_there(x, deep - 1) for x in record.operands)

    def _is_there(self, x: Value, deep: int) -> bool:
        if x.index in self._kept:
            return True
        maker = self._makers.get(x.index)
        return maker is not None and self.makes(maker, deep)


def _static(records: Sequence[Record]) -> set[int]:
    """Values that no input reaches."""
    static: set[int] = set()
    for record in records:
        if all(x.index in static for x in record.operands):
            static.update(y.index for y in record.outputs)
    return static
