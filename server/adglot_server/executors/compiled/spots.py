"""Where the vectors of a nest are computed: one, neighbours in a loop, or all of a short one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from adglot_server.executors.compiled.lanes import Lanes
from adglot_server.executors.compiled.loops import FULL, WIDTH, Mode, first_lanes
from adglot_server.executors.compiled.terms import Term


class Index(NamedTuple):
    """Where a loop is: a number that the code has by a name (if any), and a known one."""

    name: str
    offset: int = 0

    def moved(self, offset: int) -> Index:
        return Index(self.name, self.offset + offset)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a vector is computed: indices of loops, and what was computed outside of these.

    `mode` says which of its lanes count, `lanes` has what is computed here.
    """

    loops: dict[int, Index]
    scalars: dict[Term, Lanes]
    mode: Mode
    lanes: dict[Term, Lanes] = field(default_factory=dict)


def along(loop: int, index: Index, count: int, scalars: dict[Term, Lanes]) -> list[Spot]:
    """So many neighbouring vectors of a loop."""
    return [Spot({loop: index.moved(k * WIDTH)}, scalars, FULL) for k in range(count)]


def throughout(loop: int, first: int, stop: int, scalars: dict[Term, Lanes]) -> list[Spot]:
    """All vectors of a loop; the last one may have lanes that do not count."""
    return [
        Spot({loop: Index("", k)}, scalars, first_lanes(min(WIDTH, stop - k)))
        for k in range(first, stop, WIDTH)
    ]
