"""One-sided derivatives of a node: between them every value of a kink is a choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from adglot.calls import Array
from adglot.crosscheck.alone import Alone
from adglot.crosscheck.bounds import inner
from adglot.ops import evaluate_node

Turn = Callable[[Array], Array]
Seen = Callable[[list[Array]], list[Array]]

STEP = 2.0**-17
LOOSE = 1e-4
"""One-sided differences are good to about this, relative to the larger one-sided derivative."""

DRAWS = 4
MOST_COMPONENTS = 64


def between(found: Alone, side: int, turn: Turn = lambda d: d, seen: Seen = lambda ys: ys) -> bool:
    """Whether what one side says lies between the derivatives to both sides of the point.

    They are the limits of the derivative, so a jump has none of its own. For a pullback every
    direction is tried that a component points to, and some that mix all operands. `turn` is what
    the engine does to a direction before it takes a derivative, `seen` what it sees of the
    outputs' derivatives.
    """
    if found.probe.operator == "evaluate":
        return False
    with np.errstate(all="ignore"):
        try:
            check = _cotangents_between if found.probe.reverse else _tangents_between
            return check(found, found.sides[side], turn, seen)
        except (np.linalg.LinAlgError, ValueError, FloatingPointError):
            return False


def symmetric(d: Array) -> Array:
    """The symmetric (Hermitian) part: what engines take that read a matrix as symmetric."""
    return d if d.ndim < 2 else (d + np.conj(np.swapaxes(d, -1, -2))) / 2


def signless(slogdet: list[Array]) -> list[Array]:
    """No derivative of a determinant's sign."""
    sign, logarithm = slogdet
    return [0 * sign, logarithm]


def _tangents_between(found: Alone, said: Sequence[Array], turn: Turn, seen: Seen) -> bool:
    along = [_wide(np.zeros(()) if t is None else t) for t in found.seeds]
    ends = [seen(ys) for ys in slopes(found, [turn(d) for d in along])]
    pairs = zip(found.slots, said, strict=True)
    return all(_inside(_wide(value), ends[0][k], ends[1][k]) for k, value in pairs)


def _cotangents_between(found: Alone, said: Sequence[Array], turn: Turn, seen: Seen) -> bool:
    for along in directions(found):
        behind, ahead = (
            _weighted(found.seeds, seen(ys)) for ys in slopes(found, [turn(d) for d in along])
        )
        ends = np.minimum(behind, ahead).sum(), np.maximum(behind, ahead).sum()
        value = sum(inner(_wide(c), along[k]) for k, c in zip(found.slots, said, strict=True))
        if not _inside(np.asarray(value), *ends):
            return False
    return True


def _weighted(cotangents: Sequence[Array | None], ys: Sequence[Array]) -> Array:
    """What each component adds to the inner product: at a kink each may choose for itself."""
    pairs = [(ct, y) for ct, y in zip(cotangents, ys, strict=True) if ct is not None]
    return np.concatenate([np.ravel(np.real(np.conj(_wide(ct)) * y)) for ct, y in pairs])


def directions(found: Alone) -> Iterator[list[Array]]:
    """Unit vectors of the block that differs, all ones, and random directions of all slots."""
    zeros = [np.zeros(x.shape, _wide(x).dtype) for x in found.operands]
    slot = found.slots[found.block]
    for k in range(min(zeros[slot].size, MOST_COMPONENTS)):
        for unit in (1.0, 1j) if zeros[slot].dtype.kind == "c" else (1.0,):
            unit_vector = zeros[slot].copy()
            unit_vector.reshape(-1)[k] = unit
            yield [*zeros[:slot], unit_vector, *zeros[slot + 1 :]]
    rng = np.random.default_rng(0)
    for draw in range(DRAWS):
        mixed = list(zeros)
        for k in found.slots:
            mixed[k] = np.asarray(rng.uniform(-1, 1, zeros[k].shape) if draw else zeros[k] + 1)
        yield mixed


def slopes(found: Alone, directions: Sequence[Array]) -> tuple[list[Array], list[Array]]:
    """The derivative of every output along the directions, as it is behind and before the point."""
    behind = _limit(found, [-d for d in directions])
    return [-y for y in behind], _limit(found, directions)


def _limit(found: Alone, directions: Sequence[Array]) -> list[Array]:
    """Extrapolated: twice the slope of the shorter step minus that of the longer one."""
    short, long = (_slope(found, directions, step) for step in (STEP, 2 * STEP))
    return [2 * a - b for a, b in zip(short, long, strict=True)]


def _slope(found: Alone, directions: Sequence[Array], step: float) -> list[Array]:
    near, far = (moved(found, directions, h) for h in (step, 2 * step))
    return [(b - a) / step for a, b in zip(near, far, strict=True)]


def moved(found: Alone, directions: Sequence[Array], h: float) -> list[Array]:
    """The outputs at x + h d, in double precision."""
    point = [
        _wide(x) + h * d if x.dtype.kind in "fc" else x
        for x, d in zip(found.operands, directions, strict=True)
    ]
    outputs = evaluate_node(found.node, point)
    return [np.asarray(y, complex if y.dtype.kind == "c" else float) for y in outputs]


def _wide(x: Array) -> Array:
    if x.dtype.kind not in "fc":
        return x
    return np.asarray(x, complex if x.dtype.kind == "c" else float)


def _inside(value: Array, a: Array, b: Array) -> bool:
    """Component by component, real and imaginary parts apart."""
    if not (np.all(np.isfinite(value)) and np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return False
    slack = LOOSE * np.maximum(np.abs(a), np.abs(b)).max(initial=1e-3)
    parts = (np.real, np.imag) if value.dtype.kind == "c" else (np.real,)
    return all(
        bool(np.all(part(value) >= np.minimum(part(a), part(b)) - slack))
        and bool(np.all(part(value) <= np.maximum(part(a), part(b)) + slack))
        for part in parts
    )
