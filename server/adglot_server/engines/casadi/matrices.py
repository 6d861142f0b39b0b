"""Linear algebra of CasADi's expressions, matrix by matrix of a stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import casadi
import numpy as np

from adglot_server.engines.casadi.numbers import Numbers, each, from_matrix, gather, lift, stack


def stacked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of CasADi's matrices over all leading axes, which broadcast."""

    def over_stacks(*operands: Any, **attributes: Any) -> Any:
        arrays = [lift(x) for x in operands]
        lead = np.broadcast_shapes(*(x.shape[:-2] for x in arrays))
        whole = [_broadcast(x, lead) for x in arrays]
        results = [
            function(*(_matrix(x[i]) for x in whole), **attributes) for i in np.ndindex(lead)
        ]
        if results and isinstance(results[0], tuple):
            return tuple(_joined(lead, column) for column in zip(*results, strict=True))
        return _joined(lead, results)

    return over_stacks


def _broadcast(x: Numbers, lead: tuple[int, ...]) -> Numbers:
    return gather(lambda places: np.broadcast_to(places, lead + x.shape[-2:]), x)


def _matrix(x: Numbers) -> Any:
    return x.column_major(*x.shape)


def _joined(lead: tuple[int, ...], results: Any) -> Numbers:
    parts = [from_matrix(x, x.shape) for x in results]
    whole = stack(parts)
    return Numbers(whole.flat, (*lead, *parts[0].shape))


def _scalars(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose results are scalars."""
    over = stacked(function)

    def without_axes(*operands: Any) -> Any:
        found = over(*operands)
        several = found if isinstance(found, tuple) else (found,)
        scalars = tuple(Numbers(x.flat, x.shape[:-2]) for x in several)
        return scalars if isinstance(found, tuple) else scalars[0]

    return without_axes


# ------------------------------------------------------------------ products and solutions


def _matmul(a: Any, b: Any) -> Numbers:
    a, b = lift(a), lift(b)
    rows = a if len(a.shape) > 1 else Numbers(a.flat, (1, *a.shape))
    columns = b if len(b.shape) > 1 else Numbers(b.flat, (*b.shape, 1))
    product = stacked(casadi.mtimes)(rows, columns)
    shape = list(product.shape)
    if len(b.shape) == 1:
        del shape[-1]
    if len(a.shape) == 1:
        del shape[-1 - (len(b.shape) > 1)]
    return Numbers(product.flat, tuple(shape))


def _solve(a: Any, b: Any) -> Numbers:
    """As NumPy 2: b is a vector if it has one axis, and a stack of matrices otherwise."""
    b = lift(b)
    columns = b if len(b.shape) > 1 else Numbers(b.flat, (*b.shape, 1))
    x = stacked(casadi.solve)(a, columns)
    return x if len(b.shape) > 1 else Numbers(x.flat, x.shape[:-1])


def _triangular_solve(
    a: Any, b: Any, *, lower: bool, adjoint: bool, unit_diagonal: bool
) -> Numbers:
    part = np.tril if lower else np.triu
    t = gather(lambda places: part(places, (-1 if lower else 1) if unit_diagonal else 0), lift(a))
    if unit_diagonal:
        t = _plus_identity(t)
    return _solve(gather(lambda places: np.swapaxes(places, -1, -2), t) if adjoint else t, b)


def _plus_identity(t: Numbers) -> Numbers:
    n = t.shape[-1]
    return each(lambda a, b: a + b)(t, np.eye(n))


# ------------------------------------------------------------------ the others


def _cholesky(a: Any) -> Any:
    """Of the symmetric matrix that the lower triangle is of."""
    below = casadi.tril(a, False)
    return casadi.chol(below + below.T + casadi.diag(casadi.diag(a))).T


def _adjugate(a: Any, *directions: Any) -> Any:
    """The adjugate along the directions: derivatives by one number each."""
    ts = [casadi.SX.sym(f"t{k}") for k in range(len(directions))]
    moved = a + sum(t * d for t, d in zip(ts, directions, strict=True))
    adjugate = casadi.vec(casadi.adj(moved))
    for t in ts:
        adjugate = casadi.substitute(casadi.jacobian(adjugate, t), t, 0)
    return casadi.reshape(adjugate, *a.shape)


def _slogdet(a: Any) -> tuple[Any, Any]:
    det = casadi.det(a)
    return casadi.sign(det), casadi.log(casadi.fabs(det))


TABLE: dict[str, Callable[..., Any]] = {
    "linalg.adjugate": stacked(_adjugate),
    "linalg.cholesky": stacked(_cholesky),
    "linalg.det": _scalars(casadi.det),
    "linalg.inv": stacked(casadi.inv),
    "linalg.slogdet": _scalars(_slogdet),
    "linalg.solve": _solve,
    "linalg.triangular_solve": _triangular_solve,
    "matmul": _matmul,
}
