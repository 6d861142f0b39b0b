"""The table of conventions: where derivatives are a choice, and what each package chooses.

A row says at which points of which op, and what packages answer there. A difference is excused by a
row only where each side is: the row has its answer for that package and version, or the answer lies
between the one-sided derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from adglot.calls import Array
from adglot.crosscheck import bounds
from adglot.crosscheck.alone import Alone
from adglot.crosscheck.comparing import agree
from adglot.crosscheck.kinks import between, signless, symmetric
from adglot.crosscheck.model import Convention
from adglot.crosscheck.phases import turned
from adglot.crosscheck.unsymmetric import taken_as_symmetric
from adglot.ops import NonSmooth, evaluate_node


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine answers, in which versions of its package, and where that is said.

    `engine` is its name, or a pattern such as ``julia/*``. With `limitation` the derivative is no
    choice there, and the package is known to miss it.
    """

    engine: str
    versions: str
    answer: str
    source: str
    limitation: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Points of some ops (() for any op).

    `at` says which components of a node's block that differs are at one of them.
    """

    id: str
    ops: tuple[str, ...]
    where: str
    at: Callable[[Alone], Array]
    answers: tuple[Answer, ...]
    note: str = ""


ROUGH = 1e-8
"""How near a number is that is right but for a few digits."""


def _all(test: Callable[[Array], Any]) -> Callable[..., bool]:
    return lambda node, side, apart: bool(np.all(test(node.differing[side][apart])))


def _rough(a: Array, b: Array) -> bool:
    return bool(np.allclose(a, b, rtol=ROUGH, atol=0.0))


def _unsigned(node: Alone, side: int) -> bool:
    """Whether values are what NumPy says of operands without negative zeros."""
    operands = [x if x.dtype.kind == "b" else x + x.dtype.type(0) for x in node.operands]
    value = evaluate_node(node.node, operands)[node.slots[node.block]]
    return agree(node.differing[side], value, bounds.rounding(node.graph))


def _vanishing(node: Alone, side: int, apart: Array) -> bool:
    """Whether a derivative that differs is 0; of pullbacks that of the whole matrix."""
    concerned = apart.any(axis=(-2, -1), keepdims=True) if node.probe.reverse else apart
    return not np.any(node.differing[side] * concerned)


ANSWERS: Mapping[str, Callable[..., bool]] = {
    "zero": _all(lambda x: x == 0),
    "vanishing": _vanishing,
    "nan": _all(np.isnan),
    "infinite": _all(np.isinf),
    "finite": _all(np.isfinite),
    "number": _all(lambda x: ~np.isnan(x)),
    "nonfinite": _all(lambda x: ~np.isfinite(x)),
    "any": lambda node, side, apart: True,
    "between": lambda node, side, apart: between(node, side),
    "symmetric": lambda node, side, apart: between(node, side, symmetric),
    "taken as symmetric": lambda node, side, apart: taken_as_symmetric(node, side),
    "signless": lambda node, side, apart: between(node, side, seen=signless),
    "rough": lambda node, side, apart: _rough(*node.differing),
    "turned": lambda node, side, apart: turned(node, side),
    "unsigned": lambda node, side, apart: _unsigned(node, side),
}
"""What an engine may answer where it differs: one of the kinds of numbers, a value between the
one-sided derivatives, the same for the symmetric part of what a matrix is moved by or without the
sign of a determinant, what a formula for symmetric matrices gives for others, the other's number
but for a few digits, vectors that are turned, or the value that positive zeros have."""

KINDS = ("zero", "vanishing", "nan", "infinite", "finite", "number", "nonfinite", "any")
"""The answers that say nothing of components beside a row's points, so nothing may differ there."""

OF_VALUES = ("rough", "turned", "unsigned")
"""The answers that say something of values, too; the others are kinds of derivatives."""


def match(node: Alone, side: int, engine: str, version: str) -> Convention | None:
    """The row that explains what one side says of a node."""
    allowed = bounds.bound(bounds.rounding(node.graph), *node.differing)
    apart = bounds.excess(*node.differing, allowed) > 1
    for row in rows(node):
        for answer in row.answers:
            known = fnmatchcase(engine, answer.engine) and within(version, answer.versions)
            speaks = known and _speaks_of(row, answer, node, apart)
            if speaks and ANSWERS[answer.answer](node, side, apart):
                return _convention(node, row, answer)
    return None


def _speaks_of(row: Row, answer: Answer, node: Alone, apart: Array) -> bool:
    """Whether an answer can explain all components that differ."""
    if node.probe.operator == "evaluate":
        return answer.answer in OF_VALUES
    return answer.answer not in KINDS or not np.any(apart & ~row.at(node))


def rows(node: Alone) -> list[Row]:
    """The rows that a node is at a point of."""
    from adglot.crosscheck.convention_table import ROWS

    with np.errstate(all="ignore"):
        named = [row for row in ROWS if node.node.op in (row.ops or (node.node.op,))]
        return [row for row in named if np.any(row.at(node))]


def _convention(node: Alone, row: Row, answer: Answer) -> Convention:
    return Convention(
        row.id,
        ", ".join(row.ops),
        row.where,
        answer.engine,
        answer.versions,
        answer.answer,
        answer.source.replace("OP", node.node.op),
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
