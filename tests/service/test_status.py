"""The table between exceptions and statuses, read in both directions."""

import pickle

import pytest
from google.rpc import error_details_pb2 as details_pb
from google.rpc.status_pb2 import Status

from adglot import errors
from adglot.errors import Violation
from adglot.transports.status import TABLE, from_status, to_status

EXAMPLES = [
    errors.InvalidArgument([Violation("graph.nodes[3].op", "unknown op"), Violation("x", "y")]),
    errors.UnknownEngine("no engine 'natve'"),
    errors.UnknownGraph("no such digest"),
    errors.NotFound("nothing there"),
    errors.Unsupported("no hessian"),
    errors.GuardFailed("x > 0 at model.py:7"),
    errors.LimitExceeded("memory_bytes", 10, 2**70),
    errors.Unavailable("starting"),
    errors.TLSError("expired"),
    errors.EngineCrashed("died while compiling", "prepare"),
    errors.DeadlineExceeded("too late"),
    errors.Cancelled("gone"),
    errors.Unauthenticated("who?"),
    errors.PermissionDenied("no"),
    errors.InternalError("internal error 1234"),
]


def _details(status: Status) -> list[str]:
    return [detail.type_url.rpartition(".")[2] for detail in status.details]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_comes_back_as_it_was(error: errors.AdglotError) -> None:
    result = from_status(to_status(error))
    assert type(result) is type(error)
    assert result.args == error.args
    assert str(pickle.loads(pickle.dumps(result))) == str(error)


def test_every_class_of_error_has_a_row() -> None:
    def classes(root: type) -> set[type]:
        return {root}.union(*map(classes, root.__subclasses__()))

    ours = {c for c in classes(errors.AdglotError) if c.__module__ == "adglot.errors"}
    assert {row.error for row in TABLE} == ours - {errors.AdglotError}
    assert len({row.reason for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize(
    ("error", "code", "details"),
    [
        (EXAMPLES[0], 3, ["BadRequest"]),
        (errors.LimitExceeded("nodes", 1, 2), 8, ["ErrorInfo"]),
        (errors.Unavailable(""), 14, ["ErrorInfo", "RetryInfo"]),
        (errors.GuardFailed(""), 9, ["ErrorInfo"]),
        (errors.EngineCrashed(""), 10, ["ErrorInfo"]),
    ],
)
def test_statuses_are_those_of_the_contract(
    error: errors.AdglotError, code: int, details: list[str]
) -> None:
    status = to_status(error)
    assert status.code == code
    assert _details(status) == details


def test_error_info_says_who_and_why() -> None:
    info = details_pb.ErrorInfo()
    assert to_status(errors.LimitExceeded("nodes", 1, 2)).details[0].Unpack(info)
    assert (info.domain, info.reason) == ("adglot.v1", "LIMIT_EXCEEDED")
    assert dict(info.metadata) == {"name": "nodes", "limit": "1", "need": "2"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (3, errors.InvalidArgument),
        (4, errors.DeadlineExceeded),
        (8, errors.Unavailable),
        (12, errors.Unsupported),
        (13, errors.InternalError),
        (2, errors.InternalError),
        (16, errors.Unauthenticated),
    ],
)
def test_a_status_without_details_still_has_its_class(code: int, expected: type) -> None:
    error = from_status(Status(code=code, message="said by a proxy"))
    assert type(error) is expected
    assert "said by a proxy" in str(error)
