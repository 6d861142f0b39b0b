"""Stop long work on a graph, between one node and the next, where nobody waits for it any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CHECK: ContextVar[Callable[[], None] | None] = ContextVar("check", default=None)

EVERY = 256
"""Nodes between two looks, where a look takes as long as the work on a node."""


@contextmanager
def stopped_by(check: Callable[[], None]) -> Iterator[None]:
    """Have `check` called now and then while this thread or task works in the block.

    What it raises ends the work. Code that reads, checks, transforms or compiles graphs calls
    `may_stop`, and so need not be handed a deadline.
    """
    token = _CHECK.set(check)
    try:
        yield
    finally:
        _CHECK.reset(token)


def may_stop() -> None:
    """Raises what the check of the block around raises."""
    check = _CHECK.get()
    if check is not None:
        check()
