"""Tell observers of every call: when it begins, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import grpc

from adglot_server.service.around import HEALTH, surrounded
from adglot_server.service.current import Current, entered

if TYPE_CHECKING:
    from adglot_server.service.server import Server


class Observer(Protocol):
    """Somebody who is told of calls, by many threads; health is not among them."""

    def start(self, server: Server) -> None:
        """Calls may come from now on."""

    def begin(self, call: Current) -> None:
        """In the thread and the context that the call is worked at."""

    def end(self, call: Current) -> None:
        """As `begin`; `call` knows its engine, its status and how much was sent."""

    def close(self) -> None:
        """No more calls will come."""


class Observing(grpc.ServerInterceptor):
    """Shows calls to observers."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def intercept_service(
        self, continuation: Callable[[Any], Any], details: grpc.HandlerCallDetails
    ) -> Any:
        """The method's handler, observed."""
        call = entered(details)
        handler = continuation(details)
        if handler is None or details.method.startswith(HEALTH):
            return handler
        seen = partial(self._seen, call)
        return surrounded(handler, seen, partial(_received, call), partial(_sent, call))

    @contextmanager
    def _seen(self, call: Current, context: grpc.ServicerContext) -> Iterator[None]:
        call.started = time.perf_counter()
        for observer in self._observers:
            observer.begin(call)
        try:
            yield
        except GeneratorExit:  # nobody takes what a stream still has to say
            call.code = grpc.StatusCode.CANCELLED
            raise
        except BaseException:
            call.code = context.code() or grpc.StatusCode.UNKNOWN  # type: ignore[attr-defined]
            raise
        finally:
            for observer in self._observers:
                observer.end(call)


def _received(call: Current, message: Any) -> None:
    call.received += _size(message)


def _sent(call: Current, message: Any) -> None:
    call.sent += _size(message)


def _size(message: Any) -> int:
    """Bytes of a message: as it is on the wire, or parsed, as those of reflection are."""
    return len(message) if isinstance(message, bytes) else message.ByteSize()
