"""What goes wrong in a call, as the status that the caller gets; for every servicer."""

from __future__ import annotations

from types import TracebackType

import grpc
from grpc_status import rpc_status

from adglot.transports.status import to_status
from adglot_server.service.faults import fault_of


class StatusOfErrors:
    """What a ``with`` block raises, as the status of the call."""

    __slots__ = ("_context",)

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            status = to_status(fault_of(error))
            self._context.abort_with_status(rpc_status.to_status(status))
