"""The functions of AdglotBridge, as Python calls them."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from adglot.calls import Operator, Pattern
from adglot.codec.graphs import dumps
from adglot.errors import InternalError, Unsupported
from adglot.ir import Graph
from adglot_julia.thread import JuliaThread
from adglot_server.engines.base import Request
from adglot_server.executors.control import Control

Array = np.ndarray[Any, Any]

PREFIX = "julia/"
FIELDS, LINES, WORDS = "\x1f", "\n", " "
"""How Julia separates the parts of a text: of a failure, of a list, of a list in a list."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong in Julia, as text."""

    phase: str
    kind: str
    message: str
    frames: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Failure:
        phase, kind, message, *frames = text.split(FIELDS)
        return cls(phase, kind, message, tuple(frames))

    def __str__(self) -> str:
        where = f" ({'; '.join(self.frames)})" if self.frames else ""
        kind = "" if self.message.startswith(self.kind) else f"{self.kind}: "
        return f"{self.phase}: {kind}{self.message}{where}"


@dataclass(frozen=True, slots=True)
class Described:
    """What Julia says of an engine; `reason` is empty where its packages are there."""

    name: str
    reason: str
    version: str
    operators: tuple[Operator, ...]
    modes: tuple[str, ...]
    ops: tuple[str, ...]
    sparse: tuple[Operator, ...]

    @classmethod
    def parse(cls, line: str) -> Described:
        name, reason, version, *lists = line.split(FIELDS)
        words = (tuple(filter(None, part.split(WORDS))) for part in lists)
        return cls(name, reason, version, *words)  # type: ignore[arg-type]


class Program:
    """A graph that Julia holds, by its number; let go when nobody refers to it any more."""

    def __init__(self, number: int, forget: Callable[[int], None]) -> None:
        self.number = number
        weakref.finalize(self, forget, number)


class Bridge:
    """The functions of AdglotBridge, all called on the thread of Julia with Python's lock free."""

    def __init__(self, thread: JuliaThread) -> None:
        self._thread = thread
        self._julia = _import_bridge()
        self._programs: WeakValueDictionary[str, Program] = WeakValueDictionary()
        self._forgotten: deque[tuple[str, int]] = deque()
        self._lock = Lock()

    def describe(self) -> list[Described]:
        text = self._call("describe", ())
        return [Described.parse(line) for line in text.split(LINES)]

    def compilations(self) -> int:
        return int(self._call("compilations", ()))

    def load(self, engine: str) -> None:
        """Import an engine's packages; Unavailable with Julia's reason where that fails."""
        failure = self._call("load", (engine,))
        if failure:
            raise Unsupported(f"{PREFIX}{engine}: {Failure.parse(failure)}")

    def program(self, graph: Graph) -> Program:
        """The graph in Julia, built once for all engines and operators."""
        with self._lock:
            known = self._programs.get(graph.digest)
            if known is None:
                known = Program(self._add(graph), self.forget_graph)
                self._programs[graph.digest] = known
            return known

    def _add(self, graph: Graph) -> int:
        data = np.frombuffer(dumps(graph), np.uint8)
        return self._number("add_graph", (data.ctypes.data, data.size), data)

    def make_ready(self, program: Program, engine: str, request: Request, mode: str) -> int:
        return self._number(
            "make_ready",
            (
                program.number,
                engine,
                request.operator,
                tuple(request.wrt),
                tuple(request.of),
                mode,
                request.seeds or 0,
                request.batch or 0,
                request.sparse,
            ),
        )

    def pattern(self, number: int) -> tuple[Pattern, int]:
        """Of the whole matrix of a sparse request, and how many colours it has."""
        rows, columns, nonzeros, colours = self._call("pattern_size", (number,))
        indptr, indices = np.empty(rows + 1, np.int64), np.empty(nonzeros, np.int64)
        addresses = (number, indptr.ctypes.data, indices.ctypes.data)
        self._call("write_pattern", addresses, kept=(indptr, indices))
        return Pattern(indptr, indices, columns), colours

    def run(self, number: int, addresses: Array, kept: Any, control: Control) -> str:
        """Empty, or the text of a failure. `kept` is what must live until Julia is done."""
        arguments = (number, addresses.ctypes.data)
        failure: str = self._call("run", arguments, control=control, kept=(addresses, kept))
        return failure

    def forget(self, number: int) -> None:
        """Let go of what was made ready; any thread may say so, the next call tells Julia."""
        self._forgotten.append(("release", number))

    def forget_graph(self, number: int) -> None:
        self._forgotten.append(("release_graph", number))

    def _number(self, name: str, arguments: tuple[Any, ...], kept: Any = None) -> int:
        result = self._call(name, arguments, kept=kept)
        if isinstance(result, str):
            failure = Failure.parse(result)
            if failure.kind in ("LackingOp", "ArgumentError"):
                raise Unsupported(f"{PREFIX[:-1]}: {failure.message}")
            raise InternalError(f"Julia could not {failure}")
        return int(result)

    def _call(
        self,
        name: str,
        arguments: tuple[Any, ...],
        *,
        control: Control | None = None,
        kept: Any = None,
    ) -> Any:
        call = partial(self._on_thread, name, arguments, kept)
        return self._thread.call(call) if control is None else self._thread.call(call, control)

    def _on_thread(self, name: str, arguments: tuple[Any, ...], kept: Any) -> Any:
        """`kept` is memory that Julia reads or writes: it lives as long as the call does."""
        while self._forgotten:
            forgotten, number = self._forgotten.popleft()
            getattr(self._julia, forgotten)._jl_call_nogil(number)
        return getattr(self._julia, name)._jl_call_nogil(*arguments)


def _import_bridge() -> Any:
    from juliacall import Main

    Main.seval("import AdglotBridge")
    return Main.AdglotBridge
