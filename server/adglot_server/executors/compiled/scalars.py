"""A graph written out in scalars: each computed once, folded where that changes no value.

A product with a literal zero is folded too, as derivatives along unit vectors are full of them.
That is right where the other factor is finite, and the kernel looks: it names the points where it
is not. Of such a zero nobody knows the sign; what would show it is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np

from adglot.ops import TABLE
from adglot_server.executors.compiled.elementwise import ELEMENTS
from adglot_server.executors.compiled.lanes import FLOATS

MOST = 30_000
"""Scalars of one graph; to write out more takes seconds."""

NAMES = {element: np.dtype(name) for name, element in ELEMENTS.items()}


class NotTaken(Exception):
    """The graph is not one for a kernel over points."""


class Scalar(NamedTuple):
    """One number a point: an input's element, a literal, or an op of scalars.

    `what` is a number, or the op's name; `place` that among the elements of all inputs.
    """

    kind: str
    element: str
    what: Any
    operands: tuple[int, ...] = ()
    place: int = 0


@dataclass(slots=True)
class Scalars:
    """The scalars made so far, by number; 0 is none."""

    all: list[Scalar] = field(default_factory=lambda: [Scalar("none", "", None)])
    finite: dict[int, None] = field(default_factory=dict)
    """Those that must be finite at a point for its results to hold."""
    nonzero: dict[int, None] = field(default_factory=dict)
    """Those that must be neither zero nor NaN."""
    normal: dict[int, None] = field(default_factory=dict)
    """Those that must be neither infinite, NaN nor subnormal."""
    expected: dict[tuple[int, int], None] = field(default_factory=dict)
    """Those that must be a certain number, and which: guards."""
    _known: dict[Any, int] = field(default_factory=dict)

    def checked(self) -> set[int]:
        """All that have to be looked at."""
        guards = {k for k, _ in self.expected}
        return {*self.finite, *self.nonzero, *self.normal, *guards}

    def __getitem__(self, number: int) -> Scalar:
        return self.all[number]

    def input(self, place: int, element: str) -> int:
        return self._shared(("input", place), Scalar("input", element, None, place=place))

    def literal(self, x: Any, element: str) -> int:
        return self._shared(("literal", element, repr(x)), Scalar("literal", element, x))

    def lost(self, element: str) -> int:
        """A zero whose sign was not computed."""
        return self._shared(("lost", element), Scalar("lost", element, 0.0))

    def apply(self, op: str, element: str, operands: Sequence[int], targets: Sequence[str]) -> int:
        """An elementwise op of operands converted to the targets, folded if it can be."""
        xs = tuple(self.convert(x, t) for x, t in zip(operands, targets, strict=True))
        if op in ("convert_element_type", "conj", "real"):
            return xs[0]
        folded = self._folded(op, element, xs)
        return self._made(op, element, xs) if folded is None else folded

    def convert(self, x: int, element: str) -> int:
        scalar = self.all[x]
        if scalar.element == element:
            return x
        if scalar.kind == "lost":
            return self.lost(element) if element in FLOATS else self.literal(0, element)
        if scalar.kind == "literal":
            return self.literal(NAMES[element].type(scalar.what).item(), element)
        return self._made("convert_element_type", element, (x,))

    def reciprocal(self, x: int) -> int:
        """1 / x, which must be a normal number for what is computed with it to hold."""
        element = self.all[x].element
        made = self._made("divide", element, (self.literal(1.0, element), x))
        self.normal[made] = None
        return made

    def _made(self, op: str, element: str, xs: tuple[int, ...]) -> int:
        return self._shared((op, element, xs), Scalar("apply", element, op, xs))

    def _shared(self, key: Any, scalar: Scalar) -> int:
        if key not in self._known:
            if len(self.all) > MOST:
                raise NotTaken(f"more than {MOST} scalars")
            self._known[key] = len(self.all)
            self.all.append(scalar)
        return self._known[key]

    # ------------------------------------------------------------------ folding

    def _folded(self, op: str, element: str, xs: tuple[int, ...]) -> int | None:
        if all(self.all[x].kind == "literal" for x in xs):
            return self._evaluated(op, element, xs)
        if op == "where" and xs[1] == xs[2]:
            return xs[1]
        if op in _FOLDS and element in FLOATS:
            return _FOLDS[op](self, element, *xs)  # type: ignore[no-any-return]
        if op not in _ANY_ZERO and any(map(self.is_lost, xs)):
            raise NotTaken(f"{op} of a zero of unknown sign")
        return None

    def _evaluated(self, op: str, element: str, xs: tuple[int, ...]) -> int:
        operands = [NAMES[self.all[x].element].type(self.all[x].what) for x in xs]
        with np.errstate(all="ignore"):
            result = np.asarray(TABLE[op].evaluate(*operands))
        return self.literal(result.astype(NAMES[element]).item(), element)

    def is_zero(self, x: int) -> bool:
        return self.all[x].kind == "lost" or self._is(x, 0.0)

    def is_lost(self, x: int) -> bool:
        return self.all[x].kind == "lost"

    def _is(self, x: int, value: float) -> bool:
        scalar = self.all[x]
        return scalar.kind == "literal" and scalar.what == value

    def _multiply(self, element: str, x: int, y: int) -> int | None:
        for a, b in ((x, y), (y, x)):
            if self.is_zero(a):
                return self._zero_times(b, element)
            if self._is(a, 1.0):
                return b
            if self._is(a, -1.0):
                return self._minus(b, element)
            if (minus := self._negated(a)) is not None:
                return self._minus(self._two("multiply", element, minus, b), element)
        if x == y and self.all[x].what == "subtract":
            x = y = self._two("subtract", element, *sorted(self.all[x].operands))
        return self._made("multiply", element, (min(x, y), max(x, y)))

    def _two(self, op: str, element: str, x: int, y: int) -> int:
        return self.apply(op, element, (x, y), (element, element))

    def _negated(self, x: int) -> int | None:
        """y, where x is -y."""
        scalar = self.all[x]
        return scalar.operands[0] if scalar.what == "negative" else None

    def _zero_times(self, x: int, element: str) -> int:
        scalar = self.all[x]
        if scalar.kind in ("apply", "input"):
            self.finite[x] = None
        elif not abs(scalar.what) < inf:
            return self.literal(nan, element)
        return self.lost(element)

    def _divide(self, element: str, x: int, y: int) -> int | None:
        if self.is_lost(y):
            raise NotTaken("a division by a zero of unknown sign")
        if self._is(y, 1.0):
            return x
        if self.is_zero(x):
            return self._zero_over(y, element)
        minus = self._negated(x)
        return (
            None if minus is None else self._minus(self._two("divide", element, minus, y), element)
        )

    def _zero_over(self, y: int, element: str) -> int:
        scalar = self.all[y]
        if scalar.kind in ("apply", "input"):
            self.nonzero[y] = None
        elif not abs(scalar.what) > 0:
            return self.literal(nan, element)
        return self.lost(element)

    def _add(self, element: str, x: int, y: int) -> int | None:
        for a, b in ((x, y), (y, x)):
            if self.is_lost(a):
                return b
            if (minus := self._negated(a)) is not None:
                return self._two("subtract", element, b, minus)
        return self._made("add", element, (min(x, y), max(x, y)))

    def _subtract(self, element: str, x: int, y: int) -> int | None:
        if x == y and self.all[x].kind in ("apply", "input"):
            self.finite[x] = None
            return self.literal(0.0, element)
        if self.is_zero(y):
            return x
        if self.is_lost(x):
            return self._minus(y, element)
        minus = self._negated(y)
        return None if minus is None else self._two("add", element, x, minus)

    def _minus(self, x: int, element: str) -> int:
        return self.apply("negative", element, (x,), (element,))

    def _negative(self, element: str, x: int) -> int | None:
        return x if self.is_lost(x) else self._negated(x)


_FOLDS: dict[str, Any] = {
    "multiply": Scalars._multiply,
    "divide": Scalars._divide,
    "add": Scalars._add,
    "subtract": Scalars._subtract,
    "negative": Scalars._negative,
}

_ANY_ZERO = (
    *("where", "abs", "isfinite"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
)
"""Ops that take both zeros for the same; of `where` nobody divides."""
