"""Follow one difference into the graph: the first node whose derivative differs.

Forward, one pushforward of the tapped graph gives the tangents of all values: the first node that
gives another one is to blame. Reverse, one pullback of the shifted graph gives what every use of a
value adds to its cotangent: the last node that adds something else is to blame, all that comes in
from behind it being the same. Both cost O(1) requests, however long the graph is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from adglot.asking import Fields, Plan
from adglot.calls import Array, Operator
from adglot.crosscheck import bounds
from adglot.crosscheck.comparing import agree
from adglot.crosscheck.conditioning import conditioning
from adglot.crosscheck.instruments import Instrument, Use, shifted, tapped
from adglot.crosscheck.recording import ancestors, descendants, record
from adglot.crosscheck.requests import Asker
from adglot.ir import Graph


@dataclass(frozen=True, slots=True)
class Probe:
    """One direction along which two engines differ: a jvp, vjp, hvp or the values themselves.

    `tangents` belong to the inputs `wrt`, `cotangents` to the outputs `of`. `port` is the output
    (jvp, evaluate) or the input (vjp, hvp) whose block differs.
    """

    operator: Operator
    wrt: tuple[int, ...]
    of: tuple[int, ...]
    tangents: tuple[Array, ...] = ()
    cotangents: tuple[Array, ...] = ()
    port: int = 0

    @property
    def reverse(self) -> bool:
        return self.operator in ("vjp", "hvp")

    @property
    def fields(self) -> Fields:
        if self.operator == "evaluate":
            return {"operator": "evaluate"}
        seeds = self.cotangents if self.operator == "vjp" else self.tangents
        return {"operator": self.operator, "wrt": self.wrt, "of": self.of, "seeds": seeds}


@dataclass(frozen=True, slots=True)
class Place:
    """A graph at a point, and two engines that differ there."""

    asker: Asker
    graph: Graph
    values: tuple[Array, ...]
    engines: tuple[str, str]

    @property
    def relative(self) -> float:
        return bounds.rounding(self.graph)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A node (its position) that makes a difference.

    `sides` are what the two engines give for the output or operand `slot`: its tangent or its
    cotangent. `seeds` are what goes into the node, the same for both: a tangent an operand, or a
    cotangent an output, None where there is none.
    """

    node: int
    slot: int
    sides: tuple[Array, Array]
    seeds: tuple[Array | None, ...]


def suspect(place: Place, probe: Probe) -> Plan[Suspect | None]:
    """The first node whose derivative differs; None where no node's does."""
    return (yield from (_reverse if probe.reverse else _forward)(place, probe))


# ------------------------------------------------------------------ forward


def _forward(place: Place, probe: Probe) -> Plan[Suspect | None]:
    graph = place.graph
    taps = _taps(graph, probe)
    if not taps:
        return None
    instrument = tapped(graph, taps)
    fields = replace(probe, of=tuple(range(len(taps)))).fields
    sides = yield from _both(place, instrument, fields)
    if sides is None:
        return None
    needed = ancestors(graph, [graph.outputs[probe.port]])
    differing = [k for k in sides.differing if taps[k] in needed]
    if not differing:
        return None
    tangents = dict(zip(taps, sides.left, strict=True)) | _given(probe)
    return _first(graph, taps[differing[0]], sides.at(differing[0]), tangents)


def _taps(graph: Graph, probe: Probe) -> list[int]:
    first = len(graph.inputs)
    if probe.operator == "evaluate":
        return list(range(first, len(graph.types)))
    active = descendants(graph, probe.wrt)
    types = graph.types
    return [i for i in range(first, len(types)) if i in active and types[i].is_differentiable]


def _given(probe: Probe) -> dict[int, Array]:
    return dict(zip(probe.wrt, probe.tangents, strict=True)) if probe.tangents else {}


def _first(
    graph: Graph, value: int, sides: tuple[Array, Array], tangents: dict[int, Array]
) -> Suspect:
    for position, (index, node) in enumerate(graph.numbered()):
        if index <= value < index + len(node.outputs):
            seeds = tuple(tangents.get(i) for i in node.operands)
            return Suspect(position, value - index, sides, seeds)
    raise AssertionError(f"no node gives value {value}")


# ------------------------------------------------------------------ reverse


def _reverse(place: Place, probe: Probe) -> Plan[Suspect | None]:
    graph = place.graph
    instrument = shifted(graph, descendants(graph, probe.wrt))
    sides = yield from _both(place, instrument, _shifted_fields(instrument, probe))
    if sides is None:
        return None
    skipped = len(probe.wrt) if probe.operator == "hvp" else 0
    left, right = sides.left[skipped:], sides.right[skipped:]
    wanted = descendants(graph, [probe.port])
    differing = [
        k
        for k in (k - skipped for k in sides.differing)
        if k >= 0 and _operand(graph, instrument.uses[k]) in wanted
    ]
    if not differing:
        return None
    last = max(differing, key=lambda k: instrument.uses[k].node)
    use = instrument.uses[last]
    incoming = _cotangents(graph, instrument.uses, left, probe)
    index = [i for i, _ in graph.numbered()][use.node]
    outputs = range(index, index + len(graph.nodes[use.node].outputs))
    seeds = tuple(incoming.get(i) for i in outputs)
    return Suspect(use.node, use.slot, (left[last], right[last]), seeds)


def _shifted_fields(instrument: Instrument, probe: Probe) -> Fields:
    if probe.operator == "vjp":
        return replace(probe, wrt=instrument.shifts).fields
    types = instrument.graph.inputs
    still = tuple(np.zeros(types[i].shape, types[i].dtype) for i in instrument.shifts)
    wrt = (*probe.wrt, *instrument.shifts)
    return replace(probe, wrt=wrt, tangents=(*probe.tangents, *still)).fields


def _operand(graph: Graph, use: Use) -> int:
    return graph.nodes[use.node].operands[use.slot]


def _cotangents(
    graph: Graph, uses: Sequence[Use], parts: Sequence[Array], probe: Probe
) -> dict[int, Array]:
    """The cotangent of every value: the sum of what its uses add, and of the seeds."""
    total: dict[int, Array] = {}
    given = [(graph.outputs[o], ct) for o, ct in zip(probe.of, probe.cotangents, strict=False)]
    used = [(_operand(graph, use), part) for use, part in zip(uses, parts, strict=True)]
    with np.errstate(all="ignore"):
        for i, part in (*given, *used):
            total[i] = total[i] + part if i in total else part
    return total


# ------------------------------------------------------------------ both


@dataclass(frozen=True, slots=True)
class _Sides:
    """What two engines say of all probes, and which differ."""

    left: list[Array]
    right: list[Array]
    differing: list[int]

    def at(self, k: int) -> tuple[Array, Array]:
        return self.left[k], self.right[k]


def _both(place: Place, instrument: Instrument, fields: Fields) -> Plan[_Sides | None]:
    """Probe both engines; the conditioning is measured where rounding does not explain all."""
    inputs = instrument.inputs(place.values)
    both = yield from place.asker.of_both(place.engines, instrument.graph, inputs, fields)
    if both is None:
        return None
    left, right = both
    differing = _differing(place, left, right, None)
    if differing:
        spread = yield from conditioning(
            place.asker, place.engines, instrument, place.values, fields
        )
        differing = _differing(place, left, right, spread)
    return _Sides(left, right, differing)


def _differing(
    place: Place, left: list[Array], right: list[Array], spread: list[Array] | None
) -> list[int]:
    spreads = spread or [np.zeros(())] * len(left)
    triples = enumerate(zip(left, right, spreads, strict=True))
    return [k for k, (a, b, s) in triples if not agree(a, b, place.relative, s)]


def recorded(place: Place, suspect: Suspect) -> list[Array]:
    """The operands of the suspected node, as the function itself computes them."""
    values = record(place.graph, place.values)
    return [values[i] for i in place.graph.nodes[suspect.node].operands]
