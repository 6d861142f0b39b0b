"""Reductions as they run: in lanes over the innermost loop, then across the lanes.

Sums of floats carry the rounding error of every addition along (Kahan 1965, Neumaier 1974): they
come out as one rounding of the exact sum, nearly, at any length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from adglot.ir import Node
from adglot_server.executors.compiled.elementwise import (
    add,
    convert,
    element,
    greatest,
    least,
    multiply,
)
from adglot_server.executors.compiled.lanes import FLOATS, Code, Lanes, constant, two_sum

State = tuple[Lanes, ...]


@dataclass(frozen=True, slots=True)
class Reduction:
    """How numbers are joined, the number that changes none, and in which element."""

    join: Callable[[Lanes, Lanes], Lanes]
    neutral: float
    element: str
    compensated: bool

    def converted(self, x: Lanes) -> Lanes:
        return convert(x, self.element)

    def start(self, code: Code, width: int) -> State:
        first = constant(code, self.element, width, self.neutral)
        return (first, first) if self.compensated else (first,)

    def add(self, state: State, x: Lanes) -> State:
        if not self.compensated:
            return (self.join(state[0], x),)
        total, error = two_sum(state[0], x)
        return total, state[1] + error

    def across(self, state: State) -> Lanes:
        """All lanes joined in one number."""
        total = self._folded(state[0])
        if not self.compensated:
            return total
        error = self._folded(state[1])
        # an infinite sum has a NaN for its error
        exact = total + error
        return error.is_nan().choose(total, exact)

    def _folded(self, x: Lanes) -> Lanes:
        parts = [
            x.code.value(x.element, 1, f"extractelement {x.type} {x.name}, i32 {k}")
            for k in range(x.width)
        ]
        while len(parts) > 1:
            half = len(parts) // 2
            parts = [self.join(a, b) for a, b in zip(parts[:half], parts[half:], strict=True)]
        return parts[0]


def reduction(node: Node) -> Reduction:
    """The rule of a node that reduces."""
    name = element(node.outputs[0].dtype)
    floating = name in FLOATS
    if node.op == "sum":
        return Reduction(add, 0, name, floating)
    if node.op == "prod":
        return Reduction(multiply, 1, name, False)
    if node.op == "any":
        return Reduction(lambda x, y: x | y, 0, name, False)
    if node.op == "all":
        return Reduction(lambda x, y: x & y, 1, name, False)
    lowest, greatest_number = _range(name)
    if node.op == "max":
        return Reduction(greatest, lowest, name, False)
    return Reduction(least, greatest_number, name, False)


def _range(name: str) -> tuple[float, float]:
    if name in FLOATS:
        return -inf, inf
    bits = int(name[1:]) - 1
    return (0, 1) if not bits else (-(2**bits), 2**bits - 1)
