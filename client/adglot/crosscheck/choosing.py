"""Whom to ask: the engines named, or all that are there and quick enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from adglot.calls import EngineInfo
from adglot.crosscheck import arbiter
from adglot.crosscheck.model import EngineRun, Role
from adglot.errors import UnknownEngine
from adglot.ir import Graph

NUMERICAL = ("finite-difference", "complex-step", "julia/FiniteDiff", "julia/FiniteDifferences")
"""Engines whose answers are evidence; they go column by column."""

JUDGES = (arbiter.ENGINE, "one-sided")
"""Engines that differentiate in many digits: the arbiter, and its kin for one side of a kink."""

ASIDE = (*JUDGES, "symbolic")
"""Engines that stand beside the matrix unless they are named: they are slow."""

MOST_COLUMNS = 64
"""Engines that go column by column are left out of their own accord beyond this."""


def choose(
    infos: Sequence[EngineInfo], names: Sequence[str] | None, graph: Graph, wrt: Sequence[int]
) -> list[EngineRun]:
    """One entry an engine, those that will not run with the reason.

    Raises UnknownEngine for a name that no engine has.
    """
    if names is not None:
        known = {info.name: info for info in infos}
        return [_run(_known(name, known)) for name in dict.fromkeys(names)]
    columns = sum(graph.inputs[i].size for i in wrt)
    return [_of_its_own_accord(info, columns) for info in infos if info.name not in ASIDE]


def court(infos: Iterable[EngineInfo]) -> str | None:
    """The arbiter's name, where it is there."""
    there = any(info.name == arbiter.ENGINE and info.available for info in infos)
    return arbiter.ENGINE if there else None


def _known(name: str, known: dict[str, EngineInfo]) -> EngineInfo:
    if name in known:
        return known[name]
    close = get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise UnknownEngine(f"no engine {name!r}; {hint}there are {', '.join(known)}")


def _run(info: EngineInfo, left_out: str = "") -> EngineRun:
    available = info.available and not left_out
    return EngineRun(info.name, info.version, _role(info.name), available, info.reason or left_out)


def _of_its_own_accord(info: EngineInfo, columns: int) -> EngineRun:
    slow = info.name in NUMERICAL and columns > MOST_COLUMNS
    why = f"goes by columns, and there are {columns}: name it in engines= to have it asked"
    return _run(info, why if slow else "")


def _role(name: str) -> Role:
    if name in JUDGES:
        return "arbiter"
    return "numerical" if name in NUMERICAL else "exact"
