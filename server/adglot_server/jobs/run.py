"""Run a job to its end: chunks go to a pool, those that fail go again, and what happens is told."""

from __future__ import annotations

import errno
import heapq
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass, field

from adglot.errors import InvalidArgument, NotFound, PermissionDenied, Unauthenticated, Unsupported
from adglot_server.jobs import store as stores
from adglot_server.jobs.chunk import Done, packed, run_chunk
from adglot_server.jobs.plan import Plan, plan
from adglot_server.jobs.pools import Pool
from adglot_server.jobs.spec import JobSpec

AHEAD = 2
"""Chunks that a worker is given at one time: it begins the next while we look at the last."""

ATTEMPTS = 5
"""At a chunk, before it is given up."""

DELAY = 0.5
"""Seconds before the second attempt; twice as many before each later one."""

MOST_FAILED = 16
"""Chunks that are given up before the whole job is."""

MOST_RENEWALS = 10
"""Times that a pool may die without a chunk done in between."""

LOOK = 0.25
"""Seconds between two looks at whether the job is cancelled."""

FOR_GOOD = (InvalidArgument, NotFound, Unsupported, PermissionDenied, Unauthenticated)
"""What another attempt does not help against."""

FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Started:
    """The job is planned: its spec with the size of chunks, and how much of it is there."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """A chunk is in the store."""

    done: Done


@dataclass(frozen=True, slots=True)
class ChunkFailed:
    """An attempt at a chunk has failed, the first is 1; it is tried again unless `given_up`."""

    index: int
    attempt: int
    error: str
    given_up: bool


@dataclass(frozen=True, slots=True)
class PoolDied:
    """Workers have died, and others go on with what they had."""

    error: str


Event = Started | ChunkDone | ChunkFailed | PoolDied


@dataclass(slots=True)
class Outcome:
    """How a run has ended: what it computed itself, and what is still left.

    `failed` are the points that are marked in the store, among `points`; `given_up` has the last
    error of each chunk that could not be computed. `peak_bytes` is the most memory that any one
    worker has had.
    """

    points: int = 0
    failed: int = 0
    left: int = 0
    given_up: dict[int, str] = field(default_factory=dict)
    cancelled: bool = False
    stopped: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0

    @property
    def complete(self) -> bool:
        """Whether every chunk is in the store."""
        return not self.left


def run(
    spec: JobSpec,
    pool: Pool,
    listen: Callable[[Event], object] = lambda event: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Compute what is left of a job; call it again, with the same spec, to go on.

    Args:
        spec: the job.
        pool: who computes; it stays open.
        listen: told everything that happens, in this thread.
        cancelled: asked several times a second; chunks that are on their way are dropped then.

    Raises what `plan` does. What goes wrong later is in the outcome, and the store stays good:
    a chunk is either there or left.
    """
    started = time.monotonic()
    planned = plan(spec)
    listen(Started(planned))
    running = _Run(planned, pool, listen)
    try:
        running.until(cancelled)
    finally:
        running.drop()
    outcome = running.outcome
    outcome.left = len(planned.left) - running.finished
    outcome.seconds = time.monotonic() - started
    return outcome


class _Run:
    """One run on its way: chunks are waiting, each from its time on, or with the pool."""

    def __init__(self, planned: Plan, pool: Pool, listen: Callable[[Event], object]) -> None:
        self._job = packed(planned.spec, planned.store)
        self._out, self._pool, self._listen = planned.spec.out, pool, listen
        self._waiting = [(0.0, index) for index in planned.left]  # sorted, thus a heap
        self._flying: dict[Future[Done], int] = {}
        self._attempts: dict[int, int] = {}
        self._renewals, self.finished = 0, 0
        self.outcome = Outcome()

    def until(self, cancelled: Callable[[], bool]) -> None:
        """Go on until all is done, or nothing more can be."""
        while (self._waiting or self._flying) and not self.outcome.stopped:
            if cancelled():
                self.outcome.cancelled = True
                return
            try:
                self._fill()
                self._collect()
            except (BrokenExecutor, CancelledError) as error:
                self._renew(error)

    def drop(self) -> None:
        """Leave nothing with the pool, and nothing half written."""
        for future in self._flying:
            future.cancel()
        if self._flying:
            self._pool.renew()
        stores.tidy(self._out)

    def _fill(self) -> None:
        most = AHEAD * self._pool.width
        now = time.monotonic()
        while self._waiting and len(self._flying) < most and self._waiting[0][0] <= now:
            _, index = self._waiting[0]
            self._flying[self._pool.submit(run_chunk, self._job, index)] = index
            heapq.heappop(self._waiting)

    def _collect(self) -> None:
        if not self._flying:
            time.sleep(LOOK)
            return
        finished, _ = wait(self._flying, LOOK, FIRST_COMPLETED)
        for future in finished:
            error = CancelledError() if future.cancelled() else future.exception()
            if isinstance(error, BrokenExecutor | CancelledError):
                raise error  # and all that fly are lost with it
            index = self._flying.pop(future)
            if error is None:
                self._finish(future.result())
            else:
                self._fail(index, error)

    def _finish(self, done: Done) -> None:
        self.finished, self._renewals = self.finished + 1, 0
        self.outcome.points += done.points
        self.outcome.failed += done.failed
        self.outcome.peak_bytes = max(self.outcome.peak_bytes, done.peak_bytes)
        self._listen(ChunkDone(done))

    def _fail(self, index: int, error: BaseException) -> None:
        attempt = self._attempts[index] = self._attempts.get(index, 0) + 1
        text = f"{type(error).__name__}: {error}"
        given_up = isinstance(error, FOR_GOOD) or attempt >= ATTEMPTS
        self._listen(ChunkFailed(index, attempt, text, given_up))
        if isinstance(error, OSError) and error.errno in FULL:
            self.outcome.stopped = f"{text}: make room and run the job again, it goes on"
        elif given_up:
            self.outcome.given_up[index] = text
            if len(self.outcome.given_up) >= MOST_FAILED:
                self.outcome.stopped = f"{MOST_FAILED} chunks failed, the last one by {text}"
        else:
            heapq.heappush(self._waiting, (time.monotonic() + DELAY * 2**attempt, index))

    def _renew(self, error: BaseException) -> None:
        """New workers; what the old ones had waits again, and one of it may be what killed them."""
        text = f"{type(error).__name__}: {error}".rstrip(": ")
        self._renewals += 1
        if self._renewals > MOST_RENEWALS:
            self.outcome.stopped = f"workers died {self._renewals} times in a row: {text}"
            return
        self._listen(PoolDied(text))
        for index in self._flying.values():
            heapq.heappush(self._waiting, (0.0, index))
        self._flying.clear()
        self._pool.renew()
