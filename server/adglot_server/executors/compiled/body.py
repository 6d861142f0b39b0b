"""The body of a loop or a branch as one compiled function: a turn takes a microsecond."""

from __future__ import annotations

from collections.abc import Sequence

from adglot.ir import Graph
from adglot_server.executors.compiled.direct import Direct, direct
from adglot_server.executors.compiled.kernel import Array
from adglot_server.executors.control import FREELY, Control
from adglot_server.executors.interpreter import Interpreter, Runs


class Body:
    """A body that is wholly compiled; turns that its function does not take are interpreted."""

    def __init__(self, graph: Graph, function: Direct) -> None:
        self._function, self._interpreter = function, Interpreter(graph)
        self._alone = len(graph.outputs) == 1

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """As `Interpreter.run`."""
        made = self._function(*inputs)
        if made is None:
            return self._interpreter.run(inputs, control)
        return [made] if self._alone else made


def body(graph: Graph) -> Runs:
    """What runs a body: compiled, where all of it can be and something is computed."""
    constants = (i for i, node in graph.numbered() if node.op == "constant")
    if {*range(len(graph.inputs)), *constants}.issuperset(graph.outputs):
        return Interpreter(graph)
    function = direct(graph)
    return Interpreter(graph, body=body) if function is None else Body(graph, function)
