"""Nested arguments and results against a known tree: taken apart, and put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from adglot.calls import Array
from adglot.errors import InvalidArgument, Violation
from adglot.ir import Tree, unflatten


def leaves_like(tree: Tree, value: Any, field: str) -> list[Any]:
    """The leaves of `value` in the order of `tree`; None stands for the leaves of a whole part.

    A leaf of the tree takes anything, so an array may be given as a list. InvalidArgument says
    which part does not match.
    """
    if tree.kind == "leaf":
        return [value]
    if value is None:
        return [None] * tree.size
    children = _children(tree, value, field)
    steps = [f"[{key!r}]" for key in tree.keys] or [f"[{i}]" for i in range(len(children))]
    return [
        leaf
        for child, part, step in zip(tree.children, children, steps, strict=True)
        for leaf in leaves_like(child, part, field + step)
    ]


def _children(tree: Tree, value: Any, field: str) -> list[Any]:
    if tree.kind == "dict" and isinstance(value, dict) and value.keys() == set(tree.keys):
        return [value[key] for key in tree.keys]
    sequence = tree.kind in ("tuple", "list") and isinstance(value, tuple | list)
    if sequence and len(value) == len(tree.children):
        return list(value)
    what = f"a dict with keys {list(tree.keys)}"
    if tree.kind != "dict":
        what = "None" if tree.kind == "none" else f"a {tree.kind} of {len(tree.children)}"
    raise InvalidArgument(Violation(field, f"expected {what}, got {value!r:.80}"))


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
