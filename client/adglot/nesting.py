"""Results as users want them: nested, scalars as scalars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from adglot.calls import Array
from adglot.ir import Tree, unflatten


def scalars(arrays: Iterable[Array]) -> list[Any]:
    """The arrays, those without axes as NumPy scalars: what NumPy functions return."""
    return [array[()] for array in arrays]


def nest(tree: Tree | None, leaves: Sequence[Any]) -> Any:
    """The leaves as users nest them; where nobody knows how, one alone or else a tuple."""
    if tree is not None:
        return unflatten(tree, leaves)
    return leaves[0] if len(leaves) == 1 else tuple(leaves)


def scatter(size: int, positions: Sequence[int], items: Sequence[Any]) -> list[Any]:
    """The items at their positions among `size` leaves, None at all others."""
    leaves: list[Any] = [None] * size
    for i, item in zip(positions, items, strict=True):
        leaves[i] = item
    return leaves
