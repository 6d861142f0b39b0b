"""Run a graph with NumPy, node by node, freeing and reusing memory as values die."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from adglot.errors import AdglotError, GuardFailed, InvalidArgument, Violation
from adglot.ir import Graph, Guard, Node
from adglot.ops import TABLE
from adglot.ops.core import Array
from adglot.ops.kernels import OfBools, fastest
from adglot.stopping import may_stop
from adglot_server.executors.control import FREELY, Control
from adglot_server.executors.liveness import liveness

Values = list[Any]
Step = Callable[[Values, Control], None]

WORK_BETWEEN_CHECKS = 200_000
"""Scalar operations between two looks at the deadline: about 0.1 ms of NumPy's time."""

NODE_OVERHEAD = 1_000
"""What starting one NumPy function costs, in scalar operations."""


@dataclass(frozen=True, slots=True)
class Fused:
    """One step that does the work of the nodes at the positions from start to stop.

    It leaves what other nodes, outputs and guards read, each in an array of its own.
    """

    start: int
    stop: int
    step: Step


class Runs(Protocol):
    """Runs one graph."""

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]: ...


class Interpreter:
    """A graph made ready to be run many times, by many threads at once.

    >>> from adglot import ops
    >>> from adglot.ir import Type
    >>> b = ops.Builder()
    >>> x = b.input(Type("float64", (2,)))
    >>> Interpreter(b.build([x], [x * x])).run([np.array([2.0, 3.0])])
    [array([4., 9.])]
    """

    name = "interpreter"

    def __init__(
        self,
        graph: Graph,
        fused: Sequence[Fused] = (),
        body: Callable[[Graph], Runs] | None = None,
    ) -> None:
        """`body` makes what runs a node's sub-graph: an interpreter, unless it is given."""
        self._graph = graph
        self._fused = {position: one for one in fused for position in range(one.start, one.stop)}
        self._bodies: dict[int, Runs] = {
            id(value): (body or Interpreter)(value)
            for position, node in enumerate(graph.nodes)
            if position not in self._fused
            for value in node.attributes.values()
            if isinstance(value, Graph)
        }
        self._constants: list[tuple[int, Array]] = []
        self._steps: list[Step] = []
        self._nodes: list[Node] = []
        self._compile()

    def run(self, inputs: Sequence[Array], control: Control = FREELY) -> list[Array]:
        """The outputs at these inputs: arrays of their own, shared with nobody.

        Raises GuardFailed, InvalidArgument (an index out of range, a singular matrix: with the
        place), MemoryError (with the place), DeadlineExceeded, Cancelled.
        """
        with np.errstate(all="ignore"):
            values = self._values(inputs, control)
        for guard in self._graph.guards:
            check_guard(guard, values[guard.value])
        return self._owned(values, inputs)

    def _values(self, inputs: Sequence[Array], control: Control) -> Values:
        values: Values = [None] * len(self._graph.types)
        values[: len(inputs)] = inputs
        for index, constant in self._constants:
            values[index] = constant
        position = -1
        try:
            for position, step in enumerate(self._steps):  # noqa: B007
                step(values, control)
        except AdglotError:
            raise
        except MemoryError as error:
            node = self._nodes[position]
            raise MemoryError(f"{node.location} {node.op}: {error}".strip(": ")) from error
        except (ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError) as error:
            node = self._nodes[position]
            raise InvalidArgument(
                Violation(node.location, f"{node.op}: {str(error) or type(error).__name__}")
            ) from error
        return values

    def _owned(self, values: Values, inputs: Sequence[Array]) -> list[Array]:
        taken = {id(x) for x in inputs}
        results = []
        for index in self._graph.outputs:
            array = np.asarray(values[index])
            if id(array) in taken or array.base is not None or not array.flags.writeable:
                array = np.array(array)
            taken.add(id(array))
            results.append(array)
        return results

    # -------------------------------------------------------------- preparation

    def _compile(self) -> None:
        dying = liveness(self._graph).dying
        reusable = _Reuse(self._graph)
        work = 0
        for position, (index, node) in enumerate(self._graph.numbered()):
            may_stop()
            if (fused := self._fused.get(position)) is not None:
                self._add_fused(fused, position, node, dying[position])
                continue
            if node.op == "constant":
                self._constants.append((index, node.attributes["value"]))  # type: ignore[arg-type]
                continue
            work += NODE_OVERHEAD + _cost(node, self._graph)
            if work > WORK_BETWEEN_CHECKS:
                self._add(_check, node)
                work = 0
            target = reusable.target(node, index, dying[position])
            self._add(self._step(node, index, target), node)
            if dying[position]:
                self._add(partial(_free, dying[position]), node)

    def _add_fused(self, fused: Fused, position: int, node: Node, dying: Sequence[int]) -> None:
        """The step where its first node stands; what dies within is freed behind it."""
        if position == fused.start:
            self._add(_check, node)
            self._add(fused.step, node)
        if dying:
            self._add(partial(_free, dying), node)

    def _add(self, step: Step, node: Node) -> None:
        self._steps.append(step)
        self._nodes.append(node)

    def _step(self, node: Node, index: int, target: int | None) -> Step:
        op = TABLE[node.op]
        if op.higher_order:
            return _nested(partial(op.evaluate, **node.attributes), self._bodies, node, index)
        function = fastest(op.evaluate, [self._graph.types[i].dtype for i in node.operands])
        function = partial(function, **node.attributes) if node.attributes else function
        if target is not None:
            return _in_place(function, node.operands, target, index)
        if len(node.outputs) > 1:
            return _several(function, node.operands, index)
        return _single(function, node.operands, index)


class _Reuse:
    """Finds operands whose memory an elementwise result may take over."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        owned = {index for index, node in graph.numbered() if _is_ufunc(node)}
        for node in graph.nodes:
            if not _is_ufunc(node):
                owned.difference_update(node.operands)
        self._owned = owned

    def target(self, node: Node, index: int, dying: Sequence[int]) -> int | None:
        """A dying operand with the result's type, whose memory nobody else sees."""
        if not dying or not _is_ufunc(node):
            return None
        mine = (i for i in node.operands if i in dying and i in self._owned)
        return next((i for i in mine if self._graph.types[i] == self._graph.types[index]), None)


def _is_ufunc(node: Node) -> bool:
    op = TABLE[node.op]
    return isinstance(op.evaluate, np.ufunc | OfBools) and not op.view


def _cost(node: Node, graph: Graph) -> int:
    types = [graph.types[i] for i in node.operands]
    return TABLE[node.op].cost(types, node.outputs, **node.attributes)


# ------------------------------------------------------------------ steps


def _single(function: Callable[..., Any], operands: tuple[int, ...], index: int) -> Step:
    if len(operands) == 1:
        (a,) = operands

        def unary(values: Values, control: Control) -> None:
            values[index] = function(values[a])

        return unary
    if len(operands) == 2:
        a, b = operands

        def binary(values: Values, control: Control) -> None:
            values[index] = function(values[a], values[b])

        return binary

    def general(values: Values, control: Control) -> None:
        values[index] = function(*[values[i] for i in operands])

    return general


def _several(function: Callable[..., Any], operands: tuple[int, ...], index: int) -> Step:
    def step(values: Values, control: Control) -> None:
        results = function(*[values[i] for i in operands])
        values[index : index + len(results)] = results

    return step


def _in_place(
    function: Callable[..., Any], operands: tuple[int, ...], target: int, index: int
) -> Step:
    def step(values: Values, control: Control) -> None:
        values[index] = function(*[values[i] for i in operands], out=values[target])

    return step


def _nested(function: Callable[..., Any], bodies: dict[int, Runs], node: Node, index: int) -> Step:
    def step(values: Values, control: Control) -> None:
        def run(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
            control.check()
            return bodies[id(graph)].run(inputs, control)

        results = function(run, *[values[i] for i in node.operands])
        results = results if isinstance(results, tuple) else (results,)
        values[index : index + len(results)] = results

    return step


def _check(values: Values, control: Control) -> None:
    control.check()


def _free(dead: Sequence[int], values: Values, control: Control) -> None:
    for i in dead:
        values[i] = None


# ------------------------------------------------------------------ guards


def check_guard(guard: Guard, value: Any) -> None:
    """Raise GuardFailed unless the value is the expected one, at every point of a batch."""
    right = np.asarray(value) == guard.expected
    if right.all():
        return
    points = "" if right.size == 1 else f" at points {np.flatnonzero(~right)[:5].tolist()}"
    raise GuardFailed(
        f"{guard.name}: the graph was traced for {guard.expected}, and that does not hold"
        f"{points}; trace again there"
    )
