"""Reverse mode: run the linear part of a program backwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from adglot.errors import Unsupported
from adglot.ir import Graph
from adglot.ops import Absent, Builder, Linear, Placed, Value, rules
from adglot.ops.core import Record
from adglot_server.transforms.jvp import present, push, start
from adglot_server.transforms.placed import combine
from adglot_server.transforms.subgraphs import context
from adglot_server.transforms.untaken import Masks


def vjp(graph: Graph, active: Sequence[bool]) -> Graph:
    """(x, cotangents of the differentiable y) -> (y, cotangents of the active x).

    The program of `push` is linear in the tangents: its linear nodes are transposed one by one,
    last first, and then nothing needs the nodes themselves any more.
    """
    with Builder() as builder:
        primals, holes = start(builder, graph, active)
        outputs, moved = push(builder, graph, primals, holes)
        cts = [builder.input(y.type) if y.type.is_differentiable else None for y in outputs]
        pulled = pull(builder, present(holes), moved, cts)
        return builder.build(
            [*primals, *present(cts)],
            [*outputs, *pulled],
            name=f"vjp_{graph.name}",
        )


def gradient(graph: Graph, active: Sequence[bool]) -> Graph:
    """x -> (y, its gradient with respect to the active x), of one real scalar y."""
    with Builder() as builder:
        primals, holes = start(builder, graph, active)
        (y,), moved = push(builder, graph, primals, holes)
        one = builder.constant(np.ones((), y.dtype))
        pulled = pull(builder, present(holes), moved, [one])
        return builder.build(primals, [y, *pulled], name=f"gradient_{graph.name}")


def transpose(graph: Graph, linear: Sequence[bool]) -> Graph:
    """(x not linear, cotangents of all y) -> cotangents of the linear x.

    For graphs such as `linearize` makes: every node that a linear x reaches is linear in it.
    """
    with Builder() as builder:
        inputs = [builder.input(type) for type in graph.inputs]
        outputs = builder.inline(graph, inputs)
        cts = [builder.input(y.type) for y in outputs]
        holes = [x for x, hole in zip(inputs, linear, strict=True) if hole]
        known = [x for x, hole in zip(inputs, linear, strict=True) if not hole]
        pulled = pull(builder, holes, outputs, cts, [x.index for x in known])
        return builder.build([*known, *cts], pulled, name=f"transpose_{graph.name}")


def pull(
    builder: Builder,
    holes: Sequence[Value],
    outputs: Sequence[Value | None],
    cotangents: Sequence[Value | None],
    unknown: Sequence[int] = (),
) -> list[Value]:
    """Cotangents of the holes, given those of outputs that depend linearly on the holes.

    `unknown` are values that may be Inf or NaN: residuals that come in as inputs.
    """
    program, linear = linear_program(builder, holes)
    pending: dict[int, list[Value | Placed]] = defaultdict(list)
    masks = Masks(builder.records, unknown)
    for y, ct in zip(outputs, cotangents, strict=True):
        if y is not None and ct is not None and y.index in linear:
            pending[y.index].append(ct)
    for record in reversed(program):
        cts = [_collect(pending, y, masks) for y in record.outputs]
        if any(ct is not None for ct in cts):
            builder.location = record.location
            for x, part in zip(record.operands, _apply(record, cts, linear, masks), strict=True):
                if part is not None:
                    pending[x.index].append(part)
    collected = [(hole, _collect(pending, hole, masks)) for hole in holes]
    return [_or_zeros(builder, hole, ct) for hole, ct in collected]


def linear_program(builder: Builder, holes: Sequence[Value]) -> tuple[list[Record], set[int]]:
    """The nodes that depend on the holes, and the indices of the values that do."""
    linear = {hole.index for hole in holes}
    program = []
    for record in builder.records:
        if not linear.isdisjoint([x.index for x in record.operands]):
            linear.update([y.index for y in record.outputs])
            program.append(record)
    return program, linear


def _collect(pending: dict[int, list[Value | Placed]], y: Value, masks: Masks) -> Value | None:
    parts = pending.pop(y.index, None)
    return masks.join(parts, combine(parts, y.type)) if parts else None


def _apply(
    record: Record, cts: Sequence[Value | None], linear: set[int], masks: Masks
) -> Sequence[Value | Placed | None]:
    op = record.op
    operands = [_linear(x.type) if x.index in linear else x for x in record.operands]
    if isinstance(op.transpose, Absent):
        raise Unsupported(f"{op.name} cannot be run backwards: {op.transpose.reason}")
    pulled = op.transpose(*context(op), tuple(cts), operands, **record.attributes)
    for x, ct in zip(record.operands, pulled, strict=True):
        assert ct is None or ct.type == x.type, f"rule of {op.name}: cotangent {ct} of {x}"
    return masks.carry(record, cts, operands, pulled)


_linear = lru_cache(maxsize=1024)(Linear)
"""Long graphs have few types."""


def _or_zeros(builder: Builder, like: Value, ct: Value | None) -> Value:
    return rules.zeros(like, like.type) if ct is None else ct
