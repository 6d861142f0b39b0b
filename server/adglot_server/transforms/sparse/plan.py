"""Decide how a sparse matrix is computed: which passes, and where in their results it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from adglot.calls import Array, Mode, Pattern
from adglot_server.transforms.sparse.colouring import (
    NONE,
    colour_both,
    colour_columns,
    colour_rows,
    colour_symmetric,
    count,
    transposed,
)
from adglot_server.transforms.sparse.detect import compact


@dataclass(frozen=True, slots=True)
class Plan:
    """Passes that give every nonzero of a matrix, cut into blocks.

    - `columns`, `rows`: a colour each, NONE for those in no pass; a forward pass sums the columns
      of one colour, a reverse pass the rows of one
    - `patterns`: one a block, rows of blocks first
    - `positions`: for each block where its nonzeros stand in the results of all passes: of the
      forward passes [colours, size] for each block of rows, then of the reverse passes for each
      block of columns, flat and one after the other
    - `reached`: all positions in these results that the pattern lets differ from zero
    """

    mode: str
    columns: Array
    rows: Array
    patterns: tuple[Pattern, ...]
    positions: tuple[Array, ...]
    reached: Array

    @property
    def colours(self) -> int:
        return count(self.columns) + count(self.rows)


def plan_jacobian(
    pattern: Pattern, row_sizes: Sequence[int], column_sizes: Sequence[int], mode: Mode
) -> Plan:
    """The plan of fewest passes, or the one of the mode that is asked for."""
    found, columns, rows = _SIDES[mode](pattern)
    row, column = _places(pattern)
    forward, reverse = columns[column], rows[row]
    by_columns = _positions(forward, row, row_sizes, count(columns))
    after = count(columns) * sum(row_sizes)
    by_rows = after + _positions(reverse, column, column_sizes, count(rows))
    positions = np.where(_alone(row, forward), by_columns, by_rows)
    reached = np.concatenate([by_columns[forward != NONE], by_rows[reverse != NONE]])
    blocks = in_blocks(pattern, positions, row_sizes, column_sizes)
    return Plan(found, columns, rows, *blocks, reached)


def plan_hessian(pattern: Pattern, sizes: Sequence[int]) -> Plan:
    """Products with sums of columns; the pattern is symmetric."""
    colours = colour_symmetric(pattern)
    row, column = _places(pattern)
    n = count(colours)
    direct = _positions(colours[column], row, sizes, n)
    mirrored = _positions(colours[row], column, sizes, n)
    positions = np.where(_alone(row, colours[column]), direct, mirrored)
    blocks = in_blocks(pattern, positions, sizes, sizes)
    return Plan(
        "forward over reverse", colours, np.full(len(colours), NONE), *blocks, reached=direct
    )


def _alone(row: Array, colours: Array) -> Array:
    """Which nonzeros have a colour that no other one of their row has."""
    keys = row * np.int64(colours.max(initial=0) + 2) + colours
    _, at, times = np.unique(keys, return_inverse=True, return_counts=True)
    alone: Array = (times[at] == 1) & (colours != NONE)
    return alone


Sides = tuple[str, Array, Array]
"""A mode, and the colours of columns and rows."""


def _forward(pattern: Pattern) -> Sides:
    return "forward", colour_columns(pattern), np.full(pattern.shape[0], NONE)


def _reverse(pattern: Pattern) -> Sides:
    return "reverse", np.full(pattern.columns, NONE), colour_rows(pattern)


def _mixed(pattern: Pattern) -> Sides:
    return "mixed", *colour_both(pattern)


def _fewest(pattern: Pattern) -> Sides:
    """Forward unless another mode has fewer colours; both sides, where full ones stand out."""
    sides = [_forward(pattern)]
    turned = transposed(pattern)
    longest = np.diff(turned.indptr).max(initial=0)  # fewer colours of rows are impossible
    if _colours(sides[0]) > longest and not np.array_equal(turned.indices, pattern.indices):
        sides.append(_reverse(pattern))
    usual = sum(pattern.nonzeros / max(n, 1) for n in pattern.shape)
    if min(map(_colours, sides)) > usual:
        sides.append(_mixed(pattern))
    return min(sides, key=_colours)


def _colours(sides: Sides) -> int:
    return count(sides[1]) + count(sides[2])


_SIDES = {"auto": _fewest, "forward": _forward, "reverse": _reverse, "mixed": _mixed}


def _places(pattern: Pattern) -> tuple[Array, Array]:
    """The row and the column of every nonzero."""
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    return rows, pattern.indices.astype(np.int64)


def _positions(colours: Array, elements: Array, sizes: Sequence[int], count: int) -> Array:
    """Of elements, numbered through all blocks, in [count, size] for each block in turn."""
    ends = np.cumsum(sizes)
    block = np.searchsorted(ends, elements, side="right")
    start, size = (ends - sizes)[block], np.asarray(sizes)[block]
    positions: Array = count * start + colours * size + (elements - start)
    return positions


def in_blocks(
    pattern: Pattern, positions: Array, row_sizes: Sequence[int], column_sizes: Sequence[int]
) -> tuple[tuple[Pattern, ...], tuple[Array, ...]]:
    """Patterns and positions of all blocks, rows of blocks first."""
    blocks = [
        _block(pattern, positions, slice(r - m, r), slice(c - n, c))
        for r, m in zip(accumulate(row_sizes), row_sizes, strict=True)
        for c, n in zip(accumulate(column_sizes), column_sizes, strict=True)
    ]
    patterns, found = zip(*blocks, strict=True)
    return patterns, found


def _block(
    pattern: Pattern, positions: Array, rows: slice, columns: slice
) -> tuple[Pattern, Array]:
    bounds = pattern.indptr[rows.start : rows.stop + 1]
    whole = slice(bounds[0], bounds[-1])
    indices = pattern.indices[whole]
    inside = (columns.start <= indices) & (indices < columns.stop)
    before = np.concatenate([[0], np.cumsum(inside)])
    block = compact(
        before[bounds - bounds[0]], indices[inside] - columns.start, columns.stop - columns.start
    )
    return block, positions[whole][inside]
