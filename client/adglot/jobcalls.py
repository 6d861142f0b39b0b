"""What a client asks about batch jobs and a service answers, as plain data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from adglot.calls import DEFAULT_ENGINE, Array, Mode, Operator, Port
from adglot.ir import Graph

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]

JOB_STATES: tuple[JobState, ...] = get_args(JobState)
ENDED: tuple[JobState, ...] = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True, eq=False)
class JobRequest:
    """What a job computes, from where to where; see ``JobSpec`` in ``job_service.proto``.

    `fixed` has inputs, and `seeds` tangents or cotangents, that are the same at all points;
    `columns` those of the points that make up an input. `chunk` is 0 where the service chooses.
    """

    graph: Graph | str
    points: str
    out: str
    operator: Operator = "jacobian"
    engine: str = DEFAULT_ENGINE
    wrt: tuple[Port, ...] = ()
    of: tuple[Port, ...] = ()
    mode: Mode = "auto"
    sparse: bool = False
    values: bool = True
    fixed: Mapping[str, Array] = field(default_factory=dict)
    seeds: Mapping[str, Array] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chunk: int = 0

    @property
    def digest(self) -> str:
        return self.graph if isinstance(self.graph, str) else self.graph.digest


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is: points and chunks of all of it, and of those in the store."""

    points: int = 0
    points_done: int = 0
    points_failed: int = 0
    chunks: int = 0
    chunks_done: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True)
class ChunkError:
    """Why an attempt, counted from 1, at a chunk failed."""

    chunk: int
    attempt: int
    message: str


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as it stands; the graph of its request is a digest."""

    id: str
    owner: str
    state: JobState
    request: JobRequest = field(compare=False)
    progress: JobProgress = JobProgress()
    error: str = ""
    chunk_errors: tuple[ChunkError, ...] = ()
    submitted: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None

    @property
    def over(self) -> bool:
        """Whether it changes no more."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class SubmitJob:
    """Asks for a job; the reply is its `JobStatus`. With a `key` it is safe to ask again."""

    request: JobRequest
    key: str = ""


@dataclass(frozen=True, slots=True)
class GetJob:
    """Asks for the `JobStatus` of a job."""

    id: str


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Has a job stopped; the reply is its `JobStatus`."""

    id: str


@dataclass(frozen=True, slots=True)
class ListJobs:
    """Asks for a `JobPage` of jobs in these states, of all without any; the latest first."""

    size: int = 0
    token: str = ""
    states: tuple[JobState, ...] = ()


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, and the `token` of the next page, empty for none."""

    jobs: tuple[JobStatus, ...]
    token: str = ""


@dataclass(frozen=True, slots=True)
class WatchJob:
    """Asks for a stream of a job's `JobStatus`, now and at every change until it has ended.

    `deadline` is a reading of `time.monotonic`.
    """

    id: str
    deadline: float | None = None

    def seconds_left(self) -> float | None:
        """Until the deadline, never negative; None where there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


JobAsk = SubmitJob | GetJob | CancelJob | ListJobs
"""All that a client can ask about jobs, one answer each."""
