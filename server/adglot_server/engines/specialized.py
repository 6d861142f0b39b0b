"""Programs for graphs of which bools and integers among the inputs must be known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np

from adglot.ir import Graph
from adglot_server.engines.base import Array

T = TypeVar("T")

KEPT = 8
"""Programs that are kept of one graph, one for each choice of its bools and integers."""


class Specialized(Generic[T]):
    """What `make` makes of the bools and integers among a graph's inputs, once for each choice."""

    def __init__(self, graph: Graph, make: Callable[[list[Array]], T]) -> None:
        self._floats = [type.is_differentiable for type in graph.inputs]
        self._types = [type for type in graph.inputs if not type.is_differentiable]
        self._make = make
        self._made = lru_cache(maxsize=KEPT)(self._from_bytes)

    def always(self) -> T | None:
        """The one program, where all inputs are floats."""
        return self._made(()) if all(self._floats) else None

    def at(self, inputs: Sequence[Array]) -> tuple[T, list[Array]]:
        """The program of these inputs, and those of them that are floats; seeds are left alone."""
        named = list(zip(inputs, self._floats, strict=False))
        made = self._made(tuple(x.tobytes() for x, on in named if not on))
        return made, [x for x, on in named if on]

    def _from_bytes(self, given: tuple[bytes, ...]) -> T:
        pairs = zip(given, self._types, strict=True)
        return self._make([np.frombuffer(x, t.dtype).reshape(t.shape) for x, t in pairs])
