"""`JobService` over gRPC: jobs are checked and queued here, and run elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Semaphore
from typing import TYPE_CHECKING, Any

import grpc

from adglot.calls import Call, Port
from adglot.codec import jobs as codec
from adglot.codec.graphs import dumps
from adglot.errors import (
    InvalidArgument,
    LimitExceeded,
    Unavailable,
    Unsupported,
    Violation,
)
from adglot.ir import Graph
from adglot.jobcalls import JobProgress, JobRequest, JobStatus
from adglot_server.jobs import inputs
from adglot_server.jobs.spec import JobSpec, Tensor
from adglot_server.service.auth import identity
from adglot_server.service.core import Core
from adglot_server.service.current import by_engine
from adglot_server.service.limits import result_bytes
from adglot_server.service.requests import resolve, to_request
from adglot_server.service.servicer import Caller
from adglot_server.service.statuses import StatusOfErrors

if TYPE_CHECKING:  # It needs what an extra installs.
    from adglot_server.service.jobs import Jobs

WATCHERS = 64
"""Most jobs watched at one time: each holds a thread."""

LOOK = 0.25
"""Seconds between looks at a job that is watched."""

NO_JOBS = "this server keeps no jobs: start it with adglot serve --job-root"

Handler = Callable[[bytes, Caller], bytes]


class JobServicer:
    """The methods of the service; without `jobs` all of them answer UNIMPLEMENTED."""

    def __init__(self, core: Core, jobs: Jobs | None) -> None:
        self._core, self._kept = core, jobs
        self._watchers = Semaphore(WATCHERS)

    def handler(self) -> grpc.GenericRpcHandler:
        """Everything for `grpc.Server.add_generic_rpc_handlers`."""
        handlers: dict[str, Handler] = {
            "Submit": self._submit,
            "Get": self._get,
            "Cancel": self._cancel,
            "List": self._list,
        }
        methods = {name: _unary(_path(name), handle) for name, handle in handlers.items()}
        methods["Watch"] = grpc.unary_stream_rpc_method_handler(self._watch)
        return grpc.method_handlers_generic_handler(codec.SERVICE, methods)

    @property
    def _jobs(self) -> Jobs:
        if self._kept is None:
            raise Unsupported(NO_JOBS)
        return self._kept

    def _submit(self, message: bytes, caller: Caller) -> bytes:
        jobs, owner = self._jobs, identity()
        self._core.limits.check_message(message)
        asked = codec.decode_submit(message, self._core.limits.graph_bytes)
        by_engine(asked.request.engine)
        try:
            graph = self._graph(asked.request, caller)
            spec = self._spec(asked.request, graph, owner)
            progress = self._size(spec, graph)
        except InvalidArgument as error:
            raise error.within("spec") from None
        status = jobs.registry.submit(owner, spec, graph.digest, progress, asked.key)
        return codec.encode_job(status)

    def _get(self, message: bytes, caller: Caller) -> bytes:
        id = codec.decode_id("Get", message)
        return codec.encode_job(self._jobs.registry.get(identity(), id))

    def _cancel(self, message: bytes, caller: Caller) -> bytes:
        id = codec.decode_id("Cancel", message)
        return codec.encode_job(self._jobs.registry.cancel(identity(), id))

    def _list(self, message: bytes, caller: Caller) -> bytes:
        return codec.encode_page(self._jobs.registry.page(identity(), codec.decode_list(message)))

    def _watch(self, message: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        with StatusOfErrors(context, _path("Watch")):
            jobs, owner, id = self._jobs, identity(), codec.decode_id("Watch", message)
            if not self._watchers.acquire(blocking=False):
                raise LimitExceeded("streams", WATCHERS, WATCHERS + 1)
            try:
                look = partial(jobs.registry.get, owner, id)
                yield from map(codec.encode_job, _changes(look, Caller(context), jobs))
            finally:
                self._watchers.release()

    def _graph(self, request: JobRequest, caller: Caller) -> Graph:
        """The function with its names, checked; one that is known by digest has none."""
        kept = self._core.graph(request.graph, caller.control())
        return request.graph if isinstance(request.graph, Graph) else kept

    def _spec(self, request: JobRequest, graph: Graph, owner: str) -> JobSpec:
        jobs = self._jobs
        target = jobs.target(request.engine)
        if target is None:
            self._core.engines.elsewhere(request.engine)  # UnknownEngine for none of ours
        return JobSpec(
            graph=dumps(graph),
            points=jobs.places.resolve("points", request.points, owner),
            out=jobs.places.resolve("out", request.out, owner),
            operator=request.operator,
            engine=request.engine,
            wrt=_names("wrt", request.wrt, graph.input_names),
            of=_names("of", request.of, graph.output_names),
            mode=request.mode,
            sparse=request.sparse,
            values=request.values,
            fixed=tuple((name, Tensor.of(x)) for name, x in request.fixed.items()),
            seeds=tuple((name, Tensor.of(x)) for name, x in request.seeds.items()),
            columns=tuple(request.columns.items()),
            chunk=request.chunk or None,
            target=target,
        )

    def _size(self, spec: JobSpec, graph: Graph) -> JobProgress:
        """How large the job is; refused where that is too much, or its points are not good."""
        asked: Call = inputs.call(spec, graph)
        with _about_points():
            count = inputs.bound(spec, asked, graph).count
        point = _point_bytes(asked, graph)
        self._jobs.registry.quotas.check(count, count * point)
        self._core.limits.check_memory(min(spec.chunk or 1, count) * point)
        chunks = -(-count // spec.chunk) if spec.chunk else 0
        return JobProgress(points=count, chunks=chunks)


def _changes(look: Callable[[], JobStatus], caller: Caller, jobs: Jobs) -> Iterator[JobStatus]:
    """The job now and whenever it has changed, until it is over or nobody watches."""
    last: JobStatus | None = None
    while not caller.gone():
        status = look()
        if status != last:
            yield status
        if status.over:
            return
        last = status
        if jobs.stopping.wait(LOOK):
            raise Unavailable("the server stops: watch again")


@contextmanager
def _about_points() -> Iterator[None]:
    """What is said of no field is said of the points."""
    try:
        yield
    except InvalidArgument as error:
        raise InvalidArgument(
            Violation(v.field or "points", v.description) for v in error.violations
        ) from None


def _point_bytes(asked: Call, graph: Graph) -> int:
    """Of the results at a point, as far as they are known before anything is computed."""
    request = to_request(asked, resolve(asked, graph))
    return sum(result_bytes(graph, request))


def _names(field: str, ports: Sequence[Port], known: Sequence[str]) -> tuple[str, ...]:
    """The names of inputs or outputs that are given by name or position."""
    return tuple(_name(f"{field}[{k}]", port, known) for k, port in enumerate(ports))


def _name(field: str, port: Port, known: Sequence[str]) -> str:
    if isinstance(port, str) and port in known:
        return port
    if isinstance(port, int) and 0 <= port < len(known):
        return known[port]
    raise InvalidArgument(Violation(field, f"there is no {port!r} but {', '.join(known)}"))


def _path(method: str) -> str:
    """A method of this service as gRPC names it."""
    return f"/{codec.SERVICE}/{method}"


def _unary(path: str, handle: Handler) -> Any:
    def behavior(message: bytes, context: grpc.ServicerContext) -> bytes:
        with StatusOfErrors(context, path):
            return handle(message, Caller(context))

    return grpc.unary_unary_rpc_method_handler(behavior)
