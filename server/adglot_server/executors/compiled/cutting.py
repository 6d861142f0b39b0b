"""Cut a long list of scalar ops into functions, and find places for what goes from one to another.

LLVM's time for one function grows faster than its length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from adglot_server.executors.compiled.scalars import Scalars

WHOLE, PART = 400, 100
"""Ops that stay in one function, and of each function where there are more."""

JUMPS = (
    *("sign", "floor", "ceil", "trunc", "round", "floor_divide", "remainder", "isfinite"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    *("logical_and", "logical_or", "logical_xor", "logical_not", "convert_element_type"),
)
"""Ops whose results jump, some of them or at some numbers."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The ops of each function, and places for vectors in a scratch of so many.

    The elements of inputs, then those of results lie in order at its start. `slots` is where a
    scalar is read from another function than its own; `results` where else it has to be.
    """

    parts: tuple[tuple[int, ...], ...]
    slots: Mapping[int, int]
    results: Mapping[int, tuple[int, ...]]
    count: int
    divisors: frozenset[int]
    """Those of several: one reciprocal serves all."""
    exact: frozenset[int]
    """What some jump depends on: a rounding more could be seen."""


def cut(scalars: Scalars, inputs: int, results: Sequence[int]) -> Cut:
    """Only what results need is computed, and what has to be looked at for them to hold.

    There are so many elements of inputs; `results` has the scalars of all results.
    """
    live = _live(scalars, [*results, *scalars.checked()])
    ops = [k for k in live if scalars[k].kind == "apply"]
    size = WHOLE if len(ops) <= WHOLE else PART
    parts = tuple(tuple(ops[k : k + size]) for k in range(0, len(ops), size)) or ((),)
    places: dict[int, list[int]] = {}
    for place, k in enumerate(results):
        places.setdefault(k, []).append(inputs + place)
    slots, count = _slots(scalars, parts, places, inputs + len(results))
    slots.update((k, scalars[k].place) for k in live if scalars[k].kind == "input")
    found = {k: tuple(listed) for k, listed in places.items()}
    exact = frozenset(
        _live(scalars, [x for k in ops if scalars[k].what in JUMPS for x in scalars[k].operands])
    )
    return Cut(parts, slots, found, count, _divisors(scalars, set(ops) - exact), exact)


def _divisors(scalars: Scalars, ops: Collection[int]) -> frozenset[int]:
    counted = Counter(scalars[k].operands[1] for k in ops if scalars[k].what == "divide")
    return frozenset(k for k, count in counted.items() if count > 1)


def _live(scalars: Scalars, roots: Sequence[int]) -> list[int]:
    live: set[int] = set()
    pending = list(roots)
    while pending:
        k = pending.pop()
        if k not in live:
            live.add(k)
            pending += scalars[k].operands
    return sorted(live)


def _slots(
    scalars: Scalars,
    parts: Sequence[Sequence[int]],
    places: Mapping[int, Sequence[int]],
    count: int,
) -> tuple[dict[int, int], int]:
    """Results are read where they have to be; other places are taken again after their readers."""
    last = {x: n for n, part in enumerate(parts) for k in part for x in scalars[k].operands}
    slots: dict[int, int] = {}
    free: list[int] = []
    ending: dict[int, list[int]] = {}
    for n, part in enumerate(parts):
        free += ending.pop(n, [])
        for k in part:
            if k in places:
                slots[k] = places[k][0]
            elif last.get(k, n) > n:
                if not free:
                    free, count = [count], count + 1
                slots[k] = free.pop()
                ending.setdefault(last[k] + 1, []).append(slots[k])
    return slots, count
