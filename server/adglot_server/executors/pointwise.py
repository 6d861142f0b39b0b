"""Batches by a kernel over points, as soon as there is one; by tiles of programs until then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from adglot.errors import AdglotError
from adglot.ir import Graph
from adglot.ops.core import Array
from adglot_server.executors.batches import Batches, cores
from adglot_server.executors.compiled.points import PointKernel, compile_points
from adglot_server.executors.control import FREELY, Control
from adglot_server.executors.interpreter import Interpreter
from adglot_server.executors.tiered import Tiered, Tiers

PIECE = 1 << 19
"""Scalar ops that a thread takes at a time, where there are several: 10 to 20 us."""

LOOK = 64
"""Pieces between two looks at the deadline."""

SHARE = 1 << 21
"""Scalar ops that are worth another thread: 50 us, where to wake one takes 30."""


class Pointwise(Tiers):
    """The graph of one point, ready for batches of any size; many threads may run it at once.

    >>> import numpy as np
    >>> from adglot import ops
    >>> from adglot.ir import Type
    >>> b = ops.Builder()
    >>> x = b.input(Type("float64", ()))
    >>> Pointwise(b.build([x], [x * x])).run([np.array([1.0, 2.0, 3.0])])
    [array([1., 4., 9.])]
    """

    def __init__(self, graph: Graph, shared: Collection[int] = ()) -> None:
        """The inputs `shared` hold for all points, the others have a leading axis of these."""
        on = tuple(i not in shared for i in range(len(graph.inputs)))
        self.batches = Batches(graph, shared, Interpreter)

        def compile_it() -> KernelBatches | None:
            kernel = compile_points(graph, on)
            if kernel is None:
                self.batches.go_over(Tiered)
                return None
            return KernelBatches(kernel, self.batches)

        first = on.index(True)
        super().__init__(self.batches, compile_it, lambda inputs: max(1, len(inputs[first])), 1)


class KernelBatches:
    """Runs a kernel on all cores, and leaves to others the points at which it does not hold."""

    name = PointKernel.name

    def __init__(self, kernel: PointKernel, others: Batches) -> None:
        self._kernel, self._others = kernel, others

    @property
    def nbytes(self) -> int:
        """Of code."""
        return self._kernel.nbytes

    def optimise(self) -> None:
        """Make the code as fast as it gets."""
        self._kernel.code.optimise()

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """As `Batches.run`."""
        control.check()
        if (made := self._kernel.direct(*inputs)) is not None:
            return made if isinstance(made, list) else [made]
        points = self._others.points(inputs)
        outputs = self._others.empty(points)
        try:
            doubtful = self._everywhere(inputs, outputs, control)
            if doubtful.size:
                again = self._others.run(self._others.cut(inputs, lambda x: x[doubtful]), control)
                for y, part in zip(outputs, again, strict=True):
                    y[doubtful] = part
        except AdglotError:
            control.check()
            return self._others.run(inputs, control)  # which tells at what point it was
        return outputs

    def _everywhere(
        self, inputs: Sequence[Array], outputs: Sequence[Array], control: Control
    ) -> Array:
        """Fill the outputs, by this thread and helpers; which points do not hold."""
        points = self._others.points(inputs)
        threads = min(cores(), max(1, points // self._kernel.piece(SHARE)))
        ops, often = (PIECE, LOOK) if threads > 1 else (PIECE * LOOK, 1)
        return self._kernel.run(inputs, outputs, threads, ops, control.check, often)


Run = Callable[[Sequence[Array], Control], list[Array]]


class Part:
    """Compiled code of a batch's program, as Python calls it: `function` is made `around` it."""

    def __init__(
        self, graph: Graph, shared: Collection[int], around: Callable[[Run], Callable[..., Any]]
    ) -> None:
        """As of `Pointwise`. Raises NotTaken where there is no kernel for the graph."""
        self._kernel = PointKernel(graph, [i not in shared for i in range(len(graph.inputs))])
        self._batches = KernelBatches(self._kernel, Batches(graph, shared, Tiered))
        self._general = around(self._batches.run)

    @property
    def function(self) -> Callable[..., Any]:
        """Straight to the code; what that does not take goes round."""
        direct, general = self._kernel.direct, self._general

        def function(*arrays: Any) -> Any:
            made = direct(*arrays)
            return general(*arrays) if made is None else made

        return function

    @property
    def nbytes(self) -> int:
        """Of code."""
        return self._batches.nbytes

    def optimise(self) -> None:
        """Make the code as fast as it gets."""
        self._batches.optimise()
