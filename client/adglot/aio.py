"""The client for asyncio: every method of `adglot.Client`, to be awaited.

>>> import asyncio, adglot.aio, numpy as np
>>> async def main():
...     async with adglot.aio.connect() as ad:
...         return await ad.gradient(lambda x: np.sum(x**2), np.array([3.0, 4.0]))
>>> asyncio.run(main())
array([6., 8.])
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from adglot.asking import Plan, Session, Together
from adglot.calls import Answer, Call, Request
from adglot.errors import AdglotError, InvalidArgument
from adglot.jobcalls import JobAsk, JobStatus, WatchJob
from adglot.methods import Methods
from adglot.prepared import Prepared
from adglot.tls import TLS
from adglot.transports import embedded
from adglot.transports.base import (
    AsyncStream,
    AsyncTransport,
    AsyncWatch,
    Stream,
    Transport,
    Watch,
)

if TYPE_CHECKING:
    import grpc


def connect(
    target: str | None = None,
    *,
    tls: bool | TLS = False,
    credentials: grpc.ChannelCredentials | None = None,
    token: str | None = None,
    options: Sequence[tuple[str, Any]] = (),
) -> Client:
    """As `adglot.connect`; call it where an event loop runs."""
    if target is None:
        if tls or credentials is not None or token is not None or options:
            raise InvalidArgument("tls, credentials, token and options need a target")
        return Client(_Threaded(embedded.connect()))
    from adglot.transports import remote

    return Client(remote.connect_async(target, credentials, token, options, tls))


class Client(Methods):
    """Asks a service without blocking the event loop; functions are traced on it."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport, self._session = transport, Session()

    async def close(self) -> None:
        """Free the connection; later calls raise Unavailable."""
        await self._transport.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run(self, plan: Plan[Any]) -> Any:
        try:
            request = next(plan)
            while True:
                try:
                    reply = await self._reply(request)
                except AdglotError as error:
                    request = plan.throw(error)
                else:
                    request = plan.send(reply)
        except StopIteration as stop:
            return stop.value

    def _prepared(self, plan: Callable[..., Plan[Any]]) -> Prepared:
        return Prepared(lambda prepared, args: self._run(plan(*args)))

    def _follow(self, flow: Any, points: Any) -> Any:
        from adglot.streaming import follow_async

        return follow_async(flow, points, self._transport)

    async def _last(self, results: AsyncIterator[Any], then: Callable[[Any], Any]) -> Any:
        async for last in results:  # noqa: B007
            pass
        return then(last)

    async def _reply(self, request: Request | JobAsk | Together) -> Any:
        if not isinstance(request, Together):
            return await self._transport.send(request)
        return await asyncio.gather(*map(self._outcome, request.plans))

    async def _outcome(self, plan: Plan[Any]) -> Any:
        try:
            return await self._run(plan)
        except AdglotError as error:
            return error


class _ThreadedStream:
    """A blocking stream whose answers come in threads."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def send(self, call: Call) -> None:
        self._stream.send(call)

    async def receive(self) -> Answer:
        return await asyncio.to_thread(self._stream.receive)

    def close(self) -> None:
        self._stream.close()


class _ThreadedWatch:
    """A blocking watch whose changes come in threads."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    async def receive(self) -> JobStatus:
        return await asyncio.to_thread(self._watch.receive)

    def close(self) -> None:
        self._watch.close()


class _Threaded:
    """A blocking transport whose requests run in threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, request: Request | JobAsk) -> Any:
        return await asyncio.to_thread(self._transport.send, request)

    def open(self, setup: Call) -> AsyncStream:
        return _ThreadedStream(self._transport.open(setup))

    def watch(self, watched: WatchJob) -> AsyncWatch:
        return _ThreadedWatch(self._transport.watch(watched))

    async def close(self) -> None:
        self._transport.close()
