"""Eigenvalues and eigenvectors of general square matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot.ir import Type
from adglot.ops import rules
from adglot.ops.arithmetic import where
from adglot.ops.core import Array, NonSmooth, Op, Sample, Value
from adglot.ops.creation import iota
from adglot.ops.factorizations import column, diagonal, over_gaps, real_part, row
from adglot.ops.linalg import cubic, matmul, solve, square
from adglot.ops.reduction import argmax

REAL = np.array([[2.0, 0.5, 0.25], [-1.0, 3.5, 0.0], [0.5, 1.0, -1.5]])
TURNING = np.array([[1.0, -2.0, 0.5], [1.5, 0.5, 0.0], [0.25, 1.0, 3.0]])


def _infer(a: Type) -> tuple[Type, Type]:
    v = square(a)
    v = v.with_dtype(np.result_type(v.dtype, np.complex64))
    return v.with_shape(v.shape[:-1]), v


def _evaluate(a: Array) -> tuple[Array, Array]:
    w, v = np.linalg.eig(a)
    dtype = _infer(Type.of(a))[0].dtype
    return w.astype(dtype, copy=False), v.astype(dtype, copy=False)


def _jvp(primals: Sequence[Value], tangents: Sequence[Value]) -> Any:
    """With C = V^-1 dA V: dw = diag(C), dV = V (C[i, j] / (w[j] - w[i])) (Giles 2008, 3.1).

    Then what would change the length of a vector, or turn its largest component, is taken away.
    """
    w, v = eig.all(*primals)
    c = solve(v, matmul(rules.convert(tangents[0], v.dtype), v))
    free = matmul(v, over_gaps(c, row(w) - column(w)))
    longer = real_part(rules.entry("sum")(rules.conj(v) * free, axes=(v.ndim - 2,)))
    ratio = _largest_component(v, free) / _largest_component(v, v)
    turn = ratio - real_part(ratio)
    return (w, v), (diagonal(c), free - v * row(longer + turn))


def _largest_component(v: Value, x: Value) -> Value:
    """Of each column of x the component in which v is largest."""
    axis = v.ndim - 2
    which = argmax(rules.entry("abs")(v), axis=axis)
    mask = rules.entry("equal")(column(iota.on(v, size=v.shape[axis])), row(which))
    return rules.entry("sum")(where(mask, x, 0.0), axes=(axis,))


def _equal_eigenvalues(a: Array) -> Any:
    w = np.linalg.eig(a)[0]
    near = 1e-8 * np.max(np.abs(w), axis=-1, keepdims=True, initial=0)[..., None]
    close = np.abs(w[..., None, :] - w[..., :, None]) <= near
    return (close & ~np.eye(w.shape[-1], dtype=bool)).any(-1)


eig: Op = Op(
    name="linalg.eig",
    doc="Eigenvalues and eigenvectors (columns) of square matrices, always complex. As LAPACK "
    "gives them, vectors have length 1 and their largest component is real.",
    operands=("a",),
    evaluate=_evaluate,
    infer=_infer,
    jvp=_jvp,
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_leading("linalg.eig"),
    cost=cubic(25),
    samples=lambda: [
        Sample((REAL,)),
        Sample((TURNING,)),
        Sample((np.stack([REAL, TURNING]),)),
        Sample((REAL + 1j * TURNING,)),
        Sample((TURNING.astype("float32"),)),
        Sample((np.eye(2),), smooth=False),
    ],
    nonsmooth=(
        NonSmooth(
            "two eigenvalues are equal",
            "as for linalg.eigh where there is a basis of eigenvectors; an error where there is "
            "none",
            _equal_eigenvalues,
        ),
    ),
)
