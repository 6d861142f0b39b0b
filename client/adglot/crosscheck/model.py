"""What a cross-check found, as plain data: verdicts, errors in ulp, the culprit, the versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from adglot.calls import Operator
from adglot.ir import Graph

Array = np.ndarray[Any, Any]
Kind = Literal[
    "agree", "convention", "mismatch", "nonfinite", "unsupported", "error", "unchecked", "evidence"
]
Role = Literal["exact", "numerical", "arbiter"]

WORST_FIRST: tuple[Kind, ...] = (
    "mismatch", "error", "convention", "unchecked", "unsupported", "nonfinite", "evidence", "agree",
)  # fmt: skip
"""Of several verdicts the first in this order stands for all."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one engine's answer.

    - ``agree``: with the other engines, within the bound.
    - ``nonfinite``: as `agree`, but with NaN or Inf, of the same kind in the same places.
    - ``convention``: it differs where the derivative is a choice; `convention` is the row's id.
    - ``mismatch``: it differs, and nothing excuses that. `who` is wrong, according to the arbiter;
      () where no arbiter could decide. `node` is the path of the first node that differs.
    - ``unsupported``, ``error``: there is no answer; `why` says the reason.
    - ``unchecked``: an answer, but nobody to compare it with.
    - ``evidence``: a numerical engine's answer that is farther away than it says itself; such
      engines never decide. `why` says how far.

    >>> str(Verdict("mismatch", who=("torch",), node="nodes[3]"))
    'mismatch(torch, nodes[3])'
    """

    kind: Kind
    convention: str = ""
    who: tuple[str, ...] = ()
    node: str = ""
    why: str = ""

    @property
    def ok(self) -> bool:
        """Whether a user may go on: neither a mismatch nor a failure."""
        return self.kind not in ("mismatch", "error")

    def __str__(self) -> str:
        if self.kind == "convention":
            return f"convention({self.convention})"
        if self.kind == "mismatch":
            return f"mismatch({' and '.join(self.who) or 'undecided'}, {self.node or 'unknown'})"
        return f"{self.kind}({self.why})" if self.why else self.kind


@dataclass(frozen=True, slots=True)
class EngineRun:
    """One engine that took part, or why it did not; `reason` has the line that installs it."""

    name: str
    version: str = ""
    role: Role = "exact"
    available: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One array of an engine's answer: a gradient by one input, a tangent of one output, ...

    `value` is the answer, `reference` what it is held against; `ulps` has their distance component
    by component, in units in the last place. `error` and `bound` are the absolute error and the
    bound at `worst`, the component that uses most of its bound.
    """

    name: str
    verdict: Verdict
    value: Array
    reference: Array | None = None
    ulps: Array = field(default_factory=lambda: np.zeros(0))
    error: float = 0.0
    bound: float = 0.0
    worst: tuple[int, ...] = ()

    @property
    def max_ulps(self) -> float:
        """The largest distance in ulp; NaN where kinds of non-finite numbers differ."""
        return float(np.max(self.ulps)) if self.ulps.size else 0.0


@dataclass(frozen=True, slots=True)
class FreeCheck:
    """An identity that an engine's own answers must satisfy: both sides, and how far they may be.

    `name` is ``<w,Jv> = <J^T w,v>`` or ``forward = reverse``. `excuse` says why both sides need not
    be equal here: a kink, or numbers that are not finite.
    """

    name: str
    left: float
    right: float
    bound: float
    excuse: str = ""

    @property
    def passed(self) -> bool:
        return bool(self.excuse) or abs(self.left - self.right) <= self.bound

    def __str__(self) -> str:
        return f"{self.name}: {self.left!r} and {self.right!r}"


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One engine's answer to one operator: a cell of the matrix engine x operator.

    `seconds` is the whole call as the client saw it; `prepare_seconds` and `run_seconds` are what
    the engine says of it.
    """

    engine: str
    operator: Operator
    verdict: Verdict
    blocks: tuple[Block, ...] = ()
    checks: tuple[FreeCheck, ...] = ()
    mode: str = ""
    passes: int = 0
    seconds: float = 0.0
    prepare_seconds: float = 0.0
    run_seconds: float = 0.0

    @property
    def max_ulps(self) -> float:
        return max((block.max_ulps for block in self.blocks), default=0.0)

    @property
    def distance(self) -> str:
        """`max_ulps` in words."""
        numbers = f"{self.max_ulps:.3g} ulp"
        return "a number against NaN or Inf" if np.isnan(self.max_ulps) else numbers

    @property
    def broken(self) -> tuple[FreeCheck, ...]:
        """The identities that do not hold."""
        return tuple(check for check in self.checks if not check.passed)


@dataclass(frozen=True, slots=True)
class Convention:
    """One row of the table of conventions: what a package answers where it is a choice.

    `engine` and `versions` (``>=1.0,<2``) say whose answer it is, `op` and `where` at which points;
    `answer` is one of `conventions.ANSWERS`. With `limitation` it is no choice but a known fault of
    the package; `source` says so in either case.
    """

    id: str
    op: str
    where: str
    engine: str = ""
    versions: str = ""
    answer: str = ""
    source: str = ""
    note: str = ""
    limitation: bool = False


@dataclass(frozen=True, slots=True)
class Arbiter:
    """What extended precision says of the number in question, and its estimated error."""

    value: complex
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class Culprit:
    """The first node whose derivative differs between two engines.

    `path` leads through control flow (``nodes[3].attributes.body.nodes[0]``); `value` is the index
    of the node's first output in its graph, `location` the user's line. `values` are the numbers
    at the component `what`, on this one node at the recorded `operands`: engine -> number.
    `confirmed` says that the engines differ on the node alone, too.
    """

    path: str
    value: int
    op: str
    location: str
    text: str
    what: str
    operands: tuple[Array, ...]
    values: Mapping[str, complex]
    arbiter: Arbiter | None = None
    nonsmooth: str = ""
    confirmed: bool = True

    def __str__(self) -> str:
        said = ", ".join(f"{engine}: {number(value)}" for engine, value in self.values.items())
        if self.arbiter is not None:
            said += f", in extended precision: {number(self.arbiter.value)}"
        line = f" ({self.location})" if self.location else ""
        return f"{self.path} {self.op}{line}: {self.what} is {said}"


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """Why two groups of engines differ in one block of one operator.

    `sides` are the two groups, `wrong` the engines whose side the arbiter refutes: () where it
    cannot decide. `conventions` are the rows that excuse the difference; then nobody is wrong.
    """

    operator: Operator
    block: str
    sides: tuple[tuple[str, ...], tuple[str, ...]]
    wrong: tuple[str, ...] = ()
    culprit: Culprit | None = None
    conventions: tuple[Convention, ...] = ()
    component: tuple[int, ...] = ()
    values: Mapping[str, complex] = field(default_factory=dict)
    arbiter: Arbiter | None = None

    @property
    def verdict(self) -> Verdict:
        if self.conventions:
            return Verdict("convention", convention=self.conventions[0].id)
        path = "" if self.culprit is None else self.culprit.path
        return Verdict("mismatch", who=self.wrong, node=path)

    def __str__(self) -> str:
        said = ", ".join(f"{engine}: {number(value)}" for engine, value in self.values.items())
        lines = [f"{self.verdict} in the {self.operator} {self.block}: {said}"]
        lines += [f"  {self.culprit}"] if self.culprit else []
        for (name, note), rows in self.reasons().items():
            lines += [f"  {name}: {note}", *(f"    {row.engine}: {row.source}" for row in rows)]
        return "\n".join(lines)

    def reasons(self) -> dict[tuple[str, str], list[Convention]]:
        """The conventions by id and note, with those of the rows that name a source."""
        found: dict[tuple[str, str], list[Convention]] = {}
        for row in self.conventions:
            found.setdefault((row.id, row.note or row.where), []).append(row)
        return {key: [row for row in rows if row.source] for key, rows in found.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Crosscheck:
    """The result of `Client.crosscheck`: true where no engine is wrong and none failed.

    `cells` is the matrix engine x operator, engine by engine; `findings` says of every difference
    where it comes from. `inputs` and `seeds` are the point and the random seeds used, so that
    anybody can do it again. `versions` names what computed here.
    """

    graph: Graph
    inputs: tuple[Array, ...]
    operators: tuple[Operator, ...]
    engines: tuple[EngineRun, ...]
    cells: tuple[Cell, ...]
    findings: tuple[Finding, ...] = ()
    seeds: Mapping[str, tuple[Array, ...]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """No mismatch, no failed engine, no identity broken."""
        return all(cell.verdict.ok and not cell.broken for cell in self.cells)

    def __bool__(self) -> bool:
        return self.ok

    @property
    def summary(self) -> str:
        """Whether engines agree, in a sentence.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     ad.crosscheck(np.sin, 1.0, engines=["native", "complex-step"]).summary
        'The engines agree.'
        """
        if not self.ok:
            return "The engines do not agree."
        choices = any(cell.verdict.kind == "convention" for cell in self.cells)
        return f"The engines agree{', but for known conventions' if choices else ''}."

    def broken(self) -> list[str]:
        """Who breaks which identity, a line each."""
        return [f"{cell.engine} breaks {check}" for cell in self.cells for check in cell.broken]

    def cell(self, engine: str, operator: Operator) -> Cell | None:
        """The answer of one engine to one operator; None where it was not asked."""
        found = (c for c in self.cells if (c.engine, c.operator) == (engine, operator))
        return next(found, None)

    def __str__(self) -> str:
        """A plain text: one line an engine, then the findings."""
        return "\n".join(_lines(self))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the large arrays, of JSON's types alone."""
        from adglot.crosscheck.jsonable import crosscheck

        return crosscheck(self)


def worst(verdicts: Iterator[Verdict]) -> Verdict:
    """The verdict that stands for all; `agree` where there is none."""
    return min(verdicts, key=lambda v: WORST_FIRST.index(v.kind), default=Verdict("agree"))


def number(value: complex) -> str:
    """The shortest text that is this number again."""
    return repr(value.real) if not value.imag else repr(value)


def _lines(result: Crosscheck) -> Iterator[str]:
    yield f"{result.graph!r}: {'ok' if result.ok else 'NOT ok'}"
    for engine in result.engines:
        name = f"{engine.name} {engine.version}".rstrip()
        yield f"  {name}: {_answers(result, engine)}"
    for finding in result.findings:
        yield from (f"  {line}" for line in str(finding).splitlines())
    yield from (f"  {line}" for line in result.broken())


def _answers(result: Crosscheck, engine: EngineRun) -> str:
    if not engine.available:
        return f"unavailable: {engine.reason}"
    cells = [cell for cell in result.cells if cell.engine == engine.name]
    return "; ".join(
        f"{cell.operator} {cell.verdict}" + (f" {cell.distance}" if cell.blocks else "")
        for cell in cells
    )
