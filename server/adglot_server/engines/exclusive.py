"""Let one thread at a time into a package that keeps what it does in globals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from adglot_server.executors.control import FREELY, Control

_POLL = 0.05
"""Seconds between looks at whether one who waits should go on waiting."""


class Exclusive:
    """A lock whose waiters still stop at their deadline, or when their caller goes away."""

    def __init__(self) -> None:
        self._lock = Lock()

    @contextmanager
    def held(self, control: Control = FREELY) -> Iterator[None]:
        """Raises what `control` raises while it waits."""
        while not self._lock.acquire(timeout=_POLL):
            control.check()
        try:
            yield
        finally:
            self._lock.release()
