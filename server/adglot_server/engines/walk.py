"""Say a graph in the functions of another package: what the engines of packages share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from adglot.errors import AdglotError, InvalidArgument, Unsupported, Violation
from adglot.ir import Graph, Node, Type
from adglot.ops.core import Array
from adglot.stopping import may_stop
from adglot_server.executors.control import FREELY, Control
from adglot_server.executors.interpreter import Interpreter
from adglot_server.transforms.operators import Request, derive

Values = list[Any]
Refusal = Callable[[Node, Sequence[Type]], str]

FAULTS = (ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError)
"""What a package raises where values are wrong, as NumPy does."""

FROM_GRAPH = ("constant", "iota", "convert_element_type", "call", "custom_derivative")
"""Ops that every language has from its `constant` and `cast`, and from calling sub-graphs."""

UNLIKE = frozenset(
    [
        "take",
        "scatter",
        "scatter_add",
        "dynamic_slice",
        "dynamic_update_slice",
        "cond",
        "scan",
        "while_loop",
    ]
).union(FROM_GRAPH)
"""Ops whose operands have several roles, so that each keeps its dtype."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """How a package says what a graph says.

    - `package`: its name, for messages.
    - `table`: op -> ``function(*operands, **attributes)``, giving one array or a tuple. Operands
      come in the dtype that NumPy would compute in; a sub-graph among the attributes comes as a
      `Walk`. Ops of `FROM_GRAPH` need no entry.
    - `constant(array)`: a NumPy array as the package's.
    - `cast(x, dtype)`: NumPy's ``astype``; called for every result, so quick where x has it.
    - `refusals`: op -> why a node of it (with its operands' types) cannot be taken, or "".
    - `faults`: exceptions of the package that blame the values, besides `FAULTS`.
    - `promotes`: its functions promote floats and complex numbers as NumPy's do, so that these
      come as they are.
    """

    package: str
    table: Mapping[str, Callable[..., Any]]
    constant: Callable[[Array], Any]
    cast: Callable[[Any, np.dtype[Any]], Any]
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    faults: tuple[type[Exception], ...] = ()
    promotes: bool = False


class Walk:
    """A graph as a function of a package's arrays, node by node; guards are not looked at.

    >>> import operator
    >>> from adglot import ops
    >>> b = ops.Builder()
    >>> x = b.input(Type("float64"))
    >>> table = {"multiply": operator.mul, "add": operator.add}
    >>> language = Language(
    ...     package="floats", table=table, constant=float, cast=lambda x, dtype: x
    ... )
    >>> Walk(b.build([x], [x * x + 1.0]), language)([3.0])
    [10.0]
    """

    def __init__(self, graph: Graph, language: Language) -> None:
        refuse(graph, language)
        self.output_types = graph.output_types
        self._outputs = graph.outputs
        self._steps = [_step(node, graph.types, language) for node in graph.nodes]

    def __call__(self, inputs: Sequence[Any]) -> Values:
        """The outputs at these inputs.

        Raises InvalidArgument with the node's place, and what the check of the `stopped_by` block
        around raises.
        """
        values = list(inputs)
        for step in self._steps:
            may_stop()
            values += step(values)
        return [values[i] for i in self._outputs]


def nodes(graph: Graph) -> Iterator[tuple[Node, Sequence[Type]]]:
    """Every node that a `Walk` runs, those of sub-graphs too, with its operands' types."""
    types = graph.types
    for node in graph.nodes:
        yield node, [types[i] for i in node.operands]
        for body in _bodies(node).values():
            yield from nodes(body)


def all_types(graph: Graph) -> Iterator[Type]:
    """The types of all values, those in sub-graphs too."""
    yield from graph.inputs
    for node, _ in nodes(graph):
        yield from node.outputs


def refuse(graph: Graph, language: Language) -> None:
    """Unsupported, with the reason, where the language lacks a node's op or cannot take it."""
    for node, types in nodes(graph):
        if node.op not in language.table and node.op not in FROM_GRAPH:
            raise Unsupported(f"{language.package} has no {node.op} ({node.location})")
        refusal = language.refusals.get(node.op)
        if refusal is not None and (reason := refusal(node, types)):
            raise Unsupported(f"{language.package} {reason}: {node.op} ({node.location})")


def orders(*taken: float) -> Refusal:
    """Refuses a Bessel function of another order."""
    names = " and ".join(map(str, taken))
    return lambda node, types: (
        "" if node.attributes["order"] in taken else f"has the orders {names} only"
    )


def without(kinds: str) -> Refusal:
    """Refuses operands of these kinds of dtype, as NumPy's letters: b, i, f, c."""

    def refusal(node: Node, types: Sequence[Type]) -> str:
        refused = next((type for type in types if type.dtype.kind in kinds), None)
        return "" if refused is None else f"does not take {refused.dtype}"

    return refusal


def _bodies(node: Node) -> dict[str, Graph]:
    """The sub-graphs that give the node's value: of a custom derivative not its rule."""
    return {
        name: value
        for name, value in node.attributes.items()
        if isinstance(value, Graph) and (node.op, name) != ("custom_derivative", "rule")
    }


# ------------------------------------------------------------------ steps


def _step(node: Node, types: Sequence[Type], language: Language) -> Callable[[Values], Values]:
    if node.op in ("constant", "iota"):
        value = language.constant(_constant(node))
        return lambda values: [value]
    function = _function(node, language)
    casts = list(zip(node.operands, _operand_dtypes(node, types, language), strict=True))
    outputs = [type.dtype for type in node.outputs]
    cast, faults = language.cast, FAULTS + language.faults

    def step(values: Values) -> Values:
        xs = [values[i] if dtype is None else cast(values[i], dtype) for i, dtype in casts]
        try:
            result = function(*xs)
        except AdglotError:
            raise
        except faults as error:
            what = f"{node.op}: {str(error) or type(error).__name__}"
            raise InvalidArgument(Violation(node.location, what)) from error
        results = result if isinstance(result, tuple | list) else (result,)
        return [cast(y, dtype) for y, dtype in zip(results, outputs, strict=True)]

    return step


def _constant(node: Node) -> Array:
    if node.op == "constant":
        return np.asarray(node.attributes["value"])
    return np.arange(node.attributes["size"], dtype=str(node.attributes["dtype"]))  # type: ignore[arg-type]


def _function(node: Node, language: Language) -> Callable[..., Any]:
    bodies = {name: Walk(body, language) for name, body in _bodies(node).items()}
    if node.op in ("call", "custom_derivative"):
        return lambda *xs: bodies["function"](xs)
    if node.op == "convert_element_type":
        return lambda x: x  # its result is cast like every other
    attributes = {**node.attributes, **bodies}
    function = language.table[node.op]
    return partial(function, **attributes) if attributes else function


def _operand_dtypes(
    node: Node, types: Sequence[Type], language: Language
) -> list[np.dtype[Any] | None]:
    """The dtype that NumPy computes in, for the operands to be cast to it."""
    if node.op in UNLIKE or not node.operands:
        return [None] * len(node.operands)
    had = [types[i].dtype for i in node.operands]
    first = 1 if node.op == "where" else 0
    common = computed_in(had[first:], node.outputs[0].dtype)
    promoted = "fc" if language.promotes else ""
    return [
        None if k < first or dtype == common or dtype.kind in promoted else common
        for k, dtype in enumerate(had)
    ]


def computed_in(operands: Sequence[np.dtype[Any]], result: np.dtype[Any]) -> np.dtype[Any]:
    """The operands' common dtype, or for bools and integers what their result is made of."""
    common = np.result_type(*operands)
    if common.kind in "fc" or result.kind == "b":
        return common
    return np.result_type(common, np.float64 if result.kind == "c" else result)


# ------------------------------------------------------------------ guards


class PointCheck:
    """Checks with NumPy, at a point or a batch, what a package's function does not.

    Guards; indices out of range in the ops `indexing`, that the package answers silently, where
    indices that stand in the graph are left to the `Language`; and what NumPy refuses in the ops
    `raising`, such as a singular matrix. Costs nothing for a graph without any.
    """

    def __init__(
        self,
        graph: Graph,
        request: Request,
        *,
        indexing: Collection[str] = (),
        raising: Collection[str] = (),
    ) -> None:
        self._count = len(graph.inputs)
        self._program: Interpreter | None = None
        raises = any(node.op in raising for node, _ in nodes(graph))
        if raises or _has_guards(graph) or _computes_indices(graph, indexing):
            everything = tuple(range(len(graph.outputs)))
            asked = replace(request, operator="evaluate", of=everything, seeds=None)
            self._program = Interpreter(derive(graph, asked).graph)

    def __call__(self, inputs: Sequence[Array], control: Control = FREELY) -> None:
        """Raises GuardFailed or InvalidArgument; seeds behind the inputs are left alone."""
        if self._program is not None:
            self._program.run(inputs[: self._count], control)


def _has_guards(graph: Graph) -> bool:
    bodies = (body for node in graph.nodes for body in _bodies(node).values())
    return bool(graph.guards) or any(map(_has_guards, bodies))


def _computes_indices(graph: Graph, ops: Collection[str]) -> bool:
    """Whether one of these ops takes integers that are not constants of the graph."""
    constants = {index for index, node in graph.numbered() if node.op == "constant"}
    types = graph.types
    for node in graph.nodes:
        computed = (i for i in node.operands if i not in constants)
        if node.op in ops and any(types[i].dtype.kind == "i" for i in computed):
            return True
        if any(_computes_indices(body, ops) for body in _bodies(node).values()):
            return True
    return False
