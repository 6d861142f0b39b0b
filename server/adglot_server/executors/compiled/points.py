"""Compile the graph of one point for any number of points, eight at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from adglot.ir import Graph, Type
from adglot.ops.core import Array
from adglot_server.executors.compiled.direct import Direct
from adglot_server.executors.compiled.elementwise import element
from adglot_server.executors.compiled.entry import Batch, Signature
from adglot_server.executors.compiled.expand import expand
from adglot_server.executors.compiled.machine import STRAIGHT, MachineCode
from adglot_server.executors.compiled.scalars import NotTaken
from adglot_server.executors.compiled.staged import Staged
from adglot_server.executors.compiled.tiles import Column, Tiles
from adglot_server.executors.compiled.transposing import WIDTH
from adglot_server.executors.compiled.workers import ALL, Job


@dataclass(frozen=True, slots=True)
class _Functions:
    """What there is: code, and a function of Python's own in it."""

    code: MachineCode
    direct: Direct


AT_ONCE = 1 << 22
"""Scalar operations that one thread does in one go, some 0.5 ms of them."""


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
        self._ops, self._batched = written.ops, tuple(batched)
        signature = Signature(
            graph.inputs,
            graph.output_types,
            range(len(graph.inputs)),
            workspace=1,
            work=AT_ONCE,
            batch=Batch(self._batched, self.piece(AT_ONCE)),
        )

        def functions(code: MachineCode) -> _Functions:
            return _Functions(code, signature.function(code.addresses["run"], code))

        self.code = Staged(written.text(), ["adglot", "run"], functions, STRAIGHT)

    @property
    def direct(self) -> Direct:
        """A function of the inputs that makes its outputs: see `direct.Direct`.

        It takes a tile of points at least, and not so many that they were worth a second thread.
        """
        return self._functions.direct

    @property
    def _functions(self) -> _Functions:
        functions: _Functions = self.code.function
        return functions

    @property
    def nbytes(self) -> int:
        """Of code."""
        return self.code.nbytes

    def piece(self, ops: int) -> int:
        """How many points, in whole tiles, take about so many scalar operations."""
        return max(1, ops // (self._ops * WIDTH)) * WIDTH

    def run(
        self,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        workers: int = 1,
        ops: int = ALL,
        check: Callable[[], object] = lambda: None,
        often: int = ALL,
    ) -> Array:
        """Fill the outputs; returns the numbers of the points whose outputs do not hold.

        At these some number was infinite or NaN (or a divisor zero) where an exact zero was taken
        for granted, or a guard failed: they are for another executor. All arrays are of the graph's
        types, those of points have n > 0 of them, and outputs are contiguous. So many threads do
        pieces of so many `ops`; raises what `check` does, which is called after so many pieces.
        """
        points = len(outputs[0])
        if points < WIDTH:
            return self._few(points, inputs, outputs)
        faults = np.empty(-(-points // WIDTH), np.uint8)
        arrays = [*(np.ascontiguousarray(x) for x in inputs), *outputs, faults]
        given, piece = [x.ctypes.data for x in arrays], self.piece(ops) // WIDTH
        code = self._functions.code
        job = Job(code, "adglot", points, len(faults), piece, workers, given)
        job.run(check, often)
        return _doubtful(faults, points) if job.faults else np.empty(0, np.int64)

    def _few(self, n: int, inputs: Sequence[Array], outputs: Sequence[Array]) -> Array:
        """Less than a tile: the last point fills it up."""
        order = np.minimum(np.arange(WIDTH), n - 1)
        padded = [x[order] if on else x for x, on in zip(inputs, self._batched, strict=True)]
        results = [np.empty((WIDTH, *y.shape[1:]), y.dtype) for y in outputs]
        doubtful = self.run(padded, results)
        for y, result in zip(outputs, results, strict=True):
            y[...] = result[:n]
        return doubtful[doubtful < n]


def _doubtful(faults: Array, points: int) -> Array:
    """The points that bits are set for, a byte a tile: the last tile is of the last points."""
    bits = np.unpackbits(faults[:, None], axis=1, bitorder="little")
    tiles, lanes = np.nonzero(bits)
    return np.unique(np.minimum(WIDTH * tiles, points - WIDTH) + lanes)


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
    return Tiles(expanded, inputs, [_column(graph.types[i]) for i in graph.outputs])


def _column(type: Type, shared: bool = False) -> Column:
    return Column(type.size, element(type.dtype), shared)
