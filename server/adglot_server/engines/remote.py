"""Engines of another process: anything that speaks `DerivativeService`, on TCP or a Unix socket.

A `Link` leads there, over one address or to a worker that is kept alive (`adglot_server.workers`);
a `RemoteFamily` lists the engines at its other end under a prefix; each is a `RemoteEngine`, which
forwards whole calls. So whatever a call can say gets there, and the report that comes back is the
one of whoever computed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from threading import Semaphore
from typing import Protocol, TypeVar

from adglot.calls import (
    Answer,
    Call,
    EngineInfo,
    EngineState,
    Explain,
    Explanation,
    Report,
    Request,
)
from adglot.errors import (
    AdglotError,
    Cancelled,
    DeadlineExceeded,
    InternalError,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
    UnknownEngine,
)
from adglot.ir import Graph
from adglot.sending import Known, by_digest, drive
from adglot.tls import TLS
from adglot.transports.remote import RemoteTransport, connect
from adglot_server.executors.control import Control

T = TypeVar("T")

_POLL = 0.05
"""Seconds between looks at whether the caller is still there."""

LISTING_SECONDS = 1.0
"""Longest wait for a list of engines: whoever lists all must not hang on one that is away."""

FRESH_SECONDS = 5.0
"""How old a list may be for those who list; calls look again only for a name that is not in it."""

MOST = 128
"""Most requests that one family has at one time: each holds one of the server's 256 threads."""

Infos = tuple[EngineInfo, ...]


class Connection:
    """One server: its channel, the graphs it knows and the engines it has; safe for threads.

    Args:
        name: what errors call it.
        target: ``"host:port"`` or ``"unix:/path"``.
        tls: how to encrypt what goes there; a Unix socket stays plain.
        token: what the server wants.
    """

    def __init__(
        self, name: str, target: str, tls: bool | TLS = False, token: str | None = None
    ) -> None:
        self._name = name
        # A channel of its own: none shares its fate with a server that was at this address before.
        options = [("grpc.use_local_subchannel_pool", 1)]
        tls = tls if not target.startswith("unix:") else False
        self._transport: RemoteTransport = connect(target, token=token, options=options, tls=tls)
        self.known = Known()
        self.infos: Infos = ()
        """The engines when they were listed last."""
        self._listed_at = -math.inf

    def ask(
        self, graph: Graph, request: Callable[[Graph | str], Request], control: Control
    ) -> object:
        """The reply to a request about a graph, which is sent once and then named."""
        plan = by_digest(self, graph, request)
        return drive(plan, lambda one: self.send(one, control))

    def remember(self, digest: str) -> None:
        self.known.add(digest)

    def send(self, request: Request, control: Control) -> object:
        """The reply; the server is told when `control` ends it here."""
        pending = self._transport.start(request)
        try:
            while not pending.wait(_POLL):
                control.check()
        except BaseException:
            pending.cancel()
            raise
        try:
            return pending.result()
        except DeadlineExceeded:
            raise control.late() from None
        except _OURS as error:
            raise Unavailable(f"engine {self._name}: {error}") from None
        except InternalError as error:
            raise InternalError(f"engine {self._name}: {error}") from None

    def listed(self, control: Control, age: float = math.inf) -> Infos:
        """The engines, asked for again where the last answer is older than so many seconds."""
        if time.monotonic() - self._listed_at > age or not self.infos:
            reply = self.send("engines", control)
            assert isinstance(reply, tuple)
            self.infos, self._listed_at = reply, time.monotonic()
        return self.infos

    def close(self) -> None:
        self._transport.close()


_OURS = (Unavailable, Unauthenticated, PermissionDenied, Cancelled)
"""What is between this process and that server, and nothing that the caller could mend."""


@dataclass(frozen=True, slots=True)
class State:
    """How a link stands, as `EngineInfo` says it."""

    available: bool = True
    state: EngineState = "ready"
    reason: str = ""


class Link(Protocol):
    """A way to a server."""

    def use(self, work: Callable[[Connection], T], control: Control, program: Hashable = None) -> T:
        """What the work returns, done over a connection, and where that died perhaps once more.

        `program` tells apart what the server has to make ready for it.
        """

    def look(self) -> tuple[Infos, State]:
        """The engines as they were known last, and how the link stands; soon, and never raises."""

    def close(self) -> None: ...


class Address:
    """A link to a server that somebody else keeps alive."""

    def __init__(
        self, name: str, target: str, tls: bool | TLS = False, token: str | None = None
    ) -> None:
        self._target, self._connection = target, Connection(name, target, tls, token)

    def use(self, work: Callable[[Connection], T], control: Control, program: Hashable = None) -> T:
        return work(self._connection)

    def look(self) -> tuple[Infos, State]:
        soon = Control(time.monotonic() + LISTING_SECONDS)
        try:
            return self._connection.listed(soon, FRESH_SECONDS), State()
        except AdglotError as error:
            reason = f"no answer from {self._target}: {error}"
            return self._connection.infos, State(False, reason=reason)

    def close(self) -> None:
        self._connection.close()


class RemoteFamily:
    """The engines of a server: its engine x is ``name/x`` here; see `engines.base.Family`.

    One that is called `name` or ``name/x`` there already keeps its name.
    """

    def __init__(self, name: str, link: Link) -> None:
        self.name, self._link = name, link
        self._places = Semaphore(MOST)

    def use(self, work: Callable[[Connection], T], control: Control, program: Hashable) -> T:
        """As `Link.use`; Unavailable where too many do so already."""
        if not self._places.acquire(blocking=False):
            raise Unavailable(f"engine {self.name}: {MOST} requests wait for it: try again")
        try:
            return self._link.use(work, control, program)
        finally:
            self._places.release()

    def infos(self) -> Infos:
        members, state = self._link.look()
        # Its name stands for engines that are not known yet, and is none itself.
        seen = members or (EngineInfo(self.name, available=False),)
        return tuple(sorted(map(self._seen(state), seen), key=lambda info: info.name))

    def engine(self, name: str) -> RemoteEngine:
        """The engine, whether or not there is one of that name: the server knows better."""
        return RemoteEngine(name, self)

    def close(self) -> None:
        self._link.close()

    def here(self, theirs: str) -> str:
        """What an engine of the server is called here."""
        kept = theirs == self.name or theirs.startswith(f"{self.name}/")
        return theirs if kept else f"{self.name}/{theirs}"

    def _seen(self, state: State) -> Callable[[EngineInfo], EngineInfo]:
        def seen(info: EngineInfo) -> EngineInfo:
            return replace(
                info,
                name=self.here(info.name),
                available=info.available and state.available,
                reason=state.reason or info.reason,
                state=info.state if state.state == "ready" else state.state,
            )

        return seen


class RemoteEngine:
    """One engine of a server; see `engines.base.Forwarder`."""

    def __init__(self, name: str, family: RemoteFamily) -> None:
        self.name, self._family = name, family

    def info(self) -> EngineInfo:
        for info in self._family.infos():
            if info.name == self.name:
                return info
        return EngineInfo(self.name, available=False, reason=f"{self._family.name} has none such")

    def call(self, call: Call, graph: Graph, control: Control) -> Answer:
        answer = self._ask(call, graph, control, lambda one: one)
        assert isinstance(answer, Answer)
        return replace(answer, report=self._seen(answer.report))

    def explain(self, call: Call, graph: Graph, control: Control) -> Explanation:
        explanation = self._ask(call, graph, control, Explain)
        assert isinstance(explanation, Explanation)
        return replace(explanation, report=self._seen(explanation.report))

    def _ask(
        self, call: Call, graph: Graph, control: Control, request: Callable[[Call], Request]
    ) -> object:
        def work(connection: Connection) -> object:
            here = replace(call, engine=self._there(connection, control), deadline=control.deadline)
            return connection.ask(graph, lambda named: request(replace(here, graph=named)), control)

        return self._family.use(work, control, _program(call, graph))

    def _there(self, connection: Connection, control: Control) -> str:
        """The engine's name at the server, which is asked again before it is said to have none."""
        for age in (math.inf, FRESH_SECONDS, 0.0):
            names = {self._family.here(i.name): i.name for i in connection.listed(control, age)}
            if self.name in names:
                return names[self.name]
        raise UnknownEngine(f"no engine {self.name!r}; there are {', '.join(sorted(names))}")

    def _seen(self, report: Report) -> Report:
        return replace(report, engine=self.name)


def _program(call: Call, graph: Graph) -> Hashable:
    """What tells the programs of calls apart."""
    shapes = tuple(seed.shape for seed in call.seeds)
    what = (call.operator, call.wrt, call.of, call.mode, call.batch, call.seed_axis, call.sparse)
    return (graph.digest, call.engine, what, shapes)
