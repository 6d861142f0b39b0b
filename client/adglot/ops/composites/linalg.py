"""numpy.linalg: norms, factorizations with NumPy's options, powers and chains of matrices."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from adglot import ops
from adglot.errors import TracingError
from adglot.ops import rules
from adglot.ops.composites.contraction import einsum
from adglot.ops.composites.elementwise import power
from adglot.ops.composites.reductions import reduced, smooth_root, squared_modulus
from adglot.ops.composites.registry import composite
from adglot.ops.composites.shapes import matrix_transpose, moveaxis, permute
from adglot.ops.composites.support import (
    all_axes,
    cut,
    flat,
    inexact,
    kept,
    lift,
    lift_one,
    one_axis,
    static,
    unless,
)
from adglot.ops.core import Value


def adjoint(x: Value) -> Value:
    """The conjugate transposes of the matrices in the last two axes."""
    return rules.conj(matrix_transpose(x))


# ------------------------------------------------------------------ norms


@composite("linalg.norm")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:
    """Vector and matrix norms of every order. At 0 the derivative is 0, as that of abs."""
    v = inexact(lift_one(x))
    if axis is None and (
        ord is None or (ord in ("f", "fro") and v.ndim == 2) or (ord == 2 and v.ndim == 1)
    ):
        return _euclidean(v, None, keepdims)
    axes = _in_order(axis, v.ndim)
    if len(axes) == 1:
        return _vector_norm(v, 2 if ord is None else ord, axes[0], keepdims)
    if len(axes) == 2:
        return _matrix_norm(v, "fro" if ord is None else ord, axes, keepdims)
    raise ValueError("Improper number of dimensions to norm.")


def _in_order(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, tuple) else (operator.index(axis),)
    axes = tuple(one_axis(i, ndim) for i in given)
    if len(set(axes)) != len(axes):
        raise ValueError("Duplicate axes given.")
    return axes


@composite("linalg.vector_norm")
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Value:
    """The norm of vectors along one axis, or of all elements along several."""
    v = inexact(lift_one(x))
    axes = all_axes(axis, v.ndim)
    moved = moveaxis(v, axes, range(len(axes)))
    line = rules.reshape(moved, (rules.length(moved.shape[: len(axes)]), *moved.shape[len(axes) :]))
    return kept(_vector_norm(line, ord, 0, False), v, axes, keepdims)


@composite("linalg.matrix_norm")
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Value:
    """The norm of the matrices in the last two axes."""
    v = inexact(lift_one(x))
    return _matrix_norm(v, ord, (v.ndim - 2, v.ndim - 1), keepdims)


def _euclidean(x: Value, axis: Any, keepdims: bool) -> Value:
    return smooth_root(reduced("sum", squared_modulus(x), axis, keepdims))


def _vector_norm(x: Value, p: Any, axis: int, keepdims: bool) -> Value:
    if isinstance(static(p, "ord"), str):
        raise ValueError(f"Invalid norm order {p!r} for vectors")
    if p == 2:
        return _euclidean(x, axis, keepdims)
    size = ops.abs(x)
    if p in (np.inf, -np.inf):
        return reduced("max" if p > 0 else "min", size, axis, keepdims)
    if p == 0:
        there = rules.convert(ops.not_equal(x, 0.0), size.dtype)
        return reduced("sum", there, axis, keepdims)
    if p == 1:
        return reduced("sum", size, axis, keepdims)
    total = reduced("sum", power(size, p), axis, keepdims)
    if p < 0:
        return power(total, 1.0 / p)
    zero = ops.equal(total, 0.0)
    return ops.where(zero, 0.0, power(unless(zero, total), 1.0 / p))


def _matrix_norm(x: Value, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Value:
    rows, columns = axes
    if ord in ("f", "fro"):
        return _euclidean(x, axes, keepdims)
    if ord in (1, -1):
        y = _extreme_sum(x, ord, rows, columns)
    elif ord in (np.inf, -np.inf):
        y = _extreme_sum(x, ord, columns, rows)
    elif ord in (2, -2, "nuc"):
        s = svdvals(moveaxis(x, axes, (-2, -1)))
        y = reduced({2: "max", -2: "min", "nuc": "sum"}[ord], s, -1, False)
    else:
        raise ValueError("Invalid norm order for matrices.")
    return kept(y, x, axes, keepdims)


def _extreme_sum(x: Value, ord: Any, summed: int, other: int) -> Value:
    """The greatest, or least, sum of moduli along one axis."""
    totals = reduced("sum", ops.abs(x), summed, True)
    y = reduced("max" if ord > 0 else "min", totals, other, True)
    return rules.reshape(y, tuple(n for i, n in enumerate(x.shape) if i not in (summed, other)))


@composite("linalg.cond")
def cond(x: Any, p: Any = None) -> Value:
    """The condition number of matrices, by singular values or by another norm."""
    v = inexact(lift_one(x))
    if p in (None, 2, -2):
        s = svdvals(v)
        n = s.shape[-1]
        ends = (cut(s, s.ndim - 1, k, k + 1) for k in (0, n - 1))
        first, last = (rules.reshape(end, s.shape[:-1]) for end in ends)
        return last / first if p == -2 else first / last
    return norm(v, p, (-2, -1)) * norm(ops.TABLE["linalg.inv"](v), p, (-2, -1))


# ------------------------------------------------------------------ factorizations


class SlogdetResult(NamedTuple):
    """As numpy.linalg.slogdet's."""

    sign: Value
    logabsdet: Value


class EigResult(NamedTuple):
    """As numpy.linalg.eig's."""

    eigenvalues: Value
    eigenvectors: Value


class EighResult(NamedTuple):
    """As numpy.linalg.eigh's."""

    eigenvalues: Value
    eigenvectors: Value


class QRResult(NamedTuple):
    """As numpy.linalg.qr's."""

    Q: Value
    R: Value


class SVDResult(NamedTuple):
    """As numpy.linalg.svd's."""

    U: Value
    S: Value
    Vh: Value


@composite("linalg.slogdet")
def slogdet(a: Any) -> SlogdetResult:
    """The sign of the determinant and the logarithm of its modulus."""
    return SlogdetResult(*ops.TABLE["linalg.slogdet"].all(lift_one(a)))


@composite("linalg.cholesky")
def cholesky(a: Any, /, *, upper: bool = False) -> Value:
    """The lower (or upper) triangular factor; only that triangle of a is read."""
    x = lift_one(a)
    if upper:
        return adjoint(ops.TABLE["linalg.cholesky"](adjoint(x)))
    return ops.TABLE["linalg.cholesky"](x)


@composite("linalg.eig")
def eig(a: Any) -> EigResult:
    """Eigenvalues and eigenvectors; always complex, while NumPy's dtype depends on values."""
    return EigResult(*ops.TABLE["linalg.eig"].all(lift_one(a)))


@composite("linalg.eigvals")
def eigvals(a: Any) -> Value:
    """The eigenvalues of square matrices, always complex."""
    return eig(a).eigenvalues


@composite("linalg.eigh")
def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """Eigenvalues and eigenvectors of Hermitian matrices; only one triangle is read."""
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    x = lift_one(a)
    return EighResult(*ops.TABLE["linalg.eigh"].all(adjoint(x) if UPLO.upper() == "U" else x))


@composite("linalg.eigvalsh")
def eigvalsh(a: Any, UPLO: str = "L") -> Value:
    """The eigenvalues of Hermitian matrices."""
    return eigh(a, UPLO).eigenvalues


@composite("linalg.qr")
def qr(a: Any, mode: str = "reduced") -> QRResult | Value:
    """Orthonormal columns Q and an upper triangle R."""
    x = lift_one(a)
    m, n = x.shape[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        raise TracingError(f"qr: mode {mode!r} is not supported for {x!r}: use mode='reduced'")
    result = QRResult(*ops.TABLE["linalg.qr"].all(x))
    return result.R if mode == "r" else result


@composite("linalg.svd")
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> SVDResult | Value:
    """U, S, Vh; of matrices that are not square only the reduced form."""
    x = lift_one(a)
    if hermitian:
        raise TracingError("svd: hermitian=True is not supported: use eigh")
    if compute_uv and full_matrices and x.shape[-1] != x.shape[-2]:
        raise TracingError(
            f"svd: the full U or Vh of {x!r} has columns that are arbitrary, and no derivative: "
            "pass full_matrices=False"
        )
    result = SVDResult(*ops.TABLE["linalg.svd"].all(x))
    return result if compute_uv else result.S


@composite("linalg.svdvals")
def svdvals(x: Any, /) -> Value:
    """The singular values, descending."""
    return SVDResult(*ops.TABLE["linalg.svd"].all(lift_one(x))).S


# ------------------------------------------------------------------ powers and chains


@composite("linalg.matrix_power")
def matrix_power(a: Any, n: Any) -> Value:
    """The static integer power of square matrices, by repeated squaring."""
    x, k = lift_one(a), operator.index(static(n, "n"))
    if x.shape[-1] != x.shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    if k == 0:
        return rules.broadcast_to(lift(x, np.eye(x.shape[-1], dtype=x.dtype))[1], x.shape)
    square, k = (x, k) if k > 0 else (ops.TABLE["linalg.inv"](x), -k)
    result: Value | None = None
    while k:
        if k & 1:
            result = square if result is None else ops.matmul(result, square)
        k >>= 1
        square = ops.matmul(square, square) if k else square
    assert result is not None
    return result


@composite("linalg.multi_dot")
def multi_dot(arrays: Any, *, out: Any = None) -> Value:
    """The product of a chain of matrices, in a cheap order; the ends may be vectors."""
    if out is not None:
        raise TracingError("linalg.multi_dot: a graph cannot honour the argument out")
    chain = lift(*arrays)
    if len(chain) < 2:
        raise ValueError("Expecting at least two arrays.")
    labels = [[k, k + 1] for k in range(len(chain))]
    if chain[0].ndim == 1:
        labels[0] = [1]
    if chain[-1].ndim == 1:
        labels[-1] = labels[-1][:1]
    ends = [*([0] if chain[0].ndim == 2 else []), *([len(chain)] if chain[-1].ndim == 2 else [])]
    return einsum(*(part for pair in zip(chain, labels, strict=True) for part in pair), ends)


# ------------------------------------------------------------------ least squares


@composite("linalg.pinv")
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Value:
    """The pseudo-inverse; singular values up to rcond times the greatest count as 0."""
    x = lift_one(a)
    if hermitian:
        raise TracingError("pinv: hermitian=True is not supported")
    if rcond is None:
        rcond = 1e-15 if rtol is np._NoValue else rtol
    if rcond is None:
        rcond = max(x.shape[-2:]) * float(np.finfo(inexact(x).dtype).eps)
    if static(rcond, "rcond") > _ROUNDING:
        return _truncated_inverse(x, float(rcond))
    return ops.TABLE["linalg.pinv"](x, rcond=float(rcond))


_ROUNDING = 1e-4
"""Up to here what counts as 0 is taken for a 0, so that perturbations keep the rank."""


def _truncated_inverse(x: Value, rcond: float) -> Value:
    """Without the singular values up to rcond times the greatest, however they move."""
    u, s, vh = ops.TABLE["linalg.svd"].all(x)
    last = s.ndim - 1
    inverses = ops.where(s > cut(s, last, 0, 1) * rcond, ops.divide(1.0, s), 0.0)
    column = rules.reshape(inverses, (*s.shape, 1))
    return ops.matmul(adjoint(vh), column * adjoint(u))


@composite("linalg.lstsq")
def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Value, Value, Value, Value]:
    """Least squares of least norm: x, residuals, rank, singular values.

    Residuals have NumPy's shape for a matrix of full rank; for others they are NaN.
    """
    A, rhs = (inexact(v) for v in lift(a, b))
    m, n = A.shape
    cutoff = max(m, n) * float(np.finfo(A.dtype).eps) if rcond is None else float(rcond)
    x = ops.matmul(pinv(A, cutoff), rhs)
    s = svdvals(A)
    rank = rules.convert(
        reduced("sum", s > cut(s, 0, 0, 1) * cutoff, None, False), np.dtype(np.int32)
    )
    if m <= n:
        return x, rules.zeros(x, x.type.with_shape((0,))), rank, s
    misses = squared_modulus(rhs - ops.matmul(A, x))
    total = reduced("sum", rules.reshape(misses, (m, misses.size // m)), 0, False)
    return x, ops.where(ops.equal(rank, n), total, float("nan")), rank, s


@composite("linalg.tensorsolve")
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Value:
    """x with tensordot(a, x, x.ndim) = b."""
    A, rhs = lift(a, b)
    if axes is not None:
        given = [one_axis(i, A.ndim) for i in axes]
        A = permute(A, [*(i for i in range(A.ndim) if i not in given), *given])
    shape = A.shape[rhs.ndim :]
    matrix = rules.reshape(A, (rhs.size, rules.length(shape)))
    return rules.reshape(ops.TABLE["linalg.solve"](matrix, flat(rhs)), shape)


@composite("linalg.tensorinv")
def tensorinv(a: Any, ind: int = 2) -> Value:
    """The inverse of a as a map from its last axes to its first `ind`."""
    x = lift_one(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    rows = rules.length(x.shape[:ind])
    inverse = ops.TABLE["linalg.inv"](rules.reshape(x, (rows, x.size // rows)))
    return rules.reshape(inverse, (*x.shape[ind:], *x.shape[:ind]))
