"""A whole graph as a function of Python's: nothing is between the caller and compiled code."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import addressof, c_byte
from dataclasses import replace
from math import inf
from typing import Any

from adglot.ir import Graph, Node
from adglot.ops.cost import cost
from adglot_server.executors.compiled.entry import Signature
from adglot_server.executors.compiled.kernel import TooLarge, bounded, constants_of, module_text
from adglot_server.executors.compiled.plan import ALIGNMENT
from adglot_server.executors.compiled.region import Region, region_of
from adglot_server.executors.compiled.schedule import MOST_NODES, Schedule, schedule
from adglot_server.executors.compiled.staged import Staged, of_python

Direct = Callable[..., Any]
"""Takes an array an input; returns the list of outputs, or the output where there is but one.

None where some argument is no plain array of the input's type: then it is for another executor.
"""


def direct(
    graph: Graph, most_bytes: float = inf, scalars: bool = False, called: c_byte | None = None
) -> Staged | None:
    """A graph that is wholly compiled, its function a `Direct`; None for others.

    None, too, where its arrays and a workspace would need more than `most_bytes`. With `scalars`
    outputs without axes are NumPy's scalars, else arrays as all are. Every call
    sets `called` to 1.

    >>> from adglot import ops
    >>> from adglot.ir import Type
    >>> import numpy as np
    >>> b = ops.Builder()
    >>> x = b.input(Type("float64", (2,)))
    >>> function = direct(b.build([x], [ops.sqrt(x * x + 1.0)])).function
    >>> function(np.array([0.0, 1.0]))
    array([1.        , 1.41421356])
    >>> function(3.0), function(np.ones(3))
    (None, None)
    """
    region = whole(graph)
    if region is None:
        return None
    try:
        chosen = bounded(region)
        constants = constants_of(chosen.region)
        text = module_text(chosen, constants)
    except TooLarge:
        return None
    types, workspace = graph.output_types, chosen.workspace + ALIGNMENT
    if workspace + sum(type.nbytes for type in (*graph.inputs, *types)) > most_bytes:
        return None
    flag = 0 if called is None else addressof(called)
    signature = Signature(graph.inputs, types, region.inputs, workspace, cost(graph), scalars, flag)
    return of_python(text, signature, constants, called)


def whole(graph: Graph) -> Region | None:
    """The graph as one region, its outputs in order; None where that cannot be."""
    if len(graph.nodes) > MOST_NODES:
        return None
    plan = schedule(_with_copies(graph), 1)
    if not _covers(plan):
        return None
    region = region_of(plan.graph, *plan.regions[0], plan.constants)
    return replace(region, outputs=plan.graph.outputs, guards=plan.graph.guards)


def _with_copies(graph: Graph) -> Graph:
    """With a node of its own for every output that is an input, a constant or another output.

    So have guards of inputs and constants.
    """
    made = {i for i, node in graph.numbered() if node.op != "constant"}
    nodes = list(graph.nodes)

    def copy(i: int) -> int:
        type = graph.types[i]
        nodes.append(Node("broadcast_to", (i,), {"shape": type.shape}, (type,)))
        return len(graph.types) + len(nodes) - len(graph.nodes) - 1

    guards = [g if g.value in made else replace(g, value=copy(g.value)) for g in graph.guards]
    outputs = list[int]()
    for i in graph.outputs:
        outputs.append(i if i in made else copy(i))
        made.discard(i)
    return replace(graph, nodes=tuple(nodes), outputs=tuple(outputs), guards=tuple(guards))


def _covers(plan: Schedule) -> bool:
    if len(plan.regions) != 1:
        return False
    start, stop = plan.regions[0]
    rest = [*plan.graph.nodes[:start], *plan.graph.nodes[stop:]]
    return all(node.op == "constant" for node in rest)
