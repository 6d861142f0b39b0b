"""Emit looks at numbers that must be finite, or not zero, for what was computed to hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from adglot_server.executors.compiled.lanes import Code, Lanes
from adglot_server.executors.compiled.scalars import Scalars
from adglot_server.executors.compiled.transposing import WIDTH

SMALLEST_NORMAL = {"double": 2.0**-1022, "float": 2.0**-126}

BITS = {"double": "i64", "float": "i32"}


@dataclass(slots=True)
class Looks:
    """Gathers what one function has seen of its scalars."""

    code: Code
    scalars: Scalars
    wanted: set[int] = field(init=False)
    expected: dict[int, list[int]] = field(default_factory=dict)
    holds: list[Lanes] = field(default_factory=list)
    remains: dict[str, Lanes] = field(default_factory=dict)
    """Bits that are all 0 where all numbers looked at so far are finite."""

    def __post_init__(self) -> None:
        self.wanted = self.scalars.checked()
        for k, value in self.scalars.expected:
            self.expected.setdefault(k, []).append(value)

    def at(self, k: int, x: Lanes) -> None:
        """Look at a scalar as it has to be looked at."""
        if k in self.scalars.finite or k in self.scalars.normal:
            self._finite(x)
        if k in self.scalars.normal:
            self.holds.append(x.abs().compare("ge", SMALLEST_NORMAL[x.element]))
        if k in self.scalars.nonzero:
            self.holds.append(x.abs().compare("gt", 0))
        self.holds += [x.compare("eq", value) for value in self.expected.get(k, ())]

    def _finite(self, x: Lanes) -> None:
        """x - x is 0 or NaN: to gather these takes fewer instructions than to compare each."""
        kind = BITS[x.element]
        bits = (x - x).cast("bitcast", kind)
        self.remains[kind] = self.remains[kind] | bits if kind in self.remains else bits

    def faults(self) -> str:
        """A bit for each point at which a scalar is not as it has to be."""
        holds = [*self.holds, *(x.compare("eq", 0) for x in self.remains.values())]
        if not holds:
            return "0"
        every = holds[0]
        for one in holds[1:]:
            every = every & one
        return self.code.define(f"bitcast {every.type} {(~every).name} to i{WIDTH}")
