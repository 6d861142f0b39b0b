"""What goes wrong in a call, as the status that the caller gets; for every servicer."""

from __future__ import annotations

import logging
from types import TracebackType

import grpc
from grpc_status import rpc_status

from adglot.errors import UnknownGraph
from adglot.transports.status import to_status
from adglot_server.service.current import Current, enter
from adglot_server.service.faults import fault_of

log = logging.getLogger("adglot.request")

SHOWN = 500
"""Characters of a message that the log keeps."""


class StatusOfErrors:
    """What a ``with`` block raises, as the status of the call, with the id that the log has."""

    __slots__ = ("_call", "_context", "_method")

    def __init__(self, context: grpc.ServicerContext, method: str = "") -> None:
        self._context, self._method = context, method

    def __enter__(self) -> Current:
        self._call = enter(self._method, self._context.invocation_metadata)
        return self._call

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            told = fault_of(error)
            # That a graph is not known is how a client learns that it has to send it.
            level = logging.DEBUG if isinstance(told, UnknownGraph) else logging.INFO
            log.log(
                level, "%s failed: %s: %s", self._call.method, type(told).__name__, one_line(told)
            )
            status = to_status(told, self._call.request_id)
            self._context.abort_with_status(rpc_status.to_status(status))


def one_line(said: object) -> str:
    r"""What a log shows of something: some of it may be what a caller wrote.

    >>> one_line("no engine 'a\nb'")
    "no engine 'a b'"
    """
    return "".join(c if c.isprintable() else " " for c in str(said)[:SHOWN])
