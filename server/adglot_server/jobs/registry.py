"""Keep the jobs of a service: who owns them, how they stand, and who runs them.

Everything is in a database, so jobs outlive the server, and several servers may share them. A job
that runs is lent to its runner until a time that the runner moves on; when that has passed, the
runner is gone and another one takes the job.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from adglot.errors import InvalidArgument, LimitExceeded, Unavailable, UnknownJob, Violation
from adglot.jobcalls import (
    ENDED,
    ChunkError,
    JobPage,
    JobProgress,
    JobRequest,
    JobState,
    JobStatus,
    ListJobs,
)
from adglot_server.jobs.quotas import Quotas
from adglot_server.jobs.spec import JobSpec
from adglot_server.jobs.tables import LIVE, chunk_errors, connect, jobs, owners

log = logging.getLogger("adglot.jobs")

ERRORS = 20
"""Errors of chunks that are kept of a job: the latest."""

MESSAGE = 2000
"""Most characters of one of them."""

SHOWN = [column for column in jobs.c if column.name != "graph"]
"""All of a job but what may be large."""

Order = Literal["go on", "cancel", "lost"]


@dataclass(frozen=True, slots=True)
class Lent:
    """A job that a runner has: its `number` in the registry, and what to run."""

    number: int
    id: str
    spec: JobSpec


class Registry:
    """The jobs in a database; safe for threads and for processes.

    >>> registry = Registry("sqlite://")
    >>> spec = JobSpec(b"", "x.npy", "J.zarr")
    >>> job = registry.submit("me", spec, "digest", JobProgress(points=8, chunks=2))
    >>> lent = registry.claim("a runner", seconds=30.0)
    >>> registry.get("me", job.id).state
    'running'

    Every method raises Unavailable where the database cannot be reached.
    """

    def __init__(self, url: str, quotas: Quotas | None = None) -> None:
        self.quotas = quotas or Quotas()
        self._engine = connect(url)
        self._insert = {"sqlite": sqlite, "postgresql": postgresql}[self._engine.name].insert

    def close(self) -> None:
        self._engine.dispose()

    def submit(
        self, owner: str, spec: JobSpec, digest: str, progress: JobProgress, key: str = ""
    ) -> JobStatus:
        """Queue a job of this size; the one that there is already for this owner's key.

        Raises LimitExceeded for an owner with too many, InvalidArgument where another job writes
        into its store, or where that is, is in or has in it the store of another owner.
        """
        with self._writing() as connection:
            self._hold(connection, owner)
            if key and (known := self._keyed(connection, owner, key)) is not None:
                return known
            self._check_quota(connection, owner)
            _check_others(connection, owner, spec.out)
            id = uuid.uuid4().hex
            try:
                with connection.begin_nested():
                    connection.execute(_new(id, owner, key, spec, digest, progress))
            except IntegrityError:
                what = f"another job writes to {spec.out}: wait for it, or cancel it"
                raise InvalidArgument(Violation("spec.out", what)) from None
            return self._one(connection, owner, id)

    def get(self, owner: str, id: str) -> JobStatus:
        """A job of this owner; UnknownJob for any other."""
        with self._reading() as connection:
            return self._one(connection, owner, id)

    def page(self, owner: str, wanted: ListJobs) -> JobPage:
        """Jobs of this owner, the latest first; InvalidArgument for a token that is none."""
        found = select(*SHOWN).where(jobs.c.owner == owner).order_by(jobs.c.number.desc())
        if wanted.token:
            found = found.where(jobs.c.number < _number(wanted.token))
        if wanted.states:
            found = found.where(jobs.c.state.in_(wanted.states))
        with self._reading() as connection:
            rows = connection.execute(found.limit(wanted.size + 1)).all()
            more = len(rows) > wanted.size
            rows = rows[: wanted.size]
            statuses = tuple(_status(row, ()) for row in rows)
        return JobPage(statuses, str(rows[-1].number) if more else "")

    def cancel(self, owner: str, id: str) -> JobStatus:
        """Have a job of this owner stopped; one that has ended stays as it is."""
        own = and_(jobs.c.id == id, jobs.c.owner == owner)
        with self._writing() as connection:
            connection.execute(
                update(jobs)
                .where(own, jobs.c.state == "queued")
                .values(state="cancelled", ended=time.time())
            )
            connection.execute(
                update(jobs).where(own, jobs.c.state == "running").values(cancel=True)
            )
            return self._one(connection, owner, id)

    def claim(self, runner: str, seconds: float) -> Lent | None:
        """The first job that waits, or whose runner is gone, for so long; None without one."""
        now = time.time()
        waits = and_(jobs.c.state == "queued", jobs.c.not_before <= now)
        left = and_(jobs.c.state == "running", jobs.c.lease < now)
        free = or_(waits, left)
        first = select(jobs.c.number).where(free).order_by(jobs.c.number).limit(1)
        taken = (
            update(jobs)
            .where(jobs.c.number == first.scalar_subquery(), free)
            .values(
                state="running",
                runner=runner,
                lease=now + seconds,
                started=func.coalesce(jobs.c.started, now),
                error="",
            )
            .returning(jobs.c.number, jobs.c.id, jobs.c.spec, jobs.c.graph)
        )
        with self._writing() as connection:
            row = connection.execute(taken).first()
        return None if row is None else Lent(row.number, row.id, _spec(row.spec, row.graph))

    def beat(
        self, number: int, runner: str, seconds: float, progress: JobProgress | None = None
    ) -> Order:
        """Move the time on until which the runner has the job, say how far it is; what to do."""
        values: dict[str, Any] = {"lease": time.time() + seconds}
        if progress is not None:
            values |= _progress_values(progress)
        own = and_(jobs.c.number == number, jobs.c.runner == runner, jobs.c.state == "running")
        held = update(jobs).where(own).values(values).returning(jobs.c.cancel)
        with self._writing() as connection:
            cancel = connection.execute(held).scalar_one_or_none()
        if cancel is None:
            return "lost"
        return "cancel" if cancel else "go on"

    def note(self, number: int, error: ChunkError) -> None:
        """Keep the error of an attempt at a chunk, and forget the oldest."""
        mine = chunk_errors.c.job == number
        latest = (
            select(chunk_errors.c.number)
            .where(mine)
            .order_by(chunk_errors.c.number.desc())
            .limit(ERRORS)
        )
        new = {"chunk": error.chunk, "attempt": error.attempt, "message": error.message[:MESSAGE]}
        with self._writing() as connection:
            connection.execute(insert(chunk_errors).values(job=number, **new))
            connection.execute(
                delete(chunk_errors).where(mine, chunk_errors.c.number.not_in(latest))
            )

    def finish(
        self, number: int, runner: str, state: JobState, error: str = "", wait: float = 0.0
    ) -> None:
        """A runner is through with a job; with the state "queued" it may be taken in `wait`."""
        own = and_(jobs.c.number == number, jobs.c.runner == runner, jobs.c.state == "running")
        now = time.time()
        with self._writing() as connection:
            connection.execute(
                update(jobs)
                .where(own)
                .values(
                    state=state,
                    error=error,
                    runner=None,
                    lease=None,
                    not_before=now + wait,
                    ended=now if state in ENDED else None,
                )
            )

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _reaching(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _reaching(), self._engine.connect() as connection:
            yield connection

    def _hold(self, connection: Connection, owner: str) -> None:
        """Have others who submit for this owner wait until this transaction is over."""
        row = self._insert(owners).values(name=owner)
        connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"name": owner}))

    def _keyed(self, connection: Connection, owner: str, key: str) -> JobStatus | None:
        found = select(jobs.c.id).where(jobs.c.owner == owner, jobs.c.key == key)
        id = connection.execute(found).scalar_one_or_none()
        return None if id is None else self._one(connection, owner, id)

    def _check_quota(self, connection: Connection, owner: str) -> None:
        live = select(func.count()).where(jobs.c.owner == owner, jobs.c.state.in_(LIVE))
        count = connection.execute(live).scalar_one()
        if count >= self.quotas.jobs:
            raise LimitExceeded("jobs", self.quotas.jobs, count + 1)

    def _one(self, connection: Connection, owner: str, id: str) -> JobStatus:
        found: Select[Any] = select(*SHOWN).where(jobs.c.id == id, jobs.c.owner == owner)
        row = connection.execute(found).one_or_none()
        if row is None:
            raise UnknownJob(f"there is no job {id[:64]!r} of yours")
        errors = (
            select(chunk_errors)
            .where(chunk_errors.c.job == row.number)
            .order_by(chunk_errors.c.number)
        )
        return _status(row, connection.execute(errors).all())


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        log.error("the registry of jobs: %s", error)  # Callers need not know where it is.
        what = "the registry of jobs cannot be reached: the server's log says why"
        raise Unavailable(what) from error


def _check_others(connection: Connection, owner: str, out: str) -> None:
    """Refuse a store where that of another owner is or was: roots may be for all of them."""
    parts = out.split("/")
    around = ["/".join(parts[: k + 1]) for k in range(len(parts))]
    inside = func.substr(jobs.c.out, 1, len(out) + 1) == f"{out}/"
    theirs = and_(jobs.c.owner != owner, or_(jobs.c.out.in_(around), inside))
    if connection.execute(select(jobs.c.number).where(theirs).limit(1)).first() is not None:
        what = f"{out} is in the place of another owner's job: choose another one"
        raise InvalidArgument(Violation("spec.out", what))


def _new(id: str, owner: str, key: str, spec: JobSpec, digest: str, progress: JobProgress) -> Any:
    return insert(jobs).values(
        id=id,
        owner=owner,
        key=key or None,
        state="queued",
        graph=spec.graph,
        digest=digest,
        spec=replace(spec, graph=b"").to_json(),
        out=spec.out,
        submitted=time.time(),
        **_progress_values(progress),
    )


def _progress_values(progress: JobProgress) -> dict[str, int]:
    names = ("points", "points_done", "points_failed", "chunks", "chunks_done", "retries")
    return {name: getattr(progress, name) for name in names}


def _spec(text: str, graph: bytes) -> JobSpec:
    return replace(JobSpec.from_json(text), graph=bytes(graph))


def _number(token: str) -> int:
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        raise InvalidArgument(Violation("page_token", "is none that a page has given"))
    return int(token)


def _status(row: Row[Any], errors: Sequence[Row[Any]]) -> JobStatus:
    return JobStatus(
        id=row.id,
        owner=row.owner,
        state=row.state,
        request=request_of(JobSpec.from_json(row.spec), row.digest),
        progress=JobProgress(
            row.points,
            row.points_done,
            row.points_failed,
            row.chunks,
            row.chunks_done,
            row.retries,
        ),
        error=row.error,
        chunk_errors=tuple(ChunkError(e.chunk, e.attempt, e.message) for e in errors),
        submitted=_time(row.submitted),
        started=_time(row.started),
        ended=_time(row.ended),
    )


def request_of(spec: JobSpec, digest: str) -> JobRequest:
    """What was asked for, as a spec has it; with the graph's digest."""
    return JobRequest(
        graph=digest,
        points=spec.points,
        out=spec.out,
        operator=spec.operator,
        engine=spec.engine,
        wrt=spec.wrt,
        of=spec.of,
        mode=spec.mode,
        sparse=spec.sparse,
        values=spec.values,
        fixed={name: tensor.array for name, tensor in spec.fixed},
        seeds={name: tensor.array for name, tensor in spec.seeds},
        columns=dict(spec.columns),
        chunk=spec.chunk or 0,
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
