"""Colourings are valid, and no worse than what is known of these matrices."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from adglot.calls import Pattern
from adglot_server.transforms.sparse.colouring import (
    NONE,
    colour_both,
    colour_columns,
    colour_rows,
    colour_symmetric,
    count,
    transposed,
)

from .matrices import arrow, banded, brusselator, dense, five_point, periodic, sparse

random = np.random.default_rng(7)
SQUARE = {
    "diagonal": sp.eye_array(50),
    "tridiagonal": banded(60, 1),
    "seven bands": banded(60, 3),
    "arrow": arrow(40),
    "grid": five_point(banded(12, 1)),
    "ring grid": five_point(periodic(10)),
    "brusselator": brusselator(8),
    "random": sp.random_array((60, 60), density=0.05, rng=random) + sp.eye_array(60),
    "empty": sp.csr_array((5, 5)),
    "nothing": sp.csr_array((0, 0)),
}
WIDE = {
    "bordered": sp.block_array([[banded(50, 1), np.ones((50, 2))], [np.ones((3, 50)), None]]),
    "random wide": sp.random_array((30, 80), density=0.05, rng=random),
    "random tall": sp.random_array((80, 30), density=0.05, rng=random),
    "one row": np.ones((1, 9)),
    "one column": np.ones((9, 1)),
}
ALL = SQUARE | WIDE


def _summed(pattern: Pattern, colours: Any) -> Any:
    """How many nonzeros of every row have each colour: [rows, colours]."""
    chosen = np.flatnonzero(colours != NONE)
    seeds = np.zeros((pattern.columns, count(colours) + 1), int)
    seeds[chosen, colours[chosen]] = 1
    return dense(pattern).astype(int) @ seeds


def _check_columns(pattern: Pattern) -> int:
    colours = colour_columns(pattern)
    assert _summed(pattern, colours).max(initial=0) <= 1
    used = dense(pattern).any(axis=0)
    assert np.array_equal(colours != NONE, used)
    assert sorted(set(colours[used].tolist())) == list(range(count(colours)))
    return count(colours)


def _check_both(pattern: Pattern) -> int:
    columns, rows = colour_both(pattern)
    i, j = np.nonzero(dense(pattern))
    forward = (columns[j] != NONE) & (_summed(pattern, columns)[i, columns[j]] == 1)
    reverse = (rows[i] != NONE) & (_summed(transposed(pattern), rows)[j, rows[i]] == 1)
    assert np.all(forward | reverse)
    return count(columns) + count(rows)


def _check_star(pattern: Pattern) -> int:
    colours = colour_symmetric(pattern)
    i, j = np.nonzero(dense(pattern))
    summed = _summed(pattern, colours)
    assert np.all((summed[i, colours[j]] == 1) | (summed[j, colours[i]] == 1))
    return count(colours)


@pytest.mark.parametrize("name", ALL)
def test_columns_of_one_colour_share_no_row(name: str) -> None:
    _check_columns(sparse(ALL[name]))


@pytest.mark.parametrize("name", ALL)
def test_rows_of_one_colour_share_no_column(name: str) -> None:
    pattern = sparse(ALL[name])
    colours = colour_rows(pattern)
    assert _summed(transposed(pattern), colours).max(initial=0) <= 1
    assert np.array_equal(dense(transposed(pattern)), dense(pattern).T)


@pytest.mark.parametrize("name", ALL)
def test_both_sides_together_give_every_nonzero(name: str) -> None:
    _check_both(sparse(ALL[name]))


@pytest.mark.parametrize("name", SQUARE)
def test_star_colourings_give_every_nonzero_of_a_symmetric_matrix(name: str) -> None:
    matrix = sp.csr_array(SQUARE[name])
    _check_star(sparse(matrix + matrix.T))


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    shape = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    cells = draw(st.lists(st.booleans(), min_size=81, max_size=81))
    return sparse(np.array(cells[: shape[0] * shape[1]]).reshape(shape))


@given(patterns())
def test_any_pattern_is_coloured(pattern: Pattern) -> None:
    _check_columns(pattern)
    _check_both(pattern)
    square = dense(pattern)[: min(pattern.shape), : min(pattern.shape)]
    _check_star(sparse(square | square.T))


@pytest.mark.parametrize(
    ("matrix", "colours"),
    [
        (banded(100, 1), 3),  # as many as the longest row has nonzeros: fewer are impossible
        (banded(100, 2), 5),
        (banded(100, 5), 11),
        (five_point(banded(20, 1)), 5),
        (sp.eye_array(100), 1),
        (sp.block_diag([np.ones((4, 4))] * 20), 4),
        (np.ones((6, 8)), 8),
        (sp.kron(np.eye(5), np.ones((3, 1))), 1),
    ],
)
def test_the_fewest_column_colours_where_they_are_known(matrix: Any, colours: int) -> None:
    assert _check_columns(sparse(matrix)) == colours


@pytest.mark.parametrize(
    ("matrix", "colours"),
    [
        (banded(100, 1), 3),  # a path: two colours leave a path of four
        (arrow(100), 2),  # a star
        (sp.eye_array(100), 1),
        (np.ones((7, 7)), 7),
    ],
)
def test_the_fewest_star_colours_where_they_are_known(matrix: Any, colours: int) -> None:
    assert _check_star(sparse(matrix)) == colours


def test_an_arrow_takes_one_row_and_two_columns() -> None:
    pattern = sparse(arrow(100))
    assert _check_both(pattern) == 3
    assert _check_columns(pattern) == count(colour_rows(pattern)) == 100


def test_a_border_costs_its_own_width_and_the_band_its_own() -> None:
    # three full rows, two full columns, a tridiagonal rest: at least 3 + 2 + 3
    matrix = sp.block_array([[banded(200, 1), np.ones((200, 2))], [np.ones((3, 200)), None]])
    assert _check_both(sparse(matrix)) == 8


def test_the_brusselator_takes_fewer_than_published() -> None:
    """On 32 by 32 points: 2048 by 2048, 12288 nonzeros, and 12 colours in the manual of asdex."""
    pattern = sparse(brusselator(32))
    assert (pattern.shape, len(pattern.indices)) == ((2048, 2048), 12288)
    assert count(colour_columns(pattern)) <= 10


def test_a_large_grid_is_coloured_in_linear_time() -> None:
    pattern = sparse(five_point(banded(200, 1)))
    assert count(colour_columns(pattern)) <= 7


@pytest.mark.parametrize("name", ["grid", "ring grid", "brusselator", "random", "seven bands"])
def test_no_more_colours_than_scipy_has_groups(name: str) -> None:
    from scipy.optimize._numdiff import group_columns

    pattern = sparse(SQUARE[name])
    groups = min(int(group_columns(dense(pattern), order).max()) + 1 for order in range(3))
    assert _check_columns(pattern) <= groups
