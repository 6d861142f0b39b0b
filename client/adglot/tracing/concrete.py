"""The numbers behind traced values at the point of tracing, for branches of Python code."""

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
        self._maker: dict[int, Record] = {}
        self._read = 0

    def input(self, value: Value, numbers: Callable[[], Numbers] | None) -> None:
        """An input of the trace; without numbers it is abstract, and so is all it reaches."""
        self._varying.add(value.index)
        if numbers is None:
            self._abstract.add(value.index)
        else:
            self._given[value.index] = numbers

    def varies(self, value: Value) -> bool:
        """Whether any input reaches the value."""
        self._catch_up()
        return value.index in self._varying

    def known(self, value: Value) -> bool:
        """Whether the value has numbers: no abstract input reaches it."""
        self._catch_up()
        return value.index not in self._abstract

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
