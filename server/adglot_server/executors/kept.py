"""How much compiled code there may be, and whose goes first."""

from __future__ import annotations

import weakref
from functools import cache
from threading import Lock
from typing import Protocol

KEPT_BYTES = 256 << 20
"""Of compiled code with its constants; what was run longest ago goes first."""


class Holder(Protocol):
    """Whoever has compiled code."""

    @property
    def nbytes(self) -> int:
        """Of code and what it holds; 0 where there is none."""

    @property
    def used(self) -> float:
        """When it was last run, by `time.monotonic`; about, where code is called directly."""

    def drop(self) -> None:
        """Go on without it."""


class _Store:
    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: weakref.WeakSet[Holder] = weakref.WeakSet()

    def add(self, new: Holder) -> None:
        with self._lock:
            self._kept.add(new)
            held = sorted((one for one in self._kept if one.nbytes), key=lambda one: one.used)
            total = sum(one.nbytes for one in held)
            for one in held:
                if total <= KEPT_BYTES:
                    break
                if one is not new:
                    total -= one.nbytes
                    one.drop()


@cache
def _store() -> _Store:
    return _Store()


def keep(new: Holder) -> None:
    """Count the code that this has now; where there is too much, that of others is dropped."""
    _store().add(new)
