"""A bounded store that forgets what was used longest ago, and makes each thing once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """At most `capacity` in total weight, at least the newest entry; safe for threads.

    >>> cache = Cache(2)
    >>> cache.get_or_make("a", lambda: 1), cache.get_or_make("a", lambda: 2)
    (1, 1)
    """

    def __init__(self, capacity: int, weigh: Callable[[V], int] = lambda value: 1) -> None:
        self._capacity, self._weigh = capacity, weigh
        self._lock = Lock()
        self._entries: OrderedDict[K, Future[V]] = OrderedDict()
        self._weights: dict[K, int] = {}
        self._total = 0

    def get(self, key: K) -> V | None:
        """The entry, or None where there is none (yet)."""
        with self._lock:
            future = self._entries.get(key)
            if future is None or not future.done():
                return None
            self._entries.move_to_end(key)
        return future.result()

    def get_or_make(self, key: K, make: Callable[[], V]) -> V:
        """The entry, made by the first who asks while others wait; a failure is not kept."""
        with self._lock:
            future = self._entries.get(key)
            if future is not None:
                self._entries.move_to_end(key)
            else:
                mine = self._entries[key] = Future()
        return self._fill(key, mine, make) if future is None else future.result()

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def _fill(self, key: K, future: Future[V], make: Callable[[], V]) -> V:
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                self._entries.pop(key, None)
            future.set_exception(error)
            raise
        future.set_result(value)
        with self._lock:
            self._weights[key] = self._weigh(value)
            self._total += self._weights[key]
            self._shrink(key)
        return value

    def _shrink(self, newest: K) -> None:
        """Drop finished entries, the longest unused first, until the rest fits."""
        for key in list(self._entries):
            if self._total <= self._capacity:
                return
            if key in self._weights and key != newest:
                self._total -= self._weights.pop(key)
                del self._entries[key]
