"""The graph: a function as a flat list of operations in SSA form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from os import PathLike
from typing import Any, Union

import numpy as np

from adglot.ir.tree import LEAF, Tree
from adglot.ir.types import Type

OPSET = 1
"""The version of the op table that new graphs are written for."""

Attribute = Union[bool, int, float, complex, str, tuple[int, ...], "np.ndarray[Any, Any]", "Graph"]


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: its operands are indices of earlier values."""

    op: str
    operands: tuple[int, ...]
    attributes: Mapping[str, Attribute]
    outputs: tuple[Type, ...]
    location: str = ""
    """Where the user wrote it (``model.py:12``); not part of the digest."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A branch that tracing took: the value at `value` must equal `expected` at every point."""

    value: int
    expected: bool | int
    name: str


@dataclass(frozen=True)
class Graph:
    """A function as data.

    Values are numbered: the inputs first, then the outputs of every node in order. `outputs`
    are indices of values. Names, trees and locations are metadata: they stay out of the digest.

    >>> Graph(
    ...     inputs=(Type("float64"),),
    ...     nodes=(Node("sin", (0,), {}, (Type("float64"),)),),
    ...     outputs=(1,),
    ...     input_names=("x",),
    ...     output_names=("y",),
    ... )
    <Graph f(float64[]) -> (float64[]), 1 nodes>
    """

    inputs: tuple[Type, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    guards: tuple[Guard, ...] = ()
    name: str = "f"
    opset: int = OPSET
    input_tree: Tree = field(default=LEAF)
    output_tree: Tree = field(default=LEAF)

    @cached_property
    def types(self) -> tuple[Type, ...]:
        """The type of every value, by index."""
        return tuple(chain(self.inputs, *(node.outputs for node in self.nodes)))

    @property
    def output_types(self) -> tuple[Type, ...]:
        return tuple(self.types[i] for i in self.outputs)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the canonical encoding: the graph's name on every server."""
        from adglot.ir.digest import digest

        return digest(self)

    def renamed_from(self, graph: Graph) -> Graph:
        """This graph, which differs from `graph` by names alone, with its digest if it is known."""
        if "digest" in graph.__dict__:
            self.__dict__["digest"] = graph.digest
        return self

    def numbered(self) -> Iterator[tuple[int, Node]]:
        """Every node with the index of its first output."""
        index = len(self.inputs)
        for node in self.nodes:
            yield index, node
            index += len(node.outputs)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the graph to a file (a serialized ``adglot.v1.Graph`` message)."""
        from adglot.ir import storage

        storage.save(self, path)

    @staticmethod
    def load(path: str | PathLike[str]) -> Graph:
        """Read a graph that `save` wrote; InvalidArgument says what is wrong with the file."""
        from adglot.ir import storage

        return storage.load(path)

    def __str__(self) -> str:
        from adglot.ir.text import text

        return text(self)

    def __repr__(self) -> str:
        ins, outs = ", ".join(map(repr, self.inputs)), ", ".join(map(repr, self.output_types))
        return f"<Graph {self.name}({ins}) -> ({outs}), {len(self.nodes)} nodes>"

    def __eq__(self, other: object) -> bool:
        """Equal digests: the same function, whatever its names."""
        return isinstance(other, Graph) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)
