"""Products of vectors, matrices and tensors: dot, inner, outer, tensordot, kron, cross, trace."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from adglot import ops
from adglot.ops import rules
from adglot.ops.composites.reductions import sum as reduce_sum
from adglot.ops.composites.registry import NO_OUT, composite
from adglot.ops.composites.shapes import moveaxis, permute
from adglot.ops.composites.support import (
    cut,
    flat,
    lift,
    lift_one,
    one_axis,
)
from adglot.ops.core import Value


@composite("matmul", "linalg.matmul")
def matmul(x1: Any, x2: Any, /) -> Value:
    """The matrix product over the last two axes."""
    return ops.matmul(*lift(x1, x2))


@composite("dot")
def dot(a: Any, b: Any, out: Any = NO_OUT) -> Value:
    """Over the last axis of a and the last but one of b (or its only one)."""
    x, y = lift(a, b)
    if x.ndim == 0 or y.ndim == 0:
        return ops.multiply(x, y)
    if y.ndim <= 2:
        return ops.matmul(x, y)
    return tensordot(x, y, (x.ndim - 1, y.ndim - 2))


@composite("inner")
def inner(a: Any, b: Any, /) -> Value:
    """Over the last axes of both."""
    x, y = lift(a, b)
    if x.ndim == 0 or y.ndim == 0:
        return ops.multiply(x, y)
    return tensordot(x, y, (x.ndim - 1, y.ndim - 1))


@composite("outer")
def outer(a: Any, b: Any, out: Any = NO_OUT) -> Value:
    """Every element of a with every element of b."""
    x, y = lift(a, b)
    return ops.multiply(rules.reshape(x, (x.size, 1)), flat(y))


@composite("linalg.outer")
def vector_outer(x1: Any, x2: Any, /) -> Value:
    """The outer product of two vectors."""
    x, y = lift(x1, x2)
    if x.ndim != 1 or y.ndim != 1:
        raise ValueError("Input arrays must be one-dimensional")
    return outer(x, y)


@composite("vdot")
def vdot(a: Any, b: Any, /) -> Value:
    """Over all elements, those of a conjugated."""
    x, y = lift(a, b)
    return ops.matmul(rules.conj(flat(x)), flat(y))


@composite("vecdot", "linalg.vecdot")
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Value:
    """Over one axis of both, those of x1 conjugated, the other axes broadcast."""
    x, y = (moveaxis(v, axis, -1) for v in lift(x1, x2))
    row, column = (*x.shape[:-1], 1, x.shape[-1]), (*y.shape, 1)
    product = ops.matmul(rules.reshape(rules.conj(x), row), rules.reshape(y, column))
    return rules.reshape(product, product.shape[:-2])


@composite("matvec")
def matvec(x1: Any, x2: Any, /) -> Value:
    """Matrices times vectors, leading axes broadcast."""
    A, v = lift(x1, x2)
    product = ops.matmul(A, rules.reshape(v, (*v.shape, 1)))
    return rules.reshape(product, product.shape[:-1])


@composite("vecmat")
def vecmat(x1: Any, x2: Any, /) -> Value:
    """Conjugated vectors times matrices, leading axes broadcast."""
    v, A = lift(x1, x2)
    row = rules.reshape(rules.conj(v), (*v.shape[:-1], 1, v.shape[-1]))
    product = ops.matmul(row, A)
    return rules.reshape(product, (*product.shape[:-2], product.shape[-1]))


@composite("tensordot", "linalg.tensordot")
def tensordot(a: Any, b: Any, axes: Any = 2) -> Value:
    """Over axes of a paired with axes of b: so many last and first ones, or those given."""
    x, y = lift(a, b)
    of_x, of_y = _paired_axes(axes, x.ndim, y.ndim)
    if len(of_x) != len(of_y) or any(
        x.shape[i] != y.shape[j] for i, j in zip(of_x, of_y, strict=True)
    ):
        raise ValueError("shape-mismatch for sum")
    free_x = [i for i in range(x.ndim) if i not in of_x]
    free_y = [j for j in range(y.ndim) if j not in of_y]
    shape = (*(x.shape[i] for i in free_x), *(y.shape[j] for j in free_y))
    inner_size = rules.length([x.shape[i] for i in of_x])
    left = rules.reshape(
        permute(x, [*free_x, *of_x]), (rules.length([x.shape[i] for i in free_x]), inner_size)
    )
    right = rules.reshape(
        permute(y, [*of_y, *free_y]), (inner_size, rules.length([y.shape[j] for j in free_y]))
    )
    return rules.reshape(ops.matmul(left, right), shape)


def _paired_axes(axes: Any, ndim_x: int, ndim_y: int) -> tuple[list[int], list[int]]:
    if not np.iterable(axes):
        n = operator.index(axes)
        return list(range(ndim_x - n, ndim_x)), list(range(n))
    of_x, of_y = ([s] if not np.iterable(s) else list(s) for s in axes)
    return [one_axis(i, ndim_x) for i in of_x], [one_axis(j, ndim_y) for j in of_y]


@composite("kron")
def kron(a: Any, b: Any) -> Value:
    """Blocks of b, weighted by the elements of a."""
    x, y = lift(a, b)
    rank = max(x.ndim, y.ndim)
    shape_x = (1,) * (rank - x.ndim) + x.shape
    shape_y = (1,) * (rank - y.ndim) + y.shape
    product = ops.multiply(
        rules.reshape(x, tuple(m for n in shape_x for m in (n, 1))),
        rules.reshape(y, tuple(m for n in shape_y for m in (1, n))),
    )
    return rules.reshape(product, tuple(m * n for m, n in zip(shape_x, shape_y, strict=True)))


@composite("cross")
def cross(
    a: Any,
    b: Any,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Value:
    """The cross product of vectors in three dimensions."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = lift(a, b)
    x, y = moveaxis(x, axisa, -1), moveaxis(y, axisb, -1)
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise ValueError("cross: both vectors need three components (NumPy 2 deprecates two)")
    product = _turned(x, 1) * _turned(y, 2) - _turned(x, 2) * _turned(y, 1)
    return moveaxis(product, -1, axisc)


def _turned(x: Value, by: int) -> Value:
    last = x.ndim - 1
    return ops.concat(cut(x, last, by, 3), cut(x, last, 0, by), axis=last)


@composite("linalg.cross")
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Value:
    """The cross product of vectors in three dimensions."""
    return cross(x1, x2, axis=axis)


# ------------------------------------------------------------------ diagonals


@composite("diagonal")
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """The diagonal of two axes, as the last axis."""
    x = lift_one(a)
    first, second = one_axis(axis1, x.ndim), one_axis(axis2, x.ndim)
    if first == second:
        raise ValueError("axis1 and axis2 cannot be the same")
    rest = [i for i in range(x.ndim) if i not in (first, second)]
    rows, columns = x.shape[first], x.shape[second]
    lead = tuple(x.shape[i] for i in rest)
    line = rules.reshape(permute(x, [*rest, first, second]), (*lead, rows * columns))
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    if count == 0:
        return cut(line, len(lead), 0, 0)
    start = offset if offset >= 0 else -offset * columns
    return cut(line, len(lead), start, start + (count - 1) * (columns + 1) + 1, columns + 1)


@composite("linalg.diagonal")
def linalg_diagonal(x: Any, /, *, offset: int = 0) -> Value:
    """The diagonals of the last two axes."""
    return diagonal(x, offset, -2, -1)


@composite("trace")
def trace(
    a: Any,
    offset: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: Any = None,
    out: Any = NO_OUT,
) -> Value:
    """The sum over the diagonal of two axes."""
    return reduce_sum(diagonal(a, offset, axis1, axis2), -1, dtype)


@composite("linalg.trace")
def linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Value:
    """The sum over the diagonals of the last two axes."""
    return trace(x, offset, -2, -1, dtype)


@composite("diag")
def diag(v: Any, k: int = 0) -> Value:
    """The matrix with v on its k-th diagonal, or the k-th diagonal of a matrix."""
    x = lift_one(v)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    return diagflat(x, k)


@composite("diagflat")
def diagflat(v: Any, k: int = 0) -> Value:
    """The matrix with the flattened v on its k-th diagonal."""
    x = flat(lift_one(v))
    n = x.size + abs(k)
    if x.size == 0:
        return rules.zeros(x, x.type.with_shape((n, n)))
    start = k if k >= 0 else -k * n
    taken = (x.size - 1) * (n + 1) + 1
    line = ops.pad(x, low=(start,), high=(n * n - start - taken,), interior=(n,))
    return rules.reshape(line, (n, n))


@composite("tril")
def tril(m: Any, k: int = 0) -> Value:
    """Zeros above the k-th diagonal."""
    return _triangle(m, k, lower=True)


@composite("triu")
def triu(m: Any, k: int = 0) -> Value:
    """Zeros below the k-th diagonal."""
    return _triangle(m, k, lower=False)


def _triangle(m: Any, k: int, lower: bool) -> Value:
    x = lift_one(m)
    if x.ndim == 1:
        x = rules.broadcast_to(x, (x.size, x.size))
    return ops.TABLE["tril" if lower else "triu"](x, diagonal=k)


@composite("vander")
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Value:
    """Columns of powers of x, the highest first."""
    v = lift_one(x)
    if v.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    count = v.size if N is None else operator.index(N)
    kind = np.promote_types(v.dtype, int)
    column = rules.reshape(rules.convert(v, kind), (v.size, 1))
    if count <= 1:
        return rules.full(v, 1, column.type.with_shape((v.size, count)))
    powers = rules.broadcast_to(column, (v.size, count - 1))
    ones = rules.full(v, 1, column.type)
    table = ops.cumulative_prod(ops.concat(ones, powers, axis=1), axis=1)
    return table if increasing else ops.flip(table, axes=(1,))
