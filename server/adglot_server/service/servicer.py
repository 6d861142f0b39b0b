"""`DerivativeService` over gRPC: bytes to calls, calls to the core, errors to statuses.

Messages are parsed here and not by grpc, so that bytes which are no message get INVALID_ARGUMENT
and tensors are not copied.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Semaphore
from typing import Any, cast

import grpc
from grpc_status import rpc_status

from adglot.calls import OPERATORS, Call, Operator
from adglot.codec import listings, messages
from adglot.errors import AdglotError, LimitExceeded
from adglot.stopping import stopped_by
from adglot.transports.status import to_status
from adglot_server.executors.control import Control
from adglot_server.service.core import Core
from adglot_server.service.faults import our_fault

STREAMS = 64
"""Most streams at one time: each one holds a thread while it waits for its next point."""

_POLL = 0.05
"""Seconds between looks at whether a caller who waits for its turn is still there."""

Handler = Callable[[bytes, "Caller"], bytes]


class Caller:
    """The other end of one RPC: its deadline, and whether it is still there."""

    __slots__ = ("_gone", "deadline")

    def __init__(self, context: grpc.ServicerContext) -> None:
        left = cast("float | None", context.time_remaining())
        self.deadline = None if left is None else time.monotonic() + left
        self._gone = not context.add_callback(self._leave)

    def gone(self) -> bool:
        return self._gone

    def _leave(self) -> None:
        self._gone = True


class Servicer:
    """The methods of the service; `workers` of them compute at one time, others wait."""

    def __init__(self, core: Core, workers: int, light: ThreadPoolExecutor) -> None:
        self._core, self._light = core, light
        self._slots, self._streams = Semaphore(workers), Semaphore(STREAMS)

    def handler(self) -> grpc.GenericRpcHandler:
        """Everything for `grpc.Server.add_generic_rpc_handlers`."""
        methods = {
            messages.RPCS[operator].method: _unary(partial(self._operator, operator))
            for operator in OPERATORS
        }
        methods["Explain"] = _unary(self._explain)
        methods["RegisterGraph"] = _unary(self._register)
        methods["Stream"] = grpc.stream_stream_rpc_method_handler(self._stream)
        for method, listing in (
            ("GetServerInfo", lambda: listings.encode_server_info(self._core.info())),
            ("ListOps", lambda: listings.encode_ops(self._core.ops())),
            ("ListEngines", lambda: listings.encode_engines(self._core.engines.infos())),
        ):
            methods[method] = _unary(_listing(method, listing), self._light)
        return grpc.method_handlers_generic_handler(messages.SERVICE, methods)

    def _operator(self, operator: Operator, message: bytes, caller: Caller) -> bytes:
        with self._slot(caller):
            limit = self._core.limits.graph_bytes
            call = messages.decode_call(operator, message, limit, caller.deadline)
            return messages.encode_answer(self._core.call(call, caller.gone))

    def _explain(self, message: bytes, caller: Caller) -> bytes:
        with self._slot(caller):
            limit = self._core.limits.graph_bytes
            call = messages.decode_explain(message, limit, caller.deadline)
            return messages.encode_explanation(self._core.explain(call, caller.gone))

    def _register(self, message: bytes, caller: Caller) -> bytes:
        with self._slot(caller):
            graph = messages.decode_register(message, self._core.limits.graph_bytes)
            kept = self._core.register(graph, caller.deadline, caller.gone)
            return messages.encode_registered(kept)

    def _stream(self, points: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """One answer a point; the setup's graph is looked up again at each, and cheaply."""
        with _status_of_errors(context):
            if not self._streams.acquire(blocking=False):
                raise LimitExceeded("streams", STREAMS, STREAMS + 1)
            try:
                yield from self._answers(points, Caller(context))
            finally:
                self._streams.release()

    def _answers(self, points: Iterator[bytes], caller: Caller) -> Iterator[bytes]:
        call: Call | None = None
        for message in points:
            with self._slot(caller):
                if call is None:
                    limit = self._core.limits.graph_bytes
                    call = messages.decode_setup(message, limit, caller.deadline)
                    continue
                answer = self._core.call(messages.decode_point(call, message), caller.gone)
                reply = messages.encode_answer(answer)
            yield reply

    @contextmanager
    def _slot(self, caller: Caller) -> Iterator[None]:
        """Wait for a turn to work, which stops early for a caller who went away."""
        control = Control(caller.deadline, caller.gone)
        while not self._slots.acquire(timeout=_POLL):
            control.check()
        try:
            with stopped_by(control.check):
                yield
        finally:
            self._slots.release()


def _listing(method: str, listing: Callable[[], bytes]) -> Handler:
    def handle(message: bytes, caller: Caller) -> bytes:
        listings.check_request(method, message)
        return listing()

    return handle


def _unary(handle: Handler, pool: ThreadPoolExecutor | None = None) -> Any:
    """The handler of a method, which runs in its own pool where one is given."""

    def behavior(message: bytes, context: grpc.ServicerContext) -> bytes:
        with _status_of_errors(context):
            return handle(message, Caller(context))

    if pool is not None:
        behavior.experimental_thread_pool = pool  # type: ignore[attr-defined]
    return grpc.unary_unary_rpc_method_handler(behavior)


@contextmanager
def _status_of_errors(context: grpc.ServicerContext) -> Iterator[None]:
    try:
        with our_fault():
            yield
    except AdglotError as error:
        context.abort_with_status(rpc_status.to_status(to_status(error)))
