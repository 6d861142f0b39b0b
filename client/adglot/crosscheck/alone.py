"""One node alone, at the operands and with the seeds that it had in the whole graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from adglot.asking import Plan
from adglot.calls import Array
from adglot.crosscheck.comparing import agree
from adglot.crosscheck.probing import Place, Probe, Suspect, recorded
from adglot.ir import Graph, Node, Type


@dataclass(frozen=True, slots=True)
class Alone:
    """What two engines say of one node.

    `slots` are the outputs (forward) or the operands (reverse) that `sides` speak of, block by
    block; `block` is the one that differs most. `seeds` are as in `Suspect`. Where the engines do
    not differ on the node alone, `confirmed` is false and `sides` are those of the whole graph.
    """

    node: Node
    operands: tuple[Array, ...]
    seeds: tuple[Array | None, ...]
    probe: Probe
    slots: tuple[int, ...]
    sides: tuple[tuple[Array, ...], tuple[Array, ...]]
    block: int
    confirmed: bool

    @property
    def graph(self) -> Graph:
        return one_node(self.node, self.operands)

    @property
    def differing(self) -> tuple[Array, Array]:
        return self.sides[0][self.block], self.sides[1][self.block]


def one_node(node: Node, operands: Sequence[Array]) -> Graph:
    """The graph of one node, every operand an input of its own."""
    count = len(operands)
    outputs = tuple(range(count, count + len(node.outputs)))
    return Graph(
        inputs=tuple(map(Type.of, operands)),
        nodes=(replace(node, operands=tuple(range(count))),),
        outputs=outputs,
        input_names=tuple(f"x{i}" for i in range(count)),
        output_names=tuple(f"y{i}" for i in range(len(outputs))),
        name=node.op.replace(".", "_"),
    )


def alone(place: Place, probe: Probe, suspect: Suspect) -> Plan[Alone]:
    """Ask both engines about the suspected node by itself."""
    node, operands = place.graph.nodes[suspect.node], tuple(recorded(place, suspect))
    graph = one_node(node, operands)
    here, slots = _probe(graph, probe, suspect)
    unconfirmed = Alone(
        node,
        operands,
        suspect.seeds,
        replace(here, port=suspect.slot),
        (suspect.slot,),
        ((suspect.sides[0],), (suspect.sides[1],)),
        0,
        confirmed=False,
    )
    if not slots:
        return unconfirmed
    both = yield from place.asker.of_both(place.engines, graph, operands, here.fields)
    if both is None:
        return unconfirmed
    left, right = tuple(both[0]), tuple(both[1])
    at = [k for k in range(len(slots)) if not agree(left[k], right[k], place.relative)]
    if not at:
        return unconfirmed
    block = next((k for k in at if slots[k] == suspect.slot), at[0])
    port = replace(here, port=slots[block])
    return replace(
        unconfirmed, probe=port, slots=slots, sides=(left, right), block=block, confirmed=True
    )


def _probe(graph: Graph, probe: Probe, suspect: Suspect) -> tuple[Probe, tuple[int, ...]]:
    """The probe of the node alone, and which of its outputs or operands the blocks belong to."""
    if probe.operator == "evaluate":
        return Probe("evaluate", (), ()), tuple(range(len(graph.outputs)))
    floats = tuple(i for i, t in enumerate(graph.inputs) if t.is_differentiable)
    results = tuple(i for i, t in enumerate(graph.output_types) if t.is_differentiable)
    if probe.reverse:
        of = tuple(i for i in results if suspect.seeds[i] is not None)
        cotangents = tuple(np.asarray(suspect.seeds[i]) for i in of)
        return Probe("vjp", floats, of, (), cotangents), floats if of else ()
    wrt = tuple(i for i in floats if suspect.seeds[i] is not None)
    tangents = tuple(np.asarray(suspect.seeds[i]) for i in wrt)
    return Probe("jvp", wrt, results, tangents), results if wrt else ()
