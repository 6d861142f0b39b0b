"""What an engine was seen to do, as plain data, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Status = Literal["supported", "convention", "partial", "unsupported", "wrong", "error"]

WORST_FIRST: tuple[Status, ...] = (
    "error", "wrong", "unsupported", "partial", "convention", "supported",
)  # fmt: skip
MARKS: Mapping[Status, str] = {
    "supported": "✓",
    "convention": "≈",
    "partial": "◐",
    "unsupported": "–",
    "wrong": "✗",
    "error": "✗",
}
STYLES: Mapping[Status, str] = {
    "supported": "green",
    "convention": "yellow",
    "partial": "cyan",
    "unsupported": "dim",
    "wrong": "bold red",
    "error": "bold red",
}


@dataclass(frozen=True, slots=True)
class Capability:
    """One operator of one op or function, over all its samples.

    `convention`: it differs where the derivative is a choice; `note` names the rows of the table.
    `unsupported`: it says that it cannot, `partial`: it says so at some samples only. `wrong`: it
    differs, and extended precision refutes it or nothing excuses it. `error`: it failed in a way
    that it did not announce. `note` says why.
    """

    subject: str
    operator: str
    status: Status
    note: str = ""
    samples: int = 0
    max_ulps: float = 0.0

    @property
    def conforms(self) -> bool:
        """An engine may lack an op, or choose at a kink; it may not be wrong or fall over."""
        return self.status not in ("wrong", "error")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The table of one engine; true where it conforms."""

    engine: str
    version: str
    adglot: str
    rows: tuple[Capability, ...]

    def __bool__(self) -> bool:
        return all(row.conforms for row in self.rows)

    def counts(self) -> dict[Status, int]:
        """How many rows have each status."""
        found = [row.status for row in self.rows]
        return {status: found.count(status) for status in reversed(WORST_FIRST)}

    def updated(self, newer: Capabilities) -> Capabilities:
        """With the subjects of another run of the same engine and version in place of its own.

        Raises ValueError where these are not the same.
        """
        if (self.engine, self.version) != (newer.engine, newer.version):
            ours, theirs = f"{self.engine} {self.version}", f"{newer.engine} {newer.version}"
            raise ValueError(f"one table is of {ours}, the other of {theirs}")
        found = {**dict(self.by_subject()), **dict(newer.by_subject())}
        rows = tuple(row for operators in found.values() for row in operators.values())
        return replace(newer, rows=rows)

    def to_dict(self) -> dict[str, Any]:
        """Of JSON's types alone; `from_dict` reads it back."""
        return asdict(self)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Capabilities:
        rows = tuple(Capability(**row) for row in data["rows"])
        return Capabilities(data["engine"], data["version"], data["adglot"], rows)

    def by_subject(self) -> Iterator[tuple[str, dict[str, Capability]]]:
        """Each op or function with its operators."""
        subjects = dict.fromkeys(row.subject for row in self.rows)
        for subject in subjects:
            yield subject, {row.operator: row for row in self.rows if row.subject == subject}


def table(found: Capabilities) -> RenderableType:
    """A row an op or function, a column an operator; below, why."""
    operators = tuple(dict.fromkeys(row.operator for row in found.rows))
    matrix = Table(title=f"{found.engine} {found.version}".rstrip(), title_justify="left")
    matrix.add_column("")
    for operator in operators:
        matrix.add_column(operator, justify="center")
    for subject, row in found.by_subject():
        matrix.add_row(subject, *(_cell(row.get(operator)) for operator in operators))
    return Group(matrix, *map(Text, notes(found)), Text(summary(found)))


def notes(found: Capabilities) -> Iterator[str]:
    """Why something is not supported, operators that have the same reason together."""
    for subject, row in found.by_subject():
        reasons: dict[tuple[Status, str], list[str]] = {}
        for capability in row.values():
            if capability.status != "supported":
                reason = (capability.status, capability.note)
                reasons.setdefault(reason, []).append(capability.operator)
        for (status, note), operators in reasons.items():
            yield f"{subject} {', '.join(operators)}: {status}. {note}".rstrip()


def summary(found: Capabilities) -> str:
    """How many there are of each status, in one line."""
    counts = found.counts().items()
    return ", ".join(f"{MARKS[status]} {count} {status}" for status, count in counts if count)


def _cell(row: Capability | None) -> Text:
    return Text("") if row is None else Text(MARKS[row.status], STYLES[row.status])
