"""Stop work that nobody waits for any more: deadlines and cancellation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from adglot.errors import AdglotError, Cancelled, DeadlineExceeded


def never() -> bool:
    """Nobody cancels."""
    return False


def too_late() -> AdglotError:
    """A caller's deadline has passed."""
    return DeadlineExceeded("the deadline passed before the answer was there")


@dataclass(frozen=True, slots=True)
class Control:
    """Asked again and again while a program is made or runs; raises when it should stop.

    `deadline` is a reading of `time.monotonic`, None for none; `late` makes the error after it.
    """

    deadline: float | None = None
    cancelled: Callable[[], bool] = never
    late: Callable[[], AdglotError] = too_late

    def check(self) -> None:
        """Raises what `late` makes, or Cancelled."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise self.late()
        if self.cancelled():
            raise Cancelled("the caller went away before the answer was there")


FREELY = Control()
"""No deadline, no cancellation."""
