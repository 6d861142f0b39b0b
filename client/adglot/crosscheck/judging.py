"""Judge the answers to one question: who agrees, and what is behind it where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from adglot.asking import Plan
from adglot.calls import Array
from adglot.crosscheck import bounds, comparing
from adglot.crosscheck.arbiter import Court, refuted
from adglot.crosscheck.blame import Blamed, blame
from adglot.crosscheck.comparing import Group, groups
from adglot.crosscheck.conditioning import conditioning
from adglot.crosscheck.instruments import Instrument
from adglot.crosscheck.interview import Reply
from adglot.crosscheck.model import Arbiter, Finding
from adglot.crosscheck.probing import Place, Probe
from adglot.crosscheck.questions import Question, Seeds
from adglot.crosscheck.requests import Asker
from adglot.ir import Graph, Type

Component = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """The function at the point, and all that a judge needs besides the answers."""

    asker: Asker
    court: Court
    graph: Graph
    values: tuple[Array, ...]
    seeds: Seeds
    versions: Mapping[str, str]

    @property
    def relative(self) -> float:
        return bounds.rounding(self.graph)


@dataclass(slots=True)
class Judgement:
    """What is found about one question: groups, a spread and findings for every block."""

    question: Question
    groups: list[list[Group]]
    spreads: list[Array | float]
    findings: list[list[Finding]] = field(default_factory=list)

    def right(self, block: int) -> Group:
        """The largest group that nothing shows wrong; of several wrong ones the largest."""
        wrong = {engine for finding in self.findings[block] for engine in finding.wrong}
        innocent = (g for g in self.groups[block] if not wrong.intersection(g.engines))
        return next(innocent, self.groups[block][0])


def judge(case: Case, question: Question, replies: Sequence[Reply]) -> Plan[Judgement]:
    """Group the engines block by block, and find out where every difference comes from."""
    count = len(question.names)
    answers = [{r.engine: r.blocks[k] for r in replies} for k in range(count)]
    own = [_estimates(replies, k) for k in range(count)]
    relative = case.relative
    grouped = [groups(a, relative, s) for a, s in zip(answers, own, strict=True)]
    judgement = Judgement(question, grouped, own, [[] for _ in range(count)])
    if any(len(found) > 1 for found in grouped):
        spreads = yield from _spreads(case, question, [r.engine for r in replies])
        for k, spread in enumerate(spreads):
            judgement.spreads[k] = own[k] + spread
            grouped[k] = groups(answers[k], relative, judgement.spreads[k])
    for k, found in enumerate(grouped):
        for other in found[1:]:
            finding = yield from _finding(case, question, k, (found[0], other), judgement, replies)
            judgement.findings[k].append(finding)
    return judgement


def _estimates(replies: Sequence[Reply], block: int) -> Array | float:
    """The errors that engines state themselves, as a spread."""
    stated = [r.estimates[block] for r in replies if r.estimates]
    return np.maximum.reduce(stated) / bounds.SAFETY if stated else 0.0


def _spreads(case: Case, question: Question, engines: Sequence[str]) -> Plan[list[Array | float]]:
    plain = Instrument(case.graph, (), (), ())
    found = yield from conditioning(case.asker, engines, plain, case.values, question.fields)
    return list(found) if found is not None else [0.0] * len(question.names)


# ------------------------------------------------------------------ one difference


def _finding(
    case: Case,
    question: Question,
    block: int,
    sides: tuple[Group, Group],
    judgement: Judgement,
    replies: Sequence[Reply],
) -> Plan[Finding]:
    a, b = sides[0].value, sides[1].value
    spread = judgement.spreads[block]
    component, _ = comparing.worst(a, b, case.relative, spread)
    engines = sides[0].engines[0], sides[1].engines[0]
    modes = {r.report.mode for r in replies if r.engine in engines}
    probes = list(_probes(case, question, block, component, modes))
    blamed = yield from _blamed(case, probes, engines)
    numbers = complex(a[component]), complex(b[component])
    probe, place = probes[0]
    said = None
    if blamed is None or not blamed.conventions:
        said = yield from case.court.number(case.graph, case.values, probe, place, numbers)
    allowed = float(bounds.bound(case.relative, a, b, spread)[component])
    wrong = _wrong(numbers, said, allowed, blamed)
    named = zip(sides, numbers, strict=True)
    return Finding(
        operator=question.operator,
        block=question.names[block],
        sides=(tuple(sides[0].engines), tuple(sides[1].engines)),
        wrong=tuple(engine for k in wrong for engine in sides[k].engines),
        culprit=None if blamed is None else blamed.culprit,
        conventions=() if blamed is None else blamed.conventions,
        component=component,
        values={engine: x for side, x in named for engine in side.engines},
        arbiter=said,
    )


def _blamed(
    case: Case, probes: Sequence[tuple[Probe, Component]], engines: tuple[str, str]
) -> Plan[Blamed | None]:
    place = Place(case.asker, case.graph, case.values, engines)
    before = [
        p for probe, _ in probes if probe.operator == "hvp" for p in _first_order(case, probe)
    ]
    first = None
    for probe in (*before, *(probe for probe, _ in probes)):
        found = yield from blame(place, probe, case.court, case.versions)
        if found is not None and not found.culprit.confirmed:
            found = (yield from _of_values(case, place, probe)) or found
        if found is not None and (found.culprit.confirmed or found.conventions):
            return found
        first = first or found
    return first


def _of_values(case: Case, place: Place, probe: Probe) -> Plan[Blamed | None]:
    """A node alone whose derivative is the same has got other operands: who made these?"""
    for port in probe.of:
        values = Probe("evaluate", (), (), port=port)
        found = yield from blame(place, values, case.court, case.versions)
        if found is not None:
            return found
    return None


def _first_order(case: Case, probe: Probe) -> Iterator[Probe]:
    """What an hvp is made of: where one of these differs already, it is to blame."""
    if probe.operator != "hvp":
        return
    (of,) = probe.of
    yield replace(probe, operator="jvp", port=of)
    one = np.ones((), case.graph.output_types[of].dtype)
    yield replace(probe, operator="vjp", tangents=(), cotangents=(one,))


def _wrong(
    numbers: tuple[complex, complex],
    said: Arbiter | None,
    allowed: float,
    blamed: Blamed | None,
) -> tuple[int, ...]:
    """The arbiter's word on the whole function; where it has none, its word on the culprit."""
    if blamed is not None and blamed.conventions:
        return ()
    refutes = refuted(numbers, said, allowed)
    return refutes or (() if blamed is None else blamed.wrong)


def _probes(
    case: Case, question: Question, block: int, component: Component, modes: set[str]
) -> Iterator[tuple[Probe, Component]]:
    """Directions along which the component differs, and where it is in their answer."""
    seeds, (row, column) = case.seeds, question.places[block]
    match question.operator:
        case "evaluate":
            assert row is not None
            yield Probe("evaluate", (), (), port=row), component
        case "jvp":
            assert row is not None
            yield Probe("jvp", seeds.wrt, seeds.of, seeds.tangents, port=row), component
        case "jacobian" | "hessian":
            assert row is not None
            assert column is not None
            yield from _matrix_probes(case, question, (row, column), component, modes)
        case "hvp":
            assert column is not None
            yield Probe("hvp", seeds.wrt, seeds.of, seeds.tangents, port=column), component
        case _:
            assert column is not None
            cotangents = seeds.cotangents
            if question.operator == "gradient":
                cotangents = tuple(np.ones_like(ct) for ct in cotangents)
            yield Probe("vjp", seeds.wrt, seeds.of, (), cotangents, port=column), component
            if "forward" in modes:
                yield from _pushed(case, column, component)


def _pushed(case: Case, column: int, component: Component) -> Iterator[tuple[Probe, Component]]:
    """How an engine that only goes forward comes to a component of a pullback: by a unit tangent.

    Along it no tangent is NaN before the culprit; in a pullback every cotangent may be.
    """
    tangent = _unit(case.graph.inputs[column], component)
    for row in case.seeds.of:
        yield Probe("jvp", (column,), (row,), (tangent,), port=row), ()


def _matrix_probes(
    case: Case,
    question: Question,
    place: tuple[int, int],
    component: Component,
    modes: set[str],
) -> Iterator[tuple[Probe, Component]]:
    row, column = place
    graph = case.graph
    ndim = graph.inputs[column].ndim
    at_row, at_column = component[: len(component) - ndim], component[len(component) - ndim :]
    tangent = _unit(graph.inputs[column], at_column)
    if question.operator == "hessian":
        yield _hessian_probe(case, row, column, tangent), at_row
        return
    forward = Probe("jvp", (column,), (row,), (tangent,), port=row), at_row
    cotangent = _unit(graph.output_types[row], at_row)
    reverse = Probe("vjp", (column,), (row,), (), (cotangent,), port=column), at_column
    yield from (forward, reverse) if "forward" in modes else (reverse, forward)


def _hessian_probe(case: Case, row: int, column: int, tangent: Array) -> Probe:
    wrt = tuple(dict.fromkeys((row, column)))
    types = case.graph.inputs
    still = np.zeros(types[row].shape, types[row].dtype)
    tangents = tuple(tangent if i == column else still for i in wrt)
    return Probe("hvp", wrt, case.seeds.of, tangents, port=row)


def _unit(type: Type, component: Component) -> Array:
    unit = np.zeros(type.shape, type.dtype)
    unit[component] = 1.0
    return unit
