"""Run the jobs of a registry, one at a time: a process beside the server, or anywhere else."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from threading import Event, Thread

from adglot.errors import AdglotError, EngineCrashed, Unavailable
from adglot.jobcalls import ChunkError, JobProgress, JobState
from adglot_server.jobs.plan import Plan
from adglot_server.jobs.pools import DaskPool, LocalPool, Pool
from adglot_server.jobs.quotas import Quotas
from adglot_server.jobs.registry import Lent, Order, Registry
from adglot_server.jobs.run import ChunkDone, ChunkFailed, Outcome, PoolDied, Started, run
from adglot_server.jobs.run import Event as Happened

log = logging.getLogger("adglot.jobs")

VARIABLE = "ADGLOT_RUNNER"
"""Has the settings of a runner's process: a command line would show the database's password."""

LOOK = 0.5
"""Seconds between looks at whether there is a job to run."""

AGAIN = 5.0
"""Seconds until a job is tried again for which nobody could be reached."""

TRIES = 3
"""At a job whose engine crashes before there is a chunk to try again."""

BEATS = 5
"""In the time for which a job is lent."""


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """What a runner needs to know.

    - `database`: URL of the registry
    - `scheduler`: address of a Dask scheduler; None for processes of this machine
    - `workers`: how many of these; None for one a core
    - `lease`: seconds after which somebody else takes a job whose runner says nothing
    """

    database: str
    scheduler: str | None = None
    workers: int | None = None
    lease: float = 15.0
    quotas: Quotas = field(default_factory=Quotas)

    def pool(self) -> Pool:
        """A new one; Unavailable where the scheduler does not answer."""
        return LocalPool(self.workers) if self.scheduler is None else DaskPool(self.scheduler)

    def environment(self) -> dict[str, str]:
        """What `main` reads them from."""
        return {VARIABLE: json.dumps(asdict(self))}

    @staticmethod
    def of_environment(environment: Mapping[str, str]) -> RunnerSettings:
        """What `environment` wrote.

        >>> settings = RunnerSettings("sqlite://", workers=2)
        >>> RunnerSettings.of_environment(settings.environment()) == settings
        True
        """
        fields = json.loads(environment[VARIABLE])
        return RunnerSettings(**{**fields, "quotas": Quotas(**fields["quotas"])})


class Runner:
    """Takes jobs from a registry and runs them until `ended`.

    `pool` makes one for each job, so that nothing of one job is left when the next one runs.
    """

    def __init__(
        self, registry: Registry, pool: Callable[[], Pool], ended: Event, lease: float = 15.0
    ) -> None:
        self._registry, self._pool, self._ended, self._lease = registry, pool, ended, lease
        self._name = f"{socket.gethostname()[:24]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"

    def serve(self) -> None:
        """Run what comes."""
        while not self._ended.is_set():
            if not self.serve_one():
                self._ended.wait(LOOK)

    def serve_one(self) -> bool:
        """Run the next job, if there is one."""
        try:
            lent = self._registry.claim(self._name, self._lease)
        except Unavailable as error:
            log.warning("%s", error)
            return False
        if lent is not None:
            self._run(lent)
        return lent is not None

    def _run(self, lent: Lent) -> None:
        """One job: this thread runs it, another one tells the registry that it goes on."""
        turn = Turn(self._registry, lent, self._name, self._lease, self._ended)
        beating = Thread(target=turn.beat, name="adglot-beat", daemon=True)
        beating.start()
        log.info("job %s: %s at %s", lent.id, lent.spec.operator, lent.spec.points)
        try:
            end = self._end(turn, lent)
        finally:
            turn.over.set()
            beating.join()
        log.info("job %s: %s%s", lent.id, end.state, f", {end.error}" if end.error else "")
        turn.finish(end)

    def _end(self, turn: Turn, lent: Lent) -> End:
        try:
            outcome = self._outcome(turn, lent)
        except Unavailable as error:
            return turn.end() or End("queued", _text(error), AGAIN)
        except (AdglotError, OSError) as error:
            return turn.end() or End("failed", _text(error))
        except Exception as error:
            fault = uuid.uuid4().hex[:12]
            log.error("internal error %s", fault, exc_info=error)
            return turn.end() or End("failed", f"internal error {fault}: the log says more")
        return End("succeeded") if outcome.complete else turn.end() or _failed(outcome)

    def _outcome(self, turn: Turn, lent: Lent) -> Outcome:
        """A crash of an engine may have been another one's fault: it is tried again."""
        pool = self._pool()
        try:
            for left in reversed(range(TRIES)):
                try:
                    return run(lent.spec, pool, turn.listen, turn.stopped)
                except EngineCrashed:
                    if not left or self._ended.wait(AGAIN):
                        raise
            raise AssertionError
        finally:
            pool.close()


@dataclass(frozen=True, slots=True)
class End:
    """How a turn at a job has ended; where it is to be "queued" again, for how long it waits."""

    state: JobState
    error: str = ""
    wait: float = 0.0


def _failed(outcome: Outcome) -> End:
    given_up = len(outcome.given_up)
    last = next(reversed(outcome.given_up.values()), "")
    return End("failed", outcome.stopped or f"{given_up} chunks were given up, the last for {last}")


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


class Turn:
    """A runner's turn at a job: how far it is, and whether it is to stop."""

    def __init__(
        self, registry: Registry, lent: Lent, runner: str, lease: float, ended: Event
    ) -> None:
        self._registry, self._lent, self._runner, self._lease = registry, lent, runner, lease
        self._ended = ended
        self._order: Order = "go on"
        self._progress: JobProgress | None = None
        self.over = Event()

    def stopped(self) -> bool:
        return self._order != "go on" or self._ended.is_set()

    def end(self) -> End | None:
        """Why it was stopped, if it was."""
        if self._order == "cancel":
            return End("cancelled")
        return End("queued") if self.stopped() else None

    def listen(self, event: Happened) -> None:
        """Count what happens, and keep what went wrong."""
        match event:
            case Started(plan):
                self._start(plan)
            case ChunkDone(done):
                self._count(points_done=done.points, points_failed=done.failed, chunks_done=1)
            case ChunkFailed(index, attempt, error):
                self._count(retries=0 if event.given_up else 1)
                self._note(ChunkError(index, attempt, error))
            case PoolDied(error):
                log.warning("job %s: %s", self._lent.id, error)

    def beat(self) -> None:
        """Say that it goes on, again and again, until it is over."""
        while not self.over.wait(self._lease / BEATS):
            self._say()

    def finish(self, end: End) -> None:
        """Tell the registry how it has ended; where that cannot be, another runner will see."""
        self._say()
        try:
            self._registry.finish(self._lent.number, self._runner, end.state, end.error, end.wait)
        except Unavailable as error:
            log.error("job %s: %s", self._lent.id, error)

    def _say(self) -> None:
        try:
            self._order = self._registry.beat(
                self._lent.number, self._runner, self._lease, self._progress
            )
        except Unavailable as error:
            log.warning("job %s: %s", self._lent.id, error)

    def _start(self, plan: Plan) -> None:
        """The chunks that are there already count as well, and what failed in them."""
        store = plan.store
        self._registry.quotas.check(store.count, store.count * plan.point_bytes)
        done = set(range(store.chunks)).difference(plan.left)
        self._progress = JobProgress(
            points=store.count,
            points_done=plan.done_points,
            points_failed=store.failed(done) if done else 0,
            chunks=store.chunks,
            chunks_done=len(done),
        )
        self._say()

    def _count(self, **more: int) -> None:
        assert self._progress is not None
        added = {name: getattr(self._progress, name) + count for name, count in more.items()}
        self._progress = replace(self._progress, **added)

    def _note(self, error: ChunkError) -> None:
        try:
            self._registry.note(self._lent.number, error)
        except Unavailable:
            log.warning("job %s: chunk %d: %s", self._lent.id, error.chunk, error.message)


def main() -> None:
    """Serve as the environment says until SIGTERM; then what runs is left to the next runner."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    settings = RunnerSettings.of_environment(os.environ)
    registry = Registry(settings.database, settings.quotas)
    try:
        Runner(registry, settings.pool, ended, settings.lease).serve()
    finally:
        registry.close()


if __name__ == "__main__":
    main()
