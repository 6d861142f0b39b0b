"""Whatever bytes come over a connection, it stays usable, and nobody is told of an inner fault."""

from collections.abc import Iterator

import grpc
import numpy as np
import pytest
from numpy.testing import assert_allclose

from adglot.calls import Call
from adglot.codec import messages
from adglot.transports.status import from_rpc_error
from adglot_server.service.server import Server
from service.examples import energy

X = np.array([1.0, -2.0, 0.5])
REFUSED = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNIMPLEMENTED,
}
GOOD = messages.encode_call(Call("gradient", energy(), (X,)))


@pytest.fixture
def channel(server: Server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.addresses[0]) as channel:
        yield channel


def _ask(channel: grpc.Channel, method: str, message: bytes) -> grpc.RpcError | None:
    """How it is refused, if it is."""
    try:
        channel.unary_unary(f"/{messages.SERVICE}/{method}")(message, timeout=10.0)
    except grpc.RpcError as error:
        return error
    return None


@pytest.mark.parametrize(
    "method", ["Gradient", "Hessian", "Vjp", "Evaluate", "Explain", "RegisterGraph"]
)
def test_damaged_requests_are_refused_and_the_connection_stays(
    channel: grpc.Channel, method: str
) -> None:
    rng = np.random.default_rng(len(method))
    refused = 0
    for _ in range(60):
        damaged = bytearray(GOOD)
        for at in rng.integers(len(damaged), size=3):
            damaged[at] = rng.integers(256)
        error = _ask(channel, method, bytes(damaged[: rng.integers(1, len(damaged) + 1)]))
        assert error is None or error.code() in REFUSED, from_rpc_error(error)
        refused += error is not None
    assert refused > 20
    gradient = channel.unary_unary(f"/{messages.SERVICE}/Gradient")
    assert_allclose(messages.decode_answer(gradient(GOOD)).derivatives[0], 3 * X**2)


@pytest.mark.parametrize("method", ["GetServerInfo", "ListOps", "ListEngines"])
def test_bytes_that_are_no_request_of_a_listing(channel: grpc.Channel, method: str) -> None:
    error = _ask(channel, method, b"\x0f\xff")
    assert error is not None
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert _ask(channel, method, b"") is None


def test_a_method_that_does_not_exist(channel: grpc.Channel) -> None:
    error = _ask(channel, "Integral", GOOD)
    assert error is not None
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert _ask(channel, "Gradient", GOOD) is None
