"""The matrix engine x operator: a cell for every reply, with a verdict for every block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from adglot.asking import Plan
from adglot.calls import Array, Operator
from adglot.crosscheck import bounds, comparing
from adglot.crosscheck.conditioning import conditioning
from adglot.crosscheck.identities import checks
from adglot.crosscheck.instruments import Instrument
from adglot.crosscheck.interview import Reply
from adglot.crosscheck.judging import Case, Judgement
from adglot.crosscheck.model import Block, Cell, EngineRun, Finding, FreeCheck, Verdict, worst
from adglot.crosscheck.recording import kink, record

UNCHECKED = Verdict("unchecked", why="nobody else can say")


def cells(
    case: Case,
    runs: Sequence[EngineRun],
    replies: Mapping[str, Sequence[Reply]],
    judgements: Sequence[Judgement | None],
) -> Plan[tuple[Cell, ...]]:
    """Engine by engine, operator by operator."""
    found: list[Cell] = []
    for run in runs:
        if run.available:
            mine = replies[run.name]
            excused = _excused(run.name, judgements)
            passed = yield from _checks(case, mine, excused) if run.role == "exact" else _none()
            pairs = zip(mine, judgements, strict=True)
            found += [_cell(case, run, reply, j, passed) for reply, j in pairs]
    return tuple(found)


def _excused(engine: str, judgements: Sequence[Judgement | None]) -> frozenset[Operator]:
    """The operators whose answers of an engine are a convention somewhere."""
    return frozenset(
        finding.operator
        for judgement in judgements
        if judgement is not None
        for findings in judgement.findings
        for finding in findings
        if finding.conventions and any(engine in side for side in finding.sides)
    )


def _none() -> Plan[dict[Operator, FreeCheck]]:
    yield from ()
    return {}


def _cell(
    case: Case,
    run: EngineRun,
    reply: Reply,
    judgement: Judgement | None,
    passed: Mapping[Operator, FreeCheck],
) -> Cell:
    operator = reply.question.operator
    blocks = tuple(_block(case, run, reply, judgement, k) for k in range(len(reply.blocks)))
    verdict = reply.failure or worst(block.verdict for block in blocks)
    return Cell(
        engine=run.name,
        operator=operator,
        verdict=verdict,
        blocks=blocks,
        checks=(passed[operator],) if operator in passed else (),
        mode=reply.report.mode,
        passes=reply.report.passes,
        seconds=reply.seconds,
        prepare_seconds=reply.report.prepare_seconds,
        run_seconds=reply.report.run_seconds,
    )


def _block(case: Case, run: EngineRun, reply: Reply, judgement: Judgement | None, k: int) -> Block:
    name, value = reply.question.names[k], reply.blocks[k]
    if judgement is None:
        return Block(name, UNCHECKED, value)
    reference = judgement.right(k).value
    spread = judgement.spreads[k]
    if run.role == "numerical" and reply.estimates:
        spread = spread + reply.estimates[k] / bounds.SAFETY
    place, used = comparing.worst(value, reference, case.relative, spread)
    numerical = run.role == "numerical"
    allowed = bounds.bound(case.relative, value, reference, spread)
    verdict = _evidence(used, allowed) if numerical else _verdict(run.name, judgement, k, value)
    return Block(
        name=name,
        verdict=verdict,
        value=value,
        reference=reference,
        ulps=bounds.ulps(value, reference),
        error=float(bounds.distance(value, reference)[place]) if value.size else 0.0,
        bound=float(allowed[place]) if value.size else 0.0,
        worst=place,
    )


def _evidence(used: float, allowed: Array) -> Verdict:
    if not np.all(np.isfinite(allowed)):
        return Verdict("evidence", why="its error estimate is infinite")
    if used <= 1:
        return Verdict("agree")
    return Verdict("evidence", why=f"{used:.3g} times its own error estimate away")


def _verdict(engine: str, judgement: Judgement, k: int, value: Array) -> Verdict:
    """The worst that the findings say of this engine."""
    if sum(len(group.engines) for group in judgement.groups[k]) < 2:
        return UNCHECKED
    said = (v for f in judgement.findings[k] if (v := _of(engine, f)) is not None)
    verdict = worst(said)
    finite = bool(np.all(np.isfinite(value)))
    return Verdict("nonfinite") if verdict.kind == "agree" and not finite else verdict


def _of(engine: str, finding: Finding) -> Verdict | None:
    """What a finding says of an engine: nothing of those who are right or in the majority."""
    if finding.wrong:
        return finding.verdict if engine in finding.wrong else None
    larger, smaller = finding.sides
    concerned = (*larger, *smaller) if len(larger) == len(smaller) else smaller
    return finding.verdict if engine in concerned else None


# ------------------------------------------------------------------ identities


def _checks(
    case: Case, replies: Sequence[Reply], excused: frozenset[Operator]
) -> Plan[dict[Operator, FreeCheck]]:
    """The identities; where one does not hold, conventions and conditioning may explain it."""
    found = checks(replies, case.seeds, case.relative)
    for operator, check in found.items():
        if not check.passed and not excused.isdisjoint((operator, "jvp")):
            found[operator] = replace(check, excuse="each mode follows a convention of its own")
        elif not check.passed:
            found[operator] = yield from _explained(case, replies, operator, check)
    return found


def _explained(
    case: Case, replies: Sequence[Reply], operator: Operator, check: FreeCheck
) -> Plan[FreeCheck]:
    if _at_kink(case):
        return replace(check, excuse="at a kink every mode may choose for itself")
    by_name = {reply.question.operator: reply for reply in replies}
    spread = 0.0
    for reply in (by_name["jvp"], by_name[operator]):
        spread += yield from _moved(case, reply)
    return replace(check, bound=check.bound + bounds.SAFETY * spread)


def _moved(case: Case, reply: Reply) -> Plan[float]:
    """How far rounding may move the inner product of an answer and the seeds of size one."""
    plain = Instrument(case.graph, (), (), ())
    fields = reply.question.fields
    found = yield from conditioning(case.asker, [reply.engine], plain, case.values, fields)
    return 1.5 * float(sum(np.sum(block) for block in found or ()))


def _at_kink(case: Case) -> bool:
    values = record(case.graph, case.values)
    nodes = case.graph.nodes
    return any(kink(node, [values[i] for i in node.operands]) is not None for node in nodes)
