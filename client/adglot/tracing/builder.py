"""The builder behind a running trace: locations, guards, values of outer traces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from adglot.collecting import MANY, uncollected
from adglot.errors import InvalidArgument, TracingError, Violation
from adglot.ir import Graph, Tree, Type
from adglot.ops import Builder, Op, Value
from adglot.ops.core import Attributes
from adglot.tracing import stack
from adglot.tracing.array import Array
from adglot.tracing.concrete import Concrete, Numbers
from adglot.tracing.errors import error
from adglot.tracing.location import location, source


class Trace(Builder):
    """A builder whose values are traced arrays, and which knows the numbers behind them."""

    def __init__(self, *, abstract: bool = False) -> None:
        super().__init__(Array)
        self.abstract = abstract
        self.location = location
        self.parent = stack.current()
        self.concrete = Concrete(self.records)
        self.refusal: TracingError | None = None
        """The first one in this trace: it stands, even where the function catches it."""
        self.shared: dict[Any, tuple[Graph, list[Value], Tree]] = {}
        """Sub-graphs of functions called with certain types, what they capture, how they nest."""
        self.sources: dict[int, Numbers] = {}
        """The arrays that inputs stand for: two of them may share memory."""
        self._captured: dict[int, tuple[Value, Array]] = {}
        self._guarded: set[tuple[int, bool | int]] = set()
        self.pause: uncollected | None = self.parent.pause if self.parent else None

    @property
    def count(self) -> int:
        """How many values there are."""
        return self._count

    def handle(self, value: Value | None, type: Type | None = None) -> Array:
        """Another handle on a value; without one it stands for memory that is read later."""
        if value is None:
            assert type is not None
            return Array(self, -1, type)
        return Array(self, value.index, value.type)

    @contextmanager
    def entered(self) -> Iterator[Trace]:
        """While this is open, ops emit here."""
        stack.running().append(self)
        try:
            yield self
        finally:
            stack.running().pop()

    def __exit__(self, *error: object) -> None:
        """As of every builder."""
        super().__exit__(*error)
        self.concrete.forget()
        self.shared.clear()
        self._captured.clear()

    def argument(
        self, type: Type, numbers: Callable[[], Numbers] | None, row_major: bool = True
    ) -> Array:
        """An input, with its numbers at the point of tracing if it has any."""
        value = self.input(type)
        assert isinstance(value, Array)
        self.concrete.input(value, numbers, row_major)
        return value

    def active(self) -> Builder:
        """The innermost trace, if this one runs in this thread; else the value has leaked."""
        traces = stack.running()
        if traces and traces[-1] is self:
            return self
        if self in traces:
            return traces[-1]
        raise error(
            "a traced value is used outside of its trace",
            "return it from the traced function, and keep no traced values between calls",
        )

    def adopt(self, value: Value) -> Value:
        """A value of an outer trace becomes a hidden input of this one."""
        if self.parent is None or not isinstance(value.builder, Trace):
            raise error(
                "a traced value of another trace is used here",
                "return it from the traced function, and keep no traced values between calls",
            )
        if value.builder is not self.parent:
            value = self.parent.adopt(value)
        if value.index not in self._captured:
            outer = self.parent.concrete
            known = not outer.varies(value) if self.abstract else outer.known(value)
            inner = self.argument(value.type, partial(outer.numbers, value) if known else None)
            self._captured[value.index] = value, inner
        return self._captured[value.index][1]

    @property
    def captured(self) -> list[Value]:
        """The outer values that were used, in the order in which they came."""
        return [outer for outer, _ in self._captured.values()]

    def inline(self, graph: Graph, inputs: Sequence[Value]) -> list[Value]:
        """As every builder; afterwards nodes are located as before."""
        before = self.location
        try:
            return super().inline(graph, inputs)
        finally:
            self.location = before

    def emit(self, op: Op, operands: Sequence[Value], attributes: Attributes) -> tuple[Value, ...]:
        """As every builder; what is wrong with the operands is told with the user's line."""
        if len(self.records) == MANY and self.pause is not None:
            self.pause.grown(MANY)
        try:
            return super().emit(op, operands, attributes)
        except InvalidArgument as fault:
            where = source()
            raise InvalidArgument(
                Violation(where, f"{op.name}: {v.description}") for v in fault.violations
            ) from None

    def decide(self, value: Value, kind: type[bool] | type[int], advice: str) -> bool | int:
        """The number behind a value that Python code asks for, recorded as a guard."""
        self.active()
        if not self.concrete.known(value):
            raise error("the code asks for the number behind a value that has none yet", advice)
        answer = kind(self.concrete.numbers(value).reshape(())[()])
        if self.concrete.varies(value) and (value.index, answer) not in self._guarded:
            self._guarded.add((value.index, answer))
            self.guard(value, answer, source())
        return answer
