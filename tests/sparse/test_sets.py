"""Sets in bulk do what Python's sets do, in one chunk or many."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adglot.ops import index_sets
from adglot.ops.index_sets import IndexSets

SIZE = 6


@pytest.fixture(autouse=True, params=[1, 5, 1 << 22], scope="module")
def _chunks(request: pytest.FixtureRequest) -> Any:
    whole, index_sets.CHUNK = index_sets.CHUNK, request.param
    yield
    index_sets.CHUNK = whole


def _sets(sets: IndexSets, labels: Any) -> list[set[int]]:
    indptr, indices = sets.rows(labels)
    rows = [indices[a:b].tolist() for a, b in pairwise(indptr)]
    assert all(row == sorted(set(row)) for row in rows)
    return [set(row) for row in rows]


@st.composite
def tables(draw: st.DrawFn) -> tuple[IndexSets, Any]:
    """A table, and the labels [n] of sets that several unions made."""
    sets = IndexSets(SIZE)
    labels = np.concatenate([[0], sets.singletons(0, SIZE)])
    for _ in range(draw(st.integers(0, 3))):
        picks = draw(st.lists(st.integers(0, len(labels) - 1), min_size=1, max_size=5))
        more = sets.union([labels[picks], labels[picks[::-1]]])
        labels = np.concatenate([labels, more])
    return sets, labels


def _picked(draw: Any, labels: Any, shape: tuple[int, ...]) -> Any:
    count = int(np.prod(shape))
    at = draw(st.lists(st.integers(0, len(labels) - 1), min_size=count, max_size=count))
    return labels[np.array(at, int).reshape(shape)]


@given(st.data(), tables(), st.sampled_from([((3, 2), (3, 2)), ((3, 1), (2,)), ((), (1,))]))
def test_unions(data: Any, table: Any, shapes: Any) -> None:
    sets, labels = table
    a, b = (_picked(data.draw, labels, shape) for shape in shapes)
    wanted = [
        x | y
        for x, y in zip(*(_sets(sets, np.array(z)) for z in np.broadcast_arrays(a, b)), strict=True)
    ]
    found = sets.union([a, b])
    assert found.shape == np.broadcast_shapes(a.shape, b.shape)
    assert _sets(sets, found) == wanted
    assert np.array_equal(sets.union([found, a]), found)


@given(st.data(), tables(), st.sampled_from([(0,), (1,), (0, 2), (0, 1, 2)]))
def test_reductions(data: Any, table: Any, axes: Any) -> None:
    sets, labels = table
    array = _picked(data.draw, labels, (2, 3, 2))
    found = sets.reduce(array, axes)
    wanted = np.empty(array.shape, object)
    wanted.reshape(-1)[:] = _sets(sets, array)
    assert _sets(sets, found) == np.ravel(np.bitwise_or.reduce(wanted, axis=axes)).tolist()


@given(st.data(), tables(), st.integers(0, 12))
def test_merging(data: Any, table: Any, count: int) -> None:
    sets, labels = table
    owners = np.array(data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)), int)
    members = _picked(data.draw, labels, (count,))
    wanted: list[set[int]] = [set() for _ in range(5)]
    for owner, one in zip(owners, _sets(sets, members), strict=True):
        wanted[owner] |= one
    assert _sets(sets, sets.merge(owners, members, 5)) == wanted
