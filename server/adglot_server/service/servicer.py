"""`DerivativeService` over gRPC: bytes to calls, calls to the core, errors to statuses.

Messages are parsed here and not by grpc, so that bytes which are no message get INVALID_ARGUMENT
and tensors are not copied.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Semaphore
from typing import Any, TypeVar, cast

import grpc

from adglot.calls import OPERATORS, Call, Operator
from adglot.codec import listings, messages
from adglot.errors import Cancelled, LimitExceeded
from adglot.stopping import stopped_by
from adglot_server.executors.control import Control
from adglot_server.service.core import Core
from adglot_server.service.current import by_engine
from adglot_server.service.quick import Quick
from adglot_server.service.statuses import StatusOfErrors
from adglot_server.service.turns import Turns

STREAMS = 64
"""Most streams at one time: each one holds a thread while it waits for its next point."""

T = TypeVar("T")
Handler = Callable[[bytes, "Caller"], bytes]


class Caller:
    """The other end of one RPC: its deadline, and whether it is still there."""

    __slots__ = ("_gone_at", "deadline")

    def __init__(self, context: grpc.ServicerContext) -> None:
        left = cast("float | None", context.time_remaining())
        self.deadline = None if left is None else time.monotonic() + left
        self._gone_at = math.inf
        if not context.add_callback(self._leave):
            self._leave()

    def gone(self) -> bool:
        return self._gone_at < math.inf

    def control(self) -> Control:
        return Control(self.deadline, self.gone)

    def ends(self, limit: float) -> Callable[[], float]:
        """Tells when it stops to wait: when it goes away, at its deadline, or at `limit`."""
        last = limit if self.deadline is None else min(limit, self.deadline)
        return lambda: min(last, self._gone_at)

    def _leave(self) -> None:
        self._gone_at = time.monotonic()


class Servicer:
    """The methods of the service; `workers` of them compute at one time, others wait."""

    def __init__(self, core: Core, workers: int, light: ThreadPoolExecutor) -> None:
        self._core, self._light = core, light
        self.turns, self._streams = Turns(workers), Semaphore(STREAMS)
        self._quick = Quick(core)

    def handler(self) -> grpc.GenericRpcHandler:
        """Everything for `grpc.Server.add_generic_rpc_handlers`."""
        methods = {
            name: _unary(name, partial(self._in_turn, handle))
            for name, handle in (("Explain", self._explain), ("RegisterGraph", self._register))
        }
        for operator in OPERATORS:
            name, handle = messages.RPCS[operator].method, partial(self._operator, operator)
            quick = partial(self._quick.reply, operator)
            methods[name] = _unary(name, partial(self._in_turn, handle), quick=quick)
        methods["Stream"] = grpc.stream_stream_rpc_method_handler(self._stream)
        for name, listing in (
            ("GetServerInfo", lambda: listings.encode_server_info(self._core.info())),
            ("ListOps", lambda: listings.encode_ops(self._core.ops())),
            ("ListEngines", lambda: listings.encode_engines(self._core.engines.infos())),
        ):
            methods[name] = _unary(name, _listing(name, listing), self._light)
        return grpc.method_handlers_generic_handler(messages.SERVICE, methods)

    def _operator(self, operator: Operator, message: bytes, caller: Caller) -> bytes:
        limit = self._core.limits.graph_bytes
        call = messages.decode_call(operator, message, limit, caller.deadline)
        by_engine(call.engine)
        answer = self._core.call(call, caller.gone)
        self._quick.learn(message, call, answer)
        return messages.encode_answer(answer)

    def _explain(self, message: bytes, caller: Caller) -> bytes:
        asked = messages.decode_explain(message, self._core.limits.graph_bytes, caller.deadline)
        by_engine(asked.call.engine)
        explanation = self._core.explain(asked.call, caller.gone, asked.text)
        return messages.encode_explanation(explanation)

    def _register(self, message: bytes, caller: Caller) -> bytes:
        graph = messages.decode_register(message, self._core.limits.graph_bytes)
        kept = self._core.register(graph, caller.deadline, caller.gone)
        return messages.encode_registered(kept)

    def _stream(self, points: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """One answer a point; the setup's graph is looked up again at each, and cheaply."""
        with StatusOfErrors(context, named("Stream")):
            if not self._streams.acquire(blocking=False):
                raise LimitExceeded("streams", STREAMS, STREAMS + 1)
            try:
                yield from self._answers(points, Caller(context))
            finally:
                self._streams.release()

    def _answers(self, points: Iterator[bytes], caller: Caller) -> Iterator[bytes]:
        first = next(points, None)
        if first is None:
            return
        call = self._in_turn(self._setup, first, caller)
        for number, message in enumerate(_until_cancelled(points)):
            yield self._in_turn(partial(self._point, call, number), message, caller)

    def _setup(self, message: bytes, caller: Caller) -> Call:
        call = messages.decode_setup(message, self._core.limits.graph_bytes, caller.deadline)
        by_engine(call.engine)
        return call

    def _point(self, call: Call, number: int, message: bytes, caller: Caller) -> bytes:
        answer = self._core.call(messages.decode_point(call, message), caller.gone)
        if number > 0:  # Patterns are the same at every point, and as large as the answer.
            answer = replace(answer, patterns=())
        return messages.encode_answer(answer)

    def _in_turn(self, work: Callable[[bytes, Caller], T], message: bytes, caller: Caller) -> T:
        """The work, when its turn has come; it stops early for a caller who went away."""
        self._core.limits.check_message(message)
        check = caller.control().check
        ends = caller.ends(time.monotonic() + self._core.limits.seconds)
        with self.turns.turn(check, ends), stopped_by(check):
            return work(message, caller)


def _until_cancelled(points: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from points
    except grpc.RpcError:  # grpc's way to say so
        raise Cancelled("the caller went away before the stream ended") from None


def _listing(method: str, listing: Callable[[], bytes]) -> Handler:
    def handle(message: bytes, caller: Caller) -> bytes:
        listings.check_request(method, message)
        return listing()

    return handle


def named(method: str) -> str:
    """A method of this service as gRPC names it."""
    return f"/{messages.SERVICE}/{method}"


def _unary(
    name: str,
    handle: Handler,
    pool: ThreadPoolExecutor | None = None,
    quick: Callable[[bytes], bytes | None] = lambda message: None,
) -> Any:
    """The handler of a method, asked where `quick` has no reply; in its own pool if it has one."""
    method = named(name)

    def behavior(message: bytes, context: grpc.ServicerContext) -> bytes:
        if (reply := quick(message)) is not None:
            return reply
        with StatusOfErrors(context, method):
            return handle(message, Caller(context))

    if pool is not None:
        behavior.experimental_thread_pool = pool  # type: ignore[attr-defined]
    return grpc.unary_unary_rpc_method_handler(behavior)
