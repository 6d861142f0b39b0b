"""Stop work that nobody waits for any more: deadlines and cancellation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from adglot.errors import Cancelled, DeadlineExceeded


def never() -> bool:
    """Nobody cancels."""
    return False


@dataclass(frozen=True, slots=True)
class Control:
    """Asked again and again while a program is made or runs; raises when it should stop.

    `deadline` is a reading of `time.monotonic`, None for none.
    """

    deadline: float | None = None
    cancelled: Callable[[], bool] = never

    def check(self) -> None:
        """Raises DeadlineExceeded or Cancelled."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise DeadlineExceeded("the deadline passed before the answer was there")
        if self.cancelled():
            raise Cancelled("the caller went away before the answer was there")


FREELY = Control()
"""No deadline, no cancellation."""
