"""Have several threads fill one batch: each takes pieces of its own share, then of the others'.

A worker's points stand together. Where neighbouring pieces went to different threads, both would be
the first to touch the same page of the results: Linux clears 2 MiB for each of them and throws one
away (10 % to 70 % of the time of a batch of sparse Jacobians). Pieces are taken, and helpers wait
for jobs, in compiled code: so a piece may be as short as microseconds, and whoever comes late still
finds work.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import time
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from threading import Lock, Thread

import numpy as np

from adglot_server.executors.compiled import workers_code as code
from adglot_server.executors.compiled.machine import RAW, MachineCode, compile_text, host

ALL = 1 << 62
"""More pieces than there ever are."""

LINE = 64
"""Bytes that a core takes at a time."""

REST = 2e-5
"""Seconds between looks at a helper that does not finish, since others have its core."""


class Job:
    """The pieces of a batch; it is run once."""

    def __init__(
        self,
        made: MachineCode,
        name: str,
        points: int,
        tiles: int,
        piece: int,
        workers: int,
        given: Sequence[int],
    ) -> None:
        """A piece is so many tiles. `given` are numbers, whose address code is given.

        The function of this name is called with points, the address, and the numbers of the first
        tile of a piece and of the one behind its last; it returns bits.
        """
        pieces = -(-tiles // piece)
        bounds = [pieces * k // workers for k in range(workers + 1)]
        shares = [start | stop << 32 for start, stop in pairwise(bounds)]
        head = [made.addresses[name], points, tiles, piece, workers, 0, 0]
        self._words = np.array([*head, *shares, *given], np.int64)
        self._made, self._workers, self._at = made, workers, self._words.ctypes.data

    @property
    def faults(self) -> int:
        """All bits that were returned."""
        return int(self._words[code.FAULTS])

    def run(self, check: Callable[[], object], often: int = ALL) -> None:
        """Do all pieces, with the helpers that are idle; raises what `check` raises.

        That is called after so many pieces, again and again.
        """
        share, helpers = _functions()["share"], _crew().hired(self._workers - 1)
        for worker, helper in enumerate(helpers, 1):
            helper.begin(self._at, worker)
        try:
            share(self._at, 0, often)
            while not self._words[code.EMPTY]:
                check()
                share(self._at, 0, often)
        except BaseException:
            self._words[code.FUNCTION] = 0  # what is taken from now on is not done
            raise
        finally:
            for helper in helpers:
                helper.end(self._at)
            _crew().back(helpers)


class Helper:
    """A thread that works on one job at a time, and sleeps when there has been none for a while."""

    def __init__(self) -> None:
        self._functions, self._desk = _functions(), _desk()
        self._words = (ctypes.c_int64 * code.WORDS).from_address(self._desk)
        self._thread = Thread(target=self._help, name="adglot-worker", daemon=True)
        self._thread.start()

    def _help(self) -> None:
        self._functions["help"](self._desk)

    def begin(self, job: int, worker: int) -> None:
        """Have it take pieces of the job at an address."""
        self._words[code.WORKER] = worker
        self._functions["offer"](self._desk, job)

    def end(self, job: int) -> None:
        """Wait until it has done the piece that it has, and knows of the job no more."""
        self._functions["end"](self._desk, job)
        while self._words[code.JOB]:
            time.sleep(REST)
            self._functions["end"](self._desk, job)

    def leave(self) -> None:
        """End the thread of one that has no job."""
        self._functions["offer"](self._desk, code.LEAVE)
        self._thread.join()


class Crew:
    """The helpers of a process: who has one has it alone, until he gives it back."""

    def __init__(self, most: int) -> None:
        """There are so many at most."""
        self._idle: list[Helper] = []
        self._left, self._lock = most, Lock()

    def hired(self, count: int) -> list[Helper]:
        """So many that have nothing to do, or fewer."""
        found: list[Helper] = []
        with self._lock:
            while len(found) < count and self._idle:
                found.append(self._idle.pop())
            new = min(count - len(found), self._left)
            self._left -= new
        return found + [Helper() for _ in range(new)]

    def back(self, helpers: Sequence[Helper]) -> None:
        """They have no job any more."""
        with self._lock:
            self._idle.extend(helpers)

    def close(self) -> None:
        """End the threads of all that are idle, and make no others."""
        with self._lock:
            self._left = 0
            while self._idle:
                self._idle.pop().leave()


@cache
def _crew() -> Crew:
    return Crew((os.cpu_count() or 1) - 1)


@atexit.register
def _close() -> None:
    """No thread is to run compiled code that is freed."""
    if _crew.cache_info().currsize:
        _crew().close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_crew.cache_clear)  # it has none of these threads


@cache
def _functions() -> dict[str, Callable[..., None]]:
    """Functions of integers, called without the GIL."""
    arities = {"share": 3, "help": 1, "offer": 2, "end": 2}
    made = compile_text(code.text(host().triple), list(arities), RAW)
    return {name: made.of_integers(name, arity) for name, arity in arities.items()}


def _desk() -> int:
    """The address of a desk with a lock that is held: its memory stays, the thread may look at it.

    Of lines of its own: others' writes beside it would slow its thread down.
    """
    python = ctypes.pythonapi
    python.PyThread_allocate_lock.restype = python.PyMem_RawCalloc.restype = ctypes.c_void_p
    python.PyMem_RawCalloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
    python.PyThread_acquire_lock.argtypes = [ctypes.c_void_p, ctypes.c_int]
    lock, memory = python.PyThread_allocate_lock(), python.PyMem_RawCalloc(4, LINE)
    python.PyThread_acquire_lock(lock, 1)
    at: int = -(-memory // LINE) * LINE + LINE
    ctypes.c_int64.from_address(at + 8 * code.LOCK).value = lock
    return at
