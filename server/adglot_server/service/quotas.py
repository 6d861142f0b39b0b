"""How much one caller may ask at one time and a second."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from threading import Lock

from adglot.errors import LimitExceeded


class Quota:
    """What one caller has left; safe for threads.

    The rate is a bucket: requests of one second may come at once.

    >>> quota = Quota()
    >>> quota.take(requests=1, rate=None)
    >>> quota.take(requests=1, rate=None)
    Traceback (most recent call last):
    adglot.errors.LimitExceeded: over the limit requests=1: this request needs 2
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._running = 0
        self._spent, self._at = 0.0, clock()

    def take(self, requests: int | None, rate: int | None) -> None:
        """Begin a request; LimitExceeded where it is one too many."""
        with self._lock:
            if requests is not None and self._running >= requests:
                raise LimitExceeded("requests", requests, self._running + 1)
            if rate is not None:
                self._spend(rate)
            self._running += 1

    def give(self) -> None:
        """End a request."""
        with self._lock:
            self._running -= 1

    def _spend(self, rate: int) -> None:
        now = self._clock()
        spent = max(0.0, self._spent - (now - self._at) * rate)
        self._at, self._spent = now, spent
        if spent + 1 > rate:
            raise LimitExceeded("rate", rate, rate + 1)
        self._spent = spent + 1


class Quotas:
    """The quotas of all callers, by name."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._of: defaultdict[str, Quota] = defaultdict(Quota)

    def of(self, name: str) -> Quota:
        """That of one caller."""
        with self._lock:
            return self._of[name]
