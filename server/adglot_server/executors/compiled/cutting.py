"""Cut a long list of scalar ops into functions, and find places for what goes from one to another.

LLVM's time for one function grows faster than its length.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from adglot_server.executors.compiled.scalars import Scalars

WHOLE, PART = 400, 100
"""Ops that stay in one function, and of each function where there are more."""


@dataclass(frozen=True, slots=True)
class Store:
    """Neighbouring elements of a result, from number `start` on, that are written together."""

    result: int
    start: int
    scalars: tuple[int, ...]


Steps = tuple[int | Store, ...]
"""Ops by their numbers, and what is written as soon as it has been computed."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The steps of each function, and places for vectors in a scratch of so many.

    Elements of inputs lie in order at its start. `slots` is where a scalar is read from another
    function than its own.
    """

    parts: tuple[Steps, ...]
    slots: Mapping[int, int]
    count: int


def cut(scalars: Scalars, inputs: int, stores: Sequence[Store]) -> Cut:
    """Only what is stored is computed, and what has to be looked at for that to hold.

    What is stored first is computed first. There are so many elements of inputs.
    """
    blocks = list(_blocks(scalars, stores))
    size = WHOLE if sum(map(len, blocks)) - len(stores) <= WHOLE else PART
    parts = _parts(blocks, size)
    slots, count = _slots(scalars, parts, inputs)
    return Cut(parts, slots, count)


def _blocks(scalars: Scalars, stores: Sequence[Store]) -> Iterator[Steps]:
    """Each store behind the ops that only it needs, or that it needs first."""
    done: set[int] = set()
    for one in stores:
        yield (*_needed(scalars, one.scalars, done), one)
    yield tuple(_needed(scalars, sorted(scalars.checked()), done))


def _needed(scalars: Scalars, roots: Sequence[int], done: set[int]) -> Iterator[int]:
    """The ops for these scalars that are not done, operands first."""
    pending = [k for k in reversed(roots) if scalars[k].kind == "apply"]
    while pending:
        k = pending[-1]
        missing = [x for x in scalars[k].operands if x not in done and scalars[x].kind == "apply"]
        if k not in done and missing:
            pending += reversed(missing)
            continue
        pending.pop()
        if k not in done:
            done.add(k)
            yield k


def _parts(blocks: Sequence[Steps], size: int) -> tuple[Steps, ...]:
    """Blocks stay together while they have no more steps than that; longer ones are cut."""
    parts: list[Steps] = [()]
    for block in blocks:
        count = -(-len(block) // size) or 1
        even = -(-len(block) // count)
        for piece in (block[k * even : (k + 1) * even] for k in range(count)):
            if len(parts[-1]) + len(piece) <= size:
                parts[-1] += piece
            else:
                parts.append(piece)
    return tuple(parts)


def read(scalars: Scalars, step: int | Store) -> Collection[int]:
    """What a step needs."""
    return step.scalars if isinstance(step, Store) else scalars[step].operands


def _slots(scalars: Scalars, parts: Sequence[Steps], count: int) -> tuple[dict[int, int], int]:
    """Places behind those of the inputs; they are taken again after the last part that reads."""
    last = {x: n for n, part in enumerate(parts) for step in part for x in read(scalars, step)}
    slots = {k: scalars[k].place for k in last if scalars[k].kind == "input"}
    slots |= {k: scalars[k].place for k in scalars.checked() if scalars[k].kind == "input"}
    free: list[int] = []
    ending: dict[int, list[int]] = {}
    for n, part in enumerate(parts):
        free += ending.pop(n, [])
        for k in part:
            if not isinstance(k, Store) and last.get(k, n) > n:
                if not free:
                    free, count = [count], count + 1
                slots[k] = free.pop()
                ending.setdefault(last[k] + 1, []).append(slots[k])
    return slots, count
