"""What an engine is: it prepares a graph for one operator, then runs it at many points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from adglot.calls import Answer, Call, EngineInfo, Explanation, Mode, Pattern
from adglot.ir import Graph
from adglot_server.executors.control import FREELY, Control
from adglot_server.transforms.operators import ANY, Request

__all__ = [
    "ANY",
    "Control",
    "Engine",
    "Family",
    "Forwarder",
    "Mode",
    "Picking",
    "Prepared",
    "Request",
    "Tiling",
]

Array = np.ndarray[Any, Any]
Arrays = tuple[Array, ...]
Execute = Callable[[Sequence[Array], Control], list[Array]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A program for one operator of one graph, safe to be run by several threads at once.

    `execute` takes the graph's inputs, then the seeds; the first `values` of its results are those
    of the function that the request wants, the rest are the derivatives, laid out as
    `operators.derive` says.
    """

    execute: Execute
    values: int
    mode: str
    passes: int
    executor: str
    function_ops: int
    program_ops: int
    peak_bytes: int
    error_estimates: bool = False
    """Whether each derivative has an array of estimated absolute errors, behind them all."""
    answered: Callable[[], str] | None = None
    """Which executor gave this thread's last answer, where one may take over from another."""
    patterns: tuple[Pattern, ...] = ()
    """Where the request is sparse: one a derivative, of which the nonzeros are answered."""
    colours: int = 0
    point_bytes: int = 0
    """Where it runs at any number of points: the bytes of inputs and results at one of them.
    `function_ops` and `program_ops` are of one point then, `peak_bytes` all that is needed besides.
    """
    program: Graph | None = None
    """The derivative program, where the engine runs a graph."""
    formula: str = ""
    """What is run in an engine's own words, where that is no graph."""
    latex: str = ""
    """The same for a typesetter, where the engine can."""

    def run_bytes(self, request: Request) -> int:
        """What a run of all points of the request takes."""
        return self.peak_bytes + request.points * self.point_bytes

    @property
    def last_executor(self) -> str:
        """Who gave this thread's last answer."""
        return self.answered() if self.answered else self.executor

    @property
    def text(self) -> str:
        """The program as a listing, where there is one to show."""
        return self.formula if self.program is None else str(self.program)

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """Values and derivatives at one point (or batch of points)."""
        return self.execute(inputs, control)

    def split(self, results: Sequence[Array]) -> tuple[Arrays, Arrays, Arrays]:
        """What `run` returned as values, derivatives and estimates of their errors."""
        values, rest = tuple(results[: self.values]), tuple(results[self.values :])
        count = len(rest) // 2 if self.error_estimates else len(rest)
        return values, rest[:count], rest[count:]


class Engine(Protocol):
    """An AD engine, found by its name through the entry points ``adglot.engines``."""

    name: str

    def info(self) -> EngineInfo:
        """Whether it can be used here, and what it can do."""

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Make one operator of a valid graph ready; the slow part, done once.

        A sparse request comes only to an engine whose `info` says that it has a mode for these.

        Raises Unsupported for ops or operators it lacks, InvalidArgument for a request that has
        no answer.
        """


@runtime_checkable
class Tiling(Protocol):
    """An engine whose programs can take any number of points: `Request.batch` may be `ANY`."""

    tiling: bool


@runtime_checkable
class Picking(Protocol):
    """An engine whose programs compute the values that are wanted: it looks at `Request.values`."""

    picking: bool


@runtime_checkable
class Forwarder(Protocol):
    """An engine elsewhere: it answers whole calls, and prepares nothing here."""

    name: str

    def info(self) -> EngineInfo:
        """As `Engine.info`."""

    def call(self, call: Call, graph: Graph, control: Control) -> Answer:
        """The answer; `graph` is checked, and the call's own where that is a digest.

        `wrt` and `of` of the call are positions. The answer's report is the one of whoever ran it.
        """

    def explain(self, call: Call, graph: Graph, control: Control) -> Explanation:
        """The program of a call that needs no point."""


@runtime_checkable
class Family(Protocol):
    """Engines under one prefix, such as ``julia/Zygote``: what an entry point gives for many.

    The name of each is the prefix, which is the name of the entry point, a slash and its own.
    """

    def infos(self) -> tuple[EngineInfo, ...]:
        """What `Engine.info` says, of every engine by name; never raises."""

    def engine(self, name: str) -> Engine | Forwarder:
        """The engine of this (whole) name; UnknownEngine says which there are, or why not."""

    def close(self) -> None:
        """Free what the engines hold; they are not used any more."""
