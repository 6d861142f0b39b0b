"""Calls over gRPC: bytes there and back, the codec does the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from threading import Event
from typing import Any

import grpc

from adglot.calls import Answer, Call, Explain, Pattern, Register, Request
from adglot.codec import jobs, listings, messages
from adglot.codec.repeated import Repeated, repeated
from adglot.errors import Cancelled, InvalidArgument, Unavailable
from adglot.jobcalls import JobAsk, JobStatus, WatchJob
from adglot.tls import TLS
from adglot.transports.channels import Options, open_channel
from adglot.transports.outgoing import Metadata, extra
from adglot.transports.status import from_rpc_error

CLOSED = "this client is closed: connect again"
ENDED = "the server ended the stream"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One RPC: what goes out and what to make of what comes back."""

    method: str
    message: bytes
    decode: Callable[[bytes], Any]
    timeout: float | None = None
    service: str = messages.SERVICE


def exchange(request: Request | JobAsk) -> Exchange:
    """The RPC of a request."""
    if isinstance(request, JobAsk):
        return Exchange(*jobs.method_of(request), service=jobs.SERVICE)
    match request:
        case Call():
            method, message = messages.RPCS[request.operator].method, messages.encode_call(request)
            return Exchange(method, message, messages.decode_answer, request.seconds_left())
        case Explain(call):
            message, decode = messages.encode_explain(request), messages.decode_explanation
            return Exchange("Explain", message, decode, call.seconds_left())
        case Register(graph):
            message = messages.encode_register(graph)
            return Exchange("RegisterGraph", message, messages.decode_registered)
        case "engines":
            return Exchange("ListEngines", b"", listings.decode_engines)
        case "ops":
            return Exchange("ListOps", b"", listings.decode_ops)
        case "info":
            return Exchange("GetServerInfo", b"", listings.decode_server_info)


class Methods:
    """The callables of one channel by method, made once: grpc takes longer than a small call."""

    def __init__(self, channel: Any, token: str | None) -> None:
        if token is not None and not (token.isascii() and token.isprintable()):
            raise InvalidArgument("a token has printable ASCII characters only")
        self._channel = channel
        self._metadata: Metadata = () if token is None else (("authorization", f"Bearer {token}"),)
        self._made: dict[str, Any] = {}

    def __call__(self, rpc: Exchange) -> Any:
        return self.named(rpc.method, rpc.message, rpc.timeout, rpc.service)

    def named(
        self,
        method: str,
        message: bytes,
        timeout: float | None = None,
        service: str = messages.SERVICE,
    ) -> Any:
        """The reply to a message."""
        return self._of(method, service)(message, timeout=timeout, metadata=self._beside())

    def start(self, rpc: Exchange) -> Any:
        """The call as a future."""
        return self._of(rpc.method, rpc.service).future(
            rpc.message, timeout=rpc.timeout, metadata=self._beside()
        )

    def stream(self, messages_of: Any, setup: Call) -> Any:
        """A call of `Stream` with an iterator of messages."""
        if "Stream" not in self._made:
            self._made["Stream"] = self._channel.stream_stream(f"/{messages.SERVICE}/Stream")
        timeout = setup.seconds_left()
        return self._made["Stream"](messages_of, timeout=timeout, metadata=self._beside())

    def watch(self, watched: WatchJob) -> Any:
        """A call of `Watch`."""
        method = self._channel.unary_stream(f"/{jobs.SERVICE}/Watch")
        message, timeout = jobs.encode_watch(watched.id), watched.seconds_left()
        return method(message, timeout=timeout, metadata=self._beside())

    def _beside(self) -> Metadata:
        """What goes out beside a message."""
        return (*self._metadata, *extra())

    def _of(self, method: str, service: str) -> Any:
        if method not in self._made:
            self._made[method] = self._channel.unary_unary(f"/{service}/{method}")
        return self._made[method]


class Patterns:
    """Puts into every answer of a stream the patterns that the first one alone brings."""

    __slots__ = ("_patterns",)

    def __init__(self) -> None:
        self._patterns: tuple[Pattern, ...] | None = None

    def whole(self, reply: bytes) -> Answer:
        """The answer of a reply."""
        answer = messages.decode_answer(reply)
        if self._patterns is None:
            self._patterns = answer.patterns
        return replace(answer, patterns=self._patterns)


class RemoteStream:
    """One call of `Stream`; see `adglot.transports.base.Stream`."""

    def __init__(self, methods: Methods, setup: Call) -> None:
        self._outgoing: SimpleQueue[bytes | None] = SimpleQueue()
        self._outgoing.put(messages.encode_setup(setup))
        self._replies = methods.stream(iter(self._outgoing.get, None), setup)
        self._patterns = Patterns()

    def send(self, call: Call) -> None:
        self._outgoing.put(messages.encode_point(call))

    def receive(self) -> Answer:
        try:
            reply = next(self._replies)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        except StopIteration:
            raise Unavailable(ENDED) from None
        return self._patterns.whole(reply)

    def close(self) -> None:
        self._outgoing.put(None)
        self._replies.cancel()


class RemoteWatch:
    """One call of `Watch`; see `adglot.transports.base.Watch`."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def receive(self) -> JobStatus:
        try:
            return jobs.decode_job(next(self._call))
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        except StopIteration:
            raise Unavailable(ENDED) from None

    def close(self) -> None:
        self._call.cancel()


class AsyncRemoteWatch:
    """As `RemoteWatch`, for asyncio."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def receive(self) -> JobStatus:
        try:
            reply = await self._call.read()
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        if reply is grpc.aio.EOF:
            raise Unavailable(ENDED)
        return jobs.decode_job(reply)

    def close(self) -> None:
        self._call.cancel()


class AsyncRemoteStream:
    """As `RemoteStream`, for asyncio."""

    def __init__(self, methods: Methods, setup: Call) -> None:
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._outgoing.put_nowait(messages.encode_setup(setup))
        self._call = methods.stream(self._messages(), setup)
        self._patterns = Patterns()

    async def _messages(self) -> AsyncIterator[bytes]:
        while True:
            yield await self._outgoing.get()

    def send(self, call: Call) -> None:
        self._outgoing.put_nowait(messages.encode_point(call))

    async def receive(self) -> Answer:
        try:
            reply = await self._call.read()
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        if reply is grpc.aio.EOF:
            raise Unavailable(ENDED)
        return self._patterns.whole(reply)

    def close(self) -> None:
        self._call.cancel()


class Pending:
    """A reply that is on its way."""

    __slots__ = ("_done", "_future", "_rpc")

    def __init__(self, rpc: Exchange, future: Any) -> None:
        self._rpc, self._future, self._done = rpc, future, Event()
        future.add_done_callback(lambda _: self._done.set())

    def wait(self, seconds: float) -> bool:
        """Whether the reply is there, or an error, at the latest after so many seconds."""
        return self._done.wait(seconds)

    def result(self) -> Any:
        """The reply, waited for; raises AdglotError."""
        try:
            reply = self._future.result()
        except grpc.FutureCancelledError:
            raise Cancelled("the request was cancelled") from None
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        return self._rpc.decode(reply)

    def cancel(self) -> None:
        """Nobody waits for it any more: the server is told."""
        self._future.cancel()


class RemoteShortcut:
    """See `adglot.transports.base.Shortcut`: most of the message is written once.

    Where the server refuses a call the answer is None, and the general way tells why.
    """

    def __init__(self, methods: Methods, call: Call, form: Repeated) -> None:
        self._send = partial(methods.named, messages.RPCS[call.operator].method)
        self._form = form
        results = self._results(*call.values, *call.seeds)
        self.outputs = len(results or ())
        self.function: Callable[..., Any] | None = None
        if results is not None:
            self.function = self._result if self.outputs == 1 else self._results

    def _result(self, *arrays: Any) -> Any:
        results = self._results(*arrays)
        return None if results is None else results[0]

    def _results(self, *arrays: Any) -> list[Any] | None:
        message = self._form.encode(arrays)
        if message is None:
            return None
        try:
            return self._form.decode(self._send(message))
        except (grpc.RpcError, ValueError):
            return None


class RemoteTransport:
    """A channel to a server; `adglot.connect` makes it."""

    def __init__(self, channel: grpc.Channel, token: str | None = None) -> None:
        self._channel, self._methods = channel, Methods(channel, token)

    def start(self, request: Request) -> Pending:
        """As `send`, for those who may not wait for the reply."""
        rpc = exchange(request)
        try:
            return Pending(rpc, self._methods.start(rpc))
        except ValueError:
            raise Unavailable(CLOSED) from None

    def send(self, request: Request | JobAsk) -> Any:
        rpc = exchange(request)
        try:
            reply = self._methods(rpc)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        except ValueError:
            raise Unavailable(CLOSED) from None
        return rpc.decode(reply)

    def open(self, setup: Call) -> RemoteStream:
        try:
            return RemoteStream(self._methods, setup)
        except ValueError:
            raise Unavailable(CLOSED) from None

    def watch(self, watched: WatchJob) -> RemoteWatch:
        try:
            return RemoteWatch(self._methods.watch(watched))
        except ValueError:
            raise Unavailable(CLOSED) from None

    def shortcut(self, call: Call) -> RemoteShortcut | None:
        form = repeated(call)
        return None if form is None else RemoteShortcut(self._methods, call, form)

    def close(self) -> None:
        self._channel.close()


class AsyncRemoteTransport:
    """A channel to a server; `adglot.aio.connect` makes it."""

    def __init__(self, channel: grpc.aio.Channel, token: str | None = None) -> None:
        self._channel, self._methods = channel, Methods(channel, token)

    async def send(self, request: Request | JobAsk) -> Any:
        rpc = exchange(request)
        try:
            reply = await self._methods(rpc)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        except grpc.aio.UsageError:
            raise Unavailable(CLOSED) from None
        return rpc.decode(reply)

    def open(self, setup: Call) -> AsyncRemoteStream:
        try:
            return AsyncRemoteStream(self._methods, setup)
        except grpc.aio.UsageError:
            raise Unavailable(CLOSED) from None

    def watch(self, watched: WatchJob) -> AsyncRemoteWatch:
        try:
            return AsyncRemoteWatch(self._methods.watch(watched))
        except grpc.aio.UsageError:
            raise Unavailable(CLOSED) from None

    async def close(self) -> None:
        await self._channel.close()


def connect(
    target: str,
    credentials: grpc.ChannelCredentials | None = None,
    token: str | None = None,
    options: Options = (),
    tls: bool | TLS = False,
) -> RemoteTransport:
    """A transport to a server; encrypted with `tls`, or by credentials of gRPC's own."""
    channel: grpc.Channel = open_channel(grpc, target, tls, credentials, token, options)
    return RemoteTransport(channel, token)


def connect_async(
    target: str,
    credentials: grpc.ChannelCredentials | None = None,
    token: str | None = None,
    options: Options = (),
    tls: bool | TLS = False,
) -> AsyncRemoteTransport:
    """As `connect`, for asyncio."""
    channel: grpc.aio.Channel = open_channel(grpc.aio, target, tls, credentials, token, options)
    return AsyncRemoteTransport(channel, token)
