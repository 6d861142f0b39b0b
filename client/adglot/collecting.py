"""Keep Python's garbage collector from going through large graphs while they are made."""

from __future__ import annotations

import gc
from threading import Lock
from typing import Self

MANY = 5_000
"""Nodes, from which on a graph is large."""


class _Collector:
    """Python's, off while anybody wants it to be."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._unwanted_by = 0
        self._was_on = False

    def off(self) -> None:
        with self._lock:
            if not self._unwanted_by:
                self._was_on = gc.isenabled()
                gc.disable()
            self._unwanted_by += 1

    def on(self) -> None:
        with self._lock:
            self._unwanted_by -= 1
            if not self._unwanted_by and self._was_on:
                gc.enable()


_COLLECTOR = _Collector()


class uncollected:  # noqa: N801
    """In the block the collector of this process is off once there are `MANY` nodes.

    A hundred thousand nodes are some millions of objects, none of which is garbage before all
    are. The collector goes through them again and again: half of all the time that a derivative
    takes. Only for work that comes to an end.

    >>> with uncollected(100_000):
    ...     gc.isenabled()
    False
    """

    __slots__ = ("_nodes", "_off")

    def __init__(self, nodes: int = 0) -> None:
        self._nodes, self._off = nodes, False

    def __enter__(self) -> Self:
        self.grown(self._nodes)
        return self

    def __exit__(self, *error: object) -> None:
        if self._off:
            _COLLECTOR.on()

    def grown(self, nodes: int) -> None:
        """There are so many by now."""
        if nodes >= MANY and not self._off:
            _COLLECTOR.off()
            self._off = True
