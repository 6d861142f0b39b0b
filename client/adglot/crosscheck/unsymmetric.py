"""What formulas for symmetric matrices give along a tangent that is not symmetric.

`cholesky` and `eigh` read one triangle of a matrix, but a package may push any tangent forward by
a formula that takes it for symmetric. What comes out is no derivative, yet it is one number only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from adglot.calls import Array
from adglot.crosscheck.alone import Alone
from adglot.crosscheck.phases import dots, near, unit


def taken_as_symmetric(found: Alone, side: int) -> bool:
    """Whether one side's pushforward is what the formula gives, signs of vectors aside."""
    if found.probe.operator != "jvp" or not found.confirmed:
        return False
    (a,), (t,) = found.operands, found.seeds
    with np.errstate(all="ignore"):
        try:
            first, *vectors = FORMULAS[found.node.op](a, np.asarray(t))
        except np.linalg.LinAlgError:
            return False
        said, *turned = found.sides[side]
        pairs = zip(vectors, turned, strict=True)
        return near(said, first) and all(near(y, x * unit(dots(x, y))) for x, y in pairs)


def _cholesky(a: Array, t: Array) -> tuple[Array, ...]:
    """L phi(L^-1 t L^-H), phi taking the lower triangle and half of the diagonal."""
    factor = np.linalg.cholesky(a)
    left = np.linalg.solve(factor, t)
    both = _adjoint(np.linalg.solve(factor, _adjoint(left)))
    half = np.tril(both) - 0.5 * both * np.eye(a.shape[-1])
    return (factor @ half,)


def _eigh(a: Array, t: Array) -> tuple[Array, ...]:
    """diag(m) and v (m / gaps), with m = v^H t v."""
    w, v = np.linalg.eigh(a)
    m = _adjoint(v) @ t @ v
    gaps = w[..., None, :] - w[..., :, None]
    mixing = np.where(np.eye(w.shape[-1], dtype=bool), 0.0, m / gaps)
    return np.real(np.diagonal(m, axis1=-2, axis2=-1)), v @ mixing


def _adjoint(x: Array) -> Array:
    return np.asarray(np.conj(np.swapaxes(x, -1, -2)))


FORMULAS: Mapping[str, Callable[[Array, Array], tuple[Array, ...]]] = {
    "linalg.cholesky": _cholesky,
    "linalg.eigh": _eigh,
}
