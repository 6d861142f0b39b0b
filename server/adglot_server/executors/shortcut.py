"""Some outputs of a program as one function of Python's, as soon as it is compiled."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from adglot.ir import Graph
from adglot_server.executors.compiled import machine
from adglot_server.executors.compiled.direct import direct
from adglot_server.executors.tiered import compile_later
from adglot_server.transforms.operators import restrict
from adglot_server.transforms.simplify import simplify


class Shortcut:
    """`function` is None until there is one; see `compiled.direct.Direct` for what it takes."""

    def __init__(self, graph: Graph, outputs: Sequence[int]) -> None:
        self.outputs = len(outputs)
        self.function: Callable[..., Any] | None = None
        self._closed = not machine.available()
        self._graph, self._wanted = graph, tuple(outputs)
        if not self._closed:
            compile_later(self)

    def compile(self) -> None:
        """Make the function now, if there can be one."""
        try:
            function = direct(simplify(restrict(self._graph, self._wanted)))
        except RuntimeError:  # what llvmlite raises
            logging.getLogger(__name__).exception("not compiled, and still interpreted")
            return
        if not self._closed:
            self.function = function

    def close(self) -> None:
        """Nobody may call it any more."""
        self._closed, self.function = True, None
