"""What a transport is: one way to ask a service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from adglot.calls import Answer, Call, Request
from adglot.jobcalls import JobAsk, JobStatus, WatchJob


class Stream(Protocol):
    """A way for calls that differ by their points alone; answers come in the calls' order."""

    def send(self, call: Call) -> None:
        """Send its point; never waits for the service."""

    def receive(self) -> Answer:
        """The next answer. Raises `adglot.errors.AdglotError` only, and then the stream is over."""

    def close(self) -> None:
        """End it, whatever is still on its way."""


class AsyncStream(Protocol):
    """As `Stream`, for asyncio."""

    def send(self, call: Call) -> None: ...

    async def receive(self) -> Answer: ...

    def close(self) -> None: ...


class Watch(Protocol):
    """What brings a job's status now and at every change."""

    def receive(self) -> JobStatus:
        """The next one. Raises `adglot.errors.AdglotError` only, and then it is over."""

    def close(self) -> None: ...


class AsyncWatch(Protocol):
    """As `Watch`, for asyncio."""

    async def receive(self) -> JobStatus: ...

    def close(self) -> None: ...


class Shortcut(Protocol):
    """What answers a call and others of the same types, in this process.

    `function` takes an array for each value, then each seed of a call. It returns the arrays of
    the answer, those without axes as NumPy scalars: a list of values and derivatives, or what
    `outputs` says is but one. It returns None for arguments that are anything else than plain
    arrays of these types, and where there is an error to be told. `function` is replaced by a
    faster one when that is compiled, and is None when the service is closed.
    """

    @property
    def function(self) -> Callable[..., Any] | None: ...

    @property
    def outputs(self) -> int: ...


class Transport(Protocol):
    """A way to a service, open until it is closed; may be used from many threads."""

    def send(self, request: Request | JobAsk) -> Any:
        """The reply, of the class that the request's docstring names.

        Raises `adglot.errors.AdglotError` only.
        """

    def open(self, setup: Call) -> Stream:
        """A stream of calls as `setup`, whose own point is left out."""

    def watch(self, watched: WatchJob) -> Watch:
        """Watch a job."""

    def shortcut(self, call: Call) -> Shortcut | None:
        """Of a service in this process, where the call is of those that can have one."""

    def close(self) -> None: ...


class AsyncTransport(Protocol):
    """As `Transport`, for asyncio."""

    async def send(self, request: Request | JobAsk) -> Any: ...

    def open(self, setup: Call) -> AsyncStream: ...

    def watch(self, watched: WatchJob) -> AsyncWatch: ...

    async def close(self) -> None: ...
