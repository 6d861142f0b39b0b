"""The elements of an array that is written in place, each known by a number.

A graph has values, NumPy code has buffers: `y = zeros(n)`, `y[i] = v`, `row = y[2]`, `row += 1`.
Every element stored gets a number, and a buffer is a plain NumPy array of such numbers, its
`cells`. So NumPy itself says what an index selects, what is a view of what, and who wrote last;
n writes cost O(n), and nothing is emitted before something is read.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np

from adglot.ir import Type
from adglot.ops import TABLE, Value, rules

if TYPE_CHECKING:
    from adglot.tracing.builder import Trace

Cells = np.ndarray[Any, np.dtype[np.int64]]


class Memory:
    """What has been stored in one buffer, seen by the buffer and all its views."""

    def __init__(self, trace: Trace, dtype: np.dtype[Any]) -> None:
        self.trace, self.dtype = trace, dtype
        self.writes = 0
        self._pieces: list[Value] = []
        self._starts: list[int] = [0]

    def store(self, value: Value) -> Cells:
        """Number the elements of a value of this dtype."""
        start = self._starts[-1]
        self._pieces.append(self.trace.handle(value))
        self._starts.append(start + value.size)
        return np.arange(start, start + value.size).reshape(value.shape)

    def load(self, cells: Cells) -> Value:
        """The elements of these numbers, as one value of the shape of `cells`."""
        self.trace.active()
        with self.trace.entered():
            value = self._loaded(cells)
        if not _row_major(cells):
            self.trace.concrete.by_columns(value)
        return value

    def _loaded(self, cells: Cells) -> Value:
        if not cells.size:
            return rules.zeros(self._pieces[0], Type(self.dtype, cells.shape))
        k = bisect_right(self._starts, cells.flat[0]) - 1
        if self._starts[k] <= cells.min() and cells.max() < self._starts[k + 1]:
            return self._from_one(k, cells)
        return self._from_many(cells)

    def _from_one(self, k: int, cells: Cells) -> Value:
        piece = self._pieces[k]
        if piece.size == 1:
            return rules.broadcast_to(rules.reshape(piece, ()), cells.shape)
        return select(piece, cells - self._starts[k])

    def _from_many(self, cells: Cells) -> Value:
        """Put pieces one after the other: one piece from now on, so the next read is cheap."""
        owners = np.searchsorted(self._starts, cells.reshape(-1), "right") - 1
        used, ranks = np.unique(owners, return_inverse=True)
        pieces = [self._pieces[k] for k in used]
        moves = np.cumsum([0, *(piece.size for piece in pieces[:-1])]) - self._offsets(used)
        lines = [rules.reshape(piece, (piece.size,)) for piece in pieces]
        whole = select(TABLE["concat"](*lines, axis=0), cells + moves[ranks].reshape(cells.shape))
        if cells.flags.writeable:
            cells[...] = self.store(whole)
        return whole

    def _offsets(self, pieces: Any) -> Cells:
        return np.array([self._starts[k] for k in pieces])


def _row_major(cells: Cells) -> bool:
    """Whether later axes have the smaller steps, as NumPy keeps them in what it makes of it."""
    steps = [abs(s) for s, n in zip(cells.strides, cells.shape, strict=True) if n > 1]
    return steps == sorted(steps, reverse=True)


def select(x: Value, indices: Cells) -> Value:
    """Elements of `x` at row-major positions: a reshape, a slice, or a gather."""
    flat = indices.reshape(-1)
    if flat.size == x.size and np.array_equal(flat, np.arange(x.size)):
        return rules.reshape(x, indices.shape)
    line = rules.reshape(x, (x.size,))
    steps = np.diff(flat)
    step = int(steps[0]) if steps.size else 1
    if step > 0 and np.all(steps == step):
        start, stop = (int(flat[0]),), (int(flat[-1]) + 1,)
        part = TABLE["slice"](line, start=start, stop=stop, strides=(step,))
        return rules.reshape(part, indices.shape)
    return TABLE["take"](line, indices, axis=0)
