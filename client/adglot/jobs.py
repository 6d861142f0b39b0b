"""Batch jobs of a server: submit them, look at them, watch them and wait for them."""

from __future__ import annotations

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast

import numpy as np

from adglot.asking import Plan
from adglot.calls import Array, Mode, Operator, Port
from adglot.errors import (
    AdglotError,
    Cancelled,
    InvalidArgument,
    Unavailable,
    Unsupported,
    Violation,
)
from adglot.ir import Graph, as_array
from adglot.jobcalls import (
    JOB_STATES,
    CancelJob,
    GetJob,
    JobPage,
    JobRequest,
    JobState,
    JobStatus,
    ListJobs,
    SubmitJob,
    WatchJob,
)
from adglot.points import Function, source

if TYPE_CHECKING:
    from adglot.streaming import Flow

PATIENCE = 120.0
"""Seconds that a server may be away while somebody watches a job of it."""

PAUSE = 0.5
"""Seconds between two tries to reach it."""


class JobOptions(TypedDict, total=False):
    """What a job may say besides function, points, results and operator; see `submit`."""

    engine: str
    wrt: tuple[Port, ...]
    of: tuple[Port, ...]
    mode: Mode
    sparse: bool
    values: bool
    fixed: Mapping[str, Any]
    seeds: Mapping[str, Any]
    columns: Mapping[str, tuple[str, ...]]
    chunk: int


class JobMethods(ABC):
    """What clients do with jobs: the same for `adglot.Client` and, awaited, for asyncio's."""

    @abstractmethod
    def _run(self, plan: Plan[Any]) -> Any:
        """Drive the plan to its end; an awaitable of the result in asyncio."""

    @abstractmethod
    def _follow(self, flow: Any, points: Any) -> Any:
        """The results of a flow of `adglot.streaming` over the points, as an iterator."""

    @abstractmethod
    def _last(self, results: Any, then: Callable[[Any], Any]) -> Any:
        """What `then` makes of the last of these results."""

    def submit(
        self,
        f: Function,
        points: str,
        out: str,
        operator: Operator = "jacobian",
        *,
        example: tuple[Any, ...] | None = None,
        **options: Unpack[JobOptions],
    ) -> Any:
        """Have the server run an operator at all the points of a file: a `Job`, at once.

        Args:
            f: a callable, a Graph, or the digest of a registered graph.
            points: a path or URL that the *server* reads, below one of its job roots: a file
                .npy, .npz or .parquet, or a Zarr store, with a column for each input. A relative
                path is below the first root.
            out: the Zarr store that it writes, likewise.
            operator: evaluate, jvp, vjp, gradient, jacobian, hessian or hvp.
            example: the arguments at one point, to trace a callable at; None takes the first point
                of a file .npy that is also here.
            **options: ``engine``; ``wrt`` and ``of``, inputs and outputs by name or position;
                ``mode``; ``sparse``; ``values`` (True: the function's values are stored as well);
                ``fixed``, arrays by the name of inputs that are the same at all points; ``seeds``,
                the same for tangents or cotangents; ``columns``, those of the points that make up
                an input, by its name; ``chunk``, points of a chunk.

        Submit the same into the store of a job that failed or was cancelled, and it goes on there.
        Raises InvalidArgument for points that cannot be read or do not fit, PermissionDenied for
        places that the server may not use, LimitExceeded over a quota, Unsupported for a service
        that keeps no jobs, as the one in this process.
        """
        request = _request(self._graph(f, points, example), points, out, operator, options)
        return self._run(self._submit(request))

    def job(self, id: str) -> Any:
        """The `Job` of this id; UnknownJob where there is none of yours.

        A job is yours where your client brings the token that submitted it.
        """
        return self._run(self._job(id))

    def jobs(self, *states: JobState, limit: int = 50) -> Any:
        """A tuple of `JobStatus`, the latest first: your jobs in these states, or in any."""
        for state in states:
            if state not in JOB_STATES:
                what = f"there is no state {state!r} but {', '.join(JOB_STATES)}"
                raise InvalidArgument(Violation("states", what))
        return self._run(_listed(states, limit))

    def _graph(self, f: Function, points: str, example: tuple[Any, ...] | None) -> Any:
        if isinstance(f, Graph | str):
            return f
        args = example if example is not None else (_first(points),)
        return source(f).at(args, False).graph

    def _submit(self, request: JobRequest) -> Plan[Job]:
        """Ask once more where nobody knows whether the server took it: it knows the key then."""
        ask = SubmitJob(request, uuid.uuid4().hex)
        try:
            status = yield ask
        except Unavailable:
            status = yield ask
        return Job(self, status)

    def _job(self, id: str) -> Plan[Job]:
        return Job(self, (yield GetJob(id)))


class Job:
    """A job on a server, which goes on without this process; from `submit` or `job` of a client.

    `id` names it. Everything else is asked of the server; with `adglot.aio` it is awaited.
    """

    def __init__(self, client: JobMethods, status: JobStatus) -> None:
        self._client, self.id, self.out = client, status.id, status.request.out

    def __repr__(self) -> str:
        return f"Job({self.id!r})"

    def status(self) -> Any:
        """Its `JobStatus` now."""
        return self._client._run(_asked(GetJob(self.id)))

    def cancel(self) -> Any:
        """Have it stopped; its `JobStatus` then. What is done stays in the store."""
        return self._client._run(_asked(CancelJob(self.id)))

    def watch(self, timeout: float | None = None) -> Any:
        """An iterator of its `JobStatus`, now and at every change, until it has ended.

        A server that is away for less than two minutes is waited for. DeadlineExceeded after
        `timeout` seconds.
        """
        return self._client._follow(_watching(self.id, timeout), ())

    def wait(self, timeout: float | None = None) -> Any:
        """Its `JobStatus` when it has ended; errors as of `watch`."""
        return self._client._last(self.watch(timeout), lambda status: status)

    def result(self, timeout: float | None = None) -> Any:
        """Wait until it has succeeded; then its store, as of `open`.

        Raises AdglotError, with the job's own error, where it failed; Cancelled where somebody
        cancelled it.
        """
        return self._client._last(self.watch(timeout), self._opened)

    def open(self) -> Any:
        """Its store as a `zarr.Group`, to be read; where this process reaches `out`, too."""
        try:
            import zarr
        except ModuleNotFoundError:
            raise Unsupported("this needs zarr: pip install 'adglot[jobs]'") from None
        return zarr.open_group(self.out, mode="r")

    def _opened(self, status: JobStatus) -> Any:
        if status.state == "cancelled":
            raise Cancelled(f"job {self.id} was cancelled")
        if status.state == "failed":
            raise AdglotError(f"job {self.id} has failed: {status.error}")
        return self.open()


def _request(
    graph: Any, points: str, out: str, operator: Operator, options: JobOptions
) -> JobRequest:
    unknown = options.keys() - JobOptions.__annotations__.keys()
    if unknown:
        known = ", ".join(JobOptions.__annotations__)
        raise TypeError(f"unknown keywords {', '.join(sorted(unknown))}; a job has {known}")
    arrays = {name: _arrays(options.get(name, {})) for name in ("fixed", "seeds")}
    fields = {**options, **arrays}
    return JobRequest(graph, str(points), str(out), operator, **cast(Any, fields))


def _arrays(named: Any) -> dict[str, Array]:
    return {name: as_array(value) for name, value in named.items()}


def _first(points: str) -> Array:
    """The first point of a file .npy."""
    path = Path(points)
    if path.suffix != ".npy" or not path.is_file():
        what = "a callable is traced at the arguments of one point: example=(x,)"
        raise InvalidArgument(Violation("example", what))
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not array.ndim or not len(array):
        raise InvalidArgument(Violation("points", f"{points} has no points"))
    return np.array(array[0])


def _asked(ask: GetJob | CancelJob) -> Plan[JobStatus]:
    status: JobStatus = yield ask
    return status


def _listed(states: tuple[JobState, ...], limit: int) -> Plan[tuple[JobStatus, ...]]:
    """So many jobs, page by page."""
    found: list[JobStatus] = []
    token = ""
    while len(found) < limit:
        page: JobPage = yield ListJobs(min(1000, limit - len(found)), token, states)
        found += page.jobs
        token = page.token
        if not token:
            break
    return tuple(found)


def _watching(id: str, timeout: float | None) -> Flow:
    """Every status until the job is over, over as many streams as it takes."""
    from adglot.streaming import Emit, Open, Pause, Receive

    deadline = None if timeout is None else time.monotonic() + timeout
    seen, last = time.monotonic(), None
    while True:
        yield Open(WatchJob(id, deadline))
        try:
            while True:
                status = yield Receive()
                seen = time.monotonic()
                if status != last:
                    yield Emit((status,))
                if status.over:
                    return
                last = status
        except Unavailable:
            if time.monotonic() - seen > PATIENCE:
                raise
        yield Pause(PAUSE)
