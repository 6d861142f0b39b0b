"""x[key], and x after x[key] = value, against NumPy for random keys, static and traced."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from adglot import ops
from adglot.errors import TracingError
from adglot.ir import Type
from adglot.ops import Builder
from adglot.ops.composites import getitem, setitem
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
def part(draw: Any, n: int, common: tuple[int, ...] | None) -> Any:
    """A part of a key for an axis of n elements; `common` is what index arrays broadcast to."""
    kinds = ["slice"] + ["int"] * (n > 0)
    if common is not None and n:
        kinds += ["array", "array", "scalar"]
    if common is not None and len(common) == 1 and n >= max(common[0], 1):
        kinds += ["mask"]
    kind = draw(st.sampled_from(kinds))
    if kind == "slice":
        return draw(slices(n))
    if kind == "mask":
        assert common is not None
        return draw(masks((n,), common[0]))
    if kind == "array":
        assert common is not None
        return draw(index_arrays(n, common[draw(st.integers(0, len(common))) :]))
    index = draw(st.integers(-n, n - 1))
    return np.array(index) if kind == "scalar" else index


@st.composite
def keys(draw: Any, shape: tuple[int, ...], arrays: bool = True) -> Any:
    """A tuple that NumPy takes as key: parts for a few leading axes, an ellipsis, new axes."""
    common = draw(st.sampled_from([(2,), (1,), (3, 2), (), (0,)])) if arrays else None
    parts: list[Any] = [draw(part(n, common)) for n in shape[: draw(st.integers(0, len(shape)))]]
    extras: list[Any] = [None] * draw(st.integers(0, 2)) + [Ellipsis] * draw(st.integers(0, 1))
    if arrays and draw(st.integers(0, 9)) == 0:
        extras.append(draw(st.booleans()))
    for extra in extras:
        parts.insert(draw(st.integers(0, len(parts))), extra)
    return tuple(parts)


@st.composite
def arrays_and_keys(draw: Any, arrays: bool = True) -> tuple[Any, Any]:
    shape = draw(SHAPES)
    x = np.arange(float(np.prod(shape, dtype=int))).reshape(shape)
    key = draw(keys(shape, arrays))
    masked = any(isinstance(p, bool) or getattr(p, "dtype", None) == np.bool_ for p in key)
    try:
        x[key]
    except IndexError:
        key = ()
    # where there is nothing to pick NumPy takes masks of any length, and indices out of bounds
    key = () if masked and not x.size else key
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


# ------------------------------------------------------------------ setitem


def assigned(x: Any, key: Any, value: Any) -> Any:
    y = x.copy()
    y[key] = value
    return y


def put(x: Any, key: Any, value: Any) -> Any:
    return run(lambda a, v: setitem(a, key, v), x, value)[0]


@st.composite
def assignments(draw: Any, arrays: bool = True) -> tuple[Any, Any, Any]:
    """An array, a key, and a value of a shape that broadcasts to what the key picks."""
    x, key = draw(arrays_and_keys(arrays))
    shape = x[key].shape
    kept = tuple(n if draw(st.booleans()) else 1 for n in shape)
    value = -1.0 - np.arange(float(np.prod(kept, dtype=int))).reshape(kept)
    leading = draw(st.integers(0, len(kept)))
    return x, key, value[(0,) * leading] if all(n == 1 for n in kept[:leading]) else value[None]


@given(assignments())
def test_setitem_is_numpys(case: tuple[Any, Any, Any]) -> None:
    x, key, value = case
    try:
        expected = assigned(x, key, value)
    except TypeError:  # a mask alone takes fewer leading axes of length 1 than other keys do
        reject()
    np.testing.assert_array_equal(put(x, key, value), expected, strict=True)


@given(assignments(arrays=False))
def test_a_write_to_a_slice_costs_a_few_nodes(case: tuple[Any, Any, Any]) -> None:
    x, key, value = case
    graph, _, _ = build(lambda a, v: setitem(a, key, v), [x, value])
    constants = sum(node.op == "constant" for node in graph.nodes)
    assert constants <= x.ndim + 1
    assert len(graph.nodes) - constants <= 7


def test_a_write_to_one_element_moves_one_element() -> None:
    graph, _, _ = build(lambda a, v: setitem(a, 3, v), [np.zeros(5), np.array(2.0)])
    assert [node.op for node in graph.nodes] == ["reshape", "constant", "dynamic_update_slice"]


def test_values_are_cast_to_the_dtype_of_the_array() -> None:
    x = np.zeros(3, np.float32)
    got = put(x, 1, np.array(0.1))
    np.testing.assert_array_equal(got, assigned(x, 1, 0.1), strict=True)
    whole = np.zeros(3, np.int64)
    np.testing.assert_array_equal(
        put(whole, 1, np.array(2.7)), assigned(whole, 1, 2.7), strict=True
    )
    with pytest.raises(TracingError, match="real part"):
        put(x, 1, np.array(1j))


def test_of_two_values_for_one_place_the_last_stays() -> None:
    x, value = np.zeros(4), np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(put(x, [1, 1, 2], value), assigned(x, [1, 1, 2], value))


def test_traced_keys() -> None:
    i, j = np.array([0, -1]), np.array([2, 1])
    for key in [(i, j), (i, slice(None), j), (np.array(1), slice(1, None)), (i,)]:
        traced = [k for k in key if isinstance(k, np.ndarray)]

        def write(a: Any, *places: Any, key: Any = key) -> Any:
            rest = iter(places)
            moved = tuple(next(rest) if isinstance(k, np.ndarray) else k for k in key)
            return setitem(a, moved, 5.0)

        np.testing.assert_array_equal(run(write, X, *traced)[0], assigned(X, key, 5.0))


def test_a_traced_mask_takes_one_value_for_all_its_places() -> None:
    for mask, value in [(X > 3, -1.0), (X[:, 0, 0] > 3, X[1]), (X[..., 0] > 3, X[0, :1])]:
        got = run(lambda a, m, v: setitem(a, m, v), X, mask, np.asarray(value))[0]
        np.testing.assert_array_equal(got, assigned(X, mask, value))
    with pytest.raises(TracingError, match=r"np\.where"):
        run(lambda a, m, v: setitem(a, m, v), X, X > 3, np.arange(20.0))


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        put(X, 0, np.ones((2, 3, 4)))
