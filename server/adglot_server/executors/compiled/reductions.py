"""Reductions as they run: in lanes over the innermost loop, then across the lanes.

Long sums of floats carry rounding errors along (Kahan 1965, Neumaier 1974): those of the running
sum; four neighbours are added to one another as they are, so at any length two ulp are lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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

FEW = 128
"""Numbers that are summed as they are, in eight lanes, as NumPy does."""


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

    def over(self, count: int) -> Reduction:
        """The rule for so many numbers: of few no errors need be carried along."""
        return replace(self, compensated=self.compensated and count > FEW)

    def joined(self, xs: Sequence[Lanes]) -> Lanes:
        """Several in one: in pairs, and pairs of pairs."""
        parts = list(xs)
        while len(parts) > 1:
            pairs = zip(parts[::2], parts[1::2], strict=False)
            parts = [self.join(a, b) for a, b in pairs] + parts[len(parts) // 2 * 2 :]
        return parts[0]

    def across(self, state: State) -> Lanes:
        """All lanes joined in one number."""
        total = folded(state[0], self.join)
        if not self.compensated:
            return total
        error = folded(state[1], self.join)
        # an infinite sum has a NaN for its error
        exact = total + error
        return error.is_nan().choose(total, exact)


@dataclass(slots=True)
class Running:
    """A reduction over the innermost loop: what its lanes hold so far."""

    rule: Reduction
    index: int
    state: tuple[Lanes, ...]


def folded(x: Lanes, join: Callable[[Lanes, Lanes], Lanes]) -> Lanes:
    """All lanes joined: half of them with the other half, and so on."""
    while x.width > 1:
        half = x.width // 2
        x = join(_part(x, 0, half), _part(x, half, half))
    return x


def _part(x: Lanes, first: int, count: int) -> Lanes:
    """Neighbouring lanes."""
    if count == 1:
        return x.code.value(x.element, 1, f"extractelement {x.type} {x.name}, i32 {first}")
    lanes = ", ".join(f"i32 {first + k}" for k in range(count))
    shuffle = f"shufflevector {x.type} {x.name}, {x.type} poison, <{count} x i32> <{lanes}>"
    return x.code.value(x.element, count, shuffle)


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
