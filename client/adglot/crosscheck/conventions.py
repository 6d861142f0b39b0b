"""The table of conventions: where derivatives are a choice, and what each package chooses.

A row says at which points of which op, and what packages answer there. A difference is excused by a
row only where each side is: the row has its answer for that package and version, or the answer lies
between the one-sided derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from adglot.calls import Array
from adglot.crosscheck.alone import Alone
from adglot.crosscheck.model import Convention
from adglot.ops import NonSmooth


@dataclass(frozen=True, slots=True)
class Answer:
    """What one engine answers, in which versions of its package, and where that is said."""

    engine: str
    versions: str
    answer: str
    source: str
    limitation: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Points of some ops, `at` saying whether a node (its operands, its attributes) is at one."""

    id: str
    ops: tuple[str, ...]
    where: str
    at: Callable[..., Any]
    answers: tuple[Answer, ...]
    note: str = ""


ANSWERS: Mapping[str, Callable[[Array, Array], bool]] = {
    "zero": lambda mine, theirs: bool(np.all(mine == 0)),
    "nan": lambda mine, theirs: bool(np.all(np.isnan(mine))),
    "infinite": lambda mine, theirs: bool(np.all(np.isinf(mine))),
    "finite": lambda mine, theirs: bool(np.all(np.isfinite(mine))),
}
"""What an answer may be, said of the components that differ: mine, and those of the other side."""


ROWS: tuple[Row, ...] = ()


def match(node: Alone, side: int, engine: str, version: str) -> Convention | None:
    """The row that explains what one side says of a node."""
    mine, theirs = node.differing[side], node.differing[1 - side]
    apart = ~((mine == theirs) | (np.isnan(mine) & np.isnan(theirs)))
    for row in _rows(node):
        for answer in row.answers:
            known = answer.engine == engine and within(version, answer.versions)
            if known and ANSWERS[answer.answer](mine[apart], theirs[apart]):
                return _convention(row, answer)
    return None


def _rows(node: Alone) -> list[Row]:
    with np.errstate(all="ignore"):
        rows = (row for row in ROWS if node.node.op in row.ops)
        return [row for row in rows if np.any(row.at(*node.operands, **node.node.attributes))]


def _convention(row: Row, answer: Answer) -> Convention:
    return Convention(
        row.id,
        ", ".join(row.ops),
        row.where,
        answer.engine,
        answer.versions,
        answer.answer,
        answer.source,
        row.note,
        answer.limitation,
    )


def unlisted(node: Alone, within: NonSmooth) -> Convention:
    """For a kink where both answers lie between the one-sided derivatives."""
    rows = _rows(node)
    where = f"{node.node.op} where {within.where}"
    return Convention(
        id=rows[0].id if rows else where,
        op=node.node.op,
        where=within.where,
        answer="between",
        note=f"both lie between the one-sided derivatives; adglot takes: {within.convention}",
    )


def within(version: str, versions: str) -> bool:
    """Whether a version lies in a range; the empty range holds every version.

    >>> within("0.10.2", ">=0.4,<0.11"), within("torch 2.13.0+cpu", ">=2.14")
    (True, False)
    """
    return all(_holds(version, clause) for clause in versions.split(",") if clause)


def _holds(version: str, clause: str) -> bool:
    if clause.startswith(">="):
        return _numbers(version) >= _numbers(clause[2:])
    assert clause.startswith("<"), f"a range is written with >= and <, not {clause!r}"
    return _numbers(version) < _numbers(clause[1:])


def _numbers(version: str) -> tuple[int, ...]:
    number = version.rsplit(maxsplit=1)[-1] if version else ""
    parts = number.split("+", maxsplit=1)[0].split(".")
    return tuple(int(part) for part in parts if part.isdigit())
