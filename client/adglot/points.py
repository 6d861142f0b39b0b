"""From a user's function and arguments to a graph and the arrays to call it at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import index
from typing import Any, Protocol

import numpy as np

from adglot.calls import Array
from adglot.errors import InvalidArgument, TracingError, Violation
from adglot.ir import LEAF, Graph, Tree, as_array, flatten, leaves_like, unflatten
from adglot.ops import Value

Function = Callable[..., Any] | Graph | str
"""What users name a function by: a callable, a graph, or the digest of a registered graph."""

Batch = bool | tuple[bool, ...]
"""Whether the arguments have a leading axis of points, all of them or each by itself."""


@dataclass(frozen=True, slots=True)
class Point:
    """A graph and where to call it: one array an input, and how users nest ins and outs.

    `inputs` is the tree of the tuple of arguments; `outputs` is None where nobody knows it.
    """

    graph: Graph | str
    values: tuple[Array, ...]
    inputs: Tree
    outputs: Tree | None

    def positions(self, argnums: int | Sequence[int]) -> tuple[int, ...]:
        """The inputs that belong to these arguments."""
        stops = list(accumulate((child.size for child in self.inputs.children), initial=0))
        found = [i for n in self._checked(_listed(argnums)) for i in range(stops[n], stops[n + 1])]
        if not found:
            raise InvalidArgument(Violation("argnums", f"there is no array in arguments {argnums}"))
        return tuple(found)

    def tree(self, argnums: int | Sequence[int]) -> Tree:
        """How these arguments nest: one argument itself for an int, else a tuple of them."""
        trees = tuple(self.inputs.children[n] for n in self._checked(_listed(argnums)))
        return Tree("tuple", trees) if isinstance(argnums, Sequence) else trees[0]

    def _checked(self, numbers: Sequence[int]) -> list[int]:
        count = len(self.inputs.children)
        for n in numbers:
            if not -count <= n < count:
                what = f"there is no argument {n}, the function is called with {count}"
                raise InvalidArgument(Violation("argnums", what))
        return [n % count for n in numbers]


def _listed(argnums: Any) -> list[int]:
    """The numbers, as Python's integers."""
    try:
        return [index(n) for n in (argnums if isinstance(argnums, Sequence) else [argnums])]
    except TypeError:
        what = f"expected the number of an argument, or some, got {argnums!r}"
        raise InvalidArgument(Violation("argnums", what)) from None


class Source(Protocol):
    """Where the graph of a function comes from."""

    def at(self, args: tuple[Any, ...], batch: Batch) -> Point:
        """The graph to use at these arguments; with `batch` they have a leading axis of points."""

    def again(self, args: tuple[Any, ...], batch: Batch) -> Point | None:
        """After a guard has failed there: another graph, or None where there is no other."""


def source(f: Function | Source) -> Source:
    """The source of whatever a user may name a function by."""
    if isinstance(f, Graph):
        return GraphSource(f)
    if isinstance(f, str):
        return DigestSource(f)
    if isinstance(f, GraphSource | DigestSource | TracingSource | KeepingSource):
        return f
    if callable(f):
        return TracingSource(f)
    raise InvalidArgument(f"a function is a callable, a Graph or a digest, got {type(f).__name__}")


@dataclass(frozen=True, slots=True)
class GraphSource:
    """A graph made earlier."""

    graph: Graph

    def at(self, args: tuple[Any, ...], batch: Batch) -> Point:
        graph = self.graph
        inputs = _tuple_of(graph.input_tree, len(graph.inputs))
        moving(inputs, batch)  # refuses a tuple for other arguments
        leaves = leaves_like(inputs, args, "args")
        values = tuple(as_dtype(x, t.dtype) for x, t in zip(leaves, graph.inputs, strict=True))
        outputs = graph.output_tree if graph.output_tree.size == len(graph.outputs) else None
        return Point(graph, values, inputs, outputs)

    def again(self, args: tuple[Any, ...], batch: Batch) -> Point | None:
        return None


@dataclass(frozen=True, slots=True)
class DigestSource:
    """A graph that only the server has: one array an argument."""

    digest: str

    def at(self, args: tuple[Any, ...], batch: Batch) -> Point:
        tree = Tree("tuple", (LEAF,) * len(args))
        return Point(self.digest, _arrays(args), tree, None)

    def again(self, args: tuple[Any, ...], batch: Batch) -> Point | None:
        return None


@dataclass(frozen=True, slots=True)
class TracingSource:
    """A Python function, traced at every point: what it closes over may have changed since."""

    function: Callable[..., Any]

    def at(self, args: tuple[Any, ...], batch: Batch) -> Point:
        from adglot.tracing import trace

        leaves, tree = flatten(args)
        values = _arrays(leaves)
        on = moving(tree, batch)
        example = unflatten(tree, _first_points(values, on)) if any(on) else args
        graph = trace(self.function, *example)
        return Point(graph, values, tree, graph.output_tree)

    def again(self, args: tuple[Any, ...], batch: Batch) -> Point | None:
        # Traced at this very point, so a guard can only fail at another point of the batch.
        return None


class KeepingSource:
    """A Python function, traced once for every nesting and types of its arguments.

    Where a guard fails it is traced again, and that graph is kept instead.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._tracing = TracingSource(function)
        self._graphs: dict[Any, Graph] = {}

    def at(self, args: tuple[Any, ...], batch: Batch) -> Point:
        leaves, tree = flatten(args)
        values = _arrays(leaves)
        graph = self._graphs.get(_key(tree, values, moving(tree, batch)))
        if graph is None:
            return self.again(args, batch)
        return Point(graph, values, tree, graph.output_tree)

    def again(self, args: tuple[Any, ...], batch: Batch) -> Point:
        point = self._tracing.at(args, batch)
        assert isinstance(point.graph, Graph)
        on = moving(point.inputs, batch)
        self._graphs[_key(point.inputs, point.values, on)] = point.graph
        return point


def _key(tree: Tree, values: Sequence[Array], on: Sequence[bool]) -> Any:
    types = [(value.dtype, value.shape[lead:]) for value, lead in zip(values, on, strict=True)]
    return tree, tree.looks, tuple(types)


def moving(tree: Tree, batch: Batch) -> list[bool]:
    """Which leaves of the tuple of arguments have a leading axis of points."""
    if isinstance(batch, bool):
        return [batch] * tree.size
    if len(batch) != len(tree.children):
        what = f"says it of {len(batch)} arguments, the function is called with"
        raise InvalidArgument(Violation("batch", f"{what} {len(tree.children)}"))
    pairs = zip(tree.children, batch, strict=True)
    return [on for child, on in pairs for _ in range(child.size)]


def _tuple_of(tree: Tree, size: int) -> Tree:
    """The tree of a tuple of arguments; a flat one where the graph carries none that fits."""
    fits = tree.kind == "tuple" and tree.size == size
    return tree if fits else Tree("tuple", (LEAF,) * size)


def as_dtype(value: Any, dtype: np.dtype[Any]) -> Array:
    """The array, cast where nothing is lost: Python numbers are weak, integers become floats.

    Anything else is left as it is, for the service to refuse.
    """
    if isinstance(value, bool | int | float | complex):
        return np.asarray(value, np.result_type(dtype, value))
    array = _array(value)
    if array.dtype != dtype and np.can_cast(array.dtype, dtype, "safe"):
        return array.astype(dtype)
    return array


def _arrays(leaves: Iterable[Any]) -> tuple[Array, ...]:
    return tuple(_array(leaf, f"inputs[{i}]") for i, leaf in enumerate(leaves))


def _array(leaf: Any, field: str = "") -> Array:
    """The leaf as a plain array; what cannot be one is refused."""
    if isinstance(leaf, Value):
        raise TracingError(
            "a client asks for numbers, and a traced function has none yet: ask for a derivative "
            "of higher order (hessian, hvp), or for the inner one before"
        )
    try:
        return as_array(leaf)
    except InvalidArgument as error:
        raise (error.within(field) if field else error) from None


def _first_points(values: Sequence[Array], on: Sequence[bool]) -> list[Array]:
    pairs = list(zip(values, on, strict=True))
    if not all(value.ndim and len(value) for value, lead in pairs if lead):
        raise InvalidArgument(
            "with batch=True every argument has a leading axis of points; batch=(True, False) says "
            "that the second one has none"
        )
    return [value[0] if lead else value for value, lead in pairs]
