"""On which elements of its operands each element of a linear op's result depends.

Rules that entries of the table share. A rule is called with the `IndexSets`, the op, its operands
as `Operand`s and its attributes; it gives an array of labels for the output, or one for each of
several. An op without a rule depends on everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adglot.ir import Type
from adglot.ops.core import Array, Op
from adglot.ops.index_sets import IndexSets

Labels = Array
"""Integers, each the name of a set of inputs: see `IndexSets`."""

MOST_PRODUCTS = 1 << 24
"""Products of single elements that a matrix product is looked at for; a larger one is dense."""


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand: the sets its elements depend on, or else its value.

    `labels` is None where it depends on nothing, `value()` where no one knows it.
    """

    type: Type
    labels: Labels | None
    value: Callable[[], Array | None]

    def sets(self) -> Labels:
        """Its labels, those of empty sets where it depends on nothing."""
        if self.labels is not None:
            return self.labels
        return np.broadcast_to(np.int64(0), self.type.shape)


Operands = Sequence[Operand]


def unknown() -> None:
    """The value of what has none yet."""


def everything(sets: IndexSets, op: Op, operands: Operands, **attributes: Any) -> list[Labels]:
    """Every element of every output depends on all."""
    parts = [x.labels.reshape(-1) for x in operands if x.labels is not None]
    whole = sets.reduce(np.concatenate(parts), (0,))
    return [np.broadcast_to(whole, shape) for shape in _shapes(op, operands, **attributes)]


# ------------------------------------------------------------------ elementwise


def elementwise(sets: IndexSets, op: Op, operands: Operands, **attributes: Any) -> Labels:
    """Each element depends on those that broadcasting puts in its place."""
    found = sets.union([x.labels for x in operands if x.labels is not None])
    return np.broadcast_to(found, np.broadcast_shapes(*[x.type.shape for x in operands]))


def product(sets: IndexSets, op: Op, operands: Operands) -> Labels:
    """Elementwise; nothing depends on what is multiplied by a known zero."""
    found = elementwise(sets, op, operands)
    for x in operands:
        factor = None if x.labels is not None else x.value()
        if factor is not None:
            found = np.where(factor == 0, 0, found)
    return found


def choice(sets: IndexSets, op: Op, operands: Operands) -> Labels:
    """Elementwise, or of the operand taken where the condition is known."""
    condition, *branches = operands
    taken = condition.value()
    if taken is None:
        return elementwise(sets, op, operands)
    return np.where(taken, *(x.sets() for x in branches))


# ------------------------------------------------------------------ moved


def moved(sets: IndexSets, op: Op, operands: Operands, **attributes: Any) -> Labels:
    """For ops that move elements, or put zeros among them: the op itself, run on the labels."""
    labels: Labels = op.evaluate(*[x.sets() for x in operands], **attributes)
    return labels


def taken(sets: IndexSets, op: Op, operands: Operands, axis: int) -> Labels:
    """`moved` at known indices; where one is not known, of all along its axis."""
    x, *indices = operands
    labels, places = _anywhere(sets, x.sets(), indices, axis)
    found: Labels = op.evaluate(labels, *places, axis=axis)
    return found


def sliced(sets: IndexSets, op: Op, operands: Operands, sizes: tuple[int, ...]) -> Labels:
    """As `taken`, of a block."""
    x, *starts = operands
    labels, places = _anywhere(sets, x.sets(), starts, 0)
    found: Labels = op.evaluate(labels, *places, sizes=sizes)
    return found


def _anywhere(
    sets: IndexSets, labels: Labels, indices: Operands, axis: int
) -> tuple[Labels, list[Array]]:
    """Indices that are not known become 0, where all that stands along their axis has come."""
    places = [index.value() for index in indices]
    lost = [axis + k for k, place in enumerate(places) if place is None]
    if lost and labels.size:
        whole = np.expand_dims(sets.reduce(labels, lost), lost)
        labels = np.broadcast_to(whole, labels.shape)
    zeros = [np.zeros(index.type.shape, np.int64) for index in indices]
    return labels, [z if p is None else p for p, z in zip(places, zeros, strict=True)]


def written(sets: IndexSets, op: Op, operands: Operands, **attributes: Any) -> Any:
    """`moved` where all indices are known."""
    x, update, *indices = operands
    places = [index.value() for index in indices]
    if any(place is None for place in places):
        return everything(sets, op, operands, **attributes)
    return op.evaluate(x.sets(), update.sets(), *places, **attributes)


def added(sets: IndexSets, op: Op, operands: Operands, axis: int) -> Any:
    """What was there, and all that is added to it at known indices."""
    x, updates, *indices = operands
    places = [index.value() for index in indices]
    if any(place is None for place in places):
        return everything(sets, op, operands, axis=axis)
    positions = np.arange(x.type.size).reshape(x.type.shape)
    targets = positions[(*(np.s_[:],) * axis, *places)]
    owners = np.concatenate([positions.reshape(-1), targets.reshape(-1)])
    labels = np.concatenate([x.sets().reshape(-1), updates.sets().reshape(-1)])
    return sets.merge(owners, labels, x.type.size).reshape(x.type.shape)


# ------------------------------------------------------------------ sums


def summed(sets: IndexSets, op: Op, operands: Operands, axes: tuple[int, ...]) -> Labels:
    """All that is summed."""
    return sets.reduce(operands[0].sets(), axes)


def accumulated(sets: IndexSets, op: Op, operands: Operands, axis: int, reverse: bool) -> Labels:
    """The last operand's elements up to this one; a known factor of zero forgets those before."""
    *factors, x = operands
    factor = factors[0].value() if factors else None
    return _running(sets, x.sets(), axis, reverse, None if factor is None else factor == 0)


def _running(
    sets: IndexSets, labels: Labels, axis: int, reverse: bool, forgets: Array | None = None
) -> Labels:
    order = np.s_[::-1] if reverse else np.s_[:]
    rows = np.array(np.moveaxis(labels, axis, 0)[order])
    cut = np.zeros(rows.shape, bool) if forgets is None else np.moveaxis(forgets, axis, 0)[order]
    for k in range(1, len(rows)):
        rows[k] = sets.union([rows[k], np.where(cut[k], 0, rows[k - 1])])
    return np.moveaxis(rows[order], 0, axis)


# ------------------------------------------------------------------ matrices


def matrix_product(sets: IndexSets, op: Op, operands: Operands) -> Labels:
    """Rows by columns; a known zero leaves out what it is multiplied by."""
    a, b = operands
    (shape,) = _shapes(op, operands)
    left = a.sets() if a.type.ndim > 1 else a.sets()[None, :]
    right = b.sets() if b.type.ndim > 1 else b.sets()[:, None]
    if b.labels is None:
        factor = _matrix(b.value(), column=True)
        turned = None if factor is None else np.swapaxes(factor, -1, -2)
        rows = right.shape[-1]
        found = _multiplied(sets, turned, rows, right.shape[:-2], np.swapaxes(left, -1, -2))
        return np.swapaxes(found, -1, -2).reshape(shape)
    factor = _matrix(a.value(), column=False) if a.labels is None else None
    return _multiplied(sets, factor, left.shape[-2], left.shape[:-2], right).reshape(shape)


def _matrix(value: Array | None, column: bool) -> Array | None:
    if value is None or value.ndim > 1:
        return value
    return value[:, None] if column else value[None, :]


def _multiplied(
    sets: IndexSets, factor: Array | None, rows: int, lead: tuple[int, ...], labels: Labels
) -> Labels:
    """factor @ labels, of a factor of so many rows and these leading axes."""
    *_, inner, columns = labels.shape
    lead = np.broadcast_shapes(lead, labels.shape[:-2])
    known = factor is not None and np.count_nonzero(factor) < factor.size
    if factor is None or not known or np.count_nonzero(factor) * columns > MOST_PRODUCTS:
        whole = np.expand_dims(sets.reduce(labels, (-2,)), -2)
        return np.broadcast_to(whole, (*lead, rows, columns))
    stack = np.broadcast_to(labels, (*lead, inner, columns)).reshape(-1, inner, columns)
    factors = np.broadcast_to(factor, (*lead, rows, inner)).reshape(-1, rows, inner)
    at, row, along = np.nonzero(factors)
    owners = (at * rows + row)[:, None] * columns + np.arange(columns)
    count = len(factors) * rows * columns
    found = sets.merge(owners.reshape(-1), stack[at, along].reshape(-1), count)
    return found.reshape(*lead, rows, columns)


def solved(sets: IndexSets, op: Op, operands: Operands, **how: Any) -> Labels:
    """Each column of a solution depends on the whole right-hand side."""
    b = operands[1]
    axis = -1 if b.type.ndim == 1 else -2
    whole = np.expand_dims(sets.reduce(b.sets(), (axis,)), axis)
    return np.broadcast_to(whole, _shapes(op, operands, **how)[0])


def substituted(sets: IndexSets, op: Op, operands: Operands, **how: bool) -> Labels:
    """As `solved`, on what stands on the triangle's side only."""
    b = operands[1]
    axis = b.type.ndim - (1 if b.type.ndim == 1 else 2)
    found = _running(sets, b.sets(), axis, how["lower"] == how["adjoint"])
    return np.broadcast_to(found, _shapes(op, operands, **how)[0])


def matrixwise(sets: IndexSets, op: Op, operands: Operands) -> Labels:
    """Each matrix of a stack depends on the whole matrices in its place."""
    parts = [sets.reduce(x.labels, (-2, -1)) for x in operands if x.labels is not None]
    return np.broadcast_to(sets.union(parts)[..., None, None], _shapes(op, operands)[0])


def _shapes(op: Op, operands: Operands, **attributes: Any) -> list[tuple[int, ...]]:
    return [type.shape for type in op.output_types([x.type for x in operands], attributes)]
