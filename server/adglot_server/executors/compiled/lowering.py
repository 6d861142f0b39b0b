"""Write solves and factorizations as what LAPACK does, in place, and as moves of numbers.

What is added at an index is written so, too, and products with diagonal matrices are scalings: of
finite numbers, which is looked at.

LAPACK's matrices have their columns without gaps, ours their rows: it sees each transposed. A
routine works in the memory of its own result, which is filled with its last operand first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from adglot.ir import Node, Type
from adglot_server.executors.compiled.diagonals import diagonal
from adglot_server.executors.compiled.region import Array, Region, axis_of


def lowered(region: Region) -> Region:
    """The same region, without ops that work in place but are no routines."""
    if not any(node.op in _WRITTEN for node in region.nodes.values()):
        return region
    writer = _Writer(list(region.types), dict(region.constants), region.outputs)
    for index, node in region.nodes.items():
        _WRITTEN.get(node.op, _Writer.keep)(writer, index, node)
    return replace(
        region, types=tuple(writer.types), nodes=writer.nodes, constants=writer.constants
    )


@dataclass(slots=True)
class _Writer:
    types: list[Type]
    constants: dict[int, Array]
    outputs: tuple[int, ...]
    nodes: dict[int, Node] = field(default_factory=dict)
    factors: dict[int, tuple[int, bool]] = field(default_factory=dict)
    """Of matrices: the value with the factors, and whether these are of the transpose."""

    def keep(self, index: int, node: Node) -> None:
        self.nodes[index] = node

    def add(self, op: str, operands: Sequence[int], type: Type, **attributes: Any) -> int:
        self.types.append(type)
        index = len(self.types) - 1
        self.nodes[index] = Node(op, tuple(operands), attributes, (type,))
        return index

    # -------------------------------------------------------------- moves

    def transposed(self, x: int) -> int:
        type = self.types[x]
        *lead, m, n = type.shape
        axes = (*range(len(lead)), len(lead) + 1, len(lead))
        return self.add("permute_dims", (x,), type.with_shape((*lead, n, m)), axes=axes)

    def broadcast(self, x: int, type: Type) -> int:
        if self.types[x].shape == type.shape:
            return x
        return self.add("broadcast_to", (x,), type, shape=type.shape)

    def places(self, n: int) -> tuple[int, int]:
        """The numbers of rows and of columns."""
        counted = Type("int64", (n,))
        columns = self.add("iota", (), counted, size=n, dtype="int64")
        wide = counted.with_shape((n, 1))
        return self.add("reshape", (columns,), wide, shape=wide.shape), columns

    # -------------------------------------------------------------- ops

    def cholesky(self, index: int, node: Node) -> None:
        (a,), (type,) = node.operands, node.outputs
        n = type.shape[-1]
        below = self.add("greater_equal", self.places(n), Type("bool", (n, n)))
        zero = self.constant(np.zeros((), type.dtype))
        low = self.add("where", (below, a, zero), type)
        self.nodes[index] = Node("potrf", (low,), {}, (type,))

    def constant(self, value: Array) -> int:
        self.types.append(Type.of(value))
        self.constants[len(self.types) - 1] = value
        return len(self.types) - 1

    def triangular_solve(self, index: int, node: Node) -> None:
        (a, b), (type,) = node.operands, node.outputs
        attributes = {**node.attributes, "vector": len(self.types[b].shape) == 1}
        self.nodes[index] = Node("trsm", (a, self.broadcast(b, type)), attributes, (type,))

    def solve(self, index: int, node: Node) -> None:
        (a, b), (type,) = node.operands, node.outputs
        vector = len(self.types[b].shape) == 1
        self.solved(index, a, self.broadcast(b, type), type, vector)

    def inv(self, index: int, node: Node) -> None:
        (a,), (type,) = node.operands, node.outputs
        n = type.shape[-1]
        diagonal = self.add("equal", self.places(n), Type("bool", (n, n)))
        one = self.add("convert_element_type", (diagonal,), type.with_shape((n, n)))
        self.solved(index, a, self.broadcast(one, type), type, False)

    def solved(self, index: int, a: int, b: int, type: Type, vector: bool) -> None:
        """The solution of right-hand sides in their final shape."""
        factors, adjoint = self.factorized(a)
        attributes = {"adjoint": adjoint, "vector": vector}
        if vector:
            self.nodes[index] = Node("getrs", (factors, b), attributes, (type,))
            return
        turned = self.transposed(b)
        x = self.add("getrs", (factors, turned), self.types[turned], **attributes)
        back = self.transposed(x)
        self.nodes[index] = self.nodes.pop(back)

    def matmul(self, index: int, node: Node) -> None:
        (a, b), (type,) = node.operands, node.outputs
        for x, matrix, column in ((a, b, False), (b, a, True)):
            found = diagonal(matrix, self.nodes, self.constants, self.types)
            if found is not None and self.types[x].size == type.size:
                y = x if found == matrix else self.scaled(x, found, column, type)
                self.nodes[index] = Node("checked", (self.reshaped(y, type),), {}, (type,))
                return
        self.nodes[index] = node

    def scaled(self, x: int, scale: int, column: bool, type: Type) -> int:
        """The rows (each by a number of its own) or the columns of x, times numbers."""
        size = self.types[scale].size
        column = column and len(self.types[x].shape) > 1
        shape = (size, 1) if column else (size,)
        numbers = self.reshaped(scale, self.types[scale].with_shape(shape))
        return self.add("multiply", (x, numbers), self.types[x])

    def reshaped(self, x: int, type: Type) -> int:
        if self.types[x].shape == type.shape:
            return x
        return self.add("reshape", (x,), type, shape=type.shape)

    def scatter_add(self, index: int, node: Node) -> None:
        (x, updates, places), (type,) = node.operands, node.outputs
        known = self.constants[places]
        length = type.shape[axis_of(node)]
        wrapped = self.constant(np.where(known < 0, known + length, known).astype(np.int64))
        self.nodes[index] = Node("scattered", (wrapped, updates, x), node.attributes, (type,))

    def take(self, index: int, node: Node) -> None:
        """A copy, where the results are stored and so is what they are taken from."""
        places, x = self.constants[node.operands[1]], self.unreshaped(node.operands[0])
        if index not in self.outputs or len(self.types[node.operands[0]].shape) > 1:
            self.nodes[index] = node
            return
        wrapped = np.where(places < 0, places + self.types[x].size, places).astype(np.int32)
        self.nodes[index] = Node("gathered", (self.constant(wrapped), x), {}, node.outputs)

    def unreshaped(self, x: int) -> int:
        """What a value has the memory of, in the same order, once that is stored."""
        while (node := self.nodes.get(x)) is not None and node.op == "reshape":
            (x,) = node.operands
        return x

    def factorized(self, a: int) -> tuple[int, bool]:
        """The factors of a matrix or of its transpose, made once; and whether it is the latter."""
        base, turned = self.untransposed(a)
        if base not in self.factors:
            *lead, n, _ = self.types[a].shape
            type = self.types[a].with_shape((*lead, n + 1, n))
            none = (0,) * (len(lead) + 2)
            more = {"low": none, "high": (*none[:-2], 1, 0), "interior": none}
            room = self.add("pad", (self.transposed(a),), type, **more)
            self.factors[base] = self.add("getrf", (room,), type), turned
        factors, of_transpose = self.factors[base]
        return factors, of_transpose != turned

    def untransposed(self, a: int) -> tuple[int, bool]:
        """What a matrix is the transpose of, if it is."""
        turned = False
        while (node := self.nodes.get(a)) is not None and node.op == "permute_dims":
            axes, rank = node.attributes["axes"], len(self.types[a].shape)
            if axes != (*range(rank - 2), rank - 1, rank - 2):
                break
            (a,), turned = node.operands, not turned
        return a, turned


_WRITTEN: Mapping[str, Callable[[_Writer, int, Node], None]] = {
    "linalg.cholesky": _Writer.cholesky,
    "linalg.triangular_solve": _Writer.triangular_solve,
    "linalg.solve": _Writer.solve,
    "linalg.inv": _Writer.inv,
    "scatter_add": _Writer.scatter_add,
    "matmul": _Writer.matmul,
    "take": _Writer.take,
}
