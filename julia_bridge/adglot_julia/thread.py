"""One thread that makes every call into Julia, and a queue for all others.

Calls from any other thread hang (PythonCall.jl #578, #540).
"""

from __future__ import annotations

import gc
import math
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import get_ident
from typing import Any, TypeVar

from adglot_server.executors.control import FREELY, Control

T = TypeVar("T")

_POLL = 0.05
"""Seconds between looks at whether one who waits should go on waiting."""

_IDLE = 1.0
"""Seconds without a call after which garbage is collected."""

_CALLS = 10_000
"""Calls after which garbage is collected even so."""


class JuliaThread:
    """The thread that makes this object: it imports juliacall, then runs what others hand in.

    Make it on the main thread. Nothing that Julia owns may leave a call, neither in its result
    nor in its error: the last reference to it would then be dropped on another thread, which calls
    into Julia from there. Keep such things in Julia, and hand out numbers for them.

    >>> from threading import Thread
    >>> thread = JuliaThread()
    >>> thread.call(lambda: 1 + 1)  # on the thread itself
    2
    >>> def ask():
    ...     print(thread.call(lambda: 2 + 2))
    ...     thread.stop()
    >>> other = Thread(target=ask)
    >>> other.start(); thread.run(); other.join()
    4
    """

    def __init__(self) -> None:
        self._ident = get_ident()
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._running: _Task | None = None

    def call(self, function: Callable[[], T], control: Control = FREELY) -> T:
        """What the function returns or raises, run on this thread when its turn comes.

        Raises what `control` raises as soon as nobody waits any more: a call that has not begun
        by then never does, one that has goes on, since Julia cannot be interrupted.
        """
        if get_ident() == self._ident:
            return function()
        future: Future[T] = Future()
        task = _Task(function, future)
        self._tasks.put(task)
        try:
            return _result(future, control)
        finally:
            task.leave()

    def overdue(self, seconds: float) -> bool:
        """Whether a call goes on for which nobody has waited for so long."""
        task = self._running
        return task is not None and time.monotonic() - task.left_at > seconds

    def run(self) -> None:
        """Make the calls of others until `stop`; those that wait by then are made first.

        The cyclic garbage of all threads is collected here only, as it may hold what Julia owns.
        """
        assert get_ident() == self._ident, "only the thread that made it runs it"
        gc.disable()
        try:
            self._run()
        finally:
            gc.enable()

    def stop(self) -> None:
        """Have `run` return; may be called by any thread, and by a handler of signals."""
        self._tasks.put(None)

    def _run(self) -> None:
        calls = 0
        while True:
            try:
                task = self._tasks.get(timeout=_IDLE)
            except Empty:
                calls = _collect() if calls else 0
                continue
            if task is None:
                return
            self._running = task
            task.run()
            self._running = task = None
            calls = calls + 1 if calls < _CALLS else _collect()


class _Task:
    """A call that somebody waits for."""

    __slots__ = ("_function", "_future", "left_at")

    def __init__(self, function: Callable[[], Any], future: Future[Any]) -> None:
        self._function, self._future = function, future
        self.left_at = math.inf

    def leave(self) -> None:
        """Nobody waits for it any more."""
        self._future.cancel()
        self.left_at = time.monotonic()

    def run(self) -> None:
        if not self._future.set_running_or_notify_cancel():
            return
        try:
            result = self._function()
        except BaseException as error:  # noqa: BLE001  # it is the caller's
            # The frames' variables may be Julia's, and the error dies on another thread.
            traceback.clear_frames(error.__traceback__)
            self._future.set_exception(error)
        else:
            self._future.set_result(result)


def _result(future: Future[T], control: Control) -> T:
    while True:
        try:
            return future.result(_POLL)
        except TimeoutError:
            if future.done():
                return future.result()
        control.check()


def _collect() -> int:
    """Collect garbage; no calls were made since."""
    gc.collect()
    return 0
