"""Streams: many points of one function, over one call."""

from collections.abc import Callable, Iterator
from queue import SimpleQueue

import grpc
import numpy as np
import pytest
from numpy.testing import assert_allclose

from adglot.calls import Answer, Call
from adglot.codec import messages
from adglot.errors import GuardFailed, InvalidArgument, LimitExceeded
from adglot.transports.status import from_rpc_error
from adglot_server.service.server import Server
from adglot_server.service.servicer import STREAMS
from service.examples import cubes, positive

Stream = Callable[[Iterator[bytes]], Iterator[bytes]]


@pytest.fixture
def stream(server: Server) -> Iterator[Stream]:
    with grpc.insecure_channel(server.addresses[0]) as channel:
        yield channel.stream_stream(f"/{messages.SERVICE}/Stream")


def _answers(stream: Stream, call: Call, points: list[np.ndarray]) -> Iterator[Answer]:
    def requests() -> Iterator[bytes]:
        yield messages.encode_setup(call)
        for x in points:
            yield messages.encode_point(Call(call.operator, call.graph, (x,)))

    try:
        yield from map(messages.decode_answer, stream(requests()))
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None


def test_answers_come_in_order(stream: Stream) -> None:
    points = [np.full(3, float(k)) for k in range(100)]
    call = Call("jacobian", cubes(), include_values=True)
    answers = list(_answers(stream, call, points))
    assert len(answers) == 100
    for x, answer in zip(points, answers, strict=True):
        assert_allclose(answer.values[0], x**3)
        assert_allclose(answer.derivatives[0], np.diag(3 * x**2))


def test_the_answers_before_a_failure_hold(stream: Stream) -> None:
    points = [np.array(v) for v in (1.0, 2.0, -1.0, 3.0)]
    answers = _answers(stream, Call("gradient", positive()), points)
    assert [float(next(answers).derivatives[0]) for _ in range(2)] == [2.0, 4.0]
    with pytest.raises(GuardFailed):
        next(answers)


def test_a_bad_setup_is_refused_with_its_place(stream: Stream) -> None:
    with pytest.raises(InvalidArgument, match="setup"):
        list(stream_of(stream, [messages.encode_point(Call("evaluate", cubes(), (np.ones(3),)))]))
    setup = messages.encode_setup(Call("evaluate", cubes()))
    with pytest.raises(InvalidArgument, match="setup: only the first"):
        list(stream_of(stream, [setup, setup]))
    with pytest.raises(InvalidArgument, match=r"inputs\[0\]: expected float64\[3\]"):
        list(_answers(stream, Call("evaluate", cubes()), [np.ones(2)]))


def test_too_many_streams_are_refused_and_others_go_on(server: Server, stream: Stream) -> None:
    setup = messages.encode_setup(Call("evaluate", cubes()))
    point = messages.encode_point(Call("evaluate", cubes(), (np.ones(3),)))
    opened = [_Open(stream, setup) for _ in range(STREAMS)]
    for one in opened:
        one.ask(point)
    with pytest.raises(LimitExceeded) as caught:
        list(stream_of(stream, [setup, point]))
    assert caught.value.name == "streams"
    for one in opened:
        one.ask(point)
        one.close()
    assert_allclose(next(_answers(stream, Call("evaluate", cubes()), [np.ones(3)])).values[0], 1.0)


def stream_of(stream: Stream, requests: list[bytes]) -> Iterator[bytes]:
    try:
        yield from stream(iter(requests))
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None


class _Open:
    """A stream that is kept open between its points."""

    def __init__(self, stream: Stream, setup: bytes) -> None:
        self._requests: SimpleQueue[bytes | None] = SimpleQueue()
        self._requests.put(setup)
        self._replies = stream(iter(self._requests.get, None))

    def ask(self, point: bytes) -> Answer:
        self._requests.put(point)
        return messages.decode_answer(next(self._replies))

    def close(self) -> None:
        self._requests.put(None)
        assert list(self._replies) == []
