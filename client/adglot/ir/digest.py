"""The canonical encoding of a graph and its SHA-256."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from adglot.ir.graph import Attribute, Graph, Node
from adglot.ir.types import Type

Write = Callable[[bytes], Any]


def digest(graph: Graph) -> str:
    """SHA-256 over inputs, nodes, outputs and guards; names and metadata are left out.

    Two graphs have one digest exactly when they are the same list of operations. Every field is
    written with its length before it, so no two graphs share an encoding.
    """
    sha = hashlib.sha256()
    _graph(graph, sha.update)
    return sha.hexdigest()


def _graph(graph: Graph, write: Write) -> None:
    write(b"adglot.v1.Graph")
    _ints((graph.opset,), write)
    _types(graph.inputs, write)
    _ints((len(graph.nodes),), write)
    for node in graph.nodes:
        _node(node, write)
    _ints(graph.outputs, write)
    _ints((len(graph.guards),), write)
    for guard in graph.guards:
        _ints((guard.value, int(isinstance(guard.expected, bool)), int(guard.expected)), write)


def _node(node: Node, write: Write) -> None:
    _bytes(node.op.encode(), write)
    _ints(node.operands, write)
    _attributes(node.attributes, write)
    _types(node.outputs, write)


def _attributes(attributes: Mapping[str, Attribute], write: Write) -> None:
    _ints((len(attributes),), write)
    for key in sorted(attributes):
        _bytes(key.encode(), write)
        _attribute(attributes[key], write)


def _attribute(value: Attribute, write: Write) -> None:
    match value:
        case bool():
            write(b"b" + bytes([value]))
        case int():
            _bytes(b"i" + str(value).encode(), write)
        case float():
            write(b"f" + struct.pack("<d", value))
        case complex():
            write(b"c" + struct.pack("<dd", value.real, value.imag))
        case str():
            _bytes(b"s" + value.encode(), write)
        case tuple():
            write(b"t")
            _ints(value, write)
        case np.ndarray():
            write(b"a")
            _types((Type.of(value),), write)
            _bytes(little_endian(value), write)
        case Graph():
            write(b"g" + bytes.fromhex(value.digest))


def little_endian(array: np.ndarray[Any, Any]) -> bytes:
    """Raw little-endian row-major bytes, as tensors travel."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def _types(types: tuple[Type, ...], write: Write) -> None:
    write(_encoded(types))


@lru_cache(maxsize=4096)
def _encoded(types: tuple[Type, ...]) -> bytes:
    """Long graphs have few types, and NumPy takes microseconds to name a dtype."""
    parts: list[bytes] = []
    _ints((len(types),), parts.append)
    for type in types:
        _bytes(type.dtype.name.encode(), parts.append)
        _ints(type.shape, parts.append)
    return b"".join(parts)


def _ints(values: Iterable[int], write: Write) -> None:
    values = tuple(values)
    write(struct.pack(f"<{len(values) + 1}q", len(values), *values))


def _bytes(data: bytes, write: Write) -> None:
    write(struct.pack("<q", len(data)))
    write(data)
