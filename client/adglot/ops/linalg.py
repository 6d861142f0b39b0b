"""Matrix products, factorizations and solves."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops import rules
from adglot.ops.core import Linear, Op, Sample, Value
from adglot.ops.shape import permute_dims

Shape = tuple[int, ...]


def transposed(x: Value) -> Value:
    """x with its last two axes exchanged."""
    return permute_dims(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def adjoint(x: Value) -> Value:
    """The conjugate transpose of the last two axes."""
    return rules.conj(transposed(x))


# ------------------------------------------------------------------ matmul


def _as_matrices(a: Shape, b: Shape) -> tuple[Shape, Shape]:
    """The shapes as matmul sees them: a vector is a row on the left, a column on the right."""
    return ((1, *a) if len(a) == 1 else a), ((*b, 1) if len(b) == 1 else b)


def _matrix_product_shape(a: Shape, b: Shape) -> Shape:
    (*lead_a, m, k), (*lead_b, k2, n) = _as_matrices(a, b)
    if k != k2:
        raise InvalidArgument(f"inner lengths must agree, got shapes {list(a)} and {list(b)}")
    return (*rules.broadcast_shapes(tuple(lead_a), tuple(lead_b)), m, n)


def _infer_matmul(x1: Type, x2: Type) -> Type:
    if not x1.ndim or not x2.ndim:
        raise InvalidArgument(f"a scalar has no matrix product, got {x1!r} and {x2!r}")
    *lead, m, n = _matrix_product_shape(x1.shape, x2.shape)
    shape = (*lead, *(() if x1.ndim == 1 else (m,)), *(() if x2.ndim == 1 else (n,)))
    return Type(rules.promoted(x1.dtype, x2.dtype), shape)


def _transpose_matmul(cts: Sequence[Value], operands: Sequence[Any]) -> Any:
    x1, x2 = operands
    shapes = _as_matrices(x1.type.shape, x2.type.shape)
    ct = rules.reshape(cts[0], _matrix_product_shape(x1.type.shape, x2.type.shape))
    if isinstance(x1, Linear):
        part = matmul(ct, adjoint(rules.reshape(x2, shapes[1])))
        whole = rules.contract(part, x1.type.with_shape(shapes[0]))
        return [rules.reshape(whole, x1.type.shape), None]
    part = matmul(adjoint(rules.reshape(x1, shapes[0])), ct)
    whole = rules.contract(part, x2.type.with_shape(shapes[1]))
    return [None, rules.reshape(whole, x2.type.shape)]


def _batch_matmul(size: int, operands: Sequence[Value], batched: Sequence[bool]) -> Any:
    """One GEMM where one side is a plain matrix, else NumPy's broadcast over leading axes."""
    a, b = operands
    shape_a, shape_b = (
        x.shape[1:] if flag else x.shape for x, flag in zip(operands, batched, strict=True)
    )
    result = _infer_matmul(Type(a.dtype, shape_a), Type(b.dtype, shape_b)).shape
    matrix_a, matrix_b = _as_matrices(shape_a, shape_b)
    if batched == (False, True) and len(matrix_a) == 2 and len(shape_b) == 1:
        y = matmul(b, transposed(rules.reshape(a, matrix_a)))
    elif batched == (True, False) and len(matrix_b) == 2:
        rows = rules.reshape(a, (size * prod(matrix_a[:-1]), matrix_a[-1]))
        y = matmul(rows, rules.reshape(b, matrix_b))
    else:
        rank = max(len(matrix_a), len(matrix_b))
        y = matmul(
            _lined_up(a, matrix_a, rank, size if batched[0] else None),
            _lined_up(b, matrix_b, rank, size if batched[1] else None),
        )
    return (rules.reshape(y, (size, *result)),), (True,)


def _lined_up(x: Value, shape: Shape, rank: int, size: int | None) -> Value:
    """With its batch axis in front of `rank` axes, or without one as the matrix it is."""
    if size is None:
        return rules.reshape(x, shape)
    return rules.reshape(x, (size, *(1,) * (rank - len(shape)), *shape))


def _cost_matmul(operands: Sequence[Type], outputs: Sequence[Type]) -> int:
    return 2 * outputs[0].size * operands[0].shape[-1]


A = np.array([[2.0, 0.5], [-1.0, 3.0]])

matmul: Op = Op(
    name="matmul",
    doc="The matrix product over the last two axes, the others broadcast; a vector is a row on "
    "the left and a column on the right, and that axis is dropped.",
    operands=("x1", "x2"),
    evaluate=np.matmul,
    infer=_infer_matmul,
    jvp=rules.jvp_multilinear("matmul"),
    transpose=_transpose_matmul,
    batch=_batch_matmul,
    cost=_cost_matmul,
    samples=lambda: [
        Sample((A, A.T + 1)),
        Sample((A, A[0])),
        Sample((A[0], A)),
        Sample((A[0], A[1])),
        Sample((np.stack([A, 2 * A]), A)),
        Sample((A, np.stack([A, A - 1])[:, None])),
        Sample((np.stack([A, A + 1]), A[0])),
        Sample((A + 1j * A.T, A - 2j)),
        Sample((A.astype("float32"), A + 1j)),
    ],
)
