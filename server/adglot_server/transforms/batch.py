"""Map a graph over a leading axis, without a loop."""

from __future__ import annotations

from collections.abc import Sequence

from adglot.errors import Unsupported
from adglot.ir import Graph
from adglot.ops import TABLE, Absent, Builder, Value, rules
from adglot_server.transforms.subgraphs import context


def batch(
    graph: Graph, batched: Sequence[bool], size: int, force: Sequence[bool] | None = None
) -> tuple[Graph, tuple[bool, ...]]:
    """The graph over a leading axis of the batched inputs, and which outputs have that axis.

    An output that no batched input reaches has no such axis unless `force` asks for it.
    """
    with Builder() as builder:
        inputs = [
            builder.input(type.with_shape((size, *type.shape)) if on else type)
            for type, on in zip(graph.inputs, batched, strict=True)
        ]
        outputs, flags = spread(builder, graph, inputs, batched, size)
        wanted = [a or b for a, b in zip(flags, force or flags, strict=True)]
        outputs = [
            repeat(y, size) if want and not flag else y
            for y, flag, want in zip(outputs, flags, wanted, strict=True)
        ]
        return builder.build(inputs, outputs, name=f"batch_{graph.name}"), tuple(wanted)


def spread(
    builder: Builder, graph: Graph, inputs: Sequence[Value], batched: Sequence[bool], size: int
) -> tuple[list[Value], list[bool]]:
    """Emit the graph over the axis; outputs, and which of them have it. The rest is done once."""
    values, flags = list(inputs), list(batched)
    for node in graph.nodes:
        builder.location = node.location
        op = TABLE[node.op]
        xs = tuple([values[i] for i in node.operands])
        on = tuple([flags[i] for i in node.operands])
        if not any(on):
            outputs: Sequence[Value] = builder.emit(op, xs, node.attributes)
            out_flags: Sequence[bool] = (False,) * len(outputs)
        elif isinstance(op.batch, Absent):
            raise Unsupported(f"{op.name} cannot be batched: {op.batch.reason}")
        else:
            outputs, out_flags = op.batch(*context(op), size, xs, on, **node.attributes)
        values += outputs
        flags += out_flags
    builder.inherit_guards(graph, values)
    return [values[i] for i in graph.outputs], [flags[i] for i in graph.outputs]


def repeat(y: Value, size: int) -> Value:
    """The same value at every point of the batch."""
    return rules.broadcast_to(y, (size, *y.shape))
