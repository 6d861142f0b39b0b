"""The call that this thread works at: its id, who made it, and what observers are told of it."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from adglot.errors import PermissionDenied
from adglot.transports.outgoing import REQUEST_ID, Metadata, sending
from adglot_server.service.limits import Limits

if TYPE_CHECKING:
    import grpc

    from adglot_server.service.tokens import Token

_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
"""What others may call a request: it goes into logs."""

_NOTHING = nullcontext()


class Spans(Protocol):
    """Makes spans of the trace that one call belongs to."""

    def span(self, name: str) -> AbstractContextManager[Any]:
        """One for a ``with`` block, within the span around it."""

    def metadata(self) -> Metadata:
        """What tells another server of the span that is open."""


Pairs = Iterable[tuple[str, Any]] | None


class Current:
    """One RPC.

    - `token`: what its caller brought, None where none is demanded
    - `limits`: those of the token, None for the server's
    - `engine`: who is to compute, "" until that is known
    - `code`, `received`, `sent`: its status, and bytes of messages so far, where somebody observes
    - `spans`: makes spans of a trace, where there is one
    """

    __slots__ = (
        "_id", "_metadata", "code", "engine", "limits", "method", "received", "sent", "spans",
        "started", "token",
    )  # fmt: skip

    def __init__(self, method: str, metadata: Callable[[], Pairs]) -> None:
        import grpc  # A tenth of a second, which the embedded service has no use for.

        self.method, self._metadata, self._id = method, metadata, ""
        self.token: Token | None = None
        self.limits: Limits | None = None
        self.engine = ""
        self.code = grpc.StatusCode.OK
        self.received = self.sent = 0
        self.spans: Spans | None = None
        self.started = 0.0

    @property
    def metadata(self) -> dict[str, str]:
        """What came beside the messages; of a key that comes twice, the last."""
        return {key: str(value) for key, value in self._metadata() or ()}

    @property
    def request_id(self) -> str:
        """The id that came along, or one of its own."""
        if not self._id:
            given = self.metadata.get(REQUEST_ID, "")
            self._id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        return self._id

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.perf_counter() - self.started


_CURRENT: ContextVar[Current | None] = ContextVar("adglot_call", default=None)

current = _CURRENT.get
"""The call of this thread, None outside of one: grpc runs each in a context of its own."""


def enter(method: str, metadata: Callable[[], Pairs]) -> Current:
    """The call that this thread works at from now on: the one that is there, or a new one."""
    call = _CURRENT.get()
    if call is None:
        call = Current(method, metadata)
        _CURRENT.set(call)
    return call


def entered(details: grpc.HandlerCallDetails) -> Current:
    """As `enter`, for interceptors."""
    return enter(details.method, lambda: details.invocation_metadata)


def by_engine(name: str) -> None:
    """Note that this engine is to answer the call of this thread.

    Raises PermissionDenied where its caller may not use it.
    """
    call = _CURRENT.get()
    if call is None:
        return
    call.engine = name
    if call.token is not None and not call.token.allows(name):
        raise PermissionDenied(f"the token {call.token.name!r} does not allow the engine {name!r}")


def span(name: str) -> AbstractContextManager[Any]:
    """A span of the trace of this thread's call, where it has one."""
    call = _CURRENT.get()
    return _NOTHING if call is None or call.spans is None else call.spans.span(name)


@contextmanager
def forwarding() -> Iterator[None]:
    """Have the calls of the block, to other servers, carry the id and the trace of this one."""
    call = _CURRENT.get()
    if call is None:
        yield
        return
    with span("forward"):
        trace = () if call.spans is None else call.spans.metadata()
        with sending(((REQUEST_ID, call.request_id), *trace)):
            yield
