"""The whole cross-check: ask all engines at once, compare, and follow every difference."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from adglot.asking import Plan, Session, Together
from adglot.calls import EngineInfo
from adglot.crosscheck import arbiter, bounds, choosing
from adglot.crosscheck.arbiter import Court
from adglot.crosscheck.interview import Reply, interview
from adglot.crosscheck.judging import Case, Judgement, judge
from adglot.crosscheck.matrix import cells
from adglot.crosscheck.model import Crosscheck, EngineRun
from adglot.crosscheck.questions import Question, Seeds, questions, seeds
from adglot.crosscheck.requests import Asker
from adglot.errors import AdglotError, InvalidArgument, Violation
from adglot.ir import Graph
from adglot.points import Point, Source

QUICK = 0.1
"""Engines that ran for fewer seconds the last time need no thread of their own."""


SURE = 1e-6
"""The arbiter takes the place of a second engine where its errors are this small, relatively."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is to be checked, and how; see `Methods.crosscheck`."""

    session: Session
    source: Source
    args: tuple[Any, ...]
    engines: Sequence[str] | None = None
    operators: Sequence[str] | None = None
    argnums: int | Sequence[int] | None = None
    seed: int = 0
    timeout: float | None = None


def crosscheck(check: Check) -> Plan[Crosscheck]:
    """The result; an engine's failure is part of it, a fault of the question is raised."""
    started = time.perf_counter()
    point = check.source.at(check.args, batch=False)
    graph = _graph(point)
    along = seeds(graph, _wrt(check, point, graph), check.seed)
    asked = questions(graph, along, check.operators)
    infos: tuple[EngineInfo, ...] = yield "engines"
    runs = choosing.choose(infos, check.engines, graph, along.wrt)
    case = _case(check, point, graph, along, infos)
    replies = yield from _ask(case, runs, asked)
    case, runs = yield from _versioned(case, runs)
    judgements = yield from _judge(case, runs, asked, replies)
    return Crosscheck(
        graph=graph,
        inputs=point.values,
        operators=tuple(question.operator for question in asked),
        engines=tuple(runs),
        cells=(yield from cells(case, runs, replies, judgements)),
        findings=_findings(judgements),
        seeds={"tangents": along.tangents, "cotangents": along.cotangents},
        versions=dict(_versions()),
        seconds=time.perf_counter() - started,
    )


def _graph(point: Point) -> Graph:
    if isinstance(point.graph, str):
        what = "a digest says nothing of the function's nodes: give the Graph"
        raise InvalidArgument(Violation("f", what))
    return point.graph


def _wrt(check: Check, point: Point, graph: Graph) -> list[int]:
    within = range(len(graph.inputs)) if check.argnums is None else point.positions(check.argnums)
    return [i for i in within if graph.inputs[i].is_differentiable]


def _case(
    check: Check, point: Point, graph: Graph, along: Seeds, infos: Sequence[EngineInfo]
) -> Case:
    asker = Asker(check.session, check.timeout)
    versions = {info.name: info.version for info in infos}
    court = Court(asker, choosing.court(infos))
    return Case(asker, court, graph, point.values, along, versions)


def _versioned(case: Case, runs: list[EngineRun]) -> Plan[tuple[Case, list[EngineRun]]]:
    """With the versions of engines that could not tell theirs before they ran."""
    if all(run.version for run in runs if run.available):
        return case, runs
    infos: tuple[EngineInfo, ...] = yield "engines"
    versions = {info.name: info.version for info in infos}
    now = [replace(run, version=versions.get(run.name, run.version)) for run in runs]
    return replace(case, versions=versions), now


def _ask(
    case: Case, runs: Sequence[EngineRun], asked: Sequence[Question]
) -> Plan[dict[str, list[Reply]]]:
    """Every engine's replies: all at once, but of those that were quick the last time one by one.

    Quick engines in one process wait for each other's bytecode: three that take 3 ms in turn were
    seen to take 30 ms at once.
    """
    names = [run.name for run in runs if run.available]
    pace, digest = case.asker.session.pace, case.graph.digest
    plans = {name: interview(case.asker, name, case.graph, case.values, asked) for name in names}
    slow = [name for name in names if pace.get((digest, name), np.inf) > QUICK]
    found = (yield Together(tuple(plans[name] for name in slow))) if slow else []
    replies = dict(zip(slow, map(_sound, found), strict=True))
    for name in names:
        if name not in replies:
            replies[name] = yield from plans[name]
        pace[digest, name] = sum(reply.report.run_seconds for reply in replies[name])
    return replies


def _sound(outcome: list[Reply] | AdglotError) -> list[Reply]:
    if isinstance(outcome, AdglotError):
        raise outcome
    return outcome


def _judge(
    case: Case,
    runs: Sequence[EngineRun],
    asked: Sequence[Question],
    replies: Mapping[str, Sequence[Reply]],
) -> Plan[list[Judgement | None]]:
    """One judgement a question; None where no engine has answered.

    An arbiter comes last: it rounds nothing, so it cannot tell how far rounding may move an answer.
    """
    there = [run for run in runs if run.available and run.role != "numerical"]
    names = [run.name for run in sorted(there, key=lambda run: run.role == "arbiter")]
    judgements: list[Judgement | None] = []
    for k, question in enumerate(asked):
        given = [replies[name][k] for name in names if replies[name][k].failure is None]
        if len(given) == 1:
            given += yield from _second(case, question, given[0])
        judgements.append((yield from judge(case, question, given)) if given else None)
    return judgements


def _second(case: Case, question: Question, only: Reply) -> Plan[list[Reply]]:
    """The arbiter's reply, where there is nobody else to compare with."""
    name = case.court.engine
    columns = sum(case.graph.inputs[i].size for i in case.seeds.wrt)
    slow = question.operator != "jvp" and columns > choosing.MOST_COLUMNS
    if name is None or slow or only.engine == name:
        return []
    replies = yield from interview(case.asker, name, case.graph, case.values, [question])
    return [reply for reply in replies if reply.failure is None and _sure(reply, only)]


def _sure(reply: Reply, other: Reply) -> bool:
    """Whether it can say something of every component: at a kink its errors are large."""
    blocks = zip(reply.estimates, reply.blocks, other.blocks, strict=False)
    return all(
        bool(np.all(estimate <= SURE * max(bounds.norm(a), bounds.norm(b)) + arbiter.TINY))
        for estimate, a, b in blocks
    )


def _findings(judgements: Sequence[Judgement | None]) -> tuple[Any, ...]:
    return tuple(f for j in judgements if j is not None for found in j.findings for f in found)


@cache  # An installed package's metadata is a file: to read it takes half a millisecond.
def _versions() -> Mapping[str, str]:
    return {
        "adglot": version("adglot"),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
