"""Find where a Jacobian or a Hessian may differ from zero, by following sets of inputs.

The derivative program of `jvp` is linear in the tangents. Sets of inputs are followed through its
linear nodes by their `pattern` rules, so whatever has a derivative has a pattern, of any order:
that of a Hessian is the one of its gradient's Jacobian. Rules look at the values that are known:
those of constants alone for a pattern that holds everywhere, all of them at a point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from adglot.calls import Array, Pattern
from adglot.errors import AdglotError
from adglot.ir import Graph, Node
from adglot.ops import TABLE, evaluate_node
from adglot.ops.dependence import Labels, Operand, everything, unknown
from adglot.ops.index_sets import IndexSets
from adglot.stopping import EVERY, may_stop
from adglot_server.transforms.jvp import jvp
from adglot_server.transforms.operators import gradient_graph, restrict


def jacobian_pattern(
    graph: Graph, wrt: Sequence[int], point: Sequence[Array] | None = None
) -> Pattern:
    """All outputs by the inputs `wrt`, each side flat and one after the other.

    With a point the pattern is the one there, otherwise it holds at every point. Raises
    LimitExceeded where it has too many nonzeros to be called sparse.
    """
    sizes = [graph.inputs[i].size for i in wrt]
    firsts = dict(zip(wrt, np.cumsum([0, *sizes]).tolist(), strict=False))
    sets = IndexSets(sum(sizes))
    program, active = jvp(graph, [i in firsts for i in range(len(graph.inputs))])
    operands = [*_primals(graph, point), *_tangents(graph, sets, firsts)]
    moved = iter(follow(sets, program, operands)[len(active) :])
    labels = [
        next(moved) if on else np.zeros(type.shape, np.int64)
        for on, type in zip(active, graph.output_types, strict=True)
    ]
    indptr, indices = sets.rows(np.concatenate([y.reshape(-1) for y in labels]))
    return compact(indptr, indices, sets.size)


def _primals(graph: Graph, point: Sequence[Array] | None) -> list[Operand]:
    if point is None:
        return [Operand(type, None, unknown) for type in graph.inputs]
    pairs = zip(graph.inputs, point, strict=True)
    return [Operand(type, None, partial(np.asarray, x)) for type, x in pairs]


def _tangents(graph: Graph, sets: IndexSets, firsts: Mapping[int, int]) -> list[Operand]:
    """One element of one tangent, one input of the function."""
    types = [(i, graph.inputs[i]) for i in sorted(firsts)]
    singletons = [sets.singletons(firsts[i], type.size).reshape(type.shape) for i, type in types]
    return [
        Operand(type, labels, unknown) for (_, type), labels in zip(types, singletons, strict=True)
    ]


def hessian_pattern(
    graph: Graph, wrt: Sequence[int], point: Sequence[Array] | None = None
) -> Pattern:
    """As `jacobian_pattern`, of the inputs `wrt` twice, for a graph of one scalar output."""
    program = gradient_graph(graph, wrt)
    gradient = restrict(program, range(1, len(program.outputs)))
    return _symmetric(jacobian_pattern(gradient, wrt, point))


def _symmetric(pattern: Pattern) -> Pattern:
    """What is in the pattern on both sides of the diagonal: a Hessian has nothing else."""
    n = pattern.columns
    rows = np.repeat(np.arange(n), np.diff(pattern.indptr))
    columns = pattern.indices.astype(np.int64)
    keys = np.intersect1d(rows * n + columns, columns * n + rows, assume_unique=True)
    rows, columns = np.divmod(keys, max(n, 1))
    return compact(np.searchsorted(rows, np.arange(n + 1)), columns, n)


def compact(indptr: Array, indices: Array, columns: int) -> Pattern:
    """The pattern in 32 bits, where these are enough."""
    dtype = np.int32 if max(columns, len(indices)) < 2**31 else np.int64
    return Pattern(indptr.astype(dtype), indices.astype(dtype), columns)


# ------------------------------------------------------------------ node by node


def follow(sets: IndexSets, graph: Graph, operands: Sequence[Operand]) -> list[Labels]:
    """The labels of the outputs of a graph that is linear in all that its operands depend on."""
    values = _Values(graph, [x.value for x in operands])
    labels = [x.labels for x in operands]
    types = graph.types
    for position, node in enumerate(graph.nodes):
        if position % EVERY == 0:
            may_stop()
        if all(labels[i] is None for i in node.operands):
            labels += [None] * len(node.outputs)
        else:
            xs = [Operand(types[i], labels[i], partial(values, i)) for i in node.operands]
            labels += _through(sets, node, xs)
    found = [labels[i] for i in graph.outputs]
    empty = [np.zeros(type.shape, np.int64) for type in graph.output_types]
    return [b if a is None else a for a, b in zip(found, empty, strict=True)]


def _through(sets: IndexSets, node: Node, operands: Sequence[Operand]) -> list[Labels | None]:
    op = TABLE[node.op]
    rule: Callable[..., Any] = op.pattern or everything
    if op.higher_order and op.pattern is not None:
        rule = partial(op.pattern, follow)
    found = rule(sets, op, operands, **node.attributes)
    outputs = found if isinstance(found, list) else [found]
    return [
        y if type.is_differentiable and y.any() else None
        for y, type in zip(outputs, node.outputs, strict=True)
    ]


class _Values:
    """The values of a graph that can be known, each found when it is asked for."""

    def __init__(self, graph: Graph, inputs: Sequence[Callable[[], Array | None]]) -> None:
        self._inputs = inputs
        self._found: dict[int, Array | None] = {}
        self._makers: list[tuple[int, Node]] = []
        for index, node in graph.numbered():
            self._makers += [(index, node)] * len(node.outputs)

    def __call__(self, value: int) -> Array | None:
        """The value, None where it depends on what nobody knows."""
        waiting = [value]
        while waiting:
            i = waiting[-1]
            needed = () if i < len(self._inputs) else self._maker(i)[1].operands
            missing = [k for k in needed if k not in self._found]
            if i in self._found or not missing:
                self._find(waiting.pop())
            elif any(self._found.get(k, i) is None for k in needed):
                self._found[i] = None
            else:
                waiting.append(missing[0])
        return self._found[value]

    def _maker(self, i: int) -> tuple[int, Node]:
        """The node that makes a value, and the index of its first."""
        return self._makers[i - len(self._inputs)]

    def _find(self, i: int) -> None:
        if i in self._found:
            return
        if i < len(self._inputs):
            self._found[i] = self._inputs[i]()
            return
        index, node = self._maker(i)
        results = _evaluated(node, [self._found[k] for k in node.operands])
        self._found.update((index + k, y) for k, y in enumerate(results))


def _evaluated(node: Node, operands: Sequence[Array | None]) -> Sequence[Array | None]:
    known = [x for x in operands if x is not None]
    if len(known) < len(operands):
        return [None] * len(node.outputs)
    try:
        with np.errstate(all="ignore"):
            return evaluate_node(node, known)
    except (AdglotError, ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError):
        return [None] * len(node.outputs)  # the run will say what is wrong with it
