"""Every op of the table at every one of its samples: a graph of one node, and a point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from adglot.ir import Graph, Type
from adglot.ops.core import Array, Builder, Op, Sample


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """One op at one of its samples; `smooth` says that the derivative exists there."""

    name: str
    op: Op
    graph: Graph
    point: tuple[Array, ...]
    smooth: bool


def sampled(table: dict[str, Op]) -> Iterator[Sampled]:
    """Each op's samples in turn, numbered from 0.

    >>> from adglot.ops import TABLE
    >>> first = next(sampled({"negative": TABLE["negative"]}))
    >>> first.name, first.graph.nodes[0].op
    ('negative[0]', 'negative')
    """
    for op in table.values():
        for k, sample in enumerate(op.samples()):
            point = tuple(map(np.asarray, sample.operands))
            yield Sampled(f"{op.name}[{k}]", op, graph_of(op, sample), point, sample.smooth)


def graph_of(op: Op, sample: Sample) -> Graph:
    """The graph of one op on inputs like the operands of a sample."""
    builder = Builder()
    inputs = [builder.input(Type.of(np.asarray(x))) for x in sample.operands]
    outputs = builder.emit(op, inputs, op.complete(sample.attributes))
    return builder.build(inputs, outputs, name=op.name)
