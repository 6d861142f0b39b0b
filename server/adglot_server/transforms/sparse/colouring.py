"""Partition the columns and rows of a sparse matrix so that few passes give every nonzero.

Greedy, in time linear in the nonzeros (times colours / 64): sets of colours are Python integers,
one bit a colour, and every row keeps the colours in it, so that no pair of columns is looked at
but where the matrix is small.

Sources: Gebremedhin, Manne, Pothen, "What color is your Jacobian?", SIAM Review 47 (2005), for
distance-2 and star colouring; Culberson, "Iterated greedy graph coloring" (1992), for a second
look at the classes of a first; Brélaz, "New methods to color the vertices of a graph", Comm. ACM
22 (1979), for the most saturated column next; Coleman, Verma, "The efficient computation of
sparse Jacobian matrices using automatic differentiation", SIAM J. Sci. Comput. 19 (1998), for
both sides at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

import numpy as np

from adglot.calls import Array, Pattern

NONE = -1
"""The colour of what is in no pass."""

MOST_PAIRS = 1 << 19
"""Pairs of columns with a row in common, up to which the slower and better order is tried: 1 s."""

Lists = list[list[int]]


def colour_columns(pattern: Pattern) -> Array:
    """A colour a column, no two of one colour in any row; empty columns have none."""
    rows, columns = _lists(pattern), _lists(transposed(pattern))
    least = max(map(len, rows), default=0)  # fewer than the longest row are impossible
    found = _partition(columns, len(rows), range(len(columns)), least)
    if count(found) > least:
        found = _fewest([found, _partition(columns, len(rows), _largest(columns), least)])
    if count(found) > least and sum(len(row) ** 2 for row in rows) <= MOST_PAIRS:
        found = _fewest([found, _saturated(columns, rows)])
    return found


def colour_rows(pattern: Pattern) -> Array:
    """A colour a row, no two of one colour in any column; empty rows have none."""
    return colour_columns(transposed(pattern))


def colour_both(pattern: Pattern) -> tuple[Array, Array]:
    """Colours of columns and of rows: a row that has one is complete, the others need columns.

    The rows are those with more than some number of nonzeros, or else all but those that full
    columns leave: the best of powers of two.
    """
    over = [_dense_rows(pattern, most) for most in _powers(pattern)]
    turned = transposed(pattern)
    other = [_dense_rows(turned, most)[::-1] for most in _powers(turned)]
    return min([*over, *other], key=lambda sides: sum(map(count, sides)))


def colour_symmetric(pattern: Pattern) -> Array:
    """A star colouring of a symmetric matrix; empty columns have no colour.

    Nonzero (i, j) is alone of column j's colour in row i, or of column i's colour in row j.
    """
    rows = _lists(pattern)
    neighbours = [[j for j in row if j != i] for i, row in enumerate(rows)]
    used = [i for i in range(len(rows)) if rows[i]]
    orders = (used, sorted(used, key=lambda i: -len(rows[i])))
    return _fewest([_star(neighbours, order) for order in orders])


def count(colours: Array) -> int:
    """How many colours there are."""
    return int(colours.max(initial=NONE)) + 1


def transposed(pattern: Pattern) -> Pattern:
    """The pattern of the transpose."""
    m, n = pattern.shape
    order = np.argsort(pattern.indices, kind="stable")
    rows = np.repeat(np.arange(m, dtype=pattern.indices.dtype), np.diff(pattern.indptr))
    sizes = np.bincount(pattern.indices, minlength=n)
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(pattern.indptr.dtype)
    return Pattern(indptr, rows[order], m)


def _lists(pattern: Pattern) -> Lists:
    """The columns of every row; lists are far quicker to walk than arrays."""
    bounds, indices = pattern.indptr.tolist(), pattern.indices.tolist()
    return [indices[a:b] for a, b in pairwise(bounds)]


def _largest(lists: Lists) -> list[int]:
    """Long lists first."""
    return sorted(range(len(lists)), key=lambda k: -len(lists[k]))


def _fewest(colourings: Sequence[Array]) -> Array:
    return min(colourings, key=count)


def _lowest_free(taken: int) -> int:
    """The lowest bit that is not set."""
    return (~taken & (taken + 1)).bit_length() - 1


# ------------------------------------------------------------------ columns


def _partition(columns: Lists, rows: int, order: Iterable[int], least: int) -> Array:
    """Greedy, then again with the last colours first as long as that saves one."""
    found = _greedy(columns, rows, order)
    while count(found) > least:
        better = _greedy(columns, rows, np.argsort(-found, kind="stable").tolist())
        if count(better) == count(found):
            break
        found = better
    return found


def _greedy(columns: Lists, rows: int, order: Iterable[int]) -> Array:
    """Each column in turn gets the first colour that none of its rows has."""
    in_row = [0] * rows
    colours = np.full(len(columns), NONE)
    for column in order:
        taken = 0
        for row in columns[column]:
            taken |= in_row[row]
        if columns[column]:
            colours[column] = colour = _lowest_free(taken)
            for row in columns[column]:
                in_row[row] |= 1 << colour
    return colours


def _saturated(columns: Lists, rows: Lists) -> Array:
    """That column next which has the fewest colours left."""
    taken = [0] * len(columns)
    colours = np.full(len(columns), NONE)
    waiting = [(0, -len(column), k) for k, column in enumerate(columns) if column]
    heapify(waiting)
    while waiting:
        saturation, _, column = heappop(waiting)
        if colours[column] != NONE or -saturation != taken[column].bit_count():
            continue  # coloured before, or waiting in another place by now
        colours[column] = colour = _lowest_free(taken[column])
        for other in {k for row in columns[column] for k in rows[row]}:
            if not taken[other] >> colour & 1:
                taken[other] |= 1 << colour
                if colours[other] == NONE:
                    entry = (-taken[other].bit_count(), -len(columns[other]), other)
                    heappush(waiting, entry)
    return colours


# ------------------------------------------------------------------ both sides


def _powers(pattern: Pattern) -> list[int]:
    longest = int(np.diff(pattern.indptr).max(initial=0))
    return [1 << k for k in range(max(longest - 1, 1).bit_length())]


def _dense_rows(pattern: Pattern, most: int) -> tuple[Array, Array]:
    """Colours of columns for rows of at most so many nonzeros, and of the other rows."""
    dense = np.diff(pattern.indptr) > most
    return colour_columns(_only(pattern, ~dense)), colour_rows(_only(pattern, dense))


def _only(pattern: Pattern, keep: Array) -> Pattern:
    """The pattern with all other rows empty."""
    sizes = np.diff(pattern.indptr)
    indptr = np.concatenate([[0], np.cumsum(sizes * keep)]).astype(pattern.indptr.dtype)
    return Pattern(indptr, pattern.indices[np.repeat(keep, sizes)], pattern.columns)


# ------------------------------------------------------------------ stars


Firsts = dict[tuple[int, int], int]
"""(vertex, colour) -> its first neighbour of that colour, or MANY where it has several."""

MANY = -1


def _star(neighbours: Lists, order: Iterable[int]) -> Array:
    """Each vertex in turn gets the first colour that leaves no path of four in two colours.

    The two-coloured components are then stars: a vertex with two neighbours of one colour is the
    hub of such a star. `below[w]` has the colours of the hubs that w is a leaf of.
    """
    colours = [NONE] * len(neighbours)
    around, below = [0] * len(neighbours), [0] * len(neighbours)
    first: Firsts = {}
    for v in order:
        taken = 0
        seen: dict[int, int] = {}
        for w in neighbours[v]:
            if (colour := colours[w]) != NONE:
                taken |= 1 << colour | below[w]
                if colour in seen:  # v would be a hub: its leaves must have no other
                    taken |= around[w] | around[seen[colour]]
                else:
                    seen[colour] = w
        colours[v] = mine = _lowest_free(taken)
        for w in neighbours[v]:
            around[w] |= 1 << mine
            if colours[w] != NONE:
                _join(first, below, colours, v, w)
                _join(first, below, colours, w, v)
    return np.array(colours, np.int64)


def _join(first: Firsts, below: list[int], colours: list[int], hub: int, leaf: int) -> None:
    """Note that `leaf` is a neighbour of `hub`; where it has two of one colour, it is a hub."""
    key, bit = (hub, colours[leaf]), 1 << colours[hub]
    other = first.setdefault(key, leaf)
    if other == leaf:
        return
    if other != MANY:
        below[other] |= bit
        first[key] = MANY
    below[leaf] |= bit
