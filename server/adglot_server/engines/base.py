"""What an engine is: it prepares a graph for one operator, then runs it at many points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from adglot.calls import EngineInfo, Mode, Pattern
from adglot.ir import Graph
from adglot_server.executors.control import FREELY, Control
from adglot_server.transforms.operators import Request

__all__ = ["Control", "Engine", "Mode", "Prepared", "Request"]

Array = np.ndarray[Any, Any]
Arrays = tuple[Array, ...]
Execute = Callable[[Sequence[Array], Control], list[Array]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A program for one operator of one graph, safe to be run by several threads at once.

    `execute` takes the graph's inputs, then the seeds; the first `values` of its results are the
    function's outputs, the rest are the derivatives, laid out as `operators.derive` says.
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
    patterns: tuple[Pattern, ...] = ()
    """Where the request is sparse: one a derivative, of which the nonzeros are answered."""
    colours: int = 0
    program: Graph | None = None
    """The derivative program, where the engine runs a graph."""

    @property
    def text(self) -> str:
        """The program as a listing, where there is one to show."""
        return "" if self.program is None else str(self.program)

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
