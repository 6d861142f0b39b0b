"""Run a Python function on traced arrays and keep what it did as a graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from adglot.collecting import uncollected
from adglot.errors import InvalidArgument, TracingError, Violation
from adglot.ir import Graph, Tree, Type, as_array, flatten, paths, unflatten
from adglot.ops import Value
from adglot.tracing import patches, stack
from adglot.tracing.array import Array
from adglot.tracing.builder import Trace

Function = Callable[..., Any]


def trace(f: Function, *args: Any, name: str | None = None) -> Graph:
    """The graph of what `f` computes from `args`.

    Arguments are nested tuples, lists and dicts of arrays and scalars, or of `Type`s. Every leaf
    becomes an input of its dtype and shape, named by its path (``params.w[0]``). With arrays,
    Python branches on values take the branch of this point, and the graph guards it; a `Type` has
    no values, so that such a branch is refused.

    Raises TracingError, with the line of the function, for what a graph cannot hold, and
    InvalidArgument for shapes and dtypes that do not fit.

    >>> import numpy as np
    >>> def norm(x):
    ...     return np.sqrt(np.sum(x * x))
    >>> graph = trace(norm, np.ones(3))
    >>> graph
    <Graph norm(float64[3]) -> (float64[]), 3 nodes>
    >>> trace(norm, Type("float64", (3,))) == graph
    True
    """
    return trace_flat(f, args, name=name)


def trace_flat(f: Function, args: Sequence[Any], *, name: str | None = None) -> Graph:
    """As `trace`, of one sequence of arguments."""
    closed = trace_closed(f, args, name=name)
    if closed.captured:
        raise TracingError(
            f"{closed.graph.name} uses traced values of the function around it: pass them as "
            "arguments"
        )
    return closed.graph


@dataclass(frozen=True, slots=True)
class Closed:
    """A graph, and the outer traced values that its last inputs stand for."""

    graph: Graph
    captured: tuple[Value, ...]


def trace_closed(f: Function, args: Sequence[Any], *, name: str | None = None) -> Closed:
    """As `trace_flat`; values of outer traces that `f` uses become inputs after the others."""
    with uncollected() as pause:
        return _trace_closed(f, args, name, pause)


def _trace_closed(f: Function, args: Sequence[Any], name: str | None, pause: uncollected) -> Closed:
    leaves, tree = flatten(tuple(args))
    names = _input_names(f, tree)
    run = record(f, leaves, tree, names=names, pause=pause)
    with run.builder as builder:
        captured = builder.captured
        hidden = [builder.adopt(value) for value in captured]
        graph = builder.build(
            [*run.inputs, *hidden],
            run.outputs,
            input_names=[*names, *(f"captured{k}" for k in range(len(hidden)))],
            output_names=paths(run.tree, "y"),
            name=name or name_of(f),
            input_tree=None if hidden else tree,
            output_tree=run.tree,
        )
    return Closed(graph, tuple(captured))


@dataclass(frozen=True, slots=True)
class Recording:
    """What a run of a function left behind; `tree` is how its outputs nest."""

    builder: Trace
    inputs: list[Array]
    outputs: list[Value]
    tree: Tree


def record(
    f: Function,
    leaves: Sequence[Any],
    tree: Tree,
    *,
    names: Sequence[str] | None = None,
    abstract: bool = False,
    pause: uncollected | None = None,
) -> Recording:
    """Run `f` on traced arrays like the leaves; with `abstract` none of them has a number."""
    builder = Trace(abstract=abstract)
    builder.pause = pause or builder.pause
    fields = names or [f"x{i}" for i in range(len(leaves))]
    inputs = [_argument(builder, leaf, field) for leaf, field in zip(leaves, fields, strict=True)]
    with patches.applied(), builder.entered():
        results, output_tree = flatten(_call(f, unflatten(tree, inputs)))
        if builder.refusal:  # The function caught it and took a way that NumPy does not take.
            raise builder.refusal
        outputs = [_result(builder, leaf) for leaf in results]
    if not outputs:
        raise TracingError(f"{name_of(f)} returns nothing that a graph could give back")
    return Recording(builder, inputs, outputs, output_tree)


def _call(f: Function, args: Any) -> Any:
    try:
        return f(*args)
    except ValueError as error:
        # NumPy hides why an element of a plain array cannot take a traced value.
        if isinstance(error.__cause__, TracingError):
            raise error.__cause__ from None
        raise


def inline(graph: Graph, *args: Any) -> Any:
    """A graph's nodes on traced arrays, in the trace that runs; nested as the graph says."""
    leaves, _ = flatten(args)
    trace = stack.current()
    if trace is None:
        raise TracingError("inline needs a running trace: evaluate the graph instead")
    return unflatten(graph.output_tree, trace.inline(graph, trace.lift(leaves)))


def _argument(builder: Trace, leaf: Any, path: str) -> Array:
    try:
        value = builder.argument(*_known_of(leaf, known=not builder.abstract))
        if isinstance(leaf, np.ndarray):
            builder.sources[value.index] = leaf
        return value
    except InvalidArgument as error:
        raise error.within(path) from None
    except (TypeError, ValueError):
        what = f"expected an array, a scalar or a Type, got {type(leaf).__name__}"
        raise InvalidArgument(Violation(path, what)) from None


def _known_of(leaf: Any, known: bool) -> tuple[Type, Callable[[], Any] | None, bool]:
    """The type, the numbers if there are any, and whether they lie row by row."""
    if isinstance(leaf, Type):
        return leaf, None, True
    if isinstance(leaf, Value):
        concrete, value = stack.owner(leaf).concrete, leaf.current()
        numbers = partial(concrete.numbers, value) if concrete.known(value) else None
        return leaf.type, numbers, concrete.row_major(value)
    array = np.array(as_array(leaf))
    return Type.of(array), (lambda: array) if known else None, array.flags.c_contiguous


def _result(builder: Trace, leaf: Any) -> Value:
    if not isinstance(leaf, Value | np.ndarray | np.generic | bool | int | float | complex):
        raise TracingError(
            f"the function returned a {type(leaf).__name__}: return arrays and scalars, "
            "in tuples, lists and dicts"
        )
    return builder.lift([leaf])[0]


def name_of(f: Function) -> str:
    """The function's own name, `f` where it has none that could stand in a listing."""
    name = getattr(f, "__name__", "f")
    return name if name.isidentifier() else "f"


def _input_names(f: Function, tree: Tree) -> list[str]:
    roots = _parameter_names(f, len(tree.children))
    return [
        path
        for root, child in zip(roots, tree.children, strict=True)
        for path in paths(child, root)
    ]


def _parameter_names(f: Function, count: int) -> list[str]:
    try:
        bound = inspect.signature(f).bind(*range(count))
    except (TypeError, ValueError):
        return [f"x{i}" for i in range(count)]
    names: list[str] = []
    for name, value in bound.arguments.items():
        names += [f"{name}[{i}]" for i in range(len(value))] if isinstance(value, tuple) else [name]
    return names
