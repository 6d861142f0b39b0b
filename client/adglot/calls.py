"""What a client asks and a service answers, as plain data: no grpc, no protobuf."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph

Array = np.ndarray[Any, Any]
Operator = Literal["evaluate", "jvp", "vjp", "gradient", "jacobian", "hessian", "hvp"]
Mode = Literal["auto", "forward", "reverse", "mixed"]
EngineState = Literal["ready", "absent", "starting", "restarting"]
Port = int | str
"""An input or an output: its position, or its name in a graph sent along."""

OPERATORS: tuple[Operator, ...] = get_args(Operator)
MODES: tuple[Mode, ...] = get_args(Mode)
DEFAULT_ENGINE = "native"
SEEDS: dict[Operator, str] = {"jvp": "tangents", "vjp": "cotangents", "hvp": "tangents"}
"""The operators that take seeds, and what theirs are called."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One request: an operator of a function (a graph or the digest of one) at a point.

    `values` holds one array an input, `seeds` one an input of `wrt` (tangents) or an output of
    `of` (cotangents). Shapes, `seed_axis` and `batch` are as in ``operators.proto``. `deadline`
    is a reading of `time.monotonic`.
    """

    operator: Operator
    graph: Graph | str
    values: tuple[Array, ...] = ()
    seeds: tuple[Array, ...] = ()
    engine: str = DEFAULT_ENGINE
    wrt: tuple[Port, ...] = ()
    of: tuple[Port, ...] = ()
    mode: Mode = "auto"
    batch: bool = False
    seed_axis: bool = False
    include_values: bool = False
    sparse: bool = False
    deadline: float | None = None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            what = f"must be one of {', '.join(MODES)}, got {self.mode!r}"
            raise InvalidArgument(Violation("mode", what))

    @property
    def digest(self) -> str:
        return self.graph if isinstance(self.graph, str) else self.graph.digest

    def seconds_left(self) -> float | None:
        """Until the deadline, never negative; None where there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True)
class Report:
    """How an answer came about; see ``Report`` in ``operators.proto``.

    `mode` is "none", "forward", "reverse", "mixed" or "forward over reverse"; `colours` is 0 where
    the answer is dense. `error_estimates` is filled for those who ask by `adglot.reports`: the
    ones of the `Answer`.
    """

    engine: str = ""
    executor: str = ""
    mode: str = "none"
    passes: int = 0
    function_ops: int = 0
    program_ops: int = 0
    prepare_seconds: float = 0.0
    run_seconds: float = 0.0
    digest: str = ""
    wrt: tuple[int, ...] = ()
    of: tuple[int, ...] = ()
    colours: int = 0
    error_estimates: tuple[Array, ...] = field(default=(), compare=False)

    def timed(self, prepare_seconds: float, run_seconds: float) -> Report:
        """The same with these times, sooner than by `dataclasses.replace`."""
        return Report(
            self.engine, self.executor, self.mode, self.passes, self.function_ops,
            self.program_ops, prepare_seconds, run_seconds, self.digest, self.wrt, self.of,
            self.colours,
        )  # fmt: skip

    def ran(self, executor: str, seconds: float) -> Report:
        """The same of a run."""
        return Report(
            self.engine, executor, self.mode, self.passes, self.function_ops, self.program_ops,
            self.prepare_seconds, seconds, self.digest, self.wrt, self.of, self.colours,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Where a sparse matrix may differ from zero, in compressed rows as SciPy has them (CSR).

    - `indptr`: int32 or int64 [rows + 1], ascending from 0
    - `indices`: the columns of row r are ``indices[indptr[r] : indptr[r + 1]]``, ascending; of the
      dtype of `indptr`
    - `columns`: how many columns the matrix has

    >>> Pattern(np.array([0, 2, 3]), np.array([0, 1, 1]), columns=2).shape
    (2, 2)
    """

    indptr: Array
    indices: Array
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.indptr) - 1, self.columns

    @property
    def nonzeros(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The answer to a `Call`: arrays in the order of ``operators.proto``, and the report.

    Where the call was `sparse`, `patterns` has one `Pattern` a derivative: of a matrix of
    size(y) rows and size(x) columns, of which the derivative is the nonzeros [n], row by row; with
    `batch` [B, n], of one pattern.

    `error_estimates`, of numerical engines only, has one real array a derivative, of its shape:
    the estimated absolute errors of its components.
    """

    values: tuple[Array, ...] = ()
    derivatives: tuple[Array, ...] = ()
    report: Report = field(default_factory=Report)
    error_estimates: tuple[Array, ...] = ()
    patterns: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The program an operator would run, as text; the report has its op counts.

    Where it is sparse, `patterns` are those of the answer at any point. An engine that writes
    formulas (`symbolic`) gives them as `latex`, too, one a line.
    """

    text: str
    report: Report
    patterns: tuple[Pattern, ...] = ()
    latex: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, eq=False)
class Explain:
    """Asks for the `Explanation` of a call that needs no point.

    Without `text` it has the program made that such calls run, and nothing is shown.
    """

    call: Call
    text: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """Asks the service to keep a graph; the reply is its digest."""

    graph: Graph


Listing = Literal["engines", "ops", "info"]
"""Asks for a tuple of `EngineInfo`, a tuple of `OpInfo`, or `ServerInfo`."""

Request = Call | Explain | Register | Listing
"""All that a client can ask."""


@dataclass(frozen=True, slots=True)
class AttributeInfo:
    """One attribute of an op."""

    name: str
    kind: str
    required: bool


@dataclass(frozen=True, slots=True)
class OpInfo:
    """One op of a server's table."""

    name: str
    doc: str
    attributes: tuple[AttributeInfo, ...] = ()
    differentiable: bool = True


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """One engine of a server; `reason` says why it is not available, `ops` () means all.

    `sparse` says that it has a sparse mode of its own: else sparse answers are made of its
    jvp, vjp or hvp with coloured seeds. `state` is that of the engine's own process, where it has
    one: a request waits while it starts, and the first one starts it.
    """

    name: str
    available: bool
    reason: str = ""
    version: str = ""
    operators: tuple[Operator, ...] = ()
    ops: tuple[str, ...] = ()
    sparse: bool = False
    state: EngineState = "ready"


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server is and what it allows."""

    version: str
    opset: int
    limits: dict[str, int] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    encodings: tuple[str, ...] = ("raw",)
