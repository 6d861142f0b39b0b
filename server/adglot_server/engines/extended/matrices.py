"""Linear algebra of mpmath's numbers: short textbook algorithms, and mpmath's own for spectra.

LAPACK chooses signs, phases and orders; its answer in double precision says which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adglot.ops.core import Array
from adglot_server.engines.extended.arithmetic import CTX, as_objects, each, is_complex

_abs, _conj, _real, _sqrt = each(abs), each(CTX.conj), each(CTX.re), each(CTX.sqrt)
_unit = each(CTX.sign)


def stacked(function: Callable[..., Any], *ranks: int) -> Callable[..., Any]:
    """A function of matrices (or vectors: rank 1) over all leading axes, which broadcast."""

    def over_stacks(*arrays: Array, **attributes: Any) -> Any:
        rank = ranks or (2,) * len(arrays)
        leads = [x.shape[: x.ndim - r] for x, r in zip(arrays, rank, strict=True)]
        lead = np.broadcast_shapes(*leads)
        whole = [
            np.broadcast_to(x, lead + x.shape[x.ndim - r :])
            for x, r in zip(arrays, rank, strict=True)
        ]
        results = [function(*(x[i] for x in whole), **attributes) for i in np.ndindex(lead)]
        if results and isinstance(results[0], tuple):
            return tuple(_joined(lead, column) for column in zip(*results, strict=True))
        return _joined(lead, results)

    return over_stacks


def _joined(lead: tuple[int, ...], results: Any) -> Array:
    parts = [as_objects(x) for x in results]
    return np.stack(parts).reshape(lead + parts[0].shape) if parts else np.zeros(lead, object)


def adjoint(a: Array) -> Array:
    """The conjugate transpose of a matrix."""
    return _conj(a.T)


# ------------------------------------------------------------------ elimination


def _eliminate(a: Array, b: Array) -> tuple[Any, Array]:
    """The determinant and a^-1 b by Gauss-Jordan with row exchanges; b as it is if det is 0."""
    n = a.shape[-1]
    rows = np.concatenate([a, b], axis=1)
    det = CTX.one
    for k in range(n):
        pivot = k + max(range(n - k), key=lambda i: abs(rows[k + i, k]))
        if rows[pivot, k] == 0:
            return CTX.zero, b
        if pivot != k:
            rows[[k, pivot]], det = rows[[pivot, k]], -det
        det *= rows[k, k]
        rows[k] = rows[k] / rows[k, k]
        others = np.arange(n) != k
        rows[others] -= np.outer(rows[others, k], rows[k])
    return det, rows[:, n:]


def _solve(a: Array, b: Array) -> Array:
    det, x = _eliminate(a, b)
    if det == 0:
        raise np.linalg.LinAlgError("Singular matrix")
    return x


def solve(a: Array, b: Array) -> Any:
    """As NumPy 2: b is a vector if it has one axis, and a stack of matrices otherwise."""
    if b.ndim == 1:
        return stacked(_solve)(a, b[:, None])[..., 0]
    return stacked(_solve)(a, b)


def _identity(n: int) -> Array:
    return as_objects(np.where(np.eye(n, dtype=bool), CTX.one, CTX.zero))


def _zeros(n: int) -> Array:
    return np.full((n, n), CTX.zero, object)


def _inv(a: Array) -> Array:
    return _solve(a, _identity(len(a)))


def _det(a: Array) -> Any:
    return _eliminate(a, a[:, :0])[0]


def _slogdet(a: Array) -> tuple[Any, Any]:
    det = _det(a)
    return CTX.sign(det), CTX.log(abs(det))


def triangular_solve(a: Array, b: Array, *, lower: bool, adjoint: bool, unit_diagonal: bool) -> Any:
    """x with t @ x = b, where t is one triangle of a."""
    n = a.shape[-1]
    t = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        t = np.where(np.eye(n, dtype=bool), CTX.one, t)
    return solve(_conj(np.swapaxes(t, -1, -2)) if adjoint else t, b)


# ------------------------------------------------------------------ adjugates


def _adjugate(a: Array, *directions: Array) -> Array:
    """adj(a), or its derivative along the directions.

    The adjugate by Faddeev and LeVerrier, who divide by integers only; its derivatives by central
    differences with three times the digits, so that they are as good as the adjugate itself.
    """
    if directions:
        *others, last = directions
        with CTX.workdps(3 * CTX.dps):
            h = CTX.mpf(10) ** -(CTX.dps // 3)
            ends = (_adjugate(a + t * last, *others) for t in (h, -h))
            return as_objects((next(ends) - next(ends)) / (2 * h))
    n = len(a)
    m, c = _zeros(n), CTX.one
    for k in range(1, n + 1):
        m = a @ m + c * _identity(n)
        c = -np.trace(a @ m) / k
    return as_objects(m * (-1) ** (n - 1))


# ------------------------------------------------------------------ factorizations


def _double(a: Array) -> Array:
    """The matrix as LAPACK takes it."""
    return np.asarray(a, np.complex128 if any(map(is_complex, a.flat)) else np.float64)


def _cholesky(a: Array) -> Array:
    n = len(a)
    factor = _zeros(n)
    for j in range(n):
        rest = a[j:, j] - factor[j:, :j] @ _conj(factor[j, :j])
        pivot = CTX.re(rest[0])
        if not pivot > 0:
            raise np.linalg.LinAlgError("Matrix is not positive definite")
        factor[j:, j] = rest / CTX.sqrt(pivot)
        factor[j, j] = CTX.sqrt(pivot)
    return factor


def _qr(a: Array) -> tuple[Array, Array]:
    """Gram and Schmidt, twice each column; the diagonal of R has LAPACK's signs."""
    signs = np.sign(np.diagonal(np.linalg.qr(_double(a))[1]).real)
    q = a[:, : min(a.shape)].copy()
    for k in range(q.shape[1]):
        for _ in range(2):
            q[:, k] = q[:, k] - q[:, :k] @ (_conj(q[:, :k].T) @ q[:, k])
        q[:, k] = q[:, k] / CTX.mpf(signs[k] or 1.0) / _length(q[:, k])
    return q, np.triu(adjoint(q) @ a)


def _length(v: Array) -> Any:
    return CTX.sqrt(sum(abs(z) ** 2 for z in v))


def _turned_like(v: Array, like: Array) -> Array:
    """Factors of modulus 1 that turn the columns of v as those of `like`, LAPACK's, are turned."""
    return _unit(as_objects((_conj(v) * like).sum(0)))


def _arrays(*matrices: Any) -> list[Array]:
    return [as_objects(m.tolist()) for m in matrices]


def _eigh(a: Array) -> tuple[Array, Array]:
    below = np.tril(a, -1)
    whole = below + adjoint(below) + _real(np.diagonal(a)) * _identity(len(a))
    w, v = _arrays(*CTX.eigh(CTX.matrix(whole.tolist())))
    return w.ravel(), v * _turned_like(v, np.linalg.eigh(_double(whole))[1])


def _svd(a: Array) -> tuple[Array, Array, Array]:
    u, s, vh = _arrays(*CTX.svd(CTX.matrix(a.tolist())))
    turn = _turned_like(adjoint(vh), adjoint(np.linalg.svd(_double(a), full_matrices=False)[2]))
    return u * turn, s.ravel(), vh * _conj(turn)[:, None]


def _eig(a: Array) -> tuple[Array, Array]:
    """In LAPACK's order; vectors of length 1, their largest components real with its signs."""
    w0, v0 = np.linalg.eig(_double(a))
    w, right = CTX.eig(CTX.matrix(a.tolist()))
    (v,) = _arrays(right)
    free, order = list(range(len(a))), []
    for value in w0:
        order.append(min(free, key=lambda i: abs(w[i] - value)))
        free.remove(order[-1])
    v, largest = v[:, order], np.abs(v0).argmax(0)
    first = v[largest, range(len(a))] * np.sign(v0[largest, range(len(a))].real)
    lengths = as_objects([_length(column) for column in v.T])
    return as_objects(w)[order], v / lengths * _conj(_unit(first))


def _pinv(a: Array, *, rcond: float) -> Array:
    u, s, vh = _svd(a)
    kept = s > rcond * max(s, default=CTX.zero)
    inverse = as_objects([1 / x if k else CTX.zero for x, k in zip(s, kept, strict=True)])
    return as_objects((adjoint(vh) * inverse) @ adjoint(u))


TABLE: dict[str, Callable[..., Any]] = {
    "linalg.adjugate": stacked(_adjugate),
    "linalg.cholesky": stacked(_cholesky),
    "linalg.det": stacked(_det),
    "linalg.eig": stacked(_eig),
    "linalg.eigh": stacked(_eigh),
    "linalg.inv": stacked(_inv),
    "linalg.pinv": stacked(_pinv),
    "linalg.qr": stacked(_qr),
    "linalg.slogdet": stacked(_slogdet),
    "linalg.solve": solve,
    "linalg.svd": stacked(_svd),
    "linalg.triangular_solve": triangular_solve,
}
