"""Some outputs of a program as one function of Python's: compiled as a whole, if it can be."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np

from adglot.ir import Graph
from adglot.ops.cost import cost
from adglot_server.executors.compiled import machine
from adglot_server.executors.compiled.direct import Direct, direct
from adglot_server.executors.compiled.entry import RELEASED
from adglot_server.executors.interpreter import Interpreter
from adglot_server.executors.liveness import peak_bytes
from adglot_server.executors.tiered import SLACK, compile_later
from adglot_server.transforms.operators import restrict
from adglot_server.transforms.simplify import simplify

TRIALS = 3
"""Runs of a long program that are timed, the fastest counts; short ones are faster in any case."""


class Shortcut:
    """`function` is None once this is closed; see `compiled.direct.Direct` for what it takes."""

    def __init__(
        self, graph: Graph, outputs: Sequence[int], meanwhile: Direct, one_point: bool = True
    ) -> None:
        """`meanwhile` is the function until the graph is compiled, and where that cannot be.

        It is never compiled as a whole where it is to be run at more than `one_point`.
        """
        self.outputs = len(outputs)
        self.function: Direct | None = meanwhile
        self._graph, self._wanted = graph, tuple(outputs)
        self._closed, self._lock = False, Lock()
        if one_point and machine.available():
            compile_later(self)

    def compile(self) -> None:
        """Make the function now, if there can be one."""
        try:
            function = _function(simplify(restrict(self._graph, self._wanted)))
        except RuntimeError:  # what llvmlite raises
            logging.getLogger(__name__).exception("not compiled, and still interpreted")
            return
        with self._lock:
            if function is not None and not self._closed:
                self.function = function

    def close(self) -> None:
        """Nobody may call it any more."""
        with self._lock:
            self._closed, self.function = True, None


def _function(graph: Graph) -> Direct | None:
    """The function, if it needs no more memory than the interpreter, and is faster."""
    function = direct(graph, peak_bytes(graph) + SLACK, scalars=True)
    if function is None or cost(graph) < RELEASED:
        return function
    inputs = [np.ones(type.shape, type.dtype) for type in graph.inputs]
    interpreter = Interpreter(graph)
    faster = _seconds(lambda: function(*inputs)) < _seconds(lambda: interpreter.run(inputs))
    return function if faster else None


def _seconds(run: Callable[[], object]) -> float:
    times = [time.perf_counter()]
    for _ in range(TRIALS):
        run()
        times.append(time.perf_counter())
    return min(float(x) for x in np.diff(times))
