"""Find diagonal matrices among the values of a region: products with them are scalings.

Programs of whole matrices multiply by unit vectors, and functions by an identity of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adglot.ir import Node, Type
from adglot_server.executors.compiled.region import Array


def diagonal(
    index: int, nodes: Mapping[int, Node], constants: Mapping[int, Array], types: Sequence[Type]
) -> int | None:
    """What a diagonal matrix has on its diagonal, as a value that broadcasts to [n, n] along it.

    That is the matrix itself where it is the identity; None for matrices of which nothing is known.
    """
    shape = types[index].shape
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 1:
        return None
    if _is_identity(index, nodes, constants):
        return index
    node = nodes.get(index)
    if node is None or node.op != "multiply":
        return None
    for x, scale in (node.operands, node.operands[::-1]):
        if types[x].shape == shape and _is_identity(x, nodes, constants):
            return scale if _is_vector(types[scale].shape) else None
    return None


def _is_vector(shape: Sequence[int]) -> bool:
    return sum(n > 1 for n in shape) <= 1


def _is_identity(index: int, nodes: Mapping[int, Node], constants: Mapping[int, Array]) -> bool:
    if index in constants:
        return bool(np.array_equal(constants[index], np.eye(len(constants[index]))))
    same = _made_by("convert_element_type", index, nodes)
    equal = _made_by("equal", same.operands[0], nodes) if same else None
    if equal is None:
        return False
    rows, columns = (_counted(i, nodes) for i in equal.operands)
    return rows is not None and columns is not None and {rows, columns} == {1, 2}


def _counted(index: int, nodes: Mapping[int, Node]) -> int | None:
    """The number of axes of 0, 1, 2, ..., along the first of them."""
    if (moved := _made_by("reshape", index, nodes)) is not None:
        column = moved.outputs[0].shape[1:] == (1,)
        return 2 if column and _counted(moved.operands[0], nodes) == 1 else None
    return None if _made_by("iota", index, nodes) is None else 1


def _made_by(op: str, index: int, nodes: Mapping[int, Node]) -> Node | None:
    node = nodes.get(index)
    return node if node is not None and node.op == op else None
