"""A bounded store that forgets what was used longest ago, and makes each thing once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from threading import Lock
from typing import Generic, TypeVar

from adglot.errors import Cancelled, DeadlineExceeded
from adglot_server.executors.control import FREELY, Control

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_POLL = 0.05
"""Seconds between looks at whether one who waits should go on waiting."""


class Cache(Generic[K, V]):
    """At most `capacity` in total weight, at least the newest entry; safe for threads.

    >>> cache = Cache(2)
    >>> cache.get_or_make("a", lambda: 1), cache.get_or_make("a", lambda: 2)
    (1, 1)
    """

    def __init__(self, capacity: int, weigh: Callable[[V], int] = lambda value: 1) -> None:
        self._capacity, self._weigh = capacity, weigh
        self._lock = Lock()
        self._made: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._making: dict[K, Future[V]] = {}
        self.weight = self.hits = self.misses = 0
        """What is kept in total, and how often something was there, or had to be made."""

    def get(self, key: K) -> V | None:
        """The entry, or None where there is none (yet)."""
        with self._lock:
            return self._get(key)

    def get_or_make(self, key: K, make: Callable[[], V], control: Control = FREELY) -> V:
        """The entry, made by the first who asks while others wait; a failure is not kept.

        One who waits stops when `control` says so, and makes the entry where its maker gave up.
        """
        while True:
            with self._lock:
                if (value := self._get(key)) is not None:
                    return value
                others = self._making.get(key)
                if others is None:
                    mine = self._making[key] = Future()
            if others is None:
                return self._make(key, mine, make)
            while not wait([others], _POLL).done:
                control.check()
            if not isinstance(others.exception(), DeadlineExceeded | Cancelled):
                return others.result()

    def __len__(self) -> int:
        return len(self._made)

    def _get(self, key: K) -> V | None:
        entry = self._made.get(key)
        if entry is None:
            self.misses += 1
            return None
        self.hits += 1
        self._made.move_to_end(key)
        return entry[0]

    def _make(self, key: K, future: Future[V], make: Callable[[], V]) -> V:
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                del self._making[key]
            future.set_exception(error)
            raise
        with self._lock:
            del self._making[key]
            self._keep(key, value)
        future.set_result(value)
        return value

    def _keep(self, key: K, value: V) -> None:
        """Add the entry, and drop the longest unused ones until all fit, or it is alone."""
        weight = self._weigh(value)
        self._made[key] = value, weight
        self.weight += weight
        while self.weight > self._capacity and len(self._made) > 1:
            self.weight -= self._made.popitem(last=False)[1][1]
