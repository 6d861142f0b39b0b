"""The body of a loop or a branch as one compiled function: a turn takes a microsecond."""

from __future__ import annotations

from collections.abc import Sequence

from adglot.ir import Graph
from adglot_server.executors.compiled.direct import direct
from adglot_server.executors.compiled.kernel import Array
from adglot_server.executors.compiled.staged import Staged
from adglot_server.executors.control import FREELY, Control
from adglot_server.executors.interpreter import Interpreter, Runs


class Body:
    """A body that is wholly compiled; turns that its function does not take are interpreted."""

    def __init__(self, graph: Graph, code: Staged) -> None:
        self._code, self._interpreter = code, Interpreter(graph)
        self._alone = len(graph.outputs) == 1

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """As `Interpreter.run`."""
        made = self._code.function(*inputs)
        if made is None:
            return self._interpreter.run(inputs, control)
        return [made] if self._alone else made


def body(graph: Graph, made: list[Staged] | None = None) -> Runs:
    """What runs a body: compiled, where all of it can be and something is computed.

    Its code, and that of bodies in it, is added to `made`.
    """
    made = [] if made is None else made
    constants = (i for i, node in graph.numbered() if node.op == "constant")
    if {*range(len(graph.inputs)), *constants}.issuperset(graph.outputs):
        return Interpreter(graph)
    code = direct(graph)
    if code is None:
        return Interpreter(graph, body=lambda inner: body(inner, made))
    made.append(code)
    return Body(graph, code)
