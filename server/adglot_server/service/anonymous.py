"""A graph without its names: what the service keeps under a digest that anybody may send.

Graphs with one digest may come from several people with different names. No answer or error may
tell one of them what another one called things, so the places of nodes and guards stand instead:
the client, who has the names, puts them back.
"""

from __future__ import annotations

from dataclasses import replace

from adglot.ir import LEAF, Attribute, Graph, Guard, Node


def anonymous(graph: Graph, path: str = "graph") -> Graph:
    """The graph with places for locations and numbers for names; its digest is the same."""
    nameless = replace(
        graph,
        nodes=tuple(_node(node, f"{path}.nodes[{i}]") for i, node in enumerate(graph.nodes)),
        guards=tuple(
            Guard(guard.value, guard.expected, f"{path}.guards[{i}]")
            for i, guard in enumerate(graph.guards)
        ),
        input_names=tuple(f"inputs[{i}]" for i in range(len(graph.inputs))),
        output_names=tuple(f"outputs[{i}]" for i in range(len(graph.outputs))),
        name="f",
        input_tree=LEAF,
        output_tree=LEAF,
    )
    return nameless.renamed_from(graph)


def _node(node: Node, path: str) -> Node:
    attributes: dict[str, Attribute] = {
        name: anonymous(value, f"{path}.attributes.{name}") if isinstance(value, Graph) else value
        for name, value in node.attributes.items()
    }
    return Node(node.op, node.operands, attributes, node.outputs, path)
