"""Stop long work on a graph, between one node and the next, where nobody waits for it any more."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

_CHECK: ContextVar[Callable[[], None] | None] = ContextVar("check", default=None)

EVERY = 256
"""Nodes between two looks, where a look takes as long as the work on a node."""


class stopped_by:  # noqa: N801
    """Have `check` called now and then while this thread or task works in the block.

    What it raises ends the work. Code that reads, checks, transforms or compiles graphs calls
    `may_stop`, and so need not be handed a deadline.
    """

    __slots__ = ("_check", "_token")

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def __enter__(self) -> None:
        self._token = _CHECK.set(self._check)

    def __exit__(self, *error: object) -> None:
        _CHECK.reset(self._token)


def may_stop() -> None:
    """Raises what the check of the block around raises."""
    check = _CHECK.get()
    if check is not None:
        check()
