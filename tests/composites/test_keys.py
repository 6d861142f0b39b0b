"""x[key] against NumPy for random keys of every kind, static and traced."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adglot import ops
from adglot.errors import TracingError
from adglot.ir import Type
from adglot.ops import Builder
from adglot.ops.composites import getitem
from composites.running import build, run

SHAPES = st.lists(st.integers(0, 4), min_size=0, max_size=4).map(tuple)


@st.composite
def slices(draw: Any, n: int) -> slice:
    bound = st.none() | st.integers(-n - 2, n + 2)
    step = st.none() | st.sampled_from([1, 2, 3, -1, -2])
    return slice(draw(bound), draw(bound), draw(step))


@st.composite
def index_arrays(draw: Any, n: int, shape: tuple[int, ...]) -> Any:
    size = int(np.prod(shape))
    values = draw(st.lists(st.integers(-n, n - 1), min_size=size, max_size=size))
    array = np.array(values, np.int64).reshape(shape)
    return array.tolist() if draw(st.booleans()) and array.size else array


@st.composite
def masks(draw: Any, shape: tuple[int, ...], count: int) -> Any:
    """A mask with so many places taken."""
    size = int(np.prod(shape))
    places = draw(st.permutations(range(size)))[:count]
    mask = np.zeros(size, bool)
    mask[places] = True
    return mask.reshape(shape)


@st.composite
def keys(draw: Any, shape: tuple[int, ...], arrays: bool = True) -> Any:
    """A tuple that NumPy takes as key: parts for a few leading axes, an ellipsis, new axes."""
    common = draw(st.sampled_from([(2,), (1,), (3, 2), (), (0,)]))
    parts: list[Any] = []
    axis = 0
    stop = draw(st.integers(0, len(shape)))
    dots = draw(st.integers(-1, stop))
    while axis < stop:
        n = shape[axis]
        kinds = ["slice", "new"] + (["int"] if n else [])
        if arrays and n:
            kinds += ["array", "array", "scalar"]
        if arrays and len(common) == 1 and n >= common[0]:
            kinds += ["mask"]
        kind = draw(st.sampled_from(kinds))
        if axis == dots:
            parts.append(Ellipsis)
            dots = -1
        if kind == "new":
            parts.append(None)
            if parts.count(None) > 3:
                break
            continue
        axis += 1
        if kind == "slice":
            parts.append(draw(slices(n)))
        elif kind == "int":
            parts.append(draw(st.integers(-n, n - 1)))
        elif kind == "scalar":
            parts.append(np.array(draw(st.integers(-n, n - 1))))
        elif kind == "mask":
            parts.append(draw(masks((n,), common[0])))
        else:
            trimmed = common[draw(st.integers(0, len(common))) :]
            parts.append(draw(index_arrays(n, trimmed)))
    if arrays and draw(st.integers(0, 9)) == 0:
        parts.insert(draw(st.integers(0, len(parts))), draw(st.booleans()))
    return tuple(parts)


@st.composite
def arrays_and_keys(draw: Any, arrays: bool = True) -> tuple[Any, Any]:
    shape = draw(SHAPES)
    x = np.arange(float(np.prod(shape, dtype=int))).reshape(shape)
    key = draw(keys(shape, arrays))
    try:
        x[key]
    except IndexError:
        key = ()
    return x, key[0] if len(key) == 1 and draw(st.booleans()) else key


def get(x: Any, key: Any) -> Any:
    return run(lambda v: getitem(v, key), x)[0]


@given(arrays_and_keys())
def test_getitem_is_numpys(case: tuple[Any, Any]) -> None:
    x, key = case
    np.testing.assert_array_equal(get(x, key), x[key], strict=True)


@given(arrays_and_keys(arrays=False))
def test_basic_keys_cost_three_nodes_at_most(case: tuple[Any, Any]) -> None:
    x, key = case
    graph, _, _ = build(lambda v: getitem(v, key), [x])
    assert len(graph.nodes) <= 3
    np.testing.assert_array_equal(get(x, key), x[key], strict=True)


X = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "key",
    [
        X[0] > 5,
        (slice(None), np.array([[True, False, True, False]] * 3)),
        (X > 3),
        ([0, 1], slice(None), [True, False, True, False]),
        (True, [0, 1]),
        False,
        (slice(None), [0, 1], ..., [1, 2]),
        (slice(None), [0, 1], [1, 2], ...),
        (0, slice(None), [1, 2]),
        (0, [1, 2]),
        (np.int32(1), np.uint8(2)),
        ([[0, 1], [1, 0]],),
        [],
        (..., [], slice(None)),
    ],
)
def test_masks_and_mixed_keys(key: Any) -> None:
    if isinstance(key, np.ndarray) and key.shape == (3, 4):
        np.testing.assert_array_equal(get(X[0], key), X[0][key], strict=True)
    else:
        np.testing.assert_array_equal(get(X, key), X[key], strict=True)


def traced_get(x: Any, *indices: Any) -> Any:
    return run(lambda v, *i: getitem(v, tuple(i)), x, *indices)[0]


def test_traced_integers_index_as_static_ones_do() -> None:
    i, j = np.array([0, -1, 1]), np.array([[2], [-3]])
    np.testing.assert_array_equal(traced_get(X, i), X[i])
    np.testing.assert_array_equal(traced_get(X, i, j), X[i, j])
    np.testing.assert_array_equal(
        run(lambda v, k: getitem(v, (k, slice(None), 1)), X, i)[0], X[i, :, 1]
    )
    np.testing.assert_array_equal(run(lambda v, k: getitem(v, k), X, np.array(-1))[0], X[-1])


@pytest.mark.parametrize("bad", [(2, 0), (-3, 0), (0, 3), (0, -4)])
def test_traced_integers_out_of_bounds_are_an_error(bad: tuple[int, int]) -> None:
    with pytest.raises(IndexError):
        traced_get(X, np.array(bad[0]), np.array(bad[1]))


@pytest.mark.parametrize(
    "key",
    [2, (0, 0, 0, 0), [0.5], "a", ([0, 5],), (..., ...), np.array([True]), ([0, 1], [0, 1, 2])],
)
def test_bad_keys_raise_as_in_numpy(key: Any) -> None:
    with pytest.raises(IndexError):
        X[key]
    with pytest.raises(IndexError):
        get(X, key)


def test_a_traced_mask_is_refused_with_the_way_out() -> None:
    b = Builder()
    x = b.input(Type("float64", (3,)))
    with pytest.raises(TracingError, match=r"np\.where"):
        getitem(x, ops.greater(x, 0.0))
