"""What a transport is: one way to ask a service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from adglot.calls import Answer, Call, Request


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


class Shortcut(Protocol):
    """What answers one call at other points of the same types, in this process.

    `function` takes an array an input and returns the list of what the answer has, values first,
    or that itself where it is one array; None where an argument is not of its input's type. It is
    None until it is there, and when the service is closed.
    """

    function: Callable[..., Any] | None


class Transport(Protocol):
    """A way to a service, open until it is closed; may be used from many threads."""

    def send(self, request: Request) -> Any:
        """The reply, of the class that the request's docstring names.

        Raises `adglot.errors.AdglotError` only.
        """

    def open(self, setup: Call) -> Stream:
        """A stream of calls as `setup`, whose own point is left out."""

    def shortcut(self, call: Call) -> Shortcut | None:
        """Of a service in this process, where the call is of those that can have one."""

    def close(self) -> None: ...


class AsyncTransport(Protocol):
    """As `Transport`, for asyncio."""

    async def send(self, request: Request) -> Any: ...

    def open(self, setup: Call) -> AsyncStream: ...

    async def close(self) -> None: ...
