"""Signs and phases of eigenvectors and singular vectors: LAPACK chooses them, rules turn them.

Vectors are columns z: an eigenvector, or the two vectors of a singular value, one below the other,
which turn together. Engines may give p z for z with any |p| = 1, and its derivative up to a turn,
p (dz + i phi z). All else is fixed: what is left of dz beside z, and that its length is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from adglot.calls import Array
from adglot.crosscheck.alone import Alone
from adglot.crosscheck.bounds import inner
from adglot.crosscheck.kinks import LOOSE, Turn, directions, moved, slopes, symmetric

Rule = Callable[[Alone, Array, Array], Array]
Split = tuple[Array, Array]

NEAR = 10 * LOOSE
"""How near derivatives have to be to differences, relative to the largest component."""

VALUES = 2.0**10
"""The same for values, in roundings of the result's dtype."""


def turned(found: Alone, side: int) -> bool:
    """Whether one side differs from what NumPy says in signs and phases of vectors only."""
    if not found.confirmed:
        return False
    with np.errstate(all="ignore"):
        try:
            w, z = _split(moved(found, found.operands, 0.0))
            if found.probe.operator == "evaluate":
                return _alike(found.sides[side], w, z)
            check = _pulled_back if found.probe.reverse else _pushed_forward
            return any(check(found, side, z, *how) for how in product(TURNS, RULES))
        except (np.linalg.LinAlgError, ValueError):
            return False


def _split(outputs: Sequence[Array]) -> Split:
    """The eigenvalues or singular values, and the vectors."""
    if len(outputs) == 2:
        return outputs[0], outputs[1]
    u, s, vh = outputs
    return s, np.concatenate([u, np.conj(np.swapaxes(vh, -1, -2))], axis=-2) * 0.5**0.5


def _alike(outputs: Sequence[Array], w: Array, z: Array) -> bool:
    """Equal values; vectors that are equal but for a factor of modulus one each."""
    said_w, said = _split(outputs)
    within = VALUES * float(np.finfo(said.dtype).eps)
    return near(said_w, w, within) and near(said, z * unit(dots(z, said)), within)


# ------------------------------------------------------------------ what rules do


def _as_it_is(found: Alone, z: Array, dz: Array) -> Array:
    """As LAPACK turns a vector when the matrix moves."""
    return dz


def _unturned(found: Alone, z: Array, dz: Array) -> Array:
    """No eigenvector, no right singular vector is a part of its own derivative, but for length."""
    if len(found.node.outputs) == 3:
        right = slice(-found.operands[0].shape[-1], None)
        turn = 2j * dots(z[..., right, :], dz[..., right, :]).imag
        return np.asarray(dz - z * turn)
    parts = np.linalg.solve(z, dz)
    beside = z @ np.where(np.eye(z.shape[-1], dtype=bool), 0.0, parts)
    return np.asarray(beside - z * dots(z, beside).real)


TURNS: tuple[Turn, ...] = (lambda d: d, symmetric)
RULES: tuple[Rule, ...] = (_as_it_is, _unturned)


# ------------------------------------------------------------------ derivatives


def _pushed_forward(found: Alone, side: int, z: Array, turn: Turn, rule: Rule) -> bool:
    pairs = zip(found.operands, found.seeds, strict=True)
    dw, dz = _derivative(found, [np.zeros(x.shape) if t is None else t for x, t in pairs], turn)
    said_w, said = _split(found.sides[side])
    beside, said_beside = (d - z * dots(z, d) for d in (rule(found, z, dz), said))
    phases = unit(dots(beside, said_beside))
    longer = np.real(np.conj(phases) * dots(z, said))
    same = near(said_beside, beside * phases) and near(longer, 0 * longer)
    return same and near(said_w, dw)


def _pulled_back(found: Alone, side: int, z: Array, turn: Turn, rule: Rule) -> bool:
    """One phase a vector has to explain the pullback along every direction."""
    (cotangent,) = found.sides[side]
    outputs = moved(found, found.operands, 0.0)
    weights = [0 * y if ct is None else ct for y, ct in zip(outputs, found.seeds, strict=True)]
    ct_w, ct_z = _split(weights)
    pair = len(outputs) - 1  # Two vectors, each divided by the root of 2, or one.
    rows, rest = [], []
    for (d,) in directions(found):
        dw, dz = _derivative(found, [d], turn)
        rows.append(np.ravel(pair * dots(ct_z, rule(found, z, dz))))
        rest.append(inner(cotangent, d) - inner(ct_w, dw))
    return _explained(np.array(rows), np.array(rest))


def _explained(rows: Array, rest: Array) -> bool:
    """Whether Re(rows @ p) is `rest` for numbers p of modulus one."""
    count = rows.shape[1]
    parts = np.concatenate([rows.real, -rows.imag], axis=1)
    found = np.linalg.lstsq(parts, rest, rcond=LOOSE)[0]
    phases = found[:count] + 1j * found[count:]
    phases = np.where(np.abs(phases) > 0.5, unit(phases), 1.0)
    return near(np.real(rows @ phases), rest)


def _derivative(found: Alone, along: Sequence[Array], turn: Turn) -> Split:
    """The mean of what it is to both sides."""
    before, behind = (_split(ends) for ends in slopes(found, [turn(d) for d in along]))
    return (before[0] + behind[0]) / 2, (before[1] + behind[1]) / 2


def dots(a: Array, b: Array) -> Array:
    """Inner products, column by column."""
    return np.asarray(np.sum(np.conj(a) * b, axis=-2, keepdims=True))


def unit(x: Array) -> Array:
    size = np.abs(x)
    return np.where(size > 0, x / np.where(size > 0, size, 1.0), 1.0)


def near(a: Array, b: Array, within: float = NEAR) -> bool:
    size = max(float(np.abs(b).max(initial=0.0)), 1e-3)
    return bool(np.all(np.abs(a - b) <= within * size))
