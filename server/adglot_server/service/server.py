"""Run the service: addresses, threads, health, reflection, and an orderly end."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from adglot.codec.jobs import SERVICE as JOB_SERVICE
from adglot.codec.messages import SERVICE
from adglot.errors import InvalidArgument
from adglot_server.executors.batches import cores
from adglot_server.service.auth import TokenInterceptor
from adglot_server.service.core import Core
from adglot_server.service.ending import told_to_end
from adglot_server.service.engines import Engines
from adglot_server.service.job_servicer import JobServicer
from adglot_server.service.limits import Limits
from adglot_server.service.observing import Observer, Observing
from adglot_server.service.process import tune
from adglot_server.service.servicer import Servicer
from adglot_server.service.tokens import Tokens
from adglot_server.service.watchdog import watch

if TYPE_CHECKING:
    from adglot_server.service.jobs import Jobs

CALLERS = 256
"""Most RPCs that are received or wait for their turn; more queue up inside grpc."""

LIGHT = 4
"""Threads for health and listings alone, which must never queue behind work."""


class Server:
    """A server that runs inside a ``with`` block, and finishes what runs when it ends.

    Args:
        addresses: ``"localhost:50051"``, ``"localhost:0"`` for any free port, ``"unix:/path"``.
        workers: requests that compute at one time; default the number of usable cores.
        limits: what one request may need.
        engines: who computes; default what is installed here.
        credentials: for TLS, from `grpc.ssl_server_credentials`; Unix sockets stay plain.
        tokens: one of them is demanded of every caller; use them with TLS.
        observers: who is told of every request, e.g. to count them.
        grace: seconds that running requests get to finish when the server stops.
        drain_wait: seconds in which requests are still taken when health says that the server
            stops, so that who looks at health sends them elsewhere.
        coalesce_wait: seconds that a call waits for others of its program, to be run with them as
            one batch; 0 for never.
        reuse_port: whether other processes may listen on the same ports.
        jobs: those that it keeps and runs; default none.

    >>> import adglot
    >>> with Server(["localhost:0"]) as server, adglot.connect(server.addresses[0]) as ad:
    ...     ad.derivative(lambda x: x * x, 3.0)
    np.float64(6.0)
    """

    def __init__(
        self,
        addresses: Sequence[str] = ("localhost:50051",),
        *,
        workers: int | None = None,
        limits: Limits | None = None,
        engines: Engines | None = None,
        credentials: grpc.ServerCredentials | None = None,
        tokens: Tokens | None = None,
        observers: Sequence[Observer] = (),
        grace: float = 30.0,
        drain_wait: float = 0.0,
        coalesce_wait: float = 0.0,
        reuse_port: bool = False,
        jobs: Jobs | None = None,
    ) -> None:
        self.core = Core(limits, engines, coalesce_wait)
        self._grace, self._jobs = grace, jobs
        self._calls = ThreadPoolExecutor(CALLERS, "adglot-call")
        self._observers, self._drain_wait = observers, drain_wait
        self._light = ThreadPoolExecutor(LIGHT, "adglot-light")
        self._health = _Health(self._light)
        self._server = grpc.server(
            self._calls,
            interceptors=_interceptors(observers, tokens, self.core.limits),
            options=_options(self.core.limits, reuse_port),
        )
        servicer = Servicer(self.core, workers or cores(), self._light)
        self.turns = servicer.turns
        handlers = servicer.handler(), JobServicer(self.core, jobs).handler()
        self._server.add_generic_rpc_handlers(handlers)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (SERVICE, JOB_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        self.addresses = tuple(self._bind(address, credentials) for address in addresses)

    def __enter__(self) -> Server:
        for observer in self._observers:
            observer.start(self)
        if self._jobs is not None:
            self._jobs.start()
        self._server.start()
        for service in ("", SERVICE, *((JOB_SERVICE,) if self._jobs is not None else ())):
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Let the running requests finish within `grace`, then end them.

        Health says so at once; new requests are taken for `drain_wait` seconds more.
        """
        self._health.enter_graceful_shutdown()
        time.sleep(self._drain_wait)
        if self._jobs is not None:
            self._jobs.stop()
        self._server.stop(self._grace).wait()
        if self._jobs is not None:
            self._jobs.close()
        self.core.close()
        self._calls.shutdown()
        self._light.shutdown()
        for observer in self._observers:
            observer.close()

    def _bind(self, address: str, credentials: grpc.ServerCredentials | None) -> str:
        """The address as clients name it: with the port that was chosen, where any was asked."""
        try:
            if credentials is None or address.startswith("unix:"):
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise InvalidArgument(f"cannot listen on {address!r}: {error}") from None
        return f"{address[:-2]}:{port}" if address.endswith(":0") else address


class _Health(health.HealthServicer):
    """Health that answers from its own threads, whatever else runs."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        super().__init__(experimental_thread_pool=pool)

        def check(request: Any, context: grpc.ServicerContext) -> Any:
            return health.HealthServicer.Check(self, request, context)

        check.experimental_thread_pool = pool  # type: ignore[attr-defined]
        self.Check = check  # type: ignore[method-assign]


class Main(Protocol):
    """What the main thread does while the server runs."""

    def run(self) -> None:
        """Do it until `stop`."""

    def stop(self) -> None:
        """End it; called by another thread."""

    def overdue(self, seconds: float) -> bool:
        """Whether it is at work for which nobody has waited for so long."""


class Waiting:
    """The main thread has nothing to do."""

    def __init__(self) -> None:
        self._over = Event()

    def run(self) -> None:
        self._over.wait()

    def stop(self) -> None:
        self._over.set()

    def overdue(self, seconds: float) -> bool:
        return False


def serve(
    addresses: Sequence[str] = ("localhost:50051",),
    ready: Callable[[Server], None] = lambda server: None,
    *,
    hung_after: float | None = None,
    main: Main | None = None,
    **options: Any,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what runs; for the main thread.

    The whole process is settled for it (`adglot_server.service.process`).

    Args:
        addresses: as for `Server`.
        ready: called when the server takes requests.
        hung_after: seconds by which work may outlive its callers before the process ends itself
            (`adglot_server.service.watchdog`); default never.
        main: what the main thread does meanwhile; it goes on while running requests finish.
        **options: those of `Server`.
    """
    main = main or Waiting()
    with told_to_end() as told, Server(addresses, **options) as server:
        tune(arenas=cores())
        if hung_after is not None:
            watch(server.turns.overdue, hung_after)
            watch(main.overdue, hung_after)
        ready(server)
        Thread(target=_finish, args=(told, server, main), name="adglot-end", daemon=True).start()
        main.run()


def _finish(told: socket.socket, server: Server, main: Main) -> None:
    """Stop both when it is time: requests that still run may need the main thread."""
    told.recv(1)
    try:
        server.stop()
    finally:
        main.stop()


def _interceptors(
    observers: Sequence[Observer], tokens: Tokens | None, limits: Limits
) -> list[grpc.ServerInterceptor] | None:
    """None where nobody asks for any: each takes some microseconds of every call."""
    found: list[grpc.ServerInterceptor] = [Observing(observers)] if observers else []
    if tokens is not None:
        found.append(TokenInterceptor(tokens, limits))
    return found or None


def _options(limits: Limits, reuse_port: bool) -> list[tuple[str, Any]]:
    return [
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.max_send_message_length", -1),
        # A second server on one port is a mistake, unless it is meant: say so.
        ("grpc.so_reuseport", int(reuse_port)),
        ("grpc.keepalive_time_ms", 60_000),  # Notice clients whose network is gone.
        ("grpc.keepalive_timeout_ms", 20_000),
    ]
