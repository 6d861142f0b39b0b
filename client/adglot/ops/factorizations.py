"""Factorizations: cholesky, qr, eigh, svd, and pinv; parts of matrices that they share with eig.

Derivatives after Seeger, Hetzel, Dai, Lawrence, "Auto-differentiating linear algebra" (2017),
Giles, "Collected matrix derivative results" (2008), and Townsend, "Differentiating the singular
value decomposition" (2016); the complex cases add the phases that the factorizations leave open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops import rules
from adglot.ops.arithmetic import binary, complex_pairs, where
from adglot.ops.core import Array, Attr, NonSmooth, Op, Sample, Value
from adglot.ops.creation import iota
from adglot.ops.linalg import (
    conjugate_transposed,
    cubic,
    matmul,
    square,
    triangle,
    triangular_solve,
)
from adglot.ops.shape import slice_axis

SPD = np.array([[4.0, 1.0, -0.5], [1.0, 3.0, 0.25], [-0.5, 0.25, 2.0]])
SKEW = np.array([[0.0, 0.5, -1.0], [-0.5, 0.0, 0.75], [1.0, -0.75, 0.0]])
TALL = np.array([[2.0, 0.5], [-1.0, 3.0], [0.5, 1.5]])


# ------------------------------------------------------------------ parts of matrices


def matrices(a: Type) -> Type:
    """The type of a stack of matrices, as floats; InvalidArgument for others."""
    if a.ndim < 2:
        raise InvalidArgument(f"needs matrices in the last two axes, got {a!r}")
    return a.with_dtype(rules.inexact(a.dtype))


def real_part(x: Value) -> Value:
    return rules.entry("real")(x) if x.type.is_complex else x


def _on_diagonal(x: Value) -> Value:
    """The mask of the diagonal of square matrices."""
    n = x.shape[-1]
    columns = iota.on(x, size=n)
    return rules.entry("equal")(rules.reshape(columns, (n, 1)), columns)


def diagonal_matrix(x: Value) -> Value:
    """x on its diagonal, 0 elsewhere."""
    return where(_on_diagonal(x), x, 0.0)


def off_diagonal(x: Value) -> Value:
    """0 on the diagonal, x elsewhere."""
    return where(_on_diagonal(x), 0.0, x)


def diagonal(x: Value) -> Value:
    """The diagonals of square matrices."""
    return rules.entry("sum")(diagonal_matrix(x), axes=(x.ndim - 1,))


def phases(x: Value) -> Value:
    """The imaginary part of the diagonal, times i, as a diagonal matrix."""
    turned = diagonal_matrix(x)
    return turned - real_part(turned)


def row(x: Value) -> Value:
    """[..., n] to [..., 1, n]: scales columns."""
    return rules.reshape(x, (*x.shape[:-1], 1, x.shape[-1]))


def column(x: Value) -> Value:
    """[..., n] to [..., n, 1]: scales rows."""
    return rules.reshape(x, (*x.shape, 1))


def hermitian(x: Value) -> Value:
    """The Hermitian matrix of which x holds the lower triangle."""
    below = triangle(x, lower=True, strict=True)
    return below + conjugate_transposed(below) + real_part(diagonal_matrix(x))


# ------------------------------------------------------------------ quotients of gaps


def _quotient(x1: Array, x2: Array) -> Any:
    y = np.divide(x1, x2)
    return np.where(np.equal(x1, 0) & np.equal(x2, 0), y.dtype.type(0), y)


xdivy: Op = binary(
    "special.xdivy",
    "x1 / x2, but 0 where both are 0: a tangent over the gap between two eigenvalues, which has "
    "no effect where both vanish.",
    _quotient,
    (lambda t, y, x1, x2: xdivy(t, x2), lambda t, y, x1, x2: -xdivy(t * y, x2)),
    complex_pairs(),
    adjoints=(lambda ct, x1, x2: xdivy(ct, rules.conj(x2)), None),
    dtype=rules.inexact,
    weight=rules.DIVISION,
    nonsmooth=(
        NonSmooth("x2 = 0", "x1 / x2 as it is: infinite, but 0 for 0 / 0", lambda x1, x2: x2 == 0),
    ),
)


def over_gaps(x: Value, gaps: Value) -> Value:
    """x over the gaps between eigenvalues, off the diagonal; the diagonal is left out."""
    return xdivy(off_diagonal(x), where(_on_diagonal(x), 1.0, gaps))


# ------------------------------------------------------------------ cholesky


def _jvp_cholesky(primals: Sequence[Value], tangents: Sequence[Value]) -> Any:
    """dL = L tril(L^-1 dA L^-H), its diagonal halved (Seeger et al. 2017; Giles 2008)."""
    factor = cholesky(*primals)
    half = triangular_solve(factor, hermitian(tangents[0]), lower=True)
    inner = triangular_solve(factor, conjugate_transposed(half), lower=True)
    part = triangle(inner, lower=True, strict=True) + real_part(diagonal_matrix(inner)) * 0.5
    return (factor,), (rules.expand(matmul(factor, part), factor.type),)


def _cholesky_samples() -> list[Sample]:
    return [
        Sample((SPD,)),
        Sample((SPD + SKEW,)),
        Sample((np.stack([SPD, 2 * SPD]),)),
        Sample((SPD + 1j * SKEW,)),
        Sample((SPD.astype("float32"),)),
    ]


cholesky: Op = Op(
    name="linalg.cholesky",
    doc="The lower triangle L with L @ L^H = a for positive definite matrices. As in NumPy only "
    "the lower triangle of a is read, so the derivative is zero in the upper one: each element "
    "below the diagonal stands for two. Write cholesky((a + a^H) / 2) for a symmetric gradient.",
    operands=("a",),
    evaluate=np.linalg.cholesky,
    infer=square,
    jvp=_jvp_cholesky,
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_leading("linalg.cholesky"),
    cost=cubic(1 / 3),
    samples=_cholesky_samples,
)


# ------------------------------------------------------------------ qr


def _infer_qr(a: Type) -> tuple[Type, Type]:
    *lead, m, n = matrices(a).shape
    k = min(m, n)
    result = matrices(a)
    return result.with_shape((*lead, m, k)), result.with_shape((*lead, k, n))


def _jvp_qr(primals: Sequence[Value], tangents: Sequence[Value]) -> Any:
    """dQ = Q (W - C) + X and dR = Q^H dA - W R, with X = dA R^-1 and C = Q^H X.

    W = -W^H has the lower triangle of C (Seeger et al. 2017); X is of the first k columns.
    """
    q, r = qr.all(*primals)
    t = rules.convert(tangents[0], q.dtype)
    k = q.shape[-1]
    first, leading = (slice_axis(x, x.ndim - 1, 0, k) for x in (t, r))
    solved = triangular_solve(leading, conjugate_transposed(first), adjoint=True)
    x = conjugate_transposed(solved)
    c = matmul(conjugate_transposed(q), x)
    below = triangle(c, lower=True, strict=True)
    w = below - conjugate_transposed(below)
    w = w + phases(c) if c.type.is_complex else w
    dr = matmul(conjugate_transposed(q), t) - matmul(w, r)
    return (q, r), (matmul(q, w - c) + x, triangle(dr, lower=False))


def _dependent_columns(a: Array) -> Any:
    """Whether R has a zero on its diagonal, by and large."""
    r = np.linalg.qr(a)[1]
    size = np.abs(np.diagonal(r, axis1=-2, axis2=-1))
    small = size <= 8 * np.finfo(r.dtype).eps * np.max(size, axis=-1, keepdims=True, initial=0)
    return small.any(-1)[..., None, None]


qr: Op = Op(
    name="linalg.qr",
    doc="Q with orthonormal columns and the upper triangle R with Q @ R = a: for m by n matrices "
    "Q is m by k and R is k by n, k = min(m, n). Signs are LAPACK's; the diagonal of R is real.",
    operands=("a",),
    evaluate=lambda a: tuple(np.linalg.qr(a)),
    infer=_infer_qr,
    jvp=_jvp_qr,
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_leading("linalg.qr"),
    cost=cubic(4),
    samples=lambda: [
        Sample((TALL,)),
        Sample((TALL.T,)),
        Sample((SPD + SKEW,)),
        Sample((np.stack([TALL, TALL[::-1]]),)),
        Sample((TALL + 1j * TALL[::-1],)),
        Sample((TALL.T + 1j * TALL.T[::-1],)),
        Sample((TALL.astype("float32"),)),
    ],
    nonsmooth=(
        NonSmooth(
            "the first min(m, n) columns are linearly dependent",
            "none: R has no inverse, which is an error",
            _dependent_columns,
        ),
    ),
)


# ------------------------------------------------------------------ eigh


def _infer_eigh(a: Type) -> tuple[Type, Type]:
    v = square(a)
    return Type(rules.real_dtype(v.dtype), v.shape[:-1]), v


def _jvp_eigh(primals: Sequence[Value], tangents: Sequence[Value]) -> Any:
    """With C = V^H dA V: dw = diag(C), dV = V (C[i, j] / (w[j] - w[i])) (Giles 2008, 3.1)."""
    w, v = eigh.all(*primals)
    t = rules.convert(tangents[0], v.dtype)
    c = matmul(conjugate_transposed(v), matmul(hermitian(t), v))
    turn = over_gaps(c, row(w) - column(w))
    return (w, v), (real_part(diagonal(c)), matmul(v, turn))


def _equal_eigenvalues(a: Array) -> Any:
    w = np.linalg.eigh(a)[0]
    return _near(w, 0.0)


def _near(w: Array, floor: float) -> Any:
    """Which ascending or descending values equal a neighbour but for rounding."""
    size = np.max(np.abs(w), axis=-1, keepdims=True, initial=floor)
    close = np.abs(np.diff(w, axis=-1)) <= 8 * np.finfo(w.dtype).eps * size
    edge = np.zeros((*w.shape[:-1], 1), bool)
    return np.concatenate([close, edge], -1) | np.concatenate([edge, close], -1)


def _eigh_samples() -> list[Sample]:
    return [
        Sample((SPD,)),
        Sample((SPD + SKEW,)),
        Sample((np.stack([SPD, -SPD]),)),
        Sample((SPD.astype("float32"),)),
        Sample((SPD + 1j * SKEW,), smooth=False),  # the phases of v are LAPACK's choice
        Sample((np.diag([1.0, 1.0, 2.0]),), smooth=False),
    ]


eigh: Op = Op(
    name="linalg.eigh",
    doc="Ascending eigenvalues and orthonormal eigenvectors (columns) of Hermitian matrices. As "
    "in NumPy only the lower triangle of a is read, so the derivative is zero in the upper one. "
    "The phase of a complex eigenvector is open: its derivative is the one that does not turn "
    "it, so a function should not depend on phases.",
    operands=("a",),
    evaluate=lambda a: tuple(np.linalg.eigh(a)),
    infer=_infer_eigh,
    jvp=_jvp_eigh,
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_leading("linalg.eigh"),
    cost=cubic(9),
    samples=_eigh_samples,
    nonsmooth=(
        NonSmooth(
            "two eigenvalues are equal",
            "a perturbation, or a cotangent, that does not mix their eigenvectors has a finite "
            "derivative; one that does gives Inf or NaN for the eigenvectors",
            _equal_eigenvalues,
        ),
    ),
)


# ------------------------------------------------------------------ svd


def _infer_svd(a: Type) -> tuple[Type, Type, Type]:
    result = matrices(a)
    *lead, m, n = result.shape
    k = min(m, n)
    return (
        result.with_shape((*lead, m, k)),
        Type(rules.real_dtype(result.dtype), (*lead, k)),
        result.with_shape((*lead, k, n)),
    )


def _jvp_svd(primals: Sequence[Value], tangents: Sequence[Value]) -> Any:
    """With C = U^H dA V: ds = diag(C), and U and V turn by parts of C over the gaps of s^2.

    What dA adds outside their spans is divided by s (Townsend 2016).
    """
    u, s, vh = svd.all(*primals)
    v = conjugate_transposed(vh)
    t = rules.convert(tangents[0], u.dtype)
    tv, thu = matmul(t, v), matmul(conjugate_transposed(t), u)
    c = matmul(conjugate_transposed(u), tv)
    ch = conjugate_transposed(c)
    gaps = (row(s) - column(s)) * (row(s) + column(s))
    turn_u = over_gaps(c * row(s) + ch * column(s), gaps)
    turn_v = over_gaps(c * column(s) + ch * row(s), gaps)
    if c.type.is_complex:
        turn_u = turn_u + xdivy(phases(c), row(s))
    du, dv = matmul(u, turn_u), matmul(v, turn_v)
    if u.shape[-2] > s.shape[-1]:
        du = du + xdivy(tv - matmul(u, c), row(s))
    if v.shape[-2] > s.shape[-1]:
        dv = dv + xdivy(thu - matmul(v, ch), row(s))
    return (u, s, vh), (du, real_part(diagonal(c)), conjugate_transposed(dv))


def _equal_singular_values(a: Array) -> Any:
    s = np.linalg.svd(a, compute_uv=False)
    largest = np.max(s, axis=-1, keepdims=True, initial=0)
    return (_near(s, 0.0) | (s <= 8 * np.finfo(s.dtype).eps * largest))[..., None, :]


svd: Op = Op(
    name="linalg.svd",
    doc="U, s, Vh with (U * s) @ Vh = a: orthonormal columns of U, s descending, orthonormal rows "
    "of Vh; for m by n matrices k = min(m, n) of each. The common phase of a complex column of U "
    "and row of Vh is open: its derivative turns U alone, so a function should not depend on it.",
    operands=("a",),
    evaluate=lambda a: tuple(np.linalg.svd(a, full_matrices=False)),
    infer=_infer_svd,
    jvp=_jvp_svd,
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_leading("linalg.svd"),
    cost=cubic(14),
    samples=lambda: [
        Sample((TALL,)),
        Sample((TALL.T,)),
        Sample((SPD + SKEW,)),
        Sample((np.stack([TALL, TALL[::-1] * 2]),)),
        Sample((TALL.astype("float32"),)),
        Sample((TALL + 1j * TALL[::-1],), smooth=False),  # phases are LAPACK's choice
        Sample((np.eye(3, 2),), smooth=False),
    ],
    nonsmooth=(
        NonSmooth(
            "two singular values are equal, or one is 0",
            "a perturbation, or a cotangent, that does not mix their vectors has a finite "
            "derivative; one that does gives Inf or NaN for the vectors. At 0 s may go on below 0",
            _equal_singular_values,
        ),
    ),
)


# ------------------------------------------------------------------ pinv


def _jvp_pinv(primals: Sequence[Value], tangents: Sequence[Value], rcond: float) -> Any:
    """dX = -X dA X + X X^H dA^H (1 - A X) + (1 - X A) dA^H X^H X (Golub and Pereyra 1973)."""
    (a,) = primals
    x = pinv(a, rcond=rcond)
    t = rules.convert(tangents[0], x.dtype)
    th, xh = conjugate_transposed(t), conjugate_transposed(x)
    right, left = matmul(matmul(x, xh), th), matmul(th, matmul(xh, x))
    dx = matmul(matmul(x, t), x)
    dx = right - matmul(matmul(right, a), x) - dx
    return (x,), (rules.expand(dx + left - matmul(x, matmul(a, left)), x.type),)


def _infer_pinv(a: Type, rcond: float) -> Type:
    result = matrices(a)
    return result.with_shape((*a.shape[:-2], a.shape[-1], a.shape[-2]))


pinv: Op = Op(
    name="linalg.pinv",
    doc="The Moore-Penrose inverses; singular values up to rcond times the largest count as 0. "
    "The derivative is the one within the matrices of the same rank.",
    operands=("a",),
    attributes=(Attr("rcond", "float", "which singular values count as 0", 1e-15),),
    evaluate=lambda a, rcond: np.linalg.pinv(a, rcond).astype(rules.inexact(a.dtype), copy=False),
    infer=_infer_pinv,
    jvp=_jvp_pinv,
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_leading("linalg.pinv"),
    cost=cubic(14),
    samples=lambda: [
        Sample((TALL,), {"rcond": 1e-15}),
        Sample((TALL.T,), {"rcond": 1e-15}),
        Sample((np.stack([TALL, TALL[::-1]]) + 0.5j,), {"rcond": 1e-15}),
        Sample((TALL.astype("float32"),), {"rcond": 1e-6}),
    ],
)
