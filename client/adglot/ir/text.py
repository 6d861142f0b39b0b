"""The readable listing of a graph, as `print(graph)` and every error shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from adglot.ir.graph import Attribute, Graph, Node


def text(graph: Graph, indent: str = "") -> str:
    """One line a node: ``%3 = multiply(%1, %2) : float64[10]  # model.py:4``."""
    arguments = ", ".join(
        f"%{i} {name}: {type!r}"
        for i, (name, type) in enumerate(zip(graph.input_names, graph.inputs, strict=True))
    )
    lines = [f"{graph.name}({arguments}) {{"]
    lines += [f"  {node_text(index, node, indent + '  ')}" for index, node in graph.numbered()]
    lines += [
        f"  guard %{guard.value} == {guard.expected}  # {guard.name}" for guard in graph.guards
    ]
    results = zip(graph.outputs, graph.output_names, strict=True)
    lines += ["  return " + ", ".join(f"{name}=%{index}" for index, name in results), "}"]
    return ("\n" + indent).join(lines)


def node_text(index: int, node: Node, indent: str = "") -> str:
    """The line of one node whose first output is value `index`."""
    results = ", ".join(f"%{index + i}" for i in range(len(node.outputs)))
    operands = [f"%{i}" for i in node.operands]
    arguments = ", ".join(operands + attribute_texts(node.attributes, indent))
    types = ", ".join(map(repr, node.outputs))
    location = f"  # {node.location}" if node.location else ""
    return f"{results} = {node.op}({arguments}) : {types}{location}"


def attribute_texts(attributes: Mapping[str, Attribute], indent: str = "") -> list[str]:
    return [f"{key}={_attribute(value, indent)}" for key, value in sorted(attributes.items())]


def _attribute(value: Any, indent: str) -> str:
    if isinstance(value, Graph):
        return text(value, indent)
    if isinstance(value, np.ndarray):
        return array_text(value)
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else repr(value)


def array_text(array: np.ndarray[Any, Any], most: int = 6) -> str:
    """A short form of a tensor: its first elements, and its shape where there are more."""
    if array.size <= most:
        return np.array2string(array, separator=", ", max_line_width=10**6).replace("\n", "")
    first = np.array2string(array.reshape(-1)[:3], separator=", ")
    return f"{first[:-1]}, ...]:{array.dtype.name}{list(array.shape)}"
