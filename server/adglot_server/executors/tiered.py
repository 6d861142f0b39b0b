"""Start with the interpreter; go over to compiled code when that has paid, and if it is faster.

Nobody waits for a compiler: a thread of its own compiles what the interpreter has spent about as
much time on as compiling takes, so that a program is never much dearer than the better of the two
would have been. That code is raw; when it has been called for long enough it is optimised. Calls
of compiled code are compared with those of the interpreter, which stays where it is faster. Without
llvmlite the interpreter is all there is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, local
from typing import Protocol

from adglot.ir import Graph
from adglot_server.executors.compiled import machine
from adglot_server.executors.compiled.executor import Compiled
from adglot_server.executors.compiled.kernel import Array, TooLarge
from adglot_server.executors.compiled.staged import optimised
from adglot_server.executors.compiling import compile_later, optimise_later
from adglot_server.executors.control import FREELY, Control
from adglot_server.executors.interpreter import Interpreter
from adglot_server.executors.kept import keep
from adglot_server.executors.liveness import peak_bytes
from adglot_server.executors.tally import Tally
from adglot_server.executors.trial import Trial

CALLS = 3
"""Calls before compiling, at least."""

SECONDS = 0.05
"""Of the interpreter, before compiling, at most; of raw code, before that is optimised."""

START_SECONDS, NODE_SECONDS = 0.005, 0.00025
"""What raw code takes to make, and that for each node."""

SHORT = 1e-5
"""Seconds of calls that are not looked at any more once the code has lost: looking takes a part."""

SLACK = 8 << 20
"""Bytes that compiled code may need beyond what the interpreter needs: few calls run at a time."""


COMPILED = Tally()
"""What this process has compiled, raw and again."""

_at_once: ContextVar[bool] = ContextVar("adglot_at_once", default=False)


@contextmanager
def at_once() -> Iterator[None]:
    """Programs made in here are compiled before their first call, and stay so.

    Then no clock has a say in who answers, and the same calls give the same bits in every run.
    """
    token = _at_once.set(True)
    try:
        yield
    finally:
        _at_once.reset(token)


class Executor(Protocol):
    """Runs one graph."""

    @property
    def name(self) -> str: ...

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """The outputs at these inputs: arrays of their own."""


class Code(Executor, Protocol):
    """Compiled code of a graph."""

    @property
    def nbytes(self) -> int: ...

    def optimise(self) -> None:
        """Make it as fast as it gets; calls go on meanwhile."""


class Tiers:
    """A program that is run by whatever is fastest by now: first one way, then compiled.

    - `first` runs it from the start; `compile_it` gives its code, or None where there can be none.
    - `size` tells the size of a call by its inputs: times are compared by what one unit takes.
    - `calls` that have to be made before compiling, and `seconds` that they have to take.
    """

    def __init__(
        self,
        first: Executor,
        compile_it: Callable[[], Code | None],
        size: Callable[[Sequence[Array]], int] = lambda inputs: 1,
        calls: int = CALLS,
        seconds: float = SECONDS,
    ) -> None:
        self._first, self._compile_it, self._size = first, compile_it, size
        self._least, self._price = calls, seconds
        self._at_once, self._compiling = _at_once.get() and machine.available(), Lock()
        self._last = local()
        self.used = 0.0
        """When compiled code last answered, by `time.monotonic`."""
        self._final: Executor | None = None
        """From whom nobody takes over any more: his calls need not be looked at."""
        self._begin()
        if not machine.available():
            self._pending, self._final = True, first

    def _begin(self) -> None:
        self._code: Code | None = None
        self._calls, self._spent, self._spent_raw = 0, 0.0, 0.0
        self._trial = Trial()
        self._pending = self._optimising = self._optimised = False
        self._final = None

    @property
    def name(self) -> str:
        """Who answered this thread's last call; who would answer now, where there was none."""
        if self._final is not None:
            return self._final.name
        return getattr(self._last, "name", (self._code or self._first).name)

    @property
    def nbytes(self) -> int:
        """Of compiled code and what it holds."""
        code = self._code
        return code.nbytes if code else 0

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """As `Interpreter.run`."""
        final = self._final
        if final is not None:
            self.used = time.monotonic()
            return final.run(inputs, control)
        if self._at_once:
            self._compile_once()
        code = self._code if self._at_once or self._trial.code_is_next else None
        executor: Executor = code or self._first
        start = time.monotonic()
        results = executor.run(inputs, control)
        self._last.name = executor.name
        now = time.monotonic()
        if code is None:
            self._first_took(now - start, self._size(inputs))
        elif self._at_once:
            self.used = now
        else:
            self.used = now
            self._code_took(now - start, self._size(inputs))
        return results

    def compile(self) -> None:
        """Take on compiled code now, if there can be any."""
        self._take_on("raw")

    def _take_on(self, kind: str) -> None:
        with attempted():
            with COMPILED.timed(kind):
                code = self._compile_it()
            if code is not None:
                self.used = time.monotonic()
                self._code = code
                keep(self)
            self._final = self._first if code is None else None
        self._pending = True

    def optimise(self) -> None:
        """Make the code that there is as fast as it gets, and try again whether that is faster."""
        with attempted():
            if (code := self._code) is not None:
                with COMPILED.timed("optimised"):
                    code.optimise()
                self._trial.again()
                self._optimised = True

    def drop(self) -> None:
        """Forget compiled code; it is made again when it has paid again."""
        self._begin()

    def _compile_once(self) -> None:
        """Compile in this call, if nobody has tried since code was last dropped."""
        if not self._pending:
            with self._compiling:
                if not self._pending:
                    with optimised():
                        self._take_on("optimised")

    def _first_took(self, seconds: float, size: int) -> None:
        """Compile when the first executor has taken long enough."""
        self._trial.first_took(seconds, size, against=self._code is not None)
        self._calls, self._spent = self._calls + 1, self._spent + seconds
        if not self._pending and self._calls >= self._least and self._spent >= self._price:
            self._pending = True
            compile_later(self.compile)

    def _code_took(self, seconds: float, size: int) -> None:
        """Optimise when raw code has taken long enough, or is no faster than what was before."""
        self._spent_raw += seconds
        lost = self._trial.code_took(seconds, size)
        if not self._optimising and (lost or self._spent_raw >= SECONDS):
            self._optimising = True
            optimise_later(self.optimise)
        elif lost and self._optimised and seconds < SHORT:
            self._code, self._final = None, self._first
        elif self._optimised and self._trial.won:
            self._final = self._code


@contextmanager
def attempted() -> Iterator[None]:
    """Whatever the compiler cannot do costs nobody an answer."""
    try:
        yield
    except RuntimeError:  # what llvmlite raises
        logging.getLogger(__name__).exception("not compiled, and still interpreted")


class Tiered(Tiers):
    """A graph made ready to be run many times, by the interpreter and then compiled."""

    def __init__(self, graph: Graph) -> None:
        price = min(SECONDS, START_SECONDS + NODE_SECONDS * len(graph.nodes))
        super().__init__(Interpreter(graph), lambda: _compiled(graph), seconds=price)


def _compiled(graph: Graph) -> Compiled | None:
    """Code that has something to do, and needs no more memory than the limits were told."""
    try:
        code = Compiled(graph)
    except TooLarge:
        return None
    return code if code.kernels and code.peak_bytes <= peak_bytes(graph) + SLACK else None
