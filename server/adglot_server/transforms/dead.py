"""Cut what nobody uses from loops and branches: outputs, carries, operands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adglot.ir import Graph, Node
from adglot.ops import TABLE, Builder, Value
from adglot.ops.control.bodies import choose, fill
from adglot.ops.control.dead import Pruned, prune


def trim(graph: Graph) -> Graph:
    """The graph, its control-flow nodes without dead parts; dead nodes are left out anyway."""
    pruned = _pruned(graph)
    if not pruned:
        return graph
    with Builder() as builder:
        values = [builder.input(type) for type in graph.inputs]
        for index, node in graph.numbered():
            builder.location = node.location
            xs = [values[i] for i in node.operands]
            if index in pruned:
                values += _emit(builder, node, xs, pruned[index])
            else:
                values += builder.emit(TABLE[node.op], xs, node.attributes)
        return rebuilt(builder, graph, values)


def rebuilt(builder: Builder, graph: Graph, values: Sequence[Value]) -> Graph:
    """The graph under its own names, its values being `values` here, inputs first."""
    builder.inherit_guards(graph, values)
    return builder.build(
        values[: len(graph.inputs)],
        [values[i] for i in graph.outputs],
        input_names=graph.input_names,
        output_names=graph.output_names,
        name=graph.name,
        input_tree=graph.input_tree,
        output_tree=graph.output_tree,
    )


def _pruned(graph: Graph) -> Mapping[int, Pruned]:
    """What can be cut, by the index of a node's first output."""
    if not any(TABLE[node.op].higher_order for node in graph.nodes):
        return {}
    used = {*graph.outputs, *(guard.value for guard in graph.guards)}
    found: dict[int, Pruned] = {}
    for index, node in reversed(list(graph.numbered())):
        flags = [index + k in used for k in range(len(node.outputs))]
        if not any(flags):
            continue
        pruned = prune(node.op, node.attributes, flags)
        if pruned is None:
            used.update(node.operands)
        else:
            found[index] = pruned
            used.update(choose(node.operands, pruned.operands))
    return found


def _emit(builder: Builder, node: Node, xs: list[Value], pruned: Pruned) -> list[Value]:
    """The smaller node; an output that it no longer has is a value that nothing defines."""
    kept = builder.emit(TABLE[node.op], choose(xs, pruned.operands), pruned.attributes)
    pairs = zip(fill(kept, pruned.outputs), node.outputs, strict=True)
    return [builder.value(type) if y is None else y for y, type in pairs]
