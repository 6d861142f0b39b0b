"""Where the numbers of a matrix lie that a product or a routine reads: views cost no copy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from adglot.ops import TABLE
from adglot_server.executors.compiled.region import VIEWS, Region


@dataclass(frozen=True, slots=True)
class Strided:
    """A value in the memory of another: an offset and strides, in elements."""

    buffer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    def leading(self, lead: Sequence[int], inner: int) -> tuple[int, ...]:
        """Strides for the axes `lead` before the `inner` last ones, to which it is broadcast."""
        own = len(self.shape) - inner
        ahead = (0,) * (len(lead) - own)
        pairs = zip(self.shape[:own], self.strides, strict=False)
        return (*ahead, *(0 if n == 1 else step for n, step in pairs))


def strided(region: Region, index: int) -> Strided | None:
    """A value as a view of the first one behind it that is no view; None where it is a copy."""
    views = []
    while index in region.nodes and region.nodes[index].op in VIEWS:
        views.append(region.nodes[index])
        (index,) = region.nodes[index].operands
    # NumPy makes the views, of bytes that nobody touches
    memory = x = np.empty(region.types[index].shape, np.int8)
    for node in reversed(views):
        x = np.asarray(TABLE[node.op].evaluate(x, **node.attributes))
    if x.base is not memory and x is not memory and not np.may_share_memory(x, memory):
        return None
    return Strided(index, x.shape, x.strides, x.ctypes.data - memory.ctypes.data)


def seen(region: Region, stored: Collection[int], index: int) -> Strided:
    """Where an operand of a product or a routine lies: what has no place of its own is stored."""
    return (None if index in stored else strided(region, index)) or plain(region, index)


def plain(region: Region, index: int) -> Strided:
    """A value in memory of its own."""
    shape, strides, step = region.types[index].shape, list[int](), 1
    for n in reversed(shape):
        strides.insert(0, step)
        step *= n
    return Strided(index, shape, tuple(strides))


def dense(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether BLAS takes a matrix as it lies: rows or columns without gaps, none on another."""
    (rows, columns), (down, across) = shape, strides
    by_rows = (across == 1 or columns == 1) and (down >= columns or rows == 1)
    by_columns = (down == 1 or rows == 1) and (across >= rows or columns == 1)
    return by_rows or by_columns


def layout(shape: Sequence[int], strides: Sequence[int]) -> tuple[bool, int]:
    """Whether the rows of a dense matrix have no gaps (else its columns), and how far they are."""
    (rows, columns), (down, across) = shape, strides
    if (across == 1 or columns == 1) and (down >= columns or rows == 1):
        return True, max(down, columns)
    return False, max(across, rows)
