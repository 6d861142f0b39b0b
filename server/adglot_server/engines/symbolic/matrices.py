"""Linear algebra of SymPy's expressions: inverses by adjugates, which need no pivots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from adglot.ops.core import Array


def stacked(function: Callable[..., Any], *ranks: int) -> Callable[..., Any]:
    """A function of SymPy's matrices over all leading axes, which broadcast."""

    def over_stacks(*arrays: Array, **attributes: Any) -> Any:
        lead = np.broadcast_shapes(*(x.shape[:-2] for x in arrays))
        whole = [np.broadcast_to(x, lead + x.shape[-2:]) for x in arrays]
        results = [
            function(*(sympy.Matrix(x[i]) for x in whole), **attributes) for i in np.ndindex(lead)
        ]
        if results and isinstance(results[0], tuple):
            return tuple(_joined(lead, column) for column in zip(*results, strict=True))
        return _joined(lead, results)

    return over_stacks


def _joined(lead: tuple[int, ...], results: Any) -> Array:
    parts = [_array(x) for x in results]
    return np.stack(parts).reshape(lead + parts[0].shape) if parts else np.zeros(lead, object)


def _array(x: Any) -> Array:
    return np.array(x.tolist() if isinstance(x, sympy.MatrixBase) else x, object)


def _det(a: Any) -> Any:
    return a.det(method="berkowitz")


def _inv(a: Any) -> Any:
    return a.adjugate(method="berkowitz") / _det(a)


def _solve(a: Array, b: Array) -> Any:
    """As NumPy 2: b is a vector if it has one axis, and a stack of matrices otherwise."""
    columns = b[:, None] if b.ndim == 1 else b
    x = stacked(lambda a, b: _inv(a) * b)(a, columns)
    return x[..., 0] if b.ndim == 1 else x


def _slogdet(a: Any) -> tuple[Any, Any]:
    det = _det(a)
    return sympy.sign(det), sympy.log(sympy.Abs(det))


def _adjugate(a: Any, *directions: Any) -> Any:
    """The coefficient of t1 ... tk in the adjugate of a + t1 directions[0] + ..."""
    ts = sympy.symbols(f"t:{len(directions)}", real=True)
    moved = a
    for t, direction in zip(ts, directions, strict=True):
        moved += t * direction
    adjugate = moved.adjugate(method="berkowitz")
    for t in ts:
        adjugate = adjugate.diff(t).subs(t, 0)
    return adjugate


def _cholesky(a: Any) -> Any:
    """Of the Hermitian matrix that the lower triangle is of."""
    n = a.rows
    whole = sympy.Matrix(
        n,
        n,
        lambda i, j: a[i, j] if i > j else sympy.re(a[i, i]) if i == j else a[j, i].conjugate(),
    )
    factor = sympy.zeros(n, n)
    for j in range(n):
        known = sum(abs(factor[j, k]) ** 2 for k in range(j))
        factor[j, j] = sympy.sqrt(whole[j, j] - known)
        for i in range(j + 1, n):
            dot = sum(factor[i, k] * factor[j, k].conjugate() for k in range(j))
            factor[i, j] = (whole[i, j] - dot) / factor[j, j]
    return factor


def _triangular_solve(
    a: Array, b: Array, *, lower: bool, adjoint: bool, unit_diagonal: bool
) -> Any:
    t = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        t = np.where(np.eye(a.shape[-1], dtype=bool), sympy.Integer(1), t)
    if adjoint:
        t = np.frompyfunc(sympy.conjugate, 1, 1)(np.swapaxes(t, -1, -2))
    return _solve(t, b)


TABLE: dict[str, Callable[..., Any]] = {
    "linalg.adjugate": stacked(_adjugate),
    "linalg.cholesky": stacked(_cholesky),
    "linalg.det": stacked(_det),
    "linalg.inv": stacked(_inv),
    "linalg.slogdet": stacked(_slogdet),
    "linalg.solve": _solve,
    "linalg.triangular_solve": _triangular_solve,
}
