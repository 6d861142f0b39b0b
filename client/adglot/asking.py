"""Ask a service about a function at a point: by digest if it can be, again where it must be."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar

from adglot.calls import DEFAULT_ENGINE, Answer, Array, Call, Mode, Operator, Port, Request
from adglot.errors import AdglotError, GuardFailed
from adglot.ir import Graph
from adglot.jobcalls import JobAsk
from adglot.naming import named_error
from adglot.points import Batch, Point, Source
from adglot.reports import tell
from adglot.sending import Known, by_digest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Together:
    """Plans to be driven at the same time; the reply is a list of their results, or errors."""

    plans: tuple[Plan[Any], ...]


Plan = Generator[Request | JobAsk | Together, Any, T]
"""Yields requests, is sent their replies (or thrown their errors), returns a result."""


class Fields(TypedDict, total=False):
    """What an operator says of a `Call`; the rest is the same for all."""

    operator: Operator
    seeds: tuple[Array, ...]
    wrt: tuple[Port, ...]
    of: tuple[Port, ...]
    mode: Mode
    seed_axis: bool
    include_values: bool
    sparse: bool


@dataclass(slots=True)
class Session:
    """What a client remembers: the digests that its server should know, and how quick it was.

    `pace` has the seconds that an engine last ran for a graph, by digest and engine.
    """

    known: Known = field(default_factory=Known)
    pace: dict[tuple[str, str], float] = field(default_factory=dict)

    def remember(self, digest: str) -> None:
        if self.known.add(digest):
            self.pace.clear()


@dataclass(frozen=True, slots=True)
class Ask:
    """A function, arguments, and what every operator takes besides."""

    session: Session
    source: Source
    args: tuple[Any, ...]
    engine: str = DEFAULT_ENGINE
    batch: Batch = False
    timeout: float | None = None

    @property
    def batched(self) -> bool:
        """Whether any argument has a leading axis of points."""
        return self.batch if isinstance(self.batch, bool) else any(self.batch)

    def send(
        self, build: Callable[[Point], Fields], wrap: Callable[[Call], Request] | None = None
    ) -> Plan[tuple[Point, Any]]:
        """Send the call that `build` describes; where a guard fails, once more, traced there."""
        point = self.source.at(self.args, self.batch)
        try:
            return point, (yield from self._send(point, build(point), wrap))
        except GuardFailed:
            another = self.source.again(self.args, self.batch)
            if another is None:
                raise
        return another, (yield from self._send(another, build(another), wrap))

    def _send(
        self, point: Point, fields: Fields, wrap: Callable[[Call], Request] | None
    ) -> Plan[Any]:
        """Ask by digest where the server should know the graph, and send it where it does not."""
        deadline = None if self.timeout is None else time.monotonic() + self.timeout

        def call(graph: Graph | str) -> Call:
            return Call(
                graph=graph,
                values=point.values,
                engine=self.engine,
                batch=self.batched,
                deadline=deadline,
                **fields,
            )

        def ask(graph: Graph | str) -> Request:
            return wrap(call(graph)) if wrap else call(graph)

        try:
            reply = yield from by_digest(self.session, point.graph, ask)
        except AdglotError as error:
            raise named_error(error, point.graph, call(point.graph)) from None
        if isinstance(reply, Answer):
            tell(reply)
        return reply
