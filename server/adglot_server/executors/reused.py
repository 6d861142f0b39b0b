"""Memory of large results, which later ones take over when nobody has them any more."""

from __future__ import annotations

import math
import weakref
from functools import cache
from threading import RLock
from typing import Any

import numpy as np

from adglot.ir import Type
from adglot.ops.core import Array

LARGE = 4 << 20
"""Bytes from which on malloc gives memory back to the system, or keeps it: that depends (glibc).

Where it is given back, every page of the next result is cleared at its first touch: 3 ms for
64 MiB, which is as long as 40 000 sparse Jacobians of Pleiades take.
"""

KEPT_BYTES = 128 << 20
"""Most that is kept while nobody has it."""


class _Block(np.ndarray[Any, Any]):
    """Memory that owns itself; of a class of its own, since views of plain arrays skip these.

    A view's `base` is the first array of another class, or that owns its memory: with this below
    it, the array that was given away, which is how one knows when the last view has gone.
    """


class Reused:
    """Memory for results; safe for threads.

    >>> memory = Reused()
    >>> first = memory.empty((LARGE,), np.dtype("uint8"))
    >>> address, part = first.ctypes.data, first[1:]
    >>> del first
    >>> second = memory.empty((LARGE,), np.dtype("uint8"))
    >>> second.ctypes.data == address  # `part` is still there
    False
    >>> del part
    >>> memory.empty((LARGE,), np.dtype("uint8")).ctypes.data == address
    True
    """

    def __init__(self) -> None:
        # What ends an array may run at any time, in a thread that has the lock already.
        self._lock = RLock()
        self._free: list[_Block] = []

    @property
    def nbytes(self) -> int:
        """Kept for others."""
        with self._lock:
            return sum(block.nbytes for block in self._free)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Array:
        """As `numpy.empty`, perhaps in the memory of an array that was made here before."""
        size = math.prod(shape) * dtype.itemsize
        if size < LARGE:
            return np.empty(shape, dtype)
        block = self._taken(size)
        array: Array = np.ndarray(shape, dtype, block)
        weakref.finalize(array, self._give, block).atexit = False
        return array

    def _taken(self, size: int) -> _Block:
        """The smallest that is large enough, unless it is much too large; else a new one.

        Of several the one given back last: it is in the processor's caches, and in turn three of
        16 MiB would not be (sparse Jacobians of the Brusselator take twice as long then).
        """
        with self._lock:
            fit = [block for block in reversed(self._free) if size <= block.nbytes <= 2 * size]
            best = min(fit, key=lambda block: block.nbytes, default=None)
            if best is None:
                return _Block(size, np.uint8)
            self._free = [block for block in self._free if block is not best]
            return best

    def _give(self, block: _Block) -> None:
        with self._lock:
            if self.nbytes + block.nbytes <= KEPT_BYTES:
                self._free.append(block)


@cache
def _results() -> Reused:
    return Reused()


def empty(type: Type, points: int) -> Array:
    """For results of a type at so many points."""
    return _results().empty((points, *type.shape), type.dtype)
