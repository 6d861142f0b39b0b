"""The body of a loop or a branch as one compiled function: a turn takes a microsecond."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from adglot.ir import Graph
from adglot_server.executors.compiled.direct import Direct, direct
from adglot_server.executors.compiled.kernel import Array
from adglot_server.executors.control import FREELY, Control
from adglot_server.executors.interpreter import Interpreter, Runs
from adglot_server.transforms.operators import restrict


class Body:
    """A body that is wholly compiled; turns that its function does not take are interpreted."""

    def __init__(self, graph: Graph, function: Direct, made: Sequence[int]) -> None:
        self._function, self._interpreter = function, Interpreter(graph)
        self._alone = len(made) == 1
        constants = {i: n.attributes["value"] for i, n in graph.numbered() if n.op == "constant"}
        self._outputs = [_picks(i, made, constants, len(graph.inputs)) for i in graph.outputs]

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """As `Interpreter.run`."""
        made = self._function(*inputs)
        if made is None:
            return self._interpreter.run(inputs, control)
        arrays = [made] if self._alone else made
        return [pick(inputs, arrays) for pick in self._outputs]


Pick = Callable[[Sequence[Array], Sequence[Array]], Array]
"""One output, of the inputs and of what was made."""


def _picks(index: int, made: Sequence[int], constants: Mapping[int, object], inputs: int) -> Pick:
    if index in made:
        k = made.index(index)
        return lambda given, arrays: arrays[k]
    if index < inputs:
        return lambda given, arrays: np.array(given[index])
    value = constants[index]
    return lambda given, arrays: np.array(value)


def body(graph: Graph) -> Runs:
    """What runs a body: compiled, where all of it can be."""
    constants = {i for i, node in graph.numbered() if node.op == "constant"}
    found = dict.fromkeys(graph.outputs)
    made = [i for i in found if i >= len(graph.inputs) and i not in constants]
    if not made:
        return Interpreter(graph)
    function = direct(restrict(graph, [graph.outputs.index(i) for i in made]))
    return Interpreter(graph, body=body) if function is None else Body(graph, function, made)
