"""The traces that run in this thread, the innermost last."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from adglot.ops import Value

if TYPE_CHECKING:
    from adglot.tracing.builder import Trace


class _Stack(threading.local):
    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.rules: list[object] = []


_stack = _Stack()


def running() -> list[Trace]:
    """The stack itself, to push to and pop from."""
    return _stack.traces


def current() -> Trace | None:
    """The innermost trace that runs in this thread."""
    return _stack.traces[-1] if _stack.traces else None


def inside_rules() -> list[object]:
    """The functions whose own derivative rules are being traced."""
    return _stack.rules


@contextmanager
def inside_rule(function: object) -> Iterator[None]:
    """While the rule of this function is traced."""
    _stack.rules.append(function)
    try:
        yield
    finally:
        _stack.rules.pop()


def owner(value: Value) -> Trace:
    """The trace of a traced array."""
    return value.builder  # type: ignore[return-value]
