"""How often something was done and how long it took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import perf_counter


class Tally:
    """Counts and seconds by name; safe for threads.

    >>> tally = Tally()
    >>> with tally.timed("native"):
    ...     pass
    >>> [(name, count) for name, (count, _) in tally.totals().items()]
    [('native', 1)]
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._totals: dict[str, tuple[int, float]] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Count the block, unless it fails."""
        started = perf_counter()
        yield
        seconds = perf_counter() - started
        with self._lock:
            count, before = self._totals.get(name, (0, 0.0))
            self._totals[name] = count + 1, before + seconds

    def totals(self) -> dict[str, tuple[int, float]]:
        """Counts and seconds up to now."""
        with self._lock:
            return dict(self._totals)
