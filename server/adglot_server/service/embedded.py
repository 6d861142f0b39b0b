"""The service in the client's own process: the same core, no network, no copies."""

from __future__ import annotations

from collections import deque
from typing import Any, NoReturn
from weakref import WeakSet

from adglot.calls import Answer, Call, Explain, Register, Request
from adglot.errors import Unavailable, Unsupported
from adglot.jobcalls import JobAsk, WatchJob
from adglot_server.executors.shortcut import Shortcut
from adglot_server.service.core import Core
from adglot_server.service.faults import our_fault
from adglot_server.service.shortcuts import shortcut

NO_JOBS = (
    "jobs are kept by a server, and this client has none: connect to one that `adglot serve "
    "--job-root` runs, or run the job here with `adglot job run`"
)


class EmbeddedTransport:
    """Hands requests to a core as they are; see `adglot.transports.base.Transport`."""

    def __init__(self, core: Core) -> None:
        self._core: Core | None = core
        self._shortcuts: WeakSet[Shortcut] = WeakSet()

    def send(self, request: Request | JobAsk) -> Any:
        """The core's answer."""
        if isinstance(request, JobAsk):
            raise Unsupported(NO_JOBS)
        core = self._core
        if core is None:
            raise Unavailable("this client is closed: connect again")
        with our_fault():
            return _answer(core, request)

    def open(self, setup: Call) -> EmbeddedStream:
        """A stream that computes each answer when it is asked for."""
        return EmbeddedStream(self)

    def watch(self, watched: WatchJob) -> NoReturn:
        raise Unsupported(NO_JOBS)

    def shortcut(self, call: Call) -> Shortcut | None:
        """Until this is closed, straight to compiled code."""
        core = self._core
        found = None if core is None else shortcut(core, call)
        if found is not None:
            self._shortcuts.add(found)
        return found

    def close(self) -> None:
        """Forget graphs and programs, end workers."""
        core, self._core = self._core, None
        for found in list(self._shortcuts):
            found.close()
        if core is not None:
            core.close()


class EmbeddedStream:
    """Calls in a queue; see `adglot.transports.base.Stream`."""

    def __init__(self, transport: EmbeddedTransport) -> None:
        self._transport = transport
        self._calls: deque[Call] = deque()

    def send(self, call: Call) -> None:
        self._calls.append(call)

    def receive(self) -> Answer:
        answer: Answer = self._transport.send(self._calls.popleft())
        return answer

    def close(self) -> None:
        self._calls.clear()


def _answer(core: Core, request: Request) -> Any:
    match request:
        case Call():
            return core.call(request)
        case Explain(call, text):
            return core.explain(call, text=text)
        case Register(graph):
            return core.register(graph).digest
        case "engines":
            return core.engines.infos()
        case "ops":
            return core.ops()
        case "info":
            return core.info()


def connect() -> EmbeddedTransport:
    """A service of the caller's own; the entry point ``adglot.embedded`` names this function."""
    return EmbeddedTransport(Core())
