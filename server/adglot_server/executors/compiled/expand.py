"""Write a graph out in scalars: every value becomes an array of their numbers.

What only moves numbers is done by the op's own evaluation, on arrays of numbers of scalars.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from adglot.ir import Graph, Node, Type
from adglot.ops import TABLE
from adglot_server.executors.compiled.elementwise import (
    ELEMENTWISE,
    element,
    has_element,
    operand_dtypes,
)
from adglot_server.executors.compiled.region import REDUCTIONS, VIEWS, axis_of, ints
from adglot_server.executors.compiled.scalars import MOST, NotTaken, Scalars

Numbers = np.ndarray[Any, np.dtype[np.int64]]
"""Of scalars, in the shape of the value that they make up."""

MOST_ELEMENTS = 10 * MOST
"""Of all values of a graph: many are equal, or zero."""

JOINS = {
    "sum": "add",
    "prod": "multiply",
    "max": "maximum",
    "min": "minimum",
    "any": "logical_or",
    "all": "logical_and",
}
"""The op of two that a reduction is made of."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """A graph's outputs in scalars; its guards are what these have to be."""

    scalars: Scalars
    outputs: tuple[Numbers, ...]


def expand(graph: Graph) -> Expanded:
    """Raises NotTaken for what is no matter of few scalars."""
    sizes = [type.size for type in graph.types]
    if not all(sizes) or sum(sizes) > MOST_ELEMENTS:
        raise NotTaken(f"there are no elements, or more than {MOST_ELEMENTS}")
    scalars = Scalars()
    starts = accumulate((type.size for type in graph.inputs), initial=0)
    values = [_input(scalars, start, type) for start, type in zip(starts, graph.inputs)]  # noqa: B905
    for node in graph.nodes:
        values += _expanded(scalars, node, [values[i] for i in node.operands], graph)
    for guard in graph.guards:
        scalars.expected[int(values[guard.value]), int(guard.expected)] = None
    return Expanded(scalars, tuple(values[i] for i in graph.outputs))


def _input(scalars: Scalars, start: int, type: Type) -> Numbers:
    name = _element(type)
    numbers = [scalars.input(start + k, name) for k in range(type.size)]
    return np.array(numbers, np.int64).reshape(type.shape)


def _element(type: Type) -> str:
    if not has_element(type.dtype):
        raise NotTaken(f"{type.dtype.name} is not compiled")
    return element(type.dtype)


def _expanded(scalars: Scalars, node: Node, operands: list[Numbers], graph: Graph) -> list[Numbers]:
    types = [graph.types[i] for i in node.operands]
    name = _element(node.outputs[0])
    if node.op in ELEMENTWISE:
        return [_elementwise(scalars, node, types, operands)]
    if node.op in REDUCTIONS:
        return [_reduced(scalars, JOINS[node.op], operands[0], ints(node, "axes"), name)]
    if node.op in _MORE:
        return [_MORE[node.op](scalars, node, operands, name)]
    if node.op in VIEWS or node.op in ("concat", "tril", "triu"):
        converted = [_converted(scalars, x, name) for x in operands]
        return [_moved(scalars, node, converted, name)]
    raise NotTaken(f"{node.op} is not written out")


def _converted(scalars: Scalars, x: Numbers, name: str) -> Numbers:
    return _each(lambda k: scalars.convert(k, name), x)


def _each(function: Callable[..., int], *xs: Numbers) -> Numbers:
    """A function of numbers at every place; operands broadcast."""
    spread = np.broadcast_arrays(*xs)
    made = [function(*ks) for ks in zip(*(x.ravel().tolist() for x in spread), strict=True)]
    return np.array(made, np.int64).reshape(spread[0].shape)


def _elementwise(
    scalars: Scalars, node: Node, types: Sequence[Type], operands: list[Numbers]
) -> Numbers:
    dtypes = operand_dtypes(node, types)
    if dtypes is None:
        raise NotTaken(f"{node.op} of these dtypes is not compiled")
    name, targets = element(node.outputs[0].dtype), [element(d) for d in dtypes]
    return _each(lambda *ks: scalars.apply(node.op, name, ks, targets), *operands)


def _moved(scalars: Scalars, node: Node, operands: list[Numbers], name: str) -> Numbers:
    """Places that no operand fills hold 0, and get a literal zero."""
    moved = np.asarray(TABLE[node.op].evaluate(*operands, **node.attributes), np.int64)
    empty = moved == 0
    return np.where(empty, scalars.literal(_zero(name), name), moved) if empty.any() else moved


def _zero(name: str) -> Any:
    return False if name == "i1" else 0 if name.startswith("i") else 0.0


# ------------------------------------------------------------------ sums


def _reduced(scalars: Scalars, op: str, x: Numbers, axes: Sequence[int], name: str) -> Numbers:
    kept = [k for k in range(x.ndim) if k not in axes]
    rows = x.transpose(*kept, *axes).reshape(*(x.shape[k] for k in kept), -1)
    parts = [rows[..., k] for k in range(rows.shape[-1])]
    return _joined(scalars, op, [_converted(scalars, part, name) for part in parts], name)


def _joined(scalars: Scalars, op: str, parts: list[Numbers], name: str) -> Numbers:
    """In pairs, and pairs of pairs: errors grow with the logarithm of the length."""
    while len(parts) > 1:
        pairs = [
            _each(lambda a, b: scalars.apply(op, name, (a, b), (name, name)), *pair)
            for pair in zip(parts[::2], parts[1::2], strict=False)
        ]
        parts = pairs + parts[len(pairs) * 2 :]
    return parts[0]


def _accumulated(scalars: Scalars, node: Node, operands: list[Numbers], name: str) -> Numbers:
    """Every sum (or product) up to each element."""
    op = "add" if node.op == "cumulative_sum" else "multiply"
    x = np.moveaxis(_converted(scalars, operands[0], name), axis_of(node), 0)
    parts = list(x[::-1] if node.attributes["reverse"] else x)
    for k in range(1, len(parts)):
        parts[k] = _joined(scalars, op, [parts[k - 1], parts[k]], name)
    whole = np.array(parts[::-1] if node.attributes["reverse"] else parts, np.int64)
    return np.moveaxis(whole.reshape(x.shape), 0, axis_of(node))


def _product(scalars: Scalars, node: Node, operands: list[Numbers], name: str) -> Numbers:
    """matmul: rows by columns."""
    x, y = (_converted(scalars, k, name) for k in operands)
    left = x[None] if x.ndim == 1 else x
    right = y[:, None] if y.ndim == 1 else y
    op = "logical_and" if name == "i1" else "multiply"
    parts = [
        _each(
            lambda a, b: scalars.apply(op, name, (a, b), (name, name)),
            left[..., :, k, None],
            right[..., k, None, :],
        )
        for k in range(left.shape[-1])
    ]
    return _joined(scalars, "add", parts, name).reshape(node.outputs[0].shape)


# ------------------------------------------------------------------ places


def _constant(scalars: Scalars, node: Node, operands: list[Numbers], name: str) -> Numbers:
    value = np.asarray(node.attributes["value"])
    numbers = [scalars.literal(x, name) for x in value.ravel().tolist()]
    return np.array(numbers, np.int64).reshape(value.shape)


def _counted(scalars: Scalars, node: Node, operands: list[Numbers], name: str) -> Numbers:
    size = node.outputs[0].size
    kind = float if name in ("float", "double") else int
    return np.array([scalars.literal(kind(k), name) for k in range(size)], np.int64)


def _indices(scalars: Scalars, numbers: Sequence[Numbers]) -> list[Any]:
    """Indices that are known."""
    if any(scalars[k].kind != "literal" for x in numbers for k in x.ravel().tolist()):
        raise NotTaken("an index is computed")
    return [
        np.array([scalars[k].what for k in x.ravel().tolist()], np.int64).reshape(x.shape)
        for x in numbers
    ]


def _taken(scalars: Scalars, node: Node, operands: list[Numbers], name: str) -> Numbers:
    x, indices = operands[0], _indices(scalars, operands[1:])
    try:
        return np.asarray(TABLE["take"].evaluate(x, *indices, **node.attributes), np.int64)
    except IndexError:
        raise NotTaken("an index is out of range") from None


def _scattered(scalars: Scalars, node: Node, operands: list[Numbers], name: str) -> Numbers:
    """Every update is added where it belongs, one after the other."""
    x, updates, *others = operands
    indices = _indices(scalars, others)
    flat = _converted(scalars, x, name).ravel().tolist()
    places = np.arange(x.size).reshape(x.shape)
    try:
        where = np.asarray(TABLE["take"].evaluate(places, *indices, **node.attributes), np.int64)
    except IndexError:
        raise NotTaken("an index is out of range") from None
    given = _converted(scalars, updates, name).ravel().tolist()
    for place, update in zip(where.ravel().tolist(), given, strict=True):
        flat[place] = scalars.apply("add", name, (flat[place], update), (name, name))
    return np.array(flat, np.int64).reshape(x.shape)


_MORE: dict[str, Callable[[Scalars, Node, list[Numbers], str], Numbers]] = {
    "constant": _constant,
    "iota": _counted,
    "matmul": _product,
    "take": _taken,
    "scatter_add": _scattered,
    "cumulative_sum": _accumulated,
    "cumulative_prod": _accumulated,
    "pad": lambda s, node, xs, name: _moved(s, node, [_converted(s, xs[0], name)], name),
}
