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
from adglot.crosscheck import bounds
from adglot.crosscheck.alone import Alone
from adglot.crosscheck.kinks import between, signless, symmetric
from adglot.crosscheck.model import Convention
from adglot.crosscheck.phases import turned
from adglot.ops import NonSmooth


@dataclass(frozen=True, slots=True)
class Answer:
    """What one engine answers, in which versions of its package, and where that is said.

    With `limitation` the derivative is no choice there, and the package is known to miss it.
    """

    engine: str
    versions: str
    answer: str
    source: str
    limitation: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Points of some ops (() for any op); `at` says whether a node is at one of them."""

    id: str
    ops: tuple[str, ...]
    where: str
    at: Callable[[Alone], bool]
    answers: tuple[Answer, ...]
    note: str = ""


ROUGH = 1e-8
"""How near a number is that is right but for a few digits."""


def _all(test: Callable[[Array], Any]) -> Callable[..., bool]:
    return lambda node, side, apart: bool(np.all(test(node.differing[side][apart])))


def _rough(a: Array, b: Array) -> bool:
    return bool(np.allclose(a, b, rtol=ROUGH, atol=0.0))


ANSWERS: Mapping[str, Callable[..., bool]] = {
    "zero": _all(lambda x: x == 0),
    "nan": _all(np.isnan),
    "infinite": _all(np.isinf),
    "finite": _all(np.isfinite),
    "any": lambda node, side, apart: True,
    "between": lambda node, side, apart: between(node, side),
    "symmetric": lambda node, side, apart: between(node, side, symmetric),
    "signless": lambda node, side, apart: between(node, side, seen=signless),
    "rough": lambda node, side, apart: _rough(*node.differing),
    "turned": lambda node, side, apart: turned(node, side),
}
"""What an engine may answer where it differs: one of the kinds of numbers, a value between the
one-sided derivatives, the same for the symmetric part of what a matrix is moved by or without the
sign of a determinant, the other's number but for a few digits, or vectors that are turned."""


OF_VALUES = ("rough", "turned")
"""The answers that say something of values, too; the others are kinds of derivatives."""


def match(node: Alone, side: int, engine: str, version: str) -> Convention | None:
    """The row that explains what one side says of a node."""
    allowed = bounds.bound(bounds.rounding(node.graph), *node.differing)
    apart = bounds.excess(*node.differing, allowed) > 1
    valued = node.probe.operator == "evaluate"
    for row in rows(node):
        for answer in row.answers:
            known = answer.engine == engine and within(version, answer.versions)
            fits = answer.answer in OF_VALUES or not valued
            if known and fits and ANSWERS[answer.answer](node, side, apart):
                return _convention(row, answer)
    return None


def rows(node: Alone) -> list[Row]:
    """The rows that a node is at a point of."""
    from adglot.crosscheck.convention_table import ROWS

    with np.errstate(all="ignore"):
        return [
            row for row in ROWS if node.node.op in (row.ops or (node.node.op,)) and row.at(node)
        ]


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
    listed = rows(node)
    return Convention(
        id=listed[0].id if listed else f"{node.node.op} where {within.where}",
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
