"""The thread that compiles; nobody waits for it.

What has no code yet comes first; to make code better can wait.
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache


class _Compiler:
    """Runs methods of objects, one after the other, unless nobody has the object any more."""

    def __init__(self) -> None:
        self._urgent: deque[weakref.WeakMethod[Callable[[], None]]] = deque()
        self._others: deque[weakref.WeakMethod[Callable[[], None]]] = deque()
        # It is waited for when Python ends.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="adglot-compile")

    def add(self, method: Callable[[], None], urgent: bool) -> None:
        (self._urgent if urgent else self._others).append(weakref.WeakMethod(method))
        self._pool.submit(self._next)

    def settle(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._pool.submit(self._waiting).result(max(0.0, end - time.monotonic())):
            pass

    def _waiting(self) -> int:
        """How many: asked by the thread that runs them, so none of them is under way."""
        return len(self._urgent) + len(self._others)

    def _next(self) -> None:
        method = (self._urgent or self._others).popleft()()
        if method is not None:
            method()


@cache
def _compiler() -> _Compiler:
    return _Compiler()


def compile_later(method: Callable[[], None]) -> None:
    """Call a method that makes code, unless nobody has the object when its turn comes."""
    _compiler().add(method, urgent=True)


def optimise_later(method: Callable[[], None]) -> None:
    """Call a method that makes code better, when there is nothing else to compile."""
    _compiler().add(method, urgent=False)


def settle(seconds: float) -> None:
    """Wait until all is done that has been asked for, by what is done, too; raises TimeoutError."""
    _compiler().settle(seconds)
