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
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from math import inf
from threading import Lock, local
from typing import Protocol

from adglot.ir import Graph
from adglot_server.executors.compiled import machine
from adglot_server.executors.compiled.executor import Compiled
from adglot_server.executors.compiled.kernel import Array, TooLarge
from adglot_server.executors.control import FREELY, Control
from adglot_server.executors.interpreter import Interpreter
from adglot_server.executors.liveness import peak_bytes
from adglot_server.executors.tally import Tally

CALLS = 3
"""Calls before compiling, at least."""

SECONDS = 0.05
"""Of the interpreter, before compiling: what a small program takes to compile."""

TRIALS = 8
"""Calls of compiled code that are timed; the fastest counts, as it does of the interpreter's."""

KEPT_BYTES = 256 << 20
"""Of compiled code with its constants and workspaces; what was run longest ago goes first."""

SLACK = 8 << 20
"""Bytes that compiled code may need beyond what the interpreter needs: few calls run at a time."""


COMPILED = Tally()
"""What this process has compiled."""

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

    nbytes: int


class Tiers:
    """A program that is run by whatever is fastest by now: first one way, then compiled.

    - `first` runs it from the start; `compile_it` gives its code, or None where there can be none.
    - `size` tells the size of a call by its inputs: times are compared by what one unit takes.
    - `calls` that have to be made before compiling.
    """

    def __init__(
        self,
        first: Executor,
        compile_it: Callable[[], Code | None],
        size: Callable[[Sequence[Array]], int] = lambda inputs: 1,
        calls: int = CALLS,
    ) -> None:
        self._first, self._compile_it, self._size, self._least = first, compile_it, size, calls
        self._code: Code | None = None
        self._calls, self._spent = 0, 0.0
        self._before: deque[float] = deque(maxlen=TRIALS)
        self._fastest, self._trials = inf, 0
        self._pending = not machine.available()
        self._at_once, self._compiling = _at_once.get() and machine.available(), Lock()
        self._last = local()
        self.used = 0.0
        """When compiled code last answered, by `time.monotonic`."""

    @property
    def name(self) -> str:
        """Who answered this thread's last call; who would answer now, where there was none."""
        return getattr(self._last, "name", (self._code or self._first).name)

    @property
    def nbytes(self) -> int:
        """Of compiled code and what it holds."""
        code = self._code
        return code.nbytes if code else 0

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """As `Interpreter.run`."""
        if self._at_once:
            self._compile_once()
        executor: Executor = self._code or self._first
        start = time.monotonic()
        results = executor.run(inputs, control)
        self._last.name = executor.name
        now = time.monotonic()
        if self._at_once:
            self.used = now
        elif executor is not self._first:
            self._trial((now - start) / self._size(inputs), now)
        else:
            self._count(now - start, self._size(inputs))
        return results

    def compile(self) -> None:
        """Take on compiled code now, if there can be any."""
        try:
            with COMPILED.timed("programs"):
                code = self._compile_it()
        except RuntimeError:  # what llvmlite raises
            logging.getLogger(__name__).exception("not compiled, and still interpreted")
            return
        if code is not None:
            self.used = time.monotonic()
            self._code = code
            _store().add(self)

    def drop(self) -> None:
        """Forget compiled code; it is made again when it has paid again."""
        self._code, self._calls, self._spent = None, 0, 0.0
        self._fastest, self._trials = inf, 0
        self._pending = False

    def _compile_once(self) -> None:
        """Compile in this call, if nobody has tried since code was last dropped."""
        if not self._pending:
            with self._compiling:
                if not self._pending:
                    self.compile()
                    self._pending = True

    def _count(self, seconds: float, size: int) -> None:
        """Compile when the first executor has taken long enough."""
        self._before.append(seconds / size)
        self._calls, self._spent = self._calls + 1, self._spent + seconds
        if not self._pending and self._calls >= self._least and self._spent >= SECONDS:
            self._pending = True
            compile_later(self)

    def _trial(self, seconds: float, now: float) -> None:
        """Go back for good when the code was slower every time."""
        self.used = now
        if self._trials < TRIALS:
            self._trials += 1
            self._fastest = min(seconds, self._fastest)
            # as many calls of either: of more calls one would be faster by chance
            if self._trials == TRIALS and self._fastest > min(self._before, default=inf):
                self._code = None  # and it stays pending: it is not made again


class Tiered(Tiers):
    """A graph made ready to be run many times, by the interpreter and then compiled."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(Interpreter(graph), lambda: _compiled(graph))


def _compiled(graph: Graph) -> Compiled | None:
    """Code that has something to do, and needs no more memory than the limits were told."""
    try:
        code = Compiled(graph)
    except TooLarge:
        return None
    return code if code.kernels and code.peak_bytes <= peak_bytes(graph) + SLACK else None


class _Store:
    """Whose code is kept, and how much of it there may be."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: weakref.WeakSet[Tiers] = weakref.WeakSet()

    def add(self, new: Tiers) -> None:
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


def settle(seconds: float) -> None:
    """Wait until all is compiled that has paid for it so far; raises TimeoutError."""
    _compiler().submit(lambda: None).result(seconds)


class Compiles(Protocol):
    """Whoever can go over to compiled code."""

    def compile(self) -> None: ...


def compile_later(one: Compiles) -> None:
    """Compile, unless nobody has the program any more when its turn comes."""
    reference = weakref.ref(one)

    def work() -> None:
        if (still := reference()) is not None:
            still.compile()

    _compiler().submit(work)
