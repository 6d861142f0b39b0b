"""Matrix products, solves and inverses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops import dependence, rules
from adglot.ops.arithmetic import where
from adglot.ops.core import Array, Attr, Linear, Op, Sample, Value
from adglot.ops.creation import iota
from adglot.ops.indexing import move_axis
from adglot.ops.shape import permute_dims

Shape = tuple[int, ...]


def transposed(x: Value) -> Value:
    """x with its last two axes exchanged."""
    return permute_dims(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def conjugate_transposed(x: Value) -> Value:
    """The conjugate transpose of the last two axes."""
    return rules.conj(transposed(x))


def square(a: Type) -> Type:
    """The type of a stack of square matrices, as floats; InvalidArgument for others."""
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise InvalidArgument(f"needs square matrices in the last two axes, got {a!r}")
    return a.with_dtype(rules.inexact(a.dtype))


def cubic(weight: float) -> Any:
    """A cost of `weight` n^3 for each n by n matrix of the first operand."""
    return lambda operands, outputs, **attributes: int(
        weight * operands[0].size * operands[0].shape[-1]
    )


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
        part = matmul(ct, conjugate_transposed(rules.reshape(x2, shapes[1])))
        whole = rules.contract(part, x1.type.with_shape(shapes[0]))
        return [rules.reshape(whole, x1.type.shape), None]
    part = matmul(conjugate_transposed(rules.reshape(x1, shapes[0])), ct)
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
    if batched == (False, True) and len(matrix_a) == len(matrix_b) == 2 and matrix_b[1] == 1:
        columns = rules.reshape(b, (size, matrix_b[0]))
        y = matmul(columns, transposed(rules.reshape(a, matrix_a)))
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
    pattern=dependence.matrix_product,
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


# ------------------------------------------------------------------ solve


def _infer_solve(a: Type, b: Type, **attributes: bool) -> Type:
    square(a)
    if not b.ndim:
        raise InvalidArgument(f"the right-hand side needs an axis, got {b!r}")
    shape = _matrix_product_shape(a.shape, b.shape)
    return Type(rules.inexact(a.dtype, b.dtype), shape[:-1] if b.ndim == 1 else shape)


def _jvp_solve(primals: Sequence[Value], tangents: Sequence[Value | None]) -> Any:
    """a y = b gives a dy = db - da y (Giles 2008, section 2.2.3)."""
    y = solve(*primals)
    return (y,), (_moved_solution(solve, y, primals, *tangents),)


def _moved_solution(
    op: Op,
    y: Value,
    primals: Sequence[Value],
    ta: Value | None,
    tb: Value | None,
    **attributes: Any,
) -> Value:
    """dy of m y = b, where m = m(a) is what the op solves with and `ta` its tangent."""
    a, b = primals
    if ta is None:
        return rules.expand(op(a, tb, **attributes), y.type)
    column = b.ndim == 1 and a.ndim > 2
    drift = matmul(ta, rules.reshape(y, (*y.shape, 1)) if column else y)
    if tb is None:
        moved = -op(a, drift, **attributes)
    else:
        rhs = rules.reshape(tb, (*b.shape, 1)) if column else tb
        moved = op(a, rhs - drift, **attributes)
    return rules.expand(rules.reshape(moved, y.shape), y.type)


def _transpose_solve(cts: Sequence[Value], operands: Sequence[Any]) -> Any:
    a, b = operands
    return [None, _pulled_rhs(lambda ct: solve(conjugate_transposed(a), ct), a, b.type, cts[0])]


def _pulled_rhs(back: Callable[[Value], Value], a: Value, b: Type, ct: Value) -> Value:
    """The cotangent of a right-hand side, its broadcast axes summed."""
    if b.ndim == 1 and a.ndim > 2:
        whole = back(rules.reshape(ct, (*ct.shape, 1)))
        return rules.reshape(rules.contract(whole, b.with_shape((*b.shape, 1))), b.shape)
    return rules.contract(back(ct), b)


def _batch_solve(name: str) -> Callable[..., Any]:
    """Right-hand sides of one matrix become its columns; otherwise the stacks are lined up."""

    def batch(
        size: int, operands: Sequence[Value], batched: Sequence[bool], **attributes: Any
    ) -> Any:
        a, b = operands
        shape = b.shape[batched[1] :]
        columns = (*shape, 1) if len(shape) == 1 else shape
        run = partial(rules.entry(name), **attributes)
        if not batched[0]:
            y = _solve_columns(run, a, rules.reshape(b, (size, *columns)))
        else:
            rank = max(a.ndim - 1, len(columns))
            y = run(
                _lined_up(a, a.shape[1:], rank, size),
                _lined_up(b, columns, rank, size if batched[1] else None),
            )
        return (rules.reshape(y, y.shape[:-1]) if len(shape) == 1 else y,), (True,)

    return batch


def _solve_columns(run: Callable[..., Value], a: Value, b: Value) -> Value:
    """[size, ..., n, k] solved as [..., n, size k]: the matrix is factorized once."""
    size, *_, n, k = b.shape
    last = b.ndim - 2
    wide = move_axis(b, 0, last)
    y = run(a, rules.reshape(wide, (*wide.shape[:last], size * k)))
    lead = y.shape[:-2]
    return move_axis(rules.reshape(y, (*lead, n, size, k)), len(lead) + 1, 0)


def _cost_solve(operands: Sequence[Type], outputs: Sequence[Type], **attributes: Any) -> int:
    n = operands[0].shape[-1]
    return operands[0].size * n * 2 // 3 + 2 * n * outputs[0].size


def _cost_substitution(operands: Sequence[Type], outputs: Sequence[Type], **attributes: Any) -> int:
    return operands[0].shape[-1] * outputs[0].size


B = np.array([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]])

solve: Op = Op(
    name="linalg.solve",
    doc="x with a @ x = b for stacks of square matrices a. As in NumPy 2, b is a vector if it has "
    "exactly one axis, and a stack of matrices otherwise. A singular matrix is an error.",
    operands=("a", "b"),
    evaluate=np.linalg.solve,
    infer=_infer_solve,
    jvp=_jvp_solve,
    transpose=_transpose_solve,
    batch=_batch_solve("linalg.solve"),
    pattern=dependence.solved,
    cost=_cost_solve,
    samples=lambda: [
        Sample((A, B)),
        Sample((A, B[:, 0])),
        Sample((np.stack([A, A.T + 1]), B[:, 0])),
        Sample((np.stack([A, A.T + 1]), B)),
        Sample((A, np.stack([B, B - 1]))),
        Sample((A + 0.5j * A.T, B[:, :1])),
        Sample((A, B[:, 0] + 1j)),
        Sample((A.astype("float32"), B)),
    ],
)


# ------------------------------------------------------------------ inv


def _jvp_inv(primals: Sequence[Value], tangents: Sequence[Value | None]) -> Any:
    """dX = -X dA X (Giles 2008, section 2.2.3)."""
    x = inv(*primals)
    return (x,), (-matmul(matmul(x, tangents[0]), x),)


inv: Op = Op(
    name="linalg.inv",
    doc="The inverses of square matrices in the last two axes. A singular one is an error.",
    operands=("a",),
    evaluate=np.linalg.inv,
    infer=square,
    jvp=_jvp_inv,
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_leading("linalg.inv"),
    cost=cubic(2),
    samples=lambda: [
        Sample((A,)),
        Sample((np.stack([A, A + 1j]),)),
        Sample((A.astype("float32"),)),
    ],
)


# ------------------------------------------------------------------ triangular_solve

BLOCK = 32
"""Triangles up to this size are given to LAPACK's general solver."""


def triangle(x: Value, *, lower: bool, strict: bool = False) -> Value:
    """x in one triangle of its last two axes, with the diagonal unless `strict`, 0 elsewhere."""
    m, n = x.shape[-2:]
    rows = rules.reshape(iota.on(x, size=m), (m, 1))
    high, low = (rows, iota.on(x, size=n)) if lower else (iota.on(x, size=n), rows)
    return where(high > low if strict else high >= low, x, 0.0)


def _evaluate_triangular(
    a: Array, b: Array, *, lower: bool, adjoint: bool, unit_diagonal: bool
) -> Array:
    if b.ndim == 1:
        column = b[:, None]
        how = {"lower": lower, "adjoint": adjoint, "unit_diagonal": unit_diagonal}
        return np.asarray(_evaluate_triangular(a, column, **how)[..., 0])
    part = np.tril if lower else np.triu
    t = (
        part(a, -1 if lower else 1) + np.eye(a.shape[-1], dtype=a.dtype)
        if unit_diagonal
        else part(a)
    )
    if adjoint:
        t = np.swapaxes(t, -1, -2).conj()
    if lower == adjoint:
        return _back_substitution(t, b)
    return _back_substitution(t[..., ::-1, ::-1], b[..., ::-1, :])[..., ::-1, :]


def _back_substitution(u: Array, b: Array) -> Array:
    """x with u @ x = b for an upper triangle u, block by block."""
    n = u.shape[-1]
    if n <= BLOCK:
        return np.linalg.solve(u, b)  # its pivots are the diagonal: nothing below is larger
    h = n // 2
    low = _back_substitution(u[..., h:, h:], b[..., h:, :])
    rest = b[..., :h, :] - u[..., :h, h:] @ low
    return np.concatenate([_back_substitution(u[..., :h, :h], rest), low], axis=-2)


def _jvp_triangular(
    primals: Sequence[Value],
    tangents: Sequence[Value | None],
    lower: bool,
    adjoint: bool,
    unit_diagonal: bool,
) -> Any:
    ta, tb = tangents
    how = {"lower": lower, "adjoint": adjoint, "unit_diagonal": unit_diagonal}
    y = triangular_solve(*primals, **how)
    if ta is not None:
        ta = triangle(ta, lower=lower, strict=unit_diagonal)
        ta = conjugate_transposed(ta) if adjoint else ta
    return (y,), (_moved_solution(triangular_solve, y, primals, ta, tb, **how),)


def _transpose_triangular(
    cts: Sequence[Value], operands: Sequence[Any], adjoint: bool, **rest: bool
) -> Any:
    a, b = operands
    back = partial(triangular_solve, a, adjoint=not adjoint, **rest)
    return [None, _pulled_rhs(back, a, b.type, cts[0])]


def _triangular_samples() -> list[Sample]:
    lower, upper = np.array([[2.0, 9.0], [-1.0, 3.0]]), np.array([[2.0, 0.5], [9.0, 3.0]])
    flags = ("lower", "adjoint", "unit_diagonal")
    plain: dict[str, Any] = dict.fromkeys(flags, False)
    return [
        Sample((upper, B), plain),
        Sample((lower, B), {**plain, "lower": True}),
        Sample((upper, B[:, 0]), {**plain, "adjoint": True}),
        Sample((lower, B), dict.fromkeys(flags, True)),
        Sample((np.stack([upper, upper + 1]), B[:, 0]), plain),
        Sample((upper + 0.5j * lower, np.stack([B, B + 1j])), {**plain, "adjoint": True}),
        Sample((lower.astype("float32"), B), {**plain, "lower": True}),
    ]


triangular_solve: Op = Op(
    name="linalg.triangular_solve",
    doc="x with t @ x = b, where t is one triangle of a: the other one is never read, and has a "
    "zero derivative. b is a vector or a stack of matrices as in linalg.solve.",
    operands=("a", "b"),
    attributes=(
        Attr("lower", "bool", "read the lower triangle of a, not the upper one", False),
        Attr("adjoint", "bool", "solve with the conjugate transpose of that triangle", False),
        Attr("unit_diagonal", "bool", "take ones for the diagonal, which is not read", False),
    ),
    evaluate=_evaluate_triangular,
    infer=_infer_solve,
    jvp=_jvp_triangular,
    transpose=_transpose_triangular,
    batch=_batch_solve("linalg.triangular_solve"),
    pattern=dependence.substituted,
    cost=_cost_substitution,
    samples=_triangular_samples,
)
