"""Compile the graph of one point for any number of points, eight at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adglot.ir import Graph, Type
from adglot.ops.core import Array
from adglot_server.executors.compiled.elementwise import element
from adglot_server.executors.compiled.expand import expand
from adglot_server.executors.compiled.machine import STRAIGHT
from adglot_server.executors.compiled.scalars import NotTaken
from adglot_server.executors.compiled.staged import of_addresses
from adglot_server.executors.compiled.tiles import Column, Tiles
from adglot_server.executors.compiled.transposing import WIDTH
from adglot_server.executors.interpreter import check_guard


class PointKernel:
    """A graph made ready for batches of any size, on many threads at once, without the GIL.

    >>> from adglot import ops
    >>> from adglot.ir import Type
    >>> b = ops.Builder()
    >>> x, a = b.input(Type("float64", (2,))), b.input(Type("float64", ()))
    >>> kernel = PointKernel(b.build([x, a], [a * x]), (True, False))
    >>> y = np.empty((3, 2))
    >>> kernel.run([np.arange(6.0).reshape(3, 2), np.array(10.0)], [y])
    array([], dtype=int64)
    >>> y
    array([[ 0., 10.],
           [20., 30.],
           [40., 50.]])
    """

    name = "compiled"

    def __init__(self, graph: Graph, batched: Sequence[bool]) -> None:
        """The flagged inputs have a leading axis of points, the others hold for all.

        Raises NotTaken for graphs of many scalars, or of ops that are not written out in these.
        """
        written = tiles(graph, batched)
        self._ops = written.ops
        self._graph, self._batched = graph, tuple(batched)
        arity = 2 + len(graph.inputs) + len(graph.outputs) + len(graph.guards)
        self.code = of_addresses(written.text(), "adglot", arity, STRAIGHT)

    @property
    def nbytes(self) -> int:
        """Of code."""
        return self.code.nbytes

    def piece(self, ops: int) -> int:
        """How many points, in whole tiles, take about so many scalar operations."""
        return max(1, ops // (self._ops * WIDTH)) * WIDTH

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> Array:
        """Fill the outputs; returns the numbers of the points whose outputs do not hold.

        At these some number was infinite or NaN (or a divisor zero) where an exact zero was taken
        for granted: they are for another executor. All arrays are of the graph's types, those of
        points have n > 0 of them, and outputs are contiguous. Raises GuardFailed.
        """
        n, inputs = len(outputs[0]), [np.ascontiguousarray(x) for x in inputs]
        whole = n - n % WIDTH
        if whole == n:
            return self._run(inputs, outputs)
        doubtful = []
        if whole:
            doubtful.append(self._run(self._cut(inputs, 0, whole), [y[:whole] for y in outputs]))
        if whole < n:
            doubtful.append(self._rest(self._cut(inputs, whole, n), outputs, whole))
        return np.concatenate(doubtful)

    def _cut(self, inputs: Sequence[Array], start: int, stop: int) -> list[Array]:
        return [x[start:stop] if on else x for x, on in zip(inputs, self._batched, strict=True)]

    def _rest(self, inputs: Sequence[Array], outputs: Sequence[Array], start: int) -> Array:
        """The last points, in a tile of their own: the last of them fills it up."""
        count = len(outputs[0]) - start
        order = np.minimum(np.arange(WIDTH), count - 1)
        padded = [x[order] if on else x for x, on in zip(inputs, self._batched, strict=True)]
        results = [np.empty((WIDTH, *y.shape[1:]), y.dtype) for y in outputs]
        doubtful = self._run(padded, results)
        for y, result in zip(outputs, results, strict=True):
            y[start:] = result[:count]
        return start + doubtful[doubtful < count]

    def _run(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> Array:
        """As `run`, for whole tiles."""
        n = len(outputs[0])
        types = [self._graph.types[guard.value] for guard in self._graph.guards]
        guards = [np.empty(n, type.dtype) for type in types]
        faults = np.empty(n // WIDTH, np.uint8)
        arrays = [*inputs, *outputs, *guards, faults]
        self.code.function(n // WIDTH, *(x.ctypes.data for x in arrays))
        for guard, values in zip(self._graph.guards, guards, strict=True):
            check_guard(guard, values)
        if not faults.any():
            return np.empty(0, np.int64)
        return np.flatnonzero(np.unpackbits(faults, bitorder="little"))


def compile_points(graph: Graph, batched: Sequence[bool]) -> PointKernel | None:
    """The kernel of a graph, or None where there can be none."""
    try:
        return PointKernel(graph, batched)
    except NotTaken:
        return None


def tiles(graph: Graph, batched: Sequence[bool]) -> Tiles:
    """What writes the code of a graph; raises NotTaken."""
    expanded = expand(graph)
    inputs = [_column(type, not on) for type, on in zip(graph.inputs, batched, strict=True)]
    results = [graph.types[i] for i in (*graph.outputs, *(g.value for g in graph.guards))]
    return Tiles(expanded, inputs, [_column(type) for type in results])


def _column(type: Type, shared: bool = False) -> Column:
    return Column(type.size, element(type.dtype), shared)
