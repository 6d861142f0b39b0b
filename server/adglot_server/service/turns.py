"""Turns at the processor: few compute at one time, and who waits for others gives its turn up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, Semaphore

_POLL = 0.05
"""Seconds between looks at whether one who waits for a turn is still wanted."""


class Turns:
    """So many turns; safe for threads.

    >>> turns = Turns(1)
    >>> with turns.turn(lambda: None):
    ...     give_up_turn()  # what follows waits for somebody else
    ...     with turns.turn(lambda: None):
    ...         print("meanwhile")
    meanwhile
    """

    def __init__(self, number: int) -> None:
        self._free = Semaphore(number)
        self._lock = Lock()
        self._taken: set[Turn] = set()
        self._waiting = 0

    @property
    def taken(self) -> int:
        """How many compute now."""
        return len(self._taken)

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return self._waiting

    def turn(self, check: Callable[[], None], ends: Callable[[], float] | None = None) -> Turn:
        """A turn for a ``with`` block; `check` is asked while it waits, and raises to give up.

        `ends` tells the time (of `time.monotonic`) from which nobody waits for the work any more.
        """
        return Turn(self, check, ends)

    def overdue(self, seconds: float) -> bool:
        """Whether work goes on for which nobody has waited for so long."""
        now = time.monotonic()
        with self._lock:
            return any(
                turn.ends is not None and turn.ends() + seconds < now for turn in self._taken
            )

    def _take(self, turn: Turn) -> None:
        if not self._free.acquire(blocking=False):
            self._wait(turn)
        with self._lock:
            self._taken.add(turn)

    def _wait(self, turn: Turn) -> None:
        with self._lock:
            self._waiting += 1
        try:
            while not self._free.acquire(timeout=_POLL):
                turn.check()
        finally:
            with self._lock:
                self._waiting -= 1

    def _give(self, turn: Turn) -> None:
        with self._lock:
            held = turn in self._taken
            self._taken.discard(turn)
        if held:
            self._free.release()


class Turn:
    """One of `Turns`, while its block runs or until it is given up."""

    __slots__ = ("_token", "_turns", "check", "ends")

    def __init__(
        self, turns: Turns, check: Callable[[], None], ends: Callable[[], float] | None
    ) -> None:
        self._turns, self.check, self.ends = turns, check, ends

    def take(self) -> None:
        self._turns._take(self)

    def give_up(self) -> None:
        self._turns._give(self)

    def __enter__(self) -> None:
        self.take()
        self._token = _CURRENT.set(self)

    def __exit__(self, *error: object) -> None:
        _CURRENT.reset(self._token)
        self.give_up()


_CURRENT: ContextVar[Turn | None] = ContextVar("turn", default=None)


@contextmanager
def without_turn() -> Iterator[None]:
    """Let others compute within the block, where this thread or task waits for somebody."""
    turn = _CURRENT.get()
    if turn is None:
        yield
        return
    turn.give_up()
    try:
        yield
    finally:
        turn.take()


def give_up_turn() -> None:
    """Let another one compute: this thread or task, where it has a turn, goes on to wait."""
    turn = _CURRENT.get()
    if turn is not None:
        turn.give_up()
