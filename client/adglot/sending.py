"""Send requests: plans to their end, and a graph once, then its digest."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeVar

from adglot.errors import AdglotError, UnknownGraph
from adglot.ir import Graph

R = TypeVar("R")
T = TypeVar("T")

MOST_KNOWN = 10_000


class Known:
    """The digests that a service should know; at most `MOST_KNOWN`, then all are forgotten."""

    __slots__ = ("_digests", "_registered")

    def __init__(self) -> None:
        self._digests: set[str] = set()
        self._registered: dict[str, Graph] = {}

    def __contains__(self, digest: str) -> bool:
        return digest in self._digests

    def add(self, digest: str) -> bool:
        """Remember it; whether all others were forgotten for that."""
        full = len(self._digests) >= MOST_KNOWN
        if full:
            self._digests.clear()
            self._registered.clear()
        self._digests.add(digest)
        return full

    def register(self, digest: str, graph: Graph) -> None:
        """Keep a graph that will be named by its digest alone, for a service that forgets it."""
        self._registered[digest] = graph

    def registered(self, digest: str) -> Graph | None:
        """The graph, if it was registered here."""
        return self._registered.get(digest)

    def discard(self, digest: str) -> None:
        self._digests.discard(digest)


class Memory(Protocol):
    """Who remembers what a service knows."""

    known: Known

    def remember(self, digest: str) -> None: ...


def drive(plan: Generator[R, Any, T], send: Callable[[R], Any]) -> T:
    """The result of a plan, each of whose requests is sent, and its errors thrown into it.

    >>> def plan():
    ...     reply = yield 20
    ...     return reply + 1
    >>> drive(plan(), lambda request: 2 * request)
    41
    """
    try:
        request = next(plan)
        while True:
            try:
                reply = send(request)
            except AdglotError as error:
                request = plan.throw(error)
            else:
                request = plan.send(reply)
    except StopIteration as stop:
        result: T = stop.value
        return result


def by_digest(
    memory: Memory, graph: Graph | str, ask: Callable[[Graph | str], R]
) -> Generator[R, Any, Any]:
    """Ask by digest where the service should know the graph, and send it where it does not.

    A service may forget: then the graph is sent again. `ask` makes the request of either.
    """
    digest = graph if isinstance(graph, str) else graph.digest
    first = digest if digest in memory.known else graph
    try:
        reply = yield ask(first)
    except UnknownGraph:
        memory.known.discard(digest)
        whole = memory.known.registered(digest) if isinstance(graph, str) else graph
        if whole is None or first is whole:
            raise
        reply = yield ask(whole)
    memory.remember(digest)
    return reply
