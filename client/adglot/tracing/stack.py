"""The traces that run in this thread, the innermost last."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from adglot.ops import Value

if TYPE_CHECKING:
    from adglot.tracing.builder import Trace


class _Stack(threading.local):
    def __init__(self) -> None:
        self.traces: list[Trace] = []


_stack = _Stack()


def running() -> list[Trace]:
    """The stack itself, to push to and pop from."""
    return _stack.traces


def current() -> Trace | None:
    """The innermost trace that runs in this thread."""
    return _stack.traces[-1] if _stack.traces else None


def owner(value: Value) -> Trace:
    """The trace of a traced array."""
    return value.builder  # type: ignore[return-value]
