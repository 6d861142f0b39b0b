"""Start with the interpreter; go over to compiled code when that has paid, and if it is faster.

Nobody waits for a compiler: a thread of its own compiles what the interpreter has spent as much
time on as compiling takes, so that a program is never much dearer than the better of the two
would have been. The first calls of compiled code are timed; where the interpreter was faster, it
stays. Without llvmlite the interpreter is all there is.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock, local
from typing import Protocol

from adglot.ir import Graph
from adglot_server.executors.compiled import machine
from adglot_server.executors.compiled.executor import Compiled
from adglot_server.executors.compiled.kernel import Array, TooLarge
from adglot_server.executors.control import FREELY, Control
from adglot_server.executors.interpreter import Interpreter
from adglot_server.executors.liveness import peak_bytes

CALLS = 3
"""Calls before compiling, at least."""

SECONDS = 0.05
"""Of the interpreter, before compiling: what a small program takes to compile."""

TRIALS = 8
"""Calls of compiled code that are timed; the fastest counts, as it does of the interpreter's."""

KEPT_BYTES = 256 << 20
"""Of compiled code with its constants and workspaces; what was run longest ago goes first."""

SLACK = 1 << 16
"""Bytes that compiled code may need beyond what the interpreter needs."""


class Executor(Protocol):
    """Runs one graph."""

    name: str

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """The outputs at these inputs: arrays of their own."""


class Tiered:
    """A graph made ready to be run many times, by whatever is fastest by now."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._interpreter = Interpreter(graph)
        self._compiled: Compiled | None = None
        self._calls, self._spent = 0, 0.0
        self._fastest = {Interpreter.name: float("inf"), Compiled.name: float("inf")}
        self._trials = 0
        self._pending = not machine.available()
        self._last = local()
        self.used = 0.0
        """When compiled code last answered, by `time.monotonic`."""

    @property
    def name(self) -> str:
        """Who answered this thread's last call; who would answer now, where there was none."""
        current = Compiled.name if self._compiled else Interpreter.name
        return getattr(self._last, "name", current)

    @property
    def nbytes(self) -> int:
        """Of compiled code and what it holds."""
        compiled = self._compiled
        return compiled.nbytes if compiled else 0

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """As `Interpreter.run`."""
        executor: Executor = self._compiled or self._interpreter
        start = time.monotonic()
        results = executor.run(inputs, control)
        self._last.name = executor.name
        self._note(executor, time.monotonic() - start, start)
        return results

    def compile(self) -> None:
        """Take on compiled code now, if there can be any."""
        try:
            made = Compiled(self._graph)
        except TooLarge:
            return
        except RuntimeError:  # what llvmlite raises
            logging.getLogger(__name__).exception("not compiled, and still interpreted")
            return
        if made.kernels and made.peak_bytes <= peak_bytes(self._graph) + SLACK:
            self.used = time.monotonic()
            self._compiled = made
            _store().add(self)

    def drop(self) -> None:
        """Forget compiled code; it is made again when it has paid again."""
        self._compiled, self._calls, self._spent, self._trials = None, 0, 0.0, 0
        self._pending = False

    def _note(self, executor: Executor, seconds: float, now: float) -> None:
        if executor is self._interpreter:
            if not self._pending:
                self._fastest[executor.name] = min(seconds, self._fastest[executor.name])
                self._calls, self._spent = self._calls + 1, self._spent + seconds
                if self._calls >= CALLS and self._spent >= SECONDS:
                    self._pending = True
                    _compile_later(self)
            return
        self.used = now
        if self._trials < TRIALS:
            self._trials += 1
            self._fastest[executor.name] = min(seconds, self._fastest[executor.name])
            slower = self._fastest[Compiled.name] > self._fastest[Interpreter.name]
            if self._trials == TRIALS and slower:
                self._compiled = None  # and nothing is pending: it is not made again


class _Store:
    """Whose code is kept, and how much of it there may be."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: weakref.WeakSet[Tiered] = weakref.WeakSet()

    def add(self, new: Tiered) -> None:
        with self._lock:
            self._kept.add(new)
            held = sorted((one for one in self._kept if one.nbytes), key=lambda one: one.used)
            total = sum(one.nbytes for one in held)
            for one in held:
                if total <= KEPT_BYTES or one is new:
                    break
                total -= one.nbytes
                one.drop()


@cache
def _store() -> _Store:
    return _Store()


@cache
def _compiler() -> ThreadPoolExecutor:
    """The one thread that compiles; it is waited for when Python ends."""
    return ThreadPoolExecutor(1, thread_name_prefix="adglot-compile")


def _compile_later(one: Tiered) -> None:
    """Compile, unless nobody has the program any more when its turn comes."""
    reference = weakref.ref(one)

    def work() -> None:
        if (still := reference()) is not None:
            still.compile()

    _compiler().submit(work)
