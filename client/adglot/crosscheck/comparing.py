"""Put engines that agree about a block into one group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from adglot.calls import Array
from adglot.crosscheck.bounds import bound, excess


@dataclass(frozen=True, slots=True)
class Group:
    """Engines whose answers agree, within the bound, with that of the first of them."""

    value: Array
    engines: list[str] = field(default_factory=list)


def groups(
    answers: Mapping[str, Array], relative: float, spread: Array | float = 0.0
) -> list[Group]:
    """The largest group first; of equal ones that of the engine which comes first."""
    found: list[Group] = []
    for engine, value in answers.items():
        near = (g for g in found if agree(g.value, value, relative, spread))
        group = next(near, None)
        if group is None:
            found.append(group := Group(value))
        group.engines.append(engine)
    return sorted(found, key=lambda group: -len(group.engines))


def agree(a: Array, b: Array, relative: float, spread: Array | float = 0.0) -> bool:
    """Whether no component is over its bound, NaN and Inf being of one kind in one place."""
    used = excess(a, b, bound(relative, a, b, spread))
    return bool(np.all(used <= 1))


def worst(
    a: Array, b: Array, relative: float, spread: Array | float = 0.0
) -> tuple[tuple[int, ...], float]:
    """The component that uses most of its bound, and how much."""
    used = excess(a, b, bound(relative, a, b, spread))
    if not used.size:
        return (), 0.0
    place = np.unravel_index(int(np.argmax(used)), used.shape)
    return tuple(int(i) for i in place), float(used[place])
