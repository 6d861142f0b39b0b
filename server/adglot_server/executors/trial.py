"""Find out which of two ways to run a program is faster, while it runs."""

from __future__ import annotations

from collections import deque
from statistics import median

PAIRS = 8
"""Calls of either that are compared."""

CLEAR = 2.0
"""Who takes less than half the time needs no more calls."""

SHARE = 20.0
"""What a lost trial took is so small a part of the time until the next one; then of twice that."""


class Trial:
    """Code against what ran the program before it; both are called in turn.

    Only calls right after each other are compared: a busy machine makes many neighbouring calls
    slow, and those of one way alone would tell more of the machine than of the code. For the same
    reason a lost trial is not the last.
    """

    def __init__(self) -> None:
        self._before: deque[float] = deque(maxlen=PAIRS)
        self._share = SHARE
        self.won = False
        """Code is called from now on."""
        self.again()

    def again(self) -> None:
        """Begin anew, at once."""
        self._rest = 0.0
        self._start()

    def _start(self) -> None:
        self._code: list[float] = []
        self._first: list[float] = []
        self._taken = 0.0

    @property
    def code_is_next(self) -> bool:
        """Whether the next call is one of code, where there is code."""
        return self.won or (self._rest <= 0 and len(self._code) <= len(self._first))

    def first_took(self, seconds: float, size: int, against: bool) -> None:
        """A call of the first way, of so many units; `against` code, or before there was any."""
        if not against:
            self._before.append(seconds / size)
        elif self._rest > 0:
            self._rest -= seconds
        elif not self.won:
            self._first.append(seconds / size)

    def code_took(self, seconds: float, size: int) -> bool:
        """The same of code; whether it has just lost."""
        if self.won:
            return False
        self._code.append(seconds / size)
        self._taken += seconds
        if CLEAR * self._code[-1] < min(self._before, default=0.0):
            self.won = True
        elif len(self._first) >= PAIRS - 1 or self._hopeless():
            return self._lost()
        return False

    def _hopeless(self) -> bool:
        return len(self._first) > 2 and median(self._code) > CLEAR * median(self._first)

    def _lost(self) -> bool:
        self.won = median(self._code) <= median(self._first)
        if not self.won:
            self._rest, self._share = self._share * self._taken, 2 * self._share
            self._start()
        return not self.won
