"""Name the culprit of a difference, and tell whether it is a convention or somebody's fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from adglot.asking import Plan
from adglot.calls import Operator
from adglot.crosscheck import arbiter, bounds, conventions
from adglot.crosscheck.alone import Alone, alone
from adglot.crosscheck.arbiter import Court
from adglot.crosscheck.comparing import agree, worst
from adglot.crosscheck.kinks import between
from adglot.crosscheck.model import Arbiter, Convention, Culprit
from adglot.crosscheck.probing import Place, Probe, Suspect, recorded, suspect
from adglot.crosscheck.questions import direction
from adglot.crosscheck.recording import Run, kink, runs
from adglot.ir.text import node_text
from adglot.ops import TABLE, evaluate_node

MOST_RUNS = 8
"""Of a loop the bodies of this many trips are looked into: the first ones and the last ones."""


@dataclass(frozen=True, slots=True)
class Blamed:
    """The culprit, the sides (0, 1) that it shows wrong, and the rows that excuse both sides."""

    culprit: Culprit
    wrong: tuple[int, ...] = ()
    conventions: tuple[Convention, ...] = ()


def blame(
    place: Place, probe: Probe, court: Court, versions: Mapping[str, str]
) -> Plan[Blamed | None]:
    """The first node whose derivative differs; None where no node's does."""
    found = yield from suspect(place, probe)
    if found is None:
        return None
    path = f"nodes[{found.node}]"
    if TABLE[place.graph.nodes[found.node].op].higher_order:
        inner = yield from _descend(place, probe, found, court, versions)
        if inner is not None:
            return _beneath(path, inner)
    node = yield from alone(place, probe, found)
    return (yield from _judged(place, found, node, path, court, versions))


def _beneath(path: str, inner: tuple[Run, Blamed]) -> Blamed:
    run, blamed = inner
    below = f"{path}.attributes.{run.attribute}.{blamed.culprit.path}"
    return replace(blamed, culprit=replace(blamed.culprit, path=below))


def _descend(
    place: Place, probe: Probe, found: Suspect, court: Court, versions: Mapping[str, str]
) -> Plan[tuple[Run, Blamed] | None]:
    """Look for the culprit in the bodies, at what they were called with."""
    node = place.graph.nodes[found.node]
    for run in _some(runs(node, recorded(place, found))):
        inside = _inside(run, probe)
        if inside is not None:
            body = Place(place.asker, run.body, run.inputs, place.engines)
            for port in inside.wrt if inside.reverse else range(len(run.body.outputs)):
                there = replace(inside, port=port)
                blamed = yield from blame(body, there, court, versions)
                if blamed is not None:
                    return run, blamed
    return None


def _some(found: Sequence[Run]) -> Iterator[Run]:
    half = MOST_RUNS // 2
    yield from found if len(found) <= MOST_RUNS else (*found[:half], *found[-half:])


def _inside(run: Run, probe: Probe) -> Probe | None:
    """A probe of a body along random directions; None where it has no derivative."""
    if probe.operator == "evaluate":
        return probe
    rng = np.random.default_rng(0)
    ins, outs = run.body.inputs, run.body.output_types
    wrt = tuple(i for i, t in enumerate(ins) if t.is_differentiable)
    of = tuple(i for i, t in enumerate(outs) if t.is_differentiable)
    tangents = tuple(direction(ins[i], rng) for i in wrt)
    cotangents = tuple(direction(outs[i], rng) for i in of)
    operator: Operator = "vjp" if probe.reverse else "jvp"
    return Probe(operator, wrt, of, tangents, cotangents) if wrt and of else None


# ------------------------------------------------------------------ judging one node


def _judged(
    place: Place,
    found: Suspect,
    node: Alone,
    path: str,
    court: Court,
    versions: Mapping[str, str],
) -> Plan[Blamed]:
    a, b = node.differing
    component, _ = worst(a, b, place.relative)
    numbers = complex(a[component]), complex(b[component])
    said = yield from court.number(node.graph, node.operands, node.probe, component, numbers)
    culprit = _culprit(place, found, node, path, component, numbers, said)
    rows = _excuses(node, place, versions)
    if rows:
        return Blamed(culprit, conventions=rows)
    bound = float(bounds.bound(place.relative, a, b)[component])
    if _of_values(node):
        return Blamed(culprit, _unlike(node, place))
    return Blamed(culprit, arbiter.refuted(numbers, said, bound) if node.confirmed else ())


def _of_values(node: Alone) -> bool:
    return node.probe.operator == "evaluate"


def _unlike(node: Alone, place: Place) -> tuple[int, ...]:
    """Sides whose value of the node is not NumPy's, which is what an op means."""
    with np.errstate(all="ignore"):
        value = evaluate_node(node.node, node.operands)[node.slots[node.block]]
    sides = enumerate(node.differing)
    return tuple(k for k, side in sides if not agree(side, value, place.relative))


def _culprit(
    place: Place,
    found: Suspect,
    node: Alone,
    path: str,
    component: tuple[int, ...],
    numbers: tuple[complex, complex],
    said: Arbiter | None,
) -> Culprit:
    index = [i for i, _ in place.graph.numbered()][found.node]
    original = place.graph.nodes[found.node]
    within = kink(original, node.operands)
    return Culprit(
        path=path,
        value=index,
        op=original.op,
        location=original.location,
        text=node_text(index, original),
        what=_what(node, component),
        operands=node.operands,
        values=dict(zip(place.engines, numbers, strict=True)),
        arbiter=said,
        nonsmooth="" if within is None else within.where,
        confirmed=node.confirmed,
    )


def _what(node: Alone, component: tuple[int, ...]) -> str:
    slot = node.slots[node.block]
    at = f"[{', '.join(map(str, component))}]" if component else ""
    if node.probe.reverse:
        return f"the cotangent of operand {slot}{at}"
    kind = "value" if _of_values(node) else "tangent"
    return f"the {kind} of output {slot}{at}"


def _excuses(node: Alone, place: Place, versions: Mapping[str, str]) -> tuple[Convention, ...]:
    """What makes the difference a convention: a reason for either side, or ().

    First comes a known fault, then a row that is no derivative from one side.
    """
    within = kink(node.node, node.operands)
    rows = [
        conventions.match(node, side, engine, versions.get(engine, ""))
        for side, engine in enumerate(place.engines)
    ]
    if within is None and not any(rows):
        return ()
    sound = _sound(node, place)
    if any(row is None and side not in sound for side, row in enumerate(rows)):
        return ()
    found = sorted((row for row in rows if row is not None), key=_plain)
    if not found and within is not None:
        found = [conventions.unlisted(node, within)]
    return tuple(found)


def _sound(node: Alone, place: Place) -> list[int]:
    """Sides that need no row: with NumPy's value, or a derivative that lies between both sides'.

    The arbiter's is sound, too: what is a choice, nobody can judge.
    """
    if _of_values(node):
        return [side for side in range(2) if side not in _unlike(node, place)]
    return [
        side
        for side, engine in enumerate(place.engines)
        if engine == arbiter.ENGINE or between(node, side)
    ]


def _plain(row: Convention) -> tuple[bool, bool]:
    return not row.limitation, row.answer == "between"
