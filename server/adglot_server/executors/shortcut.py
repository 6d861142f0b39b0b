"""Some outputs of a program as one function of Python's: compiled as a whole, if it can be."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from ctypes import c_byte
from threading import Lock
from typing import Protocol

import numpy as np

from adglot.ir import Graph
from adglot.ops.core import Array
from adglot.ops.cost import cost
from adglot_server.executors.compiled import machine
from adglot_server.executors.compiled.direct import Direct, direct
from adglot_server.executors.compiled.entry import RELEASED
from adglot_server.executors.compiled.executor import Compiled
from adglot_server.executors.compiled.scalars import NotTaken
from adglot_server.executors.compiled.schedule import MOST_NODES
from adglot_server.executors.compiling import compile_later, optimise_later
from adglot_server.executors.interpreter import Interpreter
from adglot_server.executors.kept import keep
from adglot_server.executors.liveness import peak_bytes
from adglot_server.executors.tiered import SLACK, attempted
from adglot_server.transforms.operators import restrict
from adglot_server.transforms.simplify import simplify

TRIALS = 3
"""Runs of a long program that are timed, the fastest counts; short ones are faster in any case."""

LONG = 4 * MOST_NODES
"""Nodes of a program that is never compiled as a whole, even without what nobody wants of it."""


class Code(Protocol):
    """Compiled code."""

    @property
    def function(self) -> Direct: ...

    @property
    def nbytes(self) -> int: ...

    def optimise(self) -> None:
        """Make it as fast as it gets, by another function perhaps."""


class Shortcut:
    """`function` is None once this is closed; see `compiled.direct.Direct` for what it takes."""

    name = Compiled.name

    def __init__(
        self,
        graph: Graph,
        outputs: Sequence[int],
        meanwhile: Direct,
        example: Sequence[Array] | None = None,
        batched: Callable[[Graph], Code] | None = None,
    ) -> None:
        """`meanwhile` is the function until the graph is compiled, and where that cannot be.

        A long one is tried at an `example` of its inputs, or at ones. For a batch of points it is
        what `batched` makes of the program without the outputs that nobody wants.
        """
        self.outputs = len(outputs)
        self.function: Direct | None = meanwhile
        self._graph, self._wanted, self._meanwhile = graph, tuple(outputs), meanwhile
        self._example, self._batched = example, batched
        self._code: Code | None = None
        self._called, self._used = c_byte(0), 0.0
        self._closed, self._lock = False, Lock()
        if machine.available() and len(graph.nodes) <= LONG:
            compile_later(self.compile)

    @property
    def compiled(self) -> Direct | None:
        """The function, where it is compiled code by now."""
        code = self._code
        return code.function if code else None

    @property
    def nbytes(self) -> int:
        """Of compiled code."""
        code = self._code
        return code.nbytes if code else 0

    @property
    def used(self) -> float:
        """When it was last run, as far as that has been looked at: machine code tells no time."""
        if self._called.value:
            self._called.value, self._used = 0, time.monotonic()
        return self._used

    def compile(self) -> None:
        """Make the function now, if there can be one: at first of raw code."""
        program = simplify(restrict(self._graph, self._wanted))
        code = None
        with suppress(NotTaken), attempted():
            code = self._batched(program) if self._batched else self._whole(program)
        self._example = None
        if code is not None:
            self._take(code)
            optimise_later(self.optimise)

    def _whole(self, program: Graph) -> Code | None:
        """Of one point, if that is faster than the interpreter."""
        code = direct(program, peak_bytes(program) + SLACK, True, self._called)
        if code is None or cost(program) < RELEASED:
            return code
        code.optimise()
        return code if _faster(code.function, program, self._example) else None

    def optimise(self) -> None:
        """Make the function as fast as it gets."""
        if (code := self._code) is not None:
            code.optimise()
            self._take(code)

    def drop(self) -> None:
        """Go back to what was before."""
        with self._lock:
            self._code = None
            self.function = None if self._closed else self._meanwhile

    def close(self) -> None:
        """Nobody may call it any more."""
        with self._lock:
            self._closed, self.function, self._code = True, None, None

    def _take(self, code: Code) -> None:
        with self._lock:
            if self._closed:
                return
            self._code, self.function, self._used = code, code.function, time.monotonic()
        keep(self)


def _faster(function: Direct, graph: Graph, example: Sequence[Array] | None) -> bool:
    """Whether it takes less time than the interpreter; it is where there is nothing to answer."""
    inputs = example or [np.ones(type.shape, type.dtype) for type in graph.inputs]
    if function(*inputs) is None:
        return True
    interpreter = Interpreter(graph)
    return _seconds(lambda: function(*inputs)) < _seconds(lambda: interpreter.run(inputs))


def _seconds(run: Callable[[], object]) -> float:
    times = [time.perf_counter()]
    for _ in range(TRIALS):
        run()
        times.append(time.perf_counter())
    return min(float(x) for x in np.diff(times))
