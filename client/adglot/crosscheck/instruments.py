"""A graph with probes built in, so that one request tells the derivatives of all its values.

- Taps: more outputs, one a value: a pushforward gives every tangent.
- Shifts: an input (of zeros) added to every operand: a pullback gives every cotangent, use by use.
- Noise: a factor (of about one) on every rounded value: the answer moves as by rounding.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from adglot.calls import Array
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder, Value
from adglot.ops.rules import real_dtype


@dataclass(frozen=True, slots=True)
class Use:
    """An operand of a node: the node's position in the graph, the operand's among its operands."""

    node: int
    slot: int


@dataclass(frozen=True, slots=True)
class Instrument:
    """The graph with probes; its inputs are the original ones, then one a shift, one a noise.

    `taps` are the values of the original graph that its outputs are; empty for its own outputs.
    """

    graph: Graph
    taps: tuple[int, ...]
    uses: tuple[Use, ...]
    noisy: tuple[int, ...]

    @property
    def shifts(self) -> tuple[int, ...]:
        """The inputs that shift `uses`."""
        stop = len(self.graph.inputs) - len(self.noisy)
        return tuple(range(stop - len(self.uses), stop))

    def inputs(self, values: Sequence[Array], noise: Sequence[Array] | None = None) -> list[Array]:
        """All inputs at a point, the noise being one a noisy value (none: factors of one)."""
        types = self.graph.inputs
        shifts = [_nothing(types[i]) for i in self.shifts]
        ones = [np.ones(t.shape, t.dtype) for t in types[len(types) - len(self.noisy) :]]
        return [*values, *shifts, *(ones if noise is None else noise)]


def _nothing(type: Type) -> Array:
    """Negative zeros: x + -0. is x itself, be x 0. or -0."""
    zero = complex(-0.0, -0.0) if type.is_complex else -0.0
    return np.full(type.shape, zero, type.dtype)


def tapped(graph: Graph, values: Sequence[int]) -> Instrument:
    """The graph with these values for outputs."""
    return _Instrumenting(graph).build(taps=values)


def shifted(graph: Graph, active: Collection[int]) -> Instrument:
    """The graph with a shift at every use of an active value."""
    instrumenting = _Instrumenting(graph)
    types = graph.types
    for position, node in enumerate(graph.nodes):
        for slot, index in enumerate(node.operands):
            if index in active and types[index].is_differentiable:
                instrumenting.shift(Use(position, slot), types[index])
    return instrumenting.build()


def with_noise(instrument: Instrument, quiet: Collection[int]) -> Instrument:
    """The same with noise on every value that is rounded, but for those that are `quiet`."""
    graph = instrument.graph
    instrumenting = _Instrumenting(graph)
    types = graph.types
    for index, node in graph.numbered():
        operands = [types[i] for i in node.operands]
        if TABLE[node.op].cost(operands, node.outputs, **node.attributes):
            for i in range(index, index + len(node.outputs)):
                if types[i].is_differentiable and i not in quiet:
                    instrumenting.noise(i, types[i])
    noisy = instrumenting.build()
    return Instrument(noisy.graph, instrument.taps, instrument.uses, noisy.noisy)


class _Instrumenting:
    """A copy of a graph in the making."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._builder = graph, Builder()
        self._inputs = [self._builder.input(type) for type in graph.inputs]
        self._shifts: dict[Use, Value] = {}
        self._noise: dict[int, Value] = {}

    def shift(self, use: Use, type: Type) -> None:
        self._shifts[use] = self._builder.input(type)

    def noise(self, index: int, type: Type) -> None:
        self._noise[index] = self._builder.input(type.with_dtype(real_dtype(type.dtype)))

    def build(self, taps: Sequence[int] = ()) -> Instrument:
        values = self._copy()
        inputs = [*self._inputs, *self._shifts.values(), *self._noise.values()]
        outputs = [values[i] for i in taps or self._graph.outputs]
        graph = self._builder.build(inputs, outputs, name=self._graph.name)
        return Instrument(graph, tuple(taps), tuple(self._shifts), tuple(self._noise))

    def _copy(self) -> list[Value]:
        values = list(self._inputs)
        for position, node in enumerate(self._graph.nodes):
            self._builder.location = node.location
            operands = [
                self._shifted(values[i], Use(position, slot))
                for slot, i in enumerate(node.operands)
            ]
            for y in self._builder.emit(TABLE[node.op], operands, node.attributes):
                factor = self._noise.get(len(values))
                values.append(y if factor is None else y * factor)
        return values

    def _shifted(self, x: Value, use: Use) -> Value:
        by = self._shifts.get(use)
        return x if by is None else x + by
