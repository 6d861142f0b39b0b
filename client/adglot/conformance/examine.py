"""Ask an engine for every op and every scenario, and cross-check what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from adglot.calls import DEFAULT_ENGINE
from adglot.client import Client
from adglot.conformance.capabilities import WORST_FIRST, Capabilities, Capability, Status
from adglot.conformance.scenarios import SCENARIOS
from adglot.crosscheck import Cell, Crosscheck
from adglot.errors import UnknownEngine
from adglot.ir import Graph
from adglot.ops import TABLE
from adglot.ops.sampled import sampled
from adglot.tracing import trace

OF_OPS = ("evaluate", "jvp", "vjp")
OF_FUNCTIONS = (*OF_OPS, "jacobian")
OF_SCALARS = (*OF_FUNCTIONS, "gradient", "hvp", "hessian")
JUDGE = "extended"
"""Whom `native` is held against when it is the one to be examined."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """A graph at a point, the operators to try, and the row of the table that it counts for."""

    subject: str
    graph: Graph
    point: Sequence[Any]
    operators: Sequence[str]


def exercises(names: Sequence[str] = (), most: int | None = None) -> list[Exercise]:
    """Every sample of every op, then every scenario; or those of the subjects that are named.

    `most` takes only so many samples of each, the first ones.
    """
    subjects: dict[str, list[Exercise]] = {}
    for exercise in (*_of_ops(), *_of_scenarios()):
        if not names or exercise.subject in names:
            subjects.setdefault(exercise.subject, []).append(exercise)
    return [exercise for found in subjects.values() for exercise in found[:most]]


def examine(
    client: Client,
    engine: str,
    tasks: Iterable[Exercise] | None = None,
    *,
    timeout: float | None = 60.0,
    done: Callable[[Exercise], None] = lambda exercise: None,
) -> Capabilities:
    """The capability table of an engine of this client's; `done` hears of every exercise.

    Raises UnknownEngine where there is no such engine, or where it is not available.

    >>> import adglot
    >>> with adglot.connect() as ad:
    ...     found = examine(ad, "complex-step", exercises(["sin", "rosenbrock"]))
    >>> {row.subject: row.status for row in found.rows if row.operator == "jvp"}
    {'sin': 'partial', 'rosenbrock': 'supported'}
    """
    info = next((info for info in client.engines() if info.name == engine), None)
    if info is None or not info.available:
        raise UnknownEngine(f"{engine}: {info.reason if info else 'there is no such engine'}")
    rows: list[Capability] = []
    for exercise in exercises() if tasks is None else tasks:
        rows += _answer(client, engine, exercise, timeout)
        done(exercise)
    return Capabilities(engine, _version(client, engine), version("adglot"), tuple(_worst(rows)))


def _version(client: Client, engine: str) -> str:
    """As it is told when all is answered: some engines start with the first question."""
    versions: dict[str, str] = {info.name: info.version for info in client.engines()}
    return versions[engine]


def _of_ops() -> Iterator[Exercise]:
    for case in sampled(TABLE):
        yield Exercise(case.op.name, case.graph, case.point, _operators(case.graph))


def _operators(graph: Graph) -> tuple[str, ...]:
    inexact = [any(t.is_differentiable for t in types) for types in _types(graph)]
    return OF_OPS if all(inexact) else OF_OPS[:1]


def _types(graph: Graph) -> tuple[Any, Any]:
    return graph.inputs, graph.output_types


def _of_scenarios() -> Iterator[Exercise]:
    for s in SCENARIOS:
        graph = trace(s.function, *s.point)
        yield Exercise(s.name, graph, s.point, OF_SCALARS if s.scalar else OF_FUNCTIONS)


def _answer(
    client: Client, engine: str, exercise: Exercise, timeout: float | None
) -> Iterator[Capability]:
    """One row an operator, asked one by one: refusing one says nothing of the others."""
    other = DEFAULT_ENGINE if engine != DEFAULT_ENGINE else JUDGE
    result: Crosscheck = client.crosscheck(
        exercise.graph,
        *exercise.point,
        engines=[other, engine],
        operators=exercise.operators,
        timeout=timeout,
    )
    for cell in result.cells:
        if cell.engine == engine:
            yield _row(exercise, cell)


def _row(exercise: Exercise, cell: Cell) -> Capability:
    status, note = _status(cell)
    return Capability(exercise.subject, cell.operator, status, note, 1, cell.max_ulps)


def _status(cell: Cell) -> tuple[Status, str]:
    broken = [check.name for check in cell.broken]
    match cell.verdict.kind:
        case "mismatch" if cell.engine in cell.verdict.who or not cell.verdict.who:
            return "wrong", str(cell.verdict)
        case "convention":
            return "convention", cell.verdict.convention
        case "unsupported":
            return "unsupported", cell.verdict.why
        case "error":
            return "error", cell.verdict.why
    return ("wrong", f"breaks {', '.join(broken)}") if broken else ("supported", "")


def _worst(rows: Sequence[Capability]) -> Iterator[Capability]:
    """The rows of one subject and operator as one."""
    together: dict[tuple[str, str], list[Capability]] = {}
    for row in rows:
        together.setdefault((row.subject, row.operator), []).append(row)
    for (subject, operator), same in together.items():
        status = min((row.status for row in same), key=WORST_FIRST.index)
        notes = dict.fromkeys(row.note for row in same if row.status == status)
        if status == "unsupported" and any(row.status != status for row in same):
            status = "partial"
        ulps = max(row.max_ulps for row in same)
        yield Capability(subject, operator, status, "; ".join(notes), len(same), ulps)
