"""What a transport is: one way to ask a service."""

from __future__ import annotations

from typing import Any, Protocol

from adglot.calls import Request


class Transport(Protocol):
    """A way to a service, open until it is closed; may be used from many threads."""

    def send(self, request: Request) -> Any:
        """The reply, of the class that the request's docstring names.

        Raises `adglot.errors.AdglotError` only.
        """

    def close(self) -> None: ...


class AsyncTransport(Protocol):
    """As `Transport`, for asyncio."""

    async def send(self, request: Request) -> Any: ...

    async def close(self) -> None: ...
