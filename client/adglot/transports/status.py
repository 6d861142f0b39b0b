"""The one table between adglot's exceptions and gRPC statuses, read in both directions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as details_pb
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from adglot import errors
from adglot.errors import AdglotError, EngineCrashed, InvalidArgument, LimitExceeded, Violation

DOMAIN = "adglot.v1"
RETRY_SECONDS = 1

Code = grpc.StatusCode
M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Row:
    """An exception, its status code, and the reason that an ErrorInfo gives."""

    error: type[AdglotError]
    code: Code

    @property
    def reason(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.error.__name__).upper()


TABLE = (
    Row(errors.InvalidArgument, Code.INVALID_ARGUMENT),
    Row(errors.TracingError, Code.INVALID_ARGUMENT),
    Row(errors.UnknownEngine, Code.NOT_FOUND),
    Row(errors.UnknownGraph, Code.NOT_FOUND),
    Row(errors.UnknownJob, Code.NOT_FOUND),
    Row(errors.NotFound, Code.NOT_FOUND),
    Row(errors.Unsupported, Code.UNIMPLEMENTED),
    Row(errors.GuardFailed, Code.FAILED_PRECONDITION),
    Row(errors.LimitExceeded, Code.RESOURCE_EXHAUSTED),
    Row(errors.TLSError, Code.UNAVAILABLE),
    Row(errors.Unavailable, Code.UNAVAILABLE),
    Row(errors.EngineCrashed, Code.ABORTED),
    Row(errors.DeadlineExceeded, Code.DEADLINE_EXCEEDED),
    Row(errors.Cancelled, Code.CANCELLED),
    Row(errors.Unauthenticated, Code.UNAUTHENTICATED),
    Row(errors.PermissionDenied, Code.PERMISSION_DENIED),
    Row(errors.InternalError, Code.INTERNAL),
)
_BY_REASON = {row.reason: row.error for row in TABLE}
_BY_NUMBER = {row.code.value[0]: row.error for row in reversed(TABLE)} | {
    Code.UNAVAILABLE.value[0]: errors.Unavailable,
    # No ErrorInfo, so not from adglot: a transport or a proxy that is overloaded, or broken.
    Code.RESOURCE_EXHAUSTED.value[0]: errors.Unavailable,
    Code.NOT_FOUND.value[0]: errors.NotFound,
    Code.UNKNOWN.value[0]: errors.InternalError,
}


def to_status(error: AdglotError, request_id: str = "") -> Status:
    """The status of an exception, with the details that rebuild it on the other side."""
    row = next(row for row in TABLE if isinstance(error, row.error))
    status = Status(code=row.code.value[0], message=str(error))
    ids = [details_pb.RequestInfo(request_id=request_id)] if request_id else []
    for detail in (*_details(error, row), *ids):
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def from_status(status: Status) -> AdglotError:
    """The exception of a status, whoever sent it."""
    error, info = _error(status), _unpack(status, details_pb.RequestInfo)
    if info is not None:
        error.request_id = info.request_id
    return error


def _error(status: Status) -> AdglotError:
    bad_request = _unpack(status, details_pb.BadRequest)
    info = _unpack(status, details_pb.ErrorInfo)
    if bad_request is not None and bad_request.field_violations:
        return InvalidArgument(
            Violation(v.field, v.description) for v in bad_request.field_violations
        )
    error = _BY_REASON.get(info.reason) if info is not None else None
    if error is LimitExceeded and info is not None:
        return _limit(info.metadata.get("name", ""), info.metadata, status.message)
    if error is EngineCrashed and info is not None:
        return EngineCrashed(status.message, info.metadata.get("phase", ""))
    if error is None or error is LimitExceeded:
        error = _BY_NUMBER.get(status.code, errors.InternalError)
    return error(status.message)


def from_rpc_error(error: grpc.RpcError) -> AdglotError:
    """The exception of a failed call, whether the service or the transport failed it."""
    try:
        status = rpc_status.from_call(cast(grpc.Call, error))
    except ValueError:
        status = None
    if status is not None:
        return from_status(status)
    code, message = error.code(), error.details() or ""
    if code is Code.RESOURCE_EXHAUSTED and (sizes := _MESSAGE_SIZES.search(message)):
        return LimitExceeded("message_bytes", int(sizes["limit"]), int(sizes["need"]))
    if code is Code.CANCELLED and "Locally cancelled" not in message:
        # So grpc words it where a server that stops had not begun with a call, or ends one.
        return errors.Unavailable("the server stops and leaves this unanswered: try again")
    if code is Code.UNAVAILABLE and (hint := _of_connection(message)):
        return hint
    return from_status(Status(code=code.value[0], message=message))


def _of_connection(message: str) -> AdglotError | None:
    """What kept a channel from being made, in words of ours; grpc's own say it in passing."""
    for words, error, ours in _CONNECTIONS:
        if words in message:
            return error(f"{ours} ({message})")
    return None


_CONNECTIONS: tuple[tuple[str, type[AdglotError], str], ...] = (
    ("certificate has expired", errors.TLSError, "the server's certificate has expired"),
    (
        "Hostname Verification Check failed", errors.TLSError,
        "the server's certificate is for another name: TLS(server_name=...) says which to expect",
    ),
    (
        "CERTIFICATE_VERIFY_FAILED", errors.TLSError,
        "the server's certificate is not trusted here: TLS(root=...) names whom to trust",
    ),
    ("WRONG_VERSION_NUMBER", errors.TLSError, "the server does not speak TLS here"),
    (
        "Socket closed", errors.Unavailable,
        "the server ended the connection: it stops, or it wants TLS, or a certificate of yours",
    ),
)  # fmt: skip


# How grpc words it when a message is over a channel's limit; it sends no details then.
_MESSAGE_SIZES = re.compile(r"message larger than max \((?P<need>\d+) vs\. (?P<limit>\d+)\)")


def _details(
    error: AdglotError, row: Row
) -> list[details_pb.BadRequest | details_pb.ErrorInfo | details_pb.RetryInfo]:
    if isinstance(error, InvalidArgument):
        violations = [
            details_pb.BadRequest.FieldViolation(field=v.field, description=v.description)
            for v in error.violations
        ]
        return [details_pb.BadRequest(field_violations=violations)]
    metadata: dict[str, str] = {}
    if isinstance(error, LimitExceeded):
        metadata = {"name": error.name, "limit": str(error.limit), "need": str(error.need)}
        metadata |= {"where": error.where} if error.where else {}
    if isinstance(error, EngineCrashed):
        metadata = {"phase": error.phase}
    info = details_pb.ErrorInfo(reason=row.reason, domain=DOMAIN, metadata=metadata)
    if isinstance(error, errors.Unavailable):
        return [info, details_pb.RetryInfo(retry_delay=Duration(seconds=RETRY_SECONDS))]
    return [info]


def _limit(name: str, metadata: Mapping[str, str], message: str) -> AdglotError:
    try:
        limit, need = int(metadata["limit"]), int(metadata["need"])
        return LimitExceeded(name, limit, need, metadata.get("where", ""))
    except (KeyError, ValueError):
        return errors.Unavailable(message)


def _unpack(status: Status, kind: type[M]) -> M | None:
    for detail in status.details:
        message = kind()
        if detail.Unpack(message):
            return message
    return None
