"""On what the results of loops and branches depend: the rules of `ops.dependence` for these ops.

Within a loop patterns are those of any step: what is known of a value at one step is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat

import numpy as np

from adglot.ir import Graph
from adglot.ops.control import bodies
from adglot.ops.control.reach import reach_around
from adglot.ops.core import Op
from adglot.ops.dependence import Labels, Operand, Operands, unknown
from adglot.ops.index_sets import IndexSets
from adglot.stopping import may_stop

Follow = Callable[[IndexSets, Graph, Sequence[Operand]], list[Labels]]
"""The labels of a graph's outputs, given its inputs."""


def called(
    follow: Follow, sets: IndexSets, op: Op, operands: Operands, function: Graph
) -> list[Labels]:
    """What the function's outputs depend on."""
    return follow(sets, function, operands)


def branched(
    follow: Follow, sets: IndexSets, op: Op, operands: Operands, if_true: Graph, if_false: Graph
) -> list[Labels]:
    """Of the branch that is taken, or of both where it is not known."""
    predicate, *xs = operands
    taken = predicate.value()
    if taken is not None:
        return follow(sets, if_true if taken else if_false, xs)
    sides = [follow(sets, graph, xs) for graph in (if_true, if_false)]
    return [sets.union(pair) for pair in zip(*sides, strict=True)]


def scanned(
    follow: Follow,
    sets: IndexSets,
    op: Op,
    operands: Operands,
    body: Graph,
    length: int,
    reverse: bool,
    consts: int,
    carries: int,
) -> list[Labels]:
    """Step by step."""
    step = _step(follow, body, operands, consts, carries)
    fixed, state, xs = bodies.split([x.sets() for x in operands], consts, carries)
    ys = [np.zeros((length, *y.shape), np.int64) for y in body.output_types[carries:]]
    for i in reversed(range(length)) if reverse else range(length):
        may_stop()
        state, rows = bodies.split(step(sets, [*fixed, *state, *(x[i] for x in xs)]), carries)
        for y, row in zip(ys, rows, strict=True):
            y[i] = row
    return [*state, *ys]


def repeated(
    follow: Follow,
    sets: IndexSets,
    op: Op,
    operands: Operands,
    condition: Graph,
    body: Graph,
    consts: int,
    max_steps: int,
) -> list[Labels]:
    """Any number of steps, until no more comes to what the carries depend on."""
    step = _step(follow, body, operands, consts, len(operands) - consts)
    fixed, state = bodies.split([x.sets() for x in operands], consts)
    for _ in repeat(None, max_steps) if max_steps else repeat(None):
        may_stop()
        after = step(sets, [*fixed, *state])
        more = [sets.union(pair) for pair in zip(state, after, strict=True)]
        if all(map(np.array_equal, more, state)):
            break
        state = more
    return list(state)


@dataclass(frozen=True, slots=True)
class _Body:
    """On which elements of a body's inputs those of its outputs depend, for every step."""

    body: Graph
    owners: Labels
    columns: Labels

    def __call__(self, sets: IndexSets, inputs: Sequence[Labels]) -> list[Labels]:
        """The labels of the outputs, given those of the inputs."""
        types = self.body.output_types
        flat = np.concatenate([x.reshape(-1) for x in inputs])
        count = sum(type.size for type in types)
        found = sets.merge(self.owners, flat[self.columns], count)
        ends = list(accumulate(type.size for type in types))
        parts = np.split(found, ends[:-1])
        return [part.reshape(type.shape) for part, type in zip(parts, types, strict=True)]


def _step(follow: Follow, body: Graph, operands: Operands, consts: int, carries: int) -> _Body:
    """The body's own pattern, by sets of the elements of its inputs."""
    moving = reach_around(body, [x.labels is not None for x in operands], consts, carries)
    starts = [0, *accumulate(type.size for type in body.inputs)]
    own = IndexSets(starts[-1])
    inputs = [
        Operand(
            type,
            own.singletons(start, type.size).reshape(type.shape) if on else None,
            operand.value if k < consts else unknown,
        )
        for k, (type, operand, on, start) in enumerate(
            zip(body.inputs, operands, moving, starts, strict=False)
        )
    ]
    labels = [y.reshape(-1) for y in follow(own, body, inputs)]
    indptr, columns = own.rows(np.concatenate(labels) if labels else np.zeros(0, np.int64))
    return _Body(body, np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)), columns)
