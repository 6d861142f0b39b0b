"""Run a graph with its regions compiled, and whatever else it has by the interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from adglot.ir import Graph
from adglot_server.executors.compiled.body import body
from adglot_server.executors.compiled.kernel import Array, Kernel, Refused, TooLarge
from adglot_server.executors.compiled.region import region_of
from adglot_server.executors.compiled.scans import Scan, scan
from adglot_server.executors.compiled.schedule import MOST_NODES, WORTH, schedule
from adglot_server.executors.compiled.staged import Staged
from adglot_server.executors.control import FREELY, Control
from adglot_server.executors.interpreter import Fused, Interpreter, Step, Values
from adglot_server.executors.liveness import liveness


class Compiled:
    """A graph made ready to be run many times, by many threads at once, without the GIL.

    >>> from adglot import ops
    >>> from adglot.ir import Type
    >>> import numpy as np
    >>> b = ops.Builder()
    >>> x = b.input(Type("float64", (2,)))
    >>> program = Compiled(b.build([x], [ops.sqrt(x * x + 1.0)]))
    >>> program.run([np.array([0.0, 1.0])])
    [array([1.        , 1.41421356])]
    >>> program.kernels
    1
    """

    name = "compiled"

    def __init__(self, graph: Graph, smallest: int = WORTH) -> None:
        """Regions of fewer computing nodes than `smallest` are left to the interpreter.

        Raises TooLarge for a graph that would take seconds to compile.
        """
        if len(graph.nodes) > MOST_NODES:
            raise TooLarge
        self._graph = graph
        plan = schedule(graph, smallest)
        self._kernels: list[Kernel | Scan] = []
        self._bodies: list[Staged] = []
        self._fused: list[Fused] = []
        for start, stop in plan.regions:
            region = region_of(plan.graph, start, stop, plan.constants)
            self._add(Kernel(region), range(start, stop), region.inputs, region.outputs)
        for position, (index, node) in enumerate(plan.graph.numbered()):
            loop = scan(node, [plan.graph.types[i] for i in node.operands])
            if loop is not None:
                made = range(index, index + len(node.outputs))
                self._add(loop, range(position, position + 1), node.operands, made)
        workspaces = [kernel.workspace for kernel in self._kernels]
        self.peak_bytes = _peak(plan.graph, self._fused, workspaces)
        self._interpreter = Interpreter(
            plan.graph, self._fused, lambda inner: body(inner, self._bodies)
        )

    def _add(
        self, kernel: Kernel | Scan, nodes: range, inputs: Sequence[int], outputs: Sequence[int]
    ) -> None:
        self._kernels.append(kernel)
        self._fused.append(Fused(nodes.start, nodes.stop, _step(kernel, inputs, outputs)))

    @property
    def kernels(self) -> int:
        """Functions that were compiled."""
        return len(self._kernels) + len(self._bodies)

    @property
    def nbytes(self) -> int:
        """Of code, and of what it holds."""
        codes = [kernel.nbytes for kernel in self._kernels] + [body.nbytes for body in self._bodies]
        return sum(codes)

    def optimise(self) -> None:
        """Make the code as fast as it gets."""
        for code in (*(kernel.code for kernel in self._kernels), *self._bodies):
            code.optimise()

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """As `Interpreter.run`."""
        try:
            return self._interpreter.run(inputs, control)
        except Refused:
            return self._plain.run(inputs, control)

    @cached_property
    def _plain(self) -> Interpreter:
        """What runs the graph where compiled code gives up."""
        return Interpreter(self._graph)


def _peak(graph: Graph, fused: Sequence[Fused], workspaces: Sequence[int]) -> int:
    """The most memory that a run needs at one time: all that a region leaves is there at once."""
    live, types = liveness(graph), graph.types
    ends = {one.stop - 1: size for one, size in zip(fused, workspaces, strict=True)}
    inside = {position for one in fused for position in range(one.start, one.stop)}
    left = _left(graph, inside)
    held = peak = sum(type.nbytes for type in graph.inputs)
    dead = 0
    for position, (index, node) in enumerate(graph.numbered()):
        made = range(index, index + len(node.outputs))
        held += sum(types[i].nbytes for i in made if i in left)
        peak = max(peak, held + ends.get(position, 0))
        dead += sum(types[i].nbytes for i in live.dying[position] if i in left)
        if position in ends or position not in inside:
            held, dead = held - dead, 0
    return peak + sum(types[i].nbytes for i in graph.outputs if live.root[i] != i)


def _left(graph: Graph, inside: set[int]) -> set[int]:
    """The values that are arrays at some time: all but those that stay within a region."""
    outside = {
        k
        for position, (_, node) in enumerate(graph.numbered())
        if position not in inside
        for k in node.operands
    }
    outside.update(graph.outputs, (guard.value for guard in graph.guards))
    left: set[int] = set()
    for position, (index, node) in enumerate(graph.numbered()):
        made = range(index, index + len(node.outputs))
        left.update(i for i in made if position not in inside or i in outside)
    return left


def _step(kernel: Kernel | Scan, inputs: Sequence[int], outputs: Sequence[int]) -> Step:
    def step(values: Values, control: Control) -> None:
        results = kernel([values[i] for i in inputs])
        for i, result in zip(outputs, results, strict=True):
            values[i] = result

    return step
