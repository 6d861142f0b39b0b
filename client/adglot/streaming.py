"""Ask about any number of points over one stream, with few of them on their way at a time.

A `Flow` is to a stream what a plan is to a request: it yields steps, is sent what they bring, and
knows nothing of threads or event loops. So both clients take it, and nothing is written twice.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from dataclasses import dataclass, replace
from functools import partial
from inspect import isawaitable
from itertools import islice
from typing import Any

import numpy as np

from adglot.asking import Plan
from adglot.calls import Array, Call, Request
from adglot.errors import AdglotError, InvalidArgument
from adglot.ir import LEAF, flatten, unflatten
from adglot.jobcalls import WatchJob
from adglot.naming import moved_error
from adglot.transports.base import AsyncTransport, Transport

CHUNK = 1024
"""Points of a message: what each of them costs beside its derivative is little then."""

WINDOW = 3
"""Chunks on their way: one computed, one coming and one going."""


@dataclass(frozen=True, slots=True)
class Pull:
    """Bring a list of the user's next points: so many, fewer at their end."""

    count: int


@dataclass(frozen=True, slots=True)
class Open:
    """Begin a stream of calls such as this one, or of a job's status, and end the one before."""

    setup: Call | WatchJob


@dataclass(frozen=True, slots=True)
class Send:
    """Send the call's point into the stream."""

    call: Call


@dataclass(frozen=True, slots=True)
class Receive:
    """Bring the next answer of the stream, or its error."""


@dataclass(frozen=True, slots=True)
class Alone:
    """Bring the reply of a request outside of the stream."""

    request: Request


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand results to the user, one by one."""

    results: Iterable[Any]


Step = Pull | Open | Send | Receive | Alone | Pause | Emit
Flow = Generator[Step, Any, None]


@dataclass(slots=True)
class _Asked:
    """A chunk of points that is on its way: `first` is the number of the first one."""

    plan: Plan[Any]
    call: Call
    first: int


class Streaming:
    """One stream: what is asked at every point, and what is on its way.

    Args:
        method: makes the plan of a point, or with `chunk` of a batch of them.
        chunk: points of a message; None where every point is a batch by itself.
        timeout: seconds for the whole stream.
    """

    def __init__(
        self, method: Callable[..., Plan[Any]], chunk: int | None, timeout: float | None
    ) -> None:
        self._method, self._chunk = method, chunk
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._waiting: deque[_Asked] = deque()
        self._setup: Call | None = None
        self._count = 0

    def flow(self) -> Flow:
        """Every result in order; an error ends the stream, and results before it hold."""
        while (asked := (yield from self._next())) is not None:
            if self._setup is None or not _alike(asked.call, self._setup):
                yield from self._answer_all()
                yield from self._open(asked.call)
            yield Send(asked.call)
            self._waiting.append(asked)
            if len(self._waiting) >= WINDOW:
                yield from self._answer()
        yield from self._answer_all()

    def _next(self) -> Generator[Step, Any, _Asked | None]:
        """The next points, as what to ask about them; None at the end."""
        points = yield Pull(self._chunk or 1)
        if not points:
            return None
        args = stacked(points) if self._chunk else _arguments(points[0])
        plan = self._method(*args)
        asked = _Asked(plan, self._timed(next(plan)), self._count)
        self._count += len(points)
        return asked

    def _timed(self, request: Any) -> Call:
        assert isinstance(request, Call)
        return replace(request, deadline=self._deadline)

    def _open(self, call: Call) -> Generator[Step, Any, None]:
        yield Open(call)
        self._setup = call

    def _answer_all(self) -> Generator[Step, Any, None]:
        while self._waiting:
            yield from self._answer()

    def _answer(self) -> Generator[Step, Any, None]:
        """The results of the chunk that was asked about first."""
        asked = self._waiting.popleft()
        try:
            result = yield from self._result(asked)
        except AdglotError as error:
            raise (moved_error(error, asked.first) if self._chunk else error) from None
        yield Emit(unstacked(result) if self._chunk else (result,))

    def _result(self, asked: _Asked) -> Generator[Step, Any, Any]:
        try:
            reply = yield Receive()
        except AdglotError as error:  # It has ended the stream, too.
            result = yield from self._alone(asked.plan, partial(asked.plan.throw, error))
            yield from self._again()
            return result
        return (yield from self._alone(asked.plan, partial(asked.plan.send, reply)))

    def _alone(self, plan: Plan[Any], resume: Callable[[], Any]) -> Generator[Step, Any, Any]:
        """The result of a plan; what else it asks, by another graph or sent anew, goes alone."""
        while True:
            try:
                request = resume()
            except StopIteration as stop:
                return stop.value
            try:
                reply = yield Alone(self._timed(request))
            except AdglotError as error:
                resume = partial(plan.throw, error)
            else:
                resume = partial(plan.send, reply)

    def _again(self) -> Generator[Step, Any, None]:
        """Send what is on its way over another stream."""
        self._setup = None
        for asked in self._waiting:
            if self._setup is None:
                yield from self._open(asked.call)
            yield Send(asked.call)


def _alike(call: Call, setup: Call) -> bool:
    """Whether a call belongs into the stream of this setup."""
    first, second = (
        (c.digest, c.operator, c.engine, c.wrt, c.of, c.mode, c.batch, c.seed_axis, c.sparse)
        for c in (call, setup)
    )
    return first == second and call.include_values == setup.include_values


def _arguments(point: Any) -> tuple[Any, ...]:
    return point if isinstance(point, tuple) else (point,)


def stacked(points: Sequence[Any]) -> tuple[Any, ...]:
    """The arguments at some points as those of a batch; InvalidArgument where they differ in form.

    >>> stacked([(1.0, {"a": 2.0}), (3.0, {"a": 4.0})])
    (array([1., 3.]), {'a': array([2., 4.])})
    """
    if all(type(point) is np.ndarray for point in points):
        return (_column(points),)
    parts = [flatten(_arguments(point)) for point in points]
    tree = parts[0][1]
    if any(other != tree for _, other in parts):
        raise InvalidArgument("the points of a stream must nest alike")
    leaves = [_column(column) for column in zip(*(own for own, _ in parts), strict=True)]
    args: tuple[Any, ...] = unflatten(tree, leaves)
    return args


def _column(leaves: Sequence[Any]) -> Array:
    """Those of all points in one array."""
    shapes = set(map(np.shape, leaves))
    if len(shapes) > 1:
        what = ", ".join(map(str, sorted(shapes)))
        raise InvalidArgument(f"the points of a stream must have one shape, got {what}")
    (shape,) = shapes
    if not shape:
        return np.array(leaves)
    # A third of the time of np.stack, which makes another array of each first.
    return np.concatenate(leaves).reshape(len(leaves), *shape)


def unstacked(result: Any) -> Iterable[Any]:
    """The result of a batch, point by point.

    >>> list(unstacked((np.array([1.0, 2.0]), None)))
    [(np.float64(1.0), None), (np.float64(2.0), None)]
    """
    leaves, tree = flatten(result)
    if tree == LEAF:
        alone: Iterable[Any] = leaves[0]
        return alone
    return (unflatten(tree, parts) for parts in zip(*leaves, strict=True))


class Performer:
    """Does the steps of one flow but `Emit`; what it returns is awaitable where the transport is.

    `pull` brings as many points as it is told, `sleep` waits.
    """

    def __init__(
        self, transport: Any, pull: Callable[[int], Any], sleep: Callable[[float], Any]
    ) -> None:
        self._transport, self._pull, self._sleep = transport, pull, sleep
        self._stream: Any = None

    def __call__(self, step: Step) -> Any:
        match step:
            case Pull(count):
                return self._pull(count)
            case Send(call):
                return self._stream.send(call)
            case Receive():
                return self._stream.receive()
            case Alone(request):
                return self._transport.send(request)
            case Pause(seconds):
                return self._sleep(seconds)
            case Open(WatchJob() as watched):
                self.close()
                self._stream = self._transport.watch(watched)
            case Open(setup):
                self.close()
                self._stream = self._transport.open(setup)
        return None

    def close(self) -> None:
        """End the stream; what is still on its way is dropped."""
        if self._stream is not None:
            self._stream.close()


def follow(flow: Flow, points: Iterable[Any], transport: Transport) -> Iterator[Any]:
    """The results of a flow over these points, by a blocking transport."""
    left = iter(points)
    perform = Performer(transport, lambda count: list(islice(left, count)), time.sleep)
    try:
        step = next(flow)
        while True:
            if isinstance(step, Emit):
                yield from step.results
            try:
                reply = perform(step)
            except AdglotError as error:
                step = flow.throw(error)
            else:
                step = flow.send(reply)
    except StopIteration:
        return
    finally:
        perform.close()


async def follow_async(
    flow: Flow, points: Iterable[Any] | AsyncIterable[Any], transport: AsyncTransport
) -> AsyncIterator[Any]:
    """The same by one for asyncio."""
    perform = Performer(transport, _puller(points), asyncio.sleep)
    try:
        step = next(flow)
        while True:
            if isinstance(step, Emit):
                for result in step.results:
                    yield result
            try:
                reply = perform(step)
                reply = await reply if isawaitable(reply) else reply
            except AdglotError as error:
                step = flow.throw(error)
            else:
                step = flow.send(reply)
    except StopIteration:
        return
    finally:
        perform.close()


def _puller(points: Iterable[Any] | AsyncIterable[Any]) -> Callable[[int], Any]:
    if not isinstance(points, AsyncIterable):
        left = iter(points)
        return lambda count: list(islice(left, count))
    arriving = aiter(points)

    async def pull(count: int) -> list[Any]:
        return [point async for point in _first(arriving, count)]

    return pull


async def _first(points: AsyncIterator[Any], count: int) -> AsyncIterator[Any]:
    """So many of the points, which others follow."""
    for _ in range(count):
        try:
            yield await anext(points)
        except StopAsyncIteration:
            return
