"""The result of a cross-check as a table for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from adglot.calls import Operator
from adglot.crosscheck.model import Cell, Crosscheck, EngineRun, Kind, Verdict

STYLES: dict[Kind, str] = {
    "agree": "green",
    "nonfinite": "green",
    "convention": "yellow",
    "mismatch": "bold red",
    "error": "bold red",
    "evidence": "cyan",
    "unsupported": "dim",
    "unchecked": "dim",
}


def table(result: Crosscheck) -> RenderableType:
    """One row an engine, one column an operator; below it, what was found.

    A cell has the verdict, the largest error in ulp and the milliseconds that the call took.
    """
    parts: list[RenderableType] = [_matrix(result)]
    parts += [Text(str(finding)) for finding in result.findings]
    parts += [Text(line, "red") for line in result.broken()]
    parts += [Text(f"{run.name}: {run.reason}", "dim") for run in result.engines if run.reason]
    return Group(*parts)


def _matrix(result: Crosscheck) -> Table:
    matrix = Table(
        title=f"{result.graph.name}: {result.summary}", title_justify="left", title_style="bold"
    )
    matrix.add_column("engine")
    for operator in result.operators:
        matrix.add_column(operator, overflow="fold")
    for run in result.engines:
        matrix.add_row(_name(run), *(_cell(result, run, name) for name in result.operators))
    return matrix


def _name(run: EngineRun) -> Text:
    return Text(run.name).append(f"\n{run.version}" if run.version else "", "dim")


def _cell(result: Crosscheck, run: EngineRun, operator: Operator) -> Text:
    if not run.available:
        return Text("unavailable", "dim")
    cell = result.cell(run.name, operator)
    return Text("") if cell is None else label(cell.verdict).append(_numbers(cell), "dim")


def label(verdict: Verdict) -> Text:
    """The verdict in its colour, in as few words as a cell has room for."""
    short = verdict.kind if verdict.kind in ("unsupported", "error", "unchecked") else str(verdict)
    return Text(short, STYLES[verdict.kind])


def _numbers(cell: Cell) -> str:
    if not cell.blocks:
        return f"\n{cell.verdict.why}" if cell.verdict.why else ""
    time = f", {_duration(cell.seconds)}" if cell.seconds else ""  # values may come along
    return f"\n{cell.distance}{time}"


def _duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"
