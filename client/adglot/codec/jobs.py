"""Batch jobs to and from serialized protobuf messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from adglot.calls import DEFAULT_ENGINE, Array
from adglot.codec.graphs import graph_to_proto
from adglot.codec.incoming import Incoming, read
from adglot.codec.messages import (
    GRAPH_BYTES,
    MODE_TO_WIRE,
    OPERATOR_TO_WIRE,
    mode_from_proto,
    operator_from_proto,
    ports_from_proto,
    ports_to_proto,
)
from adglot.codec.splice import cut, parse
from adglot.codec.tensors import tensor_from_proto, tensor_to_proto
from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph
from adglot.jobcalls import (
    JOB_STATES,
    CancelJob,
    ChunkError,
    GetJob,
    JobAsk,
    JobPage,
    JobProgress,
    JobRequest,
    JobState,
    JobStatus,
    ListJobs,
    SubmitJob,
)
from adglot.v1 import job_service_pb2 as pb

SERVICE: str = pb.DESCRIPTOR.services_by_name["JobService"].full_name

PAGE, MOST_OF_PAGE = 50, 1000
"""Jobs of a page: where nobody says how many, and at most."""

KEY = 64
"""Most characters of a request's id."""

_SPEC = int(pb.JobServiceSubmitRequest.DESCRIPTOR.fields_by_name["spec"].number)

STATE_TO_WIRE: dict[JobState, pb.JobState] = {
    state: getattr(pb, f"JOB_STATE_{state.upper()}") for state in JOB_STATES
}
STATE_FROM_WIRE = {number: state for state, number in STATE_TO_WIRE.items()}


def method_of(ask: JobAsk) -> tuple[str, bytes, Callable[[bytes], Any]]:
    """The method of a question, its message, and what reads the reply."""
    match ask:
        case SubmitJob(request, key):
            message = pb.JobServiceSubmitRequest(spec=_spec_to_proto(request), request_id=key)
            return "Submit", message.SerializeToString(), decode_job
        case GetJob(id):
            return "Get", pb.JobServiceGetRequest(id=id).SerializeToString(), decode_job
        case CancelJob(id):
            return "Cancel", pb.JobServiceCancelRequest(id=id).SerializeToString(), decode_job
        case ListJobs(size, token, states):
            wanted = [STATE_TO_WIRE[state] for state in states]
            page = pb.JobServiceListRequest(page_size=size, page_token=token, states=wanted)
            return "List", page.SerializeToString(), decode_page


def decode_submit(message: bytes, graph_bytes: int = GRAPH_BYTES) -> SubmitJob:
    """InvalidArgument with the path of what is wrong."""
    rest, found = cut(memoryview(message), (_SPEC,))
    key = parse(pb.JobServiceSubmitRequest, rest).request_id
    if len(key) > KEY:
        raise InvalidArgument(Violation("request_id", f"has at most {KEY} characters"))
    if not found[_SPEC]:
        raise InvalidArgument(Violation("spec", "is missing"))
    try:
        return SubmitJob(_spec(read(pb.JobSpec, found[_SPEC][-1], graph_bytes)), key)
    except InvalidArgument as error:
        raise error.within("spec") from None


def decode_id(method: str, message: bytes) -> str:
    """The id of the job that a Get, Watch or Cancel is about."""
    kind: type[Message] = getattr(pb, f"JobService{method}Request")
    return cast(str, cast(Any, parse(kind, message)).id)


def decode_list(message: bytes) -> ListJobs:
    """InvalidArgument with the path of what is wrong."""
    request = parse(pb.JobServiceListRequest, message)
    if request.page_size > MOST_OF_PAGE:
        raise InvalidArgument(Violation("page_size", f"is at most {MOST_OF_PAGE}"))
    unknown = [number for number in request.states if number not in STATE_FROM_WIRE]
    if unknown:
        raise InvalidArgument(Violation("states", f"there is no state {unknown[0]}"))
    states = tuple(STATE_FROM_WIRE[number] for number in request.states)
    return ListJobs(request.page_size or PAGE, request.page_token, states)


def encode_job(status: JobStatus) -> bytes:
    """The response of Submit, Get, Watch and Cancel: all have the job alone."""
    return pb.JobServiceGetResponse(job=_to_proto(status)).SerializeToString()


def decode_job(message: bytes) -> JobStatus:
    return _status(parse(pb.JobServiceGetResponse, message).job)


def encode_watch(id: str) -> bytes:
    return pb.JobServiceWatchRequest(id=id).SerializeToString()


def encode_page(page: JobPage) -> bytes:
    response = pb.JobServiceListResponse(jobs=map(_to_proto, page.jobs), next_page_token=page.token)
    return response.SerializeToString()


def decode_page(message: bytes) -> JobPage:
    response = parse(pb.JobServiceListResponse, message)
    return JobPage(tuple(map(_status, response.jobs)), response.next_page_token)


def _spec_to_proto(request: JobRequest) -> pb.JobSpec:
    spec = pb.JobSpec(
        engine=request.engine,
        operator=OPERATOR_TO_WIRE[request.operator],
        wrt=ports_to_proto(request.wrt),
        of=ports_to_proto(request.of),
        include_values=request.values,
        mode=MODE_TO_WIRE[request.mode],
        sparse=request.sparse,
        points=request.points,
        out=request.out,
        chunk_points=request.chunk,
        fixed_inputs=_named_to_proto(request.fixed),
        fixed_seeds=_named_to_proto(request.seeds),
        input_columns=[
            pb.InputColumns(name=name, columns=columns) for name, columns in request.columns.items()
        ],
    )
    if isinstance(request.graph, Graph):
        spec.graph.CopyFrom(graph_to_proto(request.graph))
    else:
        spec.digest = request.graph
    return spec


def _spec(incoming: Incoming) -> JobRequest:
    head, graph = incoming.head, incoming.graph()
    if graph is None and not head.digest:
        raise InvalidArgument(Violation("function", "neither a graph nor a digest"))
    return JobRequest(
        graph=head.digest if graph is None else graph,
        points=head.points,
        out=head.out,
        operator=operator_from_proto(head.operator),
        engine=head.engine or DEFAULT_ENGINE,
        wrt=ports_from_proto(head.wrt, "wrt"),
        of=ports_from_proto(head.of, "of"),
        mode=mode_from_proto(head.mode),
        sparse=head.sparse,
        values=head.include_values,
        fixed=_named("fixed_inputs", head.fixed_inputs),
        seeds=_named("fixed_seeds", head.fixed_seeds),
        columns={each.name: tuple(each.columns) for each in head.input_columns},
        chunk=head.chunk_points,
    )


def _named_to_proto(arrays: Mapping[str, Array]) -> list[pb.NamedTensor]:
    return [
        pb.NamedTensor(name=name, tensor=tensor_to_proto(array)) for name, array in arrays.items()
    ]


def _named(field: str, tensors: Any) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for k, named in enumerate(tensors):
        try:
            arrays[named.name] = tensor_from_proto(named.tensor)
        except InvalidArgument as error:
            raise error.within(f"{field}[{k}].tensor") from None
    return arrays


def _to_proto(status: JobStatus) -> pb.Job:
    progress = status.progress
    return pb.Job(
        id=status.id,
        owner=status.owner,
        state=STATE_TO_WIRE[status.state],
        spec=_spec_to_proto(status.request),
        progress=pb.JobProgress(
            points=progress.points,
            points_done=progress.points_done,
            points_failed=progress.points_failed,
            chunks=progress.chunks,
            chunks_done=progress.chunks_done,
            retries=progress.retries,
        ),
        error=status.error,
        chunk_errors=[
            pb.ChunkError(chunk=error.chunk, attempt=error.attempt, message=error.message)
            for error in status.chunk_errors
        ],
        submitted=_stamp(status.submitted),
        started=_stamp(status.started),
        ended=_stamp(status.ended),
    )


def _status(job: pb.Job) -> JobStatus:
    progress = job.progress
    return JobStatus(
        id=job.id,
        owner=job.owner,
        state=STATE_FROM_WIRE.get(job.state, "queued"),
        request=_spec(Incoming(job.spec)),
        progress=JobProgress(
            progress.points,
            progress.points_done,
            progress.points_failed,
            progress.chunks,
            progress.chunks_done,
            progress.retries,
        ),
        error=job.error,
        chunk_errors=tuple(ChunkError(e.chunk, e.attempt, e.message) for e in job.chunk_errors),
        submitted=_time(job, "submitted"),
        started=_time(job, "started"),
        ended=_time(job, "ended"),
    )


def _stamp(time: datetime | None) -> Timestamp | None:
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def _time(job: pb.Job, field: str) -> datetime | None:
    return getattr(job, field).ToDatetime(UTC) if job.HasField(cast(Any, field)) else None
