"""Determinants: det, slogdet, and the adjugate matrix that carries the derivatives of det."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops import dependence, rules
from adglot.ops.core import Array, Linear, NonSmooth, Op, Sample, Value
from adglot.ops.linalg import conjugate_transposed, cubic, inv, square, transposed

A = np.array([[2.0, 0.5, -1.0], [-1.0, 3.0, 0.25], [0.5, 1.0, 1.5]])
SINGULAR = np.array([[2.0, 0.5, -1.0], [-1.0, 3.0, 0.25], [1.0, 3.5, -0.75]])

WELL_CONDITIONED = 1e4
"""Up to this condition number (1-norm) adjugates come from the inverse, which is faster."""


def _trace_of_product(a: Value, b: Value) -> Value:
    product = transposed(a) * b
    return rules.entry("sum")(product, axes=(product.ndim - 2, product.ndim - 1))


# ------------------------------------------------------------------ adjugate


def _infer_adjugate(a: Type, *directions: Type) -> Type:
    result = square(a)
    for direction in directions:
        if direction != result:
            raise InvalidArgument(f"directions must have the type of a, {result!r}: {direction!r}")
    return result


def _adjugate(a: Array, *directions: Array) -> Any:
    if len(directions) >= a.shape[-1]:  # Cofactors are polynomials of a lower degree.
        return np.zeros_like(a)
    x = _safe_inverse(a)
    if x is not None:
        return _regular_adjugate(a, x, directions)
    return _singular_adjugate(a, directions)


def _safe_inverse(a: Array) -> Array | None:
    """The inverses, if all are well-conditioned."""
    try:
        x = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return None
    condition = _norm(a) * _norm(x)
    return x if np.all(condition < WELL_CONDITIONED) else None


def _norm(a: Array) -> Any:
    return np.max(np.sum(np.abs(a), axis=-2), axis=-1, initial=0.0)


def _regular_adjugate(a: Array, x: Array, directions: Sequence[Array]) -> Any:
    """The coefficient of t1 ... tk in adj(B) = det(B) B^-1, where B = a + sum of ti directions[i].

    From B B^-1 = 1, d det(B) = tr(adj(B) dB) and the product rule, subset by subset of the ti.
    """
    inverse: dict[tuple[int, ...], Any] = {(): x}
    det: dict[tuple[int, ...], Any] = {(): np.linalg.det(a)[..., None, None]}
    adjugate: dict[tuple[int, ...], Any] = {(): det[()] * x}
    for k in range(1, len(directions) + 1):
        for T in combinations(range(len(directions)), k):
            inverse[T] = -x @ sum(directions[i] @ inverse[_without(T, (i,))] for i in T)
            rest = adjugate[T[:-1]] @ directions[T[-1]]
            det[T] = np.trace(rest, axis1=-2, axis2=-1)[..., None, None]
            parts = [S for j in range(k + 1) for S in combinations(T, j)]
            adjugate[T] = sum(det[S] * inverse[_without(T, S)] for S in parts)
    return adjugate[tuple(range(len(directions)))]


def _without(T: tuple[int, ...], S: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(i for i in T if i not in S)


def _singular_adjugate(a: Array, directions: Sequence[Array]) -> Array:
    """By a = u s v^H: adj(a) = det(u v^H) v adj(s) u^H, whatever the rank; so its derivatives."""
    u, s, vh = np.linalg.svd(a)
    v, uh = np.swapaxes(vh, -1, -2).conj(), np.swapaxes(u, -1, -2).conj()
    unit = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    middle = _diagonal_adjugate(s, [uh @ direction @ v for direction in directions])
    whole = unit * (v @ middle @ uh)
    return np.asarray(whole if np.iscomplexobj(a) else whole.real, a.dtype)


def _diagonal_adjugate(s: Array, directions: Sequence[Array]) -> Any:
    """The adjugate of diag(s), s >= 0 descending, or its derivative along the directions."""
    unit = np.eye(s.shape[-1], dtype=s.dtype)
    others = np.where(unit == 1, 1, s[..., None, :]).prod(-1)
    if not directions:
        return others[..., None] * unit
    if len(directions) > 1:
        return _mean_over_circle(s, directions)
    pairs = _products_without_two(s, others)
    along = (pairs * np.diagonal(directions[0], axis1=-2, axis2=-1)[..., None, :]).sum(-1)
    return along[..., None] * unit - pairs * directions[0]


def _mean_over_circle(s: Array, directions: Sequence[Array]) -> Any:
    """A polynomial of z, where z is added to every small s: its value at 0 is its mean.

    On a circle as large as the largest s all matrices are well-conditioned.
    """
    n = s.shape[-1]
    largest = s[..., :1]
    small = s <= largest / 2
    radius = np.where(largest > 0, largest, 1.0)
    total = 0.0
    for z in np.exp(2j * np.pi * np.arange(n + 1) / (n + 1)):
        moved = (s + small * radius * z)[..., None] * np.eye(n)
        inverse = np.linalg.inv(moved)
        total = total + _regular_adjugate(moved, inverse, directions) / (n + 1)
    return total


def _products_without_two(s: Array, others: Array) -> Array:
    """P[i, j]: the product of all s but s[i] and s[j], 0 for i = j; s is descending.

    It is others[larger index] / s[smaller index], unless that s is 0: then the product has a
    zero factor left but for the last two indices.
    """
    n = s.shape[-1]
    first, last = np.minimum.outer(range(n), range(n)), np.maximum.outer(range(n), range(n))
    large, rest = s[..., first], others[..., last]
    products = np.divide(rest, large, out=np.zeros_like(rest), where=large != 0)
    products[..., range(n), range(n)] = 0
    if n > 1:
        products[..., [n - 2, n - 1], [n - 1, n - 2]] = s[..., : n - 2].prod(-1)[..., None]
    return products


def _jvp_adjugate(primals: Sequence[Value], tangents: Sequence[Value | None]) -> Any:
    """Linear in every direction; along a it has one direction more."""
    a, *directions = primals
    y = adjugate(a, *directions)
    ta, *moved = tangents
    terms = [] if ta is None else [adjugate(a, *directions, rules.expand(ta, y.type))]
    for k, t in enumerate(moved):
        if t is not None:
            terms.append(adjugate(a, *directions[:k], t, *directions[k + 1 :]))
    return (y,), (rules.add_tangents(terms, y.type),)


def _transpose_adjugate(cts: Sequence[Value], operands: Sequence[Any]) -> Any:
    """tr(W adj(a)[E, ...]) is D^k det(a)[E, W, ...], which does not change if E and W swap."""
    (k,) = (k for k, x in enumerate(operands) if isinstance(x, Linear))
    a, *others = (x for i, x in enumerate(operands) if i != k)
    pulled = conjugate_transposed(adjugate(a, *others, conjugate_transposed(cts[0])))
    return [pulled if i == k else None for i in range(len(operands))]


def _adjugate_samples() -> list[Sample]:
    e = np.array([[1.0, -0.5, 0.25], [0.75, 2.0, -1.0], [0.5, 1.5, -2.0]])
    return [
        Sample((A,)),
        Sample((SINGULAR,)),
        Sample((A, e)),
        Sample((SINGULAR, e)),
        Sample((A, e, e.T)),
        Sample((A + 0.5j * e, e - 1j * A)),
        Sample((np.stack([A, SINGULAR]),)),
    ]


adjugate: Op = Op(
    name="linalg.adjugate",
    doc="The adjugate of a (transposed cofactors; det(a) times the inverse if there is one), or "
    "its k-th derivative along k directions: what the derivatives of det are made of. All are "
    "polynomials of a, and right for every rank.",
    operands=("a", "*directions"),
    evaluate=_adjugate,
    infer=_infer_adjugate,
    jvp=_jvp_adjugate,
    transpose=_transpose_adjugate,
    batch=rules.batch_leading("linalg.adjugate"),
    pattern=dependence.matrixwise,
    cost=lambda operands, outputs: cubic(4 * 3 ** (len(operands) - 1))(operands, outputs),
    samples=_adjugate_samples,
)


# ------------------------------------------------------------------ det


def _jvp_det(primals: Sequence[Value], tangents: Sequence[Value]) -> Any:
    """Jacobi's formula, d det(a) = tr(adj(a) da), which needs no inverse."""
    y = det(*primals)
    return (y,), (_trace_of_product(adjugate(*primals), tangents[0]),)


det: Op = Op(
    name="linalg.det",
    doc="Determinants of square matrices in the last two axes. Derivatives are right for singular "
    "matrices, too: the first is zero only where the rank is below n - 1, the k-th below n - k.",
    operands=("a",),
    evaluate=np.linalg.det,
    infer=lambda a: square(a).with_shape(a.shape[:-2]),
    jvp=_jvp_det,
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_leading("linalg.det"),
    cost=cubic(2 / 3),
    samples=lambda: [
        Sample((A,)),
        Sample((SINGULAR,)),
        Sample((np.stack([A, A.T - 1j]),)),
        Sample((A.astype("float32"),)),
    ],
)


# ------------------------------------------------------------------ slogdet


def _infer_slogdet(a: Type) -> tuple[Type, Type]:
    sign = square(a).with_shape(a.shape[:-2])
    return sign, sign.with_dtype(rules.real_dtype(sign.dtype))


def _jvp_slogdet(primals: Sequence[Value], tangents: Sequence[Value]) -> Any:
    """d log det(a) = tr(a^-1 da): its real part moves the modulus, its imaginary part the sign."""
    sign, logarithm = slogdet.all(*primals)
    slope = _trace_of_product(inv(*primals), tangents[0])
    if not sign.type.is_complex:
        return (sign, logarithm), (None, slope)
    real = rules.entry("real")(slope)
    return (sign, logarithm), (sign * (slope - real), real)


slogdet: Op = Op(
    name="linalg.slogdet",
    doc="sign and log(abs(det(a))), so that det(a) = sign * exp(logabsdet) without overflow.",
    operands=("a",),
    evaluate=lambda a: tuple(np.linalg.slogdet(a)),
    infer=_infer_slogdet,
    jvp=_jvp_slogdet,
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_leading("linalg.slogdet"),
    cost=cubic(2 / 3),
    samples=lambda: [
        Sample((A,)),
        Sample((np.stack([A, -A.T]),)),
        Sample((A + 0.5j * A.T,)),
        Sample((A.astype("float32"),)),
    ],
    nonsmooth=(
        NonSmooth(
            "a singular matrix, where the logarithm is -inf",
            "none: the derivative is an error there, as inv(a) is",
            lambda a: np.linalg.slogdet(a)[0] == 0,
        ),
    ),
)
