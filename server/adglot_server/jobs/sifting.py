"""Answers for a chunk in which some points fail: these are found and marked, the others computed.

Where a guard fails the function takes another branch there. If the job has the Python function, it
is traced again at such a point, and the points that take its branch are computed by that graph.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from adglot.calls import Answer, Array, Call, Pattern
from adglot.cli.functions import load
from adglot.errors import AdglotError, GuardFailed, InvalidArgument, Unsupported
from adglot.ir import Graph, unflatten
from adglot.tracing import trace
from adglot_server.jobs.asking import Ask
from adglot_server.jobs.layout import Part
from adglot_server.jobs.store import GUARD, INVALID, OK, UNSUPPORTED, Results

CODES: dict[type[AdglotError], int] = {
    GuardFailed: GUARD,
    InvalidArgument: INVALID,
    Unsupported: UNSUPPORTED,
}
FAULTS = tuple(CODES)
"""What a point may be the cause of; anything else fails the chunk, to be tried again."""

MOST_BRANCHES = 64
"""Of one chunk; points that take still others are marked."""

_AT_POINT = re.compile(r"\bat point \d+: ")


class Sifter:
    """Computes chunks of one job.

    Args:
        graph: the function.
        call: what is asked, without points.
        ask: who answers.
        parts: the arrays of the results.
        function: the name of the Python function, where it may be traced again.
    """

    def __init__(
        self, graph: Graph, call: Call, ask: Ask, parts: Sequence[Part], function: str | None
    ) -> None:
        self.graph, self.call, self.ask = graph, call, ask
        self.parts, self.function = parts, function

    def results(self, values: Sequence[Array], seeds: Sequence[Array]) -> Results:
        """What is computed at these points; some inputs hold for all of them."""
        asked = replace(self.call, values=tuple(values), seeds=tuple(seeds))
        try:
            arrays = self.arrays(self.ask(asked))
        except FAULTS:
            return _Sieve(self, asked).results()
        return Results(arrays, np.full(len(arrays[0]), OK, np.uint8), {})

    def arrays(self, answer: Answer) -> list[Array]:
        """The arrays of an answer, as the parts have them; Unsupported where they do not fit."""
        arrays = (*answer.values, *answer.derivatives)
        patterns = (*(None for _ in answer.values), *answer.patterns)
        patterns += (None,) * (len(arrays) - len(patterns))
        return list(map(_fitted, arrays, patterns, self.parts))


class _Sieve:
    """One chunk on its way: the points are rows of its arrays."""

    def __init__(self, sifter: Sifter, asked: Call) -> None:
        self._sifter, self._asked = sifter, asked
        pairs = zip(asked.values, sifter.graph.inputs, strict=True)
        self._moving = [x.ndim > type.ndim for x, type in pairs]
        count = next(len(x) for x, on in zip(asked.values, self._moving, strict=True) if on)
        self._arrays = [_nothing(count, part) for part in sifter.parts]
        self._status, self._errors = np.zeros(count, np.uint8), dict[int, str]()

    def results(self) -> Results:
        left = self._compute(self._sifter.graph, np.arange(len(self._status)))
        for _ in range(MOST_BRANCHES if self._sifter.function else 0):
            if not left.size:
                break
            first, graph = int(left[0]), self._traced(int(left[0]))
            if graph is not None:
                left = self._compute(graph, left)
            left = left[left != first]
        return Results(self._arrays, self._status, self._errors)

    def _compute(self, graph: Graph, rows: Array) -> Array:
        """Compute and mark what can be, by this graph; the rows that take another branch."""
        broken = self._broken(graph, rows)
        for row, guard in zip(rows.tolist(), broken.tolist(), strict=True):
            if guard >= 0:
                self._mark(row, GuardFailed(_branch(graph, guard)))
        found = self._halves(graph, rows[broken < 0])
        return np.sort(np.array([*rows[broken >= 0].tolist(), *found], np.int64))

    def _broken(self, graph: Graph, rows: Array) -> Array:
        """The first guard that fails at each row, -1 where none does or nobody can say."""
        broken = np.full(len(rows), -1)
        if not graph.guards or not rows.size:
            return broken
        outputs = tuple(guard.value for guard in graph.guards)
        names = tuple(f"g{k}" for k in range(len(outputs)))
        of_guards = replace(graph, guards=(), outputs=outputs, output_names=names)
        try:
            values = self._ask(of_guards, rows, operator="evaluate").values
        except FAULTS:
            return broken
        for k, (guard, value) in reversed(list(enumerate(zip(graph.guards, values, strict=True)))):
            broken[value != guard.expected] = k
        return broken

    def _halves(self, graph: Graph, rows: Array) -> list[int]:
        """Compute all of these rows, or the halves of them; those whose guard fails."""
        if not rows.size:
            return []
        try:
            self._put(rows, self._sifter.arrays(self._ask(graph, rows)))
            return []
        except FAULTS as error:
            if len(rows) == 1:
                self._mark(int(rows[0]), error)
                return rows.tolist() if isinstance(error, GuardFailed) else []
        half = len(rows) // 2
        return self._halves(graph, rows[:half]) + self._halves(graph, rows[half:])

    def _ask(self, graph: Graph, rows: Array, **changes: Any) -> Answer:
        values = tuple(
            x[rows] if on else x for x, on in zip(self._asked.values, self._moving, strict=True)
        )
        if changes:  # of another operator, which takes no seeds
            changes |= {"seeds": (), "wrt": (), "of": (), "sparse": False, "mode": "auto"}
        else:
            changes = {"seeds": tuple(seed[rows] for seed in self._asked.seeds)}
        return self._sifter.ask(replace(self._asked, graph=graph, values=values, **changes))

    def _put(self, rows: Array, arrays: Sequence[Array]) -> None:
        for whole, part in zip(self._arrays, arrays, strict=True):
            whole[rows] = part
        self._status[rows] = OK
        for row in rows.tolist():
            self._errors.pop(row, None)

    def _mark(self, row: int, error: AdglotError) -> None:
        code = next(code for kind, code in CODES.items() if isinstance(error, kind))
        self._status[row] = code
        self._errors[row] = f"{type(error).__name__}: {_AT_POINT.sub('', str(error))}"

    def _traced(self, row: int) -> Graph | None:
        """The graph of the branch that a row takes; None, and why, where it cannot be used."""
        graph = self._sifter.graph
        pairs = zip(self._asked.values, self._moving, strict=True)
        leaves = [x[row] if on else x for x, on in pairs]
        tree = graph.input_tree
        nests = tree.kind == "tuple" and tree.size == len(leaves)
        try:
            function: Any = load(self._sifter.function or "")
            found = trace(function, *(unflatten(tree, leaves) if nests else leaves))
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises
            self._errors[row] += f"; tracing there: {type(error).__name__}: {error}"
            return None
        if found.output_types == graph.output_types:
            return found
        self._errors[row] += "; this branch has results of another type"
        return None


def _branch(graph: Graph, guard: int) -> str:
    name, expected = graph.guards[guard].name, graph.guards[guard].expected
    return f"{name}: the graph was traced for {expected}, and that does not hold"


def _nothing(count: int, part: Part) -> Array:
    """What stands where nothing was computed: NaN, or 0 where the dtype has none."""
    fill = np.nan if part.dtype.kind in "fc" else 0
    return np.full((count, *part.shape), fill, part.dtype)


def _fitted(array: Array, pattern: Pattern | None, part: Part) -> Array:
    """The nonzeros where the pattern of the part has them."""
    own = part.pattern
    if own is None or pattern is None or _same(own, pattern):
        return array
    places, given = _places(own), _places(pattern)
    at = np.searchsorted(places, given)
    if not np.array_equal(places[np.minimum(at, len(places) - 1)], given):
        raise Unsupported(
            f"this branch has nonzeros of {part.path} where the job's pattern has none"
        )
    whole = np.zeros((len(array), own.nonzeros), array.dtype)
    whole[:, at] = array
    return whole


def _same(a: Pattern, b: Pattern) -> bool:
    return np.array_equal(a.indptr, b.indptr) and np.array_equal(a.indices, b.indices)


def _places(pattern: Pattern) -> Array:
    """The nonzeros, numbered through the whole matrix."""
    rows = np.repeat(np.arange(len(pattern.indptr) - 1), np.diff(pattern.indptr))
    return rows * pattern.columns + pattern.indices
