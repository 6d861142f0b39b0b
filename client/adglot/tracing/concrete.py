"""What is known of traced values while tracing: their numbers, and how they lie in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from adglot.ops.core import Record, Value
from adglot.ops.evaluation import evaluate_op

Numbers = np.ndarray[Any, Any]


class Concrete:
    """Evaluates what is asked for, once, out of the records of a trace."""

    def __init__(self, records: list[Record]) -> None:
        self._records = records
        self._given: dict[int, Callable[[], Numbers]] = {}
        self._known: dict[int, Numbers] = {}
        self._varying: set[int] = set()
        self._abstract: set[int] = set()
        self._columns: set[int] = set()
        self._maker: dict[int, Record] = {}
        self._read = 0

    def input(
        self, value: Value, numbers: Callable[[], Numbers] | None, row_major: bool = True
    ) -> None:
        """An input of the trace; without numbers it is abstract, and so is all it reaches."""
        self._varying.add(value.index)
        if not row_major:
            self.by_columns(value)
        if numbers is None:
            self._abstract.add(value.index)
        else:
            self._given[value.index] = numbers

    def by_columns(self, value: Value) -> None:
        """The value may lie in memory in another order than row by row."""
        self._columns.add(value.index)

    def varies(self, value: Value) -> bool:
        """Whether any input reaches the value."""
        self._catch_up()
        return value.index in self._varying

    def known(self, value: Value) -> bool:
        """Whether the value has numbers: no abstract input reaches it."""
        self._catch_up()
        return value.index not in self._abstract

    def row_major(self, value: Value) -> bool:
        """Whether the value lies row by row in memory; False where that is not known.

        NumPy's functions keep the layout of their operands, so what comes from a transpose may
        lie column by column, and then `reshape` copies where it would give a view.
        """
        self._catch_up()
        return value.index not in self._columns

    def numbers(self, value: Value) -> Numbers:
        """The numbers of a known value."""
        self._catch_up()
        with np.errstate(all="ignore"):
            for record in self._missing(value):
                operands = [self._known[v.index] for v in record.operands]
                results = evaluate_op(record.op, operands, record.attributes)
                for output, result in zip(record.outputs, results, strict=True):
                    self._known[output.index] = result
        return self._known[value.index]

    def forget(self) -> None:
        """Let go of all records and numbers."""
        self._maker.clear()
        self._known.clear()
        self._given.clear()

    def _catch_up(self) -> None:
        """Look at the records that came since the last question."""
        for record in self._records[self._read :]:
            outputs = [v.index for v in record.outputs]
            operands = [v.index for v in record.operands]
            self._maker.update(dict.fromkeys(outputs, record))
            if not self._varying.isdisjoint(operands):
                self._varying.update(outputs)
            if not self._abstract.isdisjoint(operands):
                self._abstract.update(outputs)
            if _reorders(record) or not self._columns.isdisjoint(operands):
                self._columns.update(v.index for v in record.outputs if v.ndim > 1)
        self._read = len(self._records)

    def _missing(self, value: Value) -> Iterable[Record]:
        """The records to evaluate, in order."""
        found: dict[int, Record] = {}
        stack = [value.index]
        while stack:
            index = stack.pop()
            if index in self._given:
                self._known[index] = self._given.pop(index)()
            elif index not in self._known and index not in found:
                record = self._maker[index]
                found.update((v.index, record) for v in record.outputs)
                stack += [v.index for v in record.operands]
        unique = {id(record): record for _, record in sorted(found.items())}
        return unique.values()


def _reorders(record: Record) -> bool:
    """Transposes do, and so does indexing with arrays on any axis but the first."""
    return record.op.name == "permute_dims" or (
        record.op.name == "take" and record.attributes["axis"] != 0
    )
