"""Nested tuples, lists and dicts of arguments, taken apart and put together again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from adglot.errors import InvalidArgument, Violation

Kind = Literal["leaf", "none", "tuple", "list", "dict"]


@dataclass(frozen=True, slots=True)
class Tree:
    """The structure of a nested argument, its leaves left out; `keys` belong to a dict.

    >>> leaves, tree = flatten({"w": [1.0, 2.0], "b": 3.0})
    >>> leaves
    [3.0, 1.0, 2.0]
    >>> paths(tree, "params")
    ['params.b', 'params.w[0]', 'params.w[1]']
    >>> unflatten(tree, leaves)
    {'w': [1.0, 2.0], 'b': 3.0}
    """

    kind: Kind = "leaf"
    children: tuple[Tree, ...] = ()
    keys: tuple[str, ...] = ()
    order: tuple[str, ...] = field(default=(), compare=False)
    """The keys as the user's dict had them: a function may loop over it. JSON leaves it out."""
    named: type | None = field(default=None, compare=False)
    """The class of a named tuple. JSON leaves it out."""

    @property
    def looks(self) -> tuple[Any, ...]:
        """Orders and classes of all parts: where trees are equal, these may still differ."""
        inner = (child.looks for child in self.children if child.children)
        return (self.order, self.named, *(look for looks in inner for look in looks))

    @property
    def size(self) -> int:
        """How many leaves."""
        return 1 if self.kind == "leaf" else sum(child.size for child in self.children)

    def to_json(self) -> str:
        return json.dumps(_encode(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Tree:
        try:
            return _decode(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InvalidArgument(f"not the JSON of a tree: {error}") from None


LEAF = Tree()


def flatten(value: Any) -> tuple[list[Any], Tree]:
    """Leaves in order (dicts by sorted key) and the structure; None has no leaf."""
    leaves: list[Any] = []
    try:
        return leaves, _flatten(value, leaves)
    except RecursionError:
        what = "arguments and results nest too deeply, or contain themselves"
        raise InvalidArgument(what) from None


def unflatten(tree: Tree, leaves: Sequence[Any]) -> Any:
    """The nested value of these leaves; InvalidArgument when their number is not the tree's."""
    if len(leaves) != tree.size:
        raise InvalidArgument(f"expected {tree.size} leaves, got {len(leaves)}")
    return _unflatten(tree, iter(leaves))


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


def paths(tree: Tree, root: str) -> list[str]:
    """The name of every leaf: ``root.key``, ``root[0]``, or ``root`` itself."""
    if tree.kind == "leaf":
        return [root]
    if tree.kind == "dict":
        steps = [f".{key}" if key.isidentifier() else f"[{key!r}]" for key in tree.keys]
    else:
        steps = [f"[{i}]" for i in range(len(tree.children))]
    return [
        path
        for step, child in zip(steps, tree.children, strict=True)
        for path in paths(child, root + step)
    ]


def _flatten(value: Any, leaves: list[Any]) -> Tree:
    if value is None:
        return Tree("none")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise InvalidArgument("dict arguments need string keys")
        keys = tuple(sorted(value))
        children = tuple(_flatten(value[key], leaves) for key in keys)
        return Tree("dict", children, keys, tuple(value))
    if isinstance(value, list):
        return Tree("list", tuple(_flatten(item, leaves) for item in value))
    if isinstance(value, tuple):
        named = type(value) if hasattr(value, "_fields") else None
        children = tuple(_flatten(item, leaves) for item in value)
        return Tree("tuple", children, named=named)
    leaves.append(value)
    return LEAF


def _unflatten(tree: Tree, leaves: Iterator[Any]) -> Any:
    if tree.kind == "leaf":
        return next(leaves)
    children = [_unflatten(child, leaves) for child in tree.children]
    if tree.kind == "dict":
        parts = dict(zip(tree.keys, children, strict=True))
        return {key: parts[key] for key in tree.order or tree.keys}
    if tree.kind == "none":
        return None
    if tree.kind == "list":
        return children
    return tuple(children) if tree.named is None else tree.named(*children)


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


def _encode(tree: Tree) -> Any:
    if tree.kind == "leaf":
        return "*"
    if tree.kind == "none":
        return None
    children = [_encode(child) for child in tree.children]
    if tree.kind == "dict":
        return dict(zip(tree.keys, children, strict=True))
    return {"()": children} if tree.kind == "tuple" else children


def _decode(data: Any) -> Tree:
    if data == "*":
        return LEAF
    if data is None:
        return Tree("none")
    if isinstance(data, list):
        return Tree("list", tuple(map(_decode, data)))
    if data.keys() == {"()"}:
        return Tree("tuple", tuple(map(_decode, data["()"])))
    return Tree("dict", tuple(map(_decode, data.values())), tuple(data))
