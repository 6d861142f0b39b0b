"""Run the graph of one point at any number of points: in tiles of a few sizes, on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from itertools import accumulate
from threading import Lock, local

import numpy as np

from adglot.errors import AdglotError, GuardFailed, InvalidArgument, Unsupported, Violation
from adglot.ir import Graph
from adglot.ops.core import Array
from adglot.ops.cost import cost
from adglot.stopping import stopped_by
from adglot_server.executors.control import FREELY, Control
from adglot_server.executors.interpreter import NODE_OVERHEAD, Interpreter
from adglot_server.executors.liveness import peak_bytes
from adglot_server.executors.reused import empty
from adglot_server.executors.tiered import Executor, Tiered
from adglot_server.transforms.batch import batch
from adglot_server.transforms.simplify import simplify

TILE_BYTES = 8 << 20
"""Most memory of a tile, unless one point takes more.

Measured on 10 000 Jacobians (Pleiades: dense, sparse) and Hessians (Rosenbrock): 1 MB is 2 to 6
times slower, since every node of the interpreter takes microseconds to start.
"""

ALL_TILES_BYTES = 64 << 20
"""Of the tiles that run at one time, on however many cores."""

LARGEST = 4**7
"""Points of the largest tile."""

STEP = 4
"""From one size of tiles to the next: there are few, and a padded one is at most so much larger."""

WORTH = 4
"""A tile is large enough when its points cost so many times what starting it does."""


class Batches:
    """The graph of one point, ready for batches of any size; many threads may run it at once.

    Inputs and outputs have a leading axis of points, but for the inputs `shared`: those hold for
    all points. A program is made for each size of tiles when a batch first needs it.

    >>> from adglot import ops
    >>> from adglot.ir import Type
    >>> b = ops.Builder()
    >>> x, a = b.input(Type("float64", ())), b.input(Type("float64", ()))
    >>> batches = Batches(b.build([x, a], [a * x]), shared=(1,))
    >>> batches.run([np.array([1.0, 2.0, 3.0]), np.array(2.0)])
    [array([2., 4., 6.])]
    """

    def __init__(
        self,
        graph: Graph,
        shared: Collection[int] = (),
        executor: Callable[[Graph], Executor] = Tiered,
    ) -> None:
        """`executor` makes what runs a tile, of its graph."""
        self._graph, self._executor = graph, executor
        self._point = Interpreter(graph)
        self._on = [i not in shared for i in range(len(graph.inputs))]
        self._peak = max(1, peak_bytes(graph))
        self._start_cost = NODE_OVERHEAD * max(1, len(graph.nodes))
        self._point_cost = max(1, cost(graph))
        self._programs: dict[int, Executor] = {}
        self._lock = Lock()
        self._last = local()

    @property
    def name(self) -> str:
        """Who answered this thread's last batch, or the largest tiles of it."""
        return getattr(self._last, "name", Interpreter.name)

    @property
    def peak_bytes(self) -> int:
        """What tiles need while they run, whatever the number of points."""
        return max(self._peak, cores() * tile_bytes())

    @property
    def point_bytes(self) -> int:
        """Of the inputs and outputs of one point."""
        types = self._graph.types
        moving = sum(t.nbytes for t, on in zip(self._graph.inputs, self._on, strict=True) if on)
        return moving + sum(types[i].nbytes for i in self._graph.outputs)

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """The outputs at all points.

        Raises what `Interpreter.run` does, with the number of the first point that fails.
        """
        points = self.points(inputs)
        sizes = self._cover(points)
        programs = {size: self._program(size, control) for size in sorted(set(sizes))}
        run = _Run(self, programs, sizes, inputs, points, control)
        run.everywhere(1 if self._peak > tile_bytes() else min(cores(), len(sizes)))
        self._last.name = programs[sizes[0]].name if sizes else Interpreter.name
        return run.outputs

    def points(self, inputs: Sequence[Array]) -> int:
        """How many there are."""
        return next(len(x) for x, on in zip(inputs, self._on, strict=True) if on)

    def go_over(self, executor: Callable[[Graph], Executor]) -> None:
        """Run tiles by another executor from now on."""
        with self._lock:
            self._executor = executor
            self._programs.clear()

    def empty(self, points: int) -> list[Array]:
        """Arrays for the outputs of so many points."""
        return [empty(self._graph.types[i], points) for i in self._graph.outputs]

    # ------------------------------------------------------------------ tiles

    def _cover(self, points: int) -> list[int]:
        """Sizes of tiles that hold all the points, the last ones perhaps more, for the least."""
        sizes = self._sizes(points)
        whole, rest = divmod(points, sizes[-1])
        return [sizes[-1]] * whole + self._fill(rest, sizes[:-1])

    def _sizes(self, points: int) -> list[int]:
        """Up to where a larger tile would not be any faster, or leave cores without one."""
        fits = min(LARGEST, max(1, tile_bytes() // self._peak))
        enough = -(-WORTH * self._start_cost // self._point_cost)
        most = min(fits, max(enough, points // (2 * cores())))
        return [STEP**k for k in range(most.bit_length()) if STEP**k <= most]

    def _fill(self, points: int, sizes: Sequence[int]) -> list[int]:
        if not points or not sizes:
            return [1] * points
        size, whole = sizes[-1], points // sizes[-1]
        exact = [size] * whole + self._fill(points - size * whole, sizes[:-1])
        padded = [size] * (whole + 1)
        return min(exact, padded, key=self._estimate)

    def _estimate(self, sizes: Sequence[int]) -> int:
        return len(sizes) * self._start_cost + sum(sizes) * self._point_cost

    def _program(self, size: int, control: Control) -> Executor:
        with self._lock:
            if size not in self._programs:
                with stopped_by(control.check):
                    self._programs[size] = self._made(size)
            return self._programs[size]

    def _made(self, size: int) -> Executor:
        everywhere = [True] * len(self._graph.outputs)
        return self._executor(simplify(batch(self._graph, self._on, size, everywhere)[0]))

    # ------------------------------------------------------------------ failures

    def located(
        self, error: AdglotError, inputs: Sequence[Array], points: range, control: Control
    ) -> AdglotError:
        """The error of the first of these points that fails by itself; else the one given."""
        for k in points:
            try:
                self._point.run(self.cut(inputs, lambda x, k=k: x[k]), control)  # type: ignore[misc]
            except (GuardFailed, InvalidArgument, Unsupported) as own:
                return at_point(own, k)
        return error

    def cut(self, inputs: Sequence[Array], part: Callable[[Array], Array]) -> list[Array]:
        """Some of the points: a part of the inputs that move, all of the shared ones."""
        return [part(x) if on else x for x, on in zip(inputs, self._on, strict=True)]


class _Run:
    """One batch on its way: its tiles are taken in order by whoever has time."""

    def __init__(
        self,
        batches: Batches,
        programs: dict[int, Executor],
        sizes: Sequence[int],
        inputs: Sequence[Array],
        points: int,
        control: Control,
    ) -> None:
        self._batches, self._programs, self._inputs = batches, programs, inputs
        self._points, self._control = points, control
        self._tiles = zip(accumulate(sizes, initial=0), sizes, strict=False)
        self._lock = Lock()
        self._failed: tuple[range, AdglotError] | None = None
        self.outputs = batches.empty(points)

    def everywhere(self, threads: int) -> None:
        """Run all tiles, by this thread and helpers; raises the error of the first point."""
        running = [helpers().submit(self._work) for _ in range(threads - 1)]
        try:
            self._work()
        finally:
            self._tiles = zip()
            for helper in running:
                if not helper.cancel():
                    helper.result()
        if self._failed:
            points, error = self._failed
            raise self._batches.located(error, self._inputs, points, self._control)

    def _work(self) -> None:
        while (tile := self._next()) is not None:
            start, size = tile
            points = range(start, min(start + size, self._points))
            try:
                self._tile(points, size)
            except AdglotError as error:
                self._fail(points, error)

    def _next(self) -> tuple[int, int] | None:
        with self._lock:
            return next(self._tiles, None)

    def _fail(self, points: range, error: AdglotError) -> None:
        """Start no more tiles; of those that fail the first counts."""
        with self._lock:
            self._tiles = zip()
            if self._failed is None or points.start < self._failed[0].start:
                self._failed = points, error

    def _tile(self, points: range, size: int) -> None:
        def part(x: Array) -> Array:
            own = x[points.start : points.stop]
            if len(own) == size:
                return own
            return np.concatenate(
                [own, np.broadcast_to(own[-1], (size - len(own), *own.shape[1:]))]
            )

        results = self._programs[size].run(self._batches.cut(self._inputs, part), self._control)
        for whole, result in zip(self.outputs, results, strict=True):
            whole[points.start : points.stop] = result[: len(points)]


def at_point(error: AdglotError, point: int) -> AdglotError:
    """The error, which says at which point of a batch it was."""
    if isinstance(error, InvalidArgument):
        return InvalidArgument(
            Violation(v.field, f"at point {point}: {v.description}") for v in error.violations
        )
    if isinstance(error, GuardFailed | Unsupported):
        return type(error)(f"at point {point}: {error}")
    return error


_most: ContextVar[int | None] = ContextVar("adglot_most_cores", default=None)


@contextmanager
def at_most(count: int) -> Iterator[None]:
    """Let batches that start in here use so many cores: of others there is work for other uses."""
    token = _most.set(count)
    try:
        yield
    finally:
        _most.reset(token)


def cores() -> int:
    """Those that this process, and whoever asks, may use."""
    return min(_all_cores(), _most.get() or _all_cores())


def _all_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tile_bytes() -> int:
    """Most memory of a tile here, unless one point takes more."""
    return min(TILE_BYTES, ALL_TILES_BYTES // cores())


@cache
def helpers() -> ThreadPoolExecutor:
    """Who works on batches besides the threads that ask for them."""
    return ThreadPoolExecutor(max(1, _all_cores() - 1), "adglot-batch")
