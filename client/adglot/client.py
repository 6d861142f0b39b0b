"""`connect` and the blocking `Client`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from types import TracebackType
from typing import TYPE_CHECKING, Any

from adglot.asking import Plan, Session, Together
from adglot.calls import Request
from adglot.errors import AdglotError, InvalidArgument
from adglot.jobcalls import JobAsk
from adglot.methods import Methods
from adglot.prepared import Prepared
from adglot.sending import drive
from adglot.shortcuts import Finder
from adglot.tls import TLS
from adglot.transports import embedded
from adglot.transports.base import Transport

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
    """A client of the service in this process, or of the server at `target`.

    Args:
        target: None for this process, ``"localhost:50051"``, or ``"unix:/run/adglot.sock"``.
        tls: True, or `adglot.TLS` with the certificates to trust and to show.
        credentials: any of gRPC's own, in place of `tls`.
        token: sent with every call; refused where that would be in clear, to another machine.
        options: more options of the gRPC channel.

    The connection is made at the first call: a server that is away shows there as Unavailable.

    >>> import adglot
    >>> with adglot.connect() as ad:
    ...     [engine.name for engine in ad.engines() if engine.available]
    [...'native'...]
    """
    if target is None:
        if tls or credentials is not None or token is not None or options:
            raise InvalidArgument("tls, credentials, token and options need a target")
        return Client(embedded.connect())
    from adglot.transports import remote

    return Client(remote.connect(target, credentials, token, options, tls))


MOST_THREADS = 16
"""Of one client, for what it asks together; they start when they are needed."""


class Client(Methods):
    """Asks a service and waits for the answer; may be used from many threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport, self._session = transport, Session()
        self._pool = ThreadPoolExecutor(MOST_THREADS, "adglot")

    def close(self) -> None:
        """Free the connection; later calls raise Unavailable."""
        self._pool.shutdown(wait=False)
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, plan: Plan[Any]) -> Any:
        return drive(plan, self._reply)

    def _prepared(self, plan: Callable[..., Plan[Any]]) -> Prepared:
        return Prepared(Finder(plan, self._reply, self._transport.shortcut))

    def _follow(self, flow: Any, points: Any) -> Any:
        from adglot.streaming import follow

        return follow(flow, points, self._transport)

    def _last(self, results: Iterator[Any], then: Callable[[Any], Any]) -> Any:
        (last,) = deque(results, maxlen=1)
        return then(last)

    def _reply(self, request: Request | JobAsk | Together) -> Any:
        if not isinstance(request, Together):
            return self._transport.send(request)
        first, *others = request.plans  # Starting a thread costs more than a small answer does.
        running = [self._pool.submit(copy_context().run, self._outcome, p) for p in others]
        return [self._outcome(first), *(plan.result() for plan in running)]

    def _outcome(self, plan: Plan[Any]) -> Any:
        try:
            return self._run(plan)
        except AdglotError as error:
            return error
