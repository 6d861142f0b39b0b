"""Indexing: ranges at every point of a batch, repeated places, edges, clear errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adglot import ops
from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops.core import Value

from .running import batched, derive, evaluate

X = np.arange(12.0).reshape(3, 4)


def take(x: Value, *indices: Value) -> Value:
    return ops.take(x, *indices, axis=0)


def window(x: Value, *starts: Value) -> Value:
    return ops.dynamic_slice(x, *starts, sizes=(2,) * x.ndim)


# ------------------------------------------------------------------ values


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "float32", "complex64"])
def test_take_of_every_dtype(dtype: str) -> None:
    x = X.astype(dtype)
    for indices in (np.array(-1), np.array([2, 0]), np.array([[-3, 1]], "int32")):
        got = evaluate(take, x, indices)
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(got, x[indices])


def test_several_index_arrays_are_numpys_advanced_indexing() -> None:
    x = np.arange(120.0).reshape(2, 3, 4, 5)
    i, j = np.array([[2], [0]]), np.array([3, -1, 0])
    got = evaluate(lambda x, i, j: ops.take(x, i, j, axis=1), x, i, j)
    np.testing.assert_array_equal(got, x[:, i, j])


@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_no_indices_take_nothing(shape: tuple[int, ...]) -> None:
    indices = np.zeros(shape, "int64")
    assert evaluate(take, X, indices).shape == (*shape, 4)
    assert evaluate(take, np.ones((0, 4)), indices).shape == (*shape, 4)
    jacobian = derive("jacobian", lambda x: take(x, indices), X, mode="reverse")
    assert jacobian.shape == (*shape, 4, 3, 4)


# ------------------------------------------------------------------ repeated places


def test_a_place_taken_twice_has_twice_the_derivative() -> None:
    indices = np.array([1, 1, -2, 0])
    gradient = derive("gradient", lambda x: ops.sum(take(x, indices), axes=(0,)), [5.0, 6.0, 7.0])
    np.testing.assert_array_equal(gradient, [1.0, 3.0, 0.0])


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("indices", [[1, 2, 1], [0, 2, 1], [-2, 1, 1]])
def test_the_last_write_stays_and_has_the_derivative(indices: list[int], static: bool) -> None:
    x, updates, places = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]), np.array(indices)

    def write(updates: Value, x: Value, places: Value) -> Value:
        return ops.scatter(x, updates, np.array(indices) if static else places, axis=0)

    expected, jacobian = x.copy(), np.zeros((3, 3))
    for k, place in enumerate(indices):
        expected[place], jacobian[place] = updates[k], np.eye(3)[k]
    for mode in ("forward", "reverse"):
        got = derive("jacobian", write, updates, x, places, mode=mode)
        np.testing.assert_array_equal(got, jacobian)
        got = derive("jacobian", write, updates, x, places, mode=mode, wrt=(1,))
        np.testing.assert_array_equal(got, np.diag([i not in places % 3 for i in range(3)]))
    np.testing.assert_array_equal(evaluate(write, updates, x, places), expected)


# ------------------------------------------------------------------ out of range


@pytest.mark.parametrize("bad", [3, -4])
@pytest.mark.parametrize("point", [0, 1, 2])
def test_an_index_outside_is_an_error_at_every_point_of_a_batch(bad: int, point: int) -> None:
    """A flat index into the whole batch would silently read a neighbour's row."""
    indices = np.array([[0, 1], [2, -3], [1, 1]])
    points = np.stack([X, X + 1, X + 2])
    np.testing.assert_array_equal(
        batched(take, (points, indices), (True, True), 3),
        [x[i] for x, i in zip(points, indices, strict=True)],
    )
    indices[point, 1] = bad
    for x, flags in ((X, (False, True)), (points, (True, True))):
        with pytest.raises(InvalidArgument, match=rf"take: index {bad} is out of bounds for axis"):
            batched(take, (x, indices), flags, 3)


@pytest.mark.parametrize("start", [-7, -4, -3, -2, -1, 0, 1, 2, 3, 7])
@pytest.mark.parametrize("over_batch", [False, True])
def test_a_block_must_lie_inside(start: int, over_batch: bool) -> None:
    x, update = np.arange(3.0), np.array([8.0, 9.0])

    def write(x: Value, start: Value) -> Value:
        return ops.dynamic_update_slice(x, update, start)

    def call(function: Any) -> Any:
        if not over_batch:
            return evaluate(function, x, start)
        return batched(function, (x, np.array([0, start])), (False, True), 2)[1]

    if start in (-3, -2, 0, 1):
        first = start % 3
        np.testing.assert_array_equal(call(window), x[first : first + 2])
        np.testing.assert_array_equal(call(write), np.r_[x[:first], update, x[first + 2 :]])
    else:
        for function in (window, write):
            with pytest.raises(InvalidArgument, match=r"out of bounds for axis [01] with size 3"):
                call(function)


@pytest.mark.parametrize("name", ["scatter", "scatter_add"])
def test_writing_outside_is_an_error(name: str) -> None:
    def write(x: Value, updates: Value, i: Value) -> Value:
        return ops.TABLE[name](x, updates, i, axis=1)

    with pytest.raises(InvalidArgument, match=f"{name}: index 4 is out of bounds"):
        evaluate(write, X, X[:, :2], [1, 4])


def test_a_windows_derivative_goes_where_it_was_cut() -> None:
    def function(x: Value, i: Value, j: Value) -> Value:
        return ops.sum(window(x, i, j) * np.array([[1.0, 2.0], [3.0, 4.0]]), axes=(0, 1))

    gradient = derive("gradient", function, X, 1, -3)
    np.testing.assert_array_equal(gradient, [[0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 4, 0]])


# ------------------------------------------------------------------ errors before a run

FLOATS, INTS, SCALAR = Type("float64", (3, 4)), Type("int64", (2,)), Type("int64")


@pytest.mark.parametrize(
    ("name", "operands", "attributes", "message"),
    [
        ("take", [FLOATS], {"axis": 0}, "needs at least one index array"),
        ("take", [FLOATS, Type("float64", (2,))], {"axis": 0}, "indices must be int32 or int64"),
        ("take", [FLOATS, Type("bool", (3,))], {"axis": 0}, "indices must be int32 or int64"),
        ("take", [FLOATS, INTS], {"axis": 2}, r"axis must be in \[0, 2\), got 2"),
        ("take", [FLOATS, INTS, INTS], {"axis": 1}, r"has no 2 axes from axis 1 on"),
        ("take", [FLOATS, INTS, Type("int64", (3,))], {"axis": 0}, "must broadcast"),
        ("take", [Type("float64"), INTS], {"axis": 0}, r"axis must be in \[0, 0\)"),
        ("scatter", [FLOATS, FLOATS, INTS], {"axis": 0}, r"updates must have shape \[2, 4\]"),
        (
            "scatter_add",
            [FLOATS, Type("float32", (2, 4)), INTS],
            {"axis": 0},
            "x and updates need one dtype",
        ),
        ("dynamic_slice", [FLOATS, SCALAR], {"sizes": (1, 1)}, "needs one start an axis"),
        ("dynamic_slice", [FLOATS, SCALAR, INTS], {"sizes": (1, 1)}, "starts must be scalars"),
        ("dynamic_slice", [FLOATS, SCALAR, SCALAR], {"sizes": (1, 5)}, "does not fit in"),
        ("dynamic_slice", [FLOATS, SCALAR, SCALAR], {"sizes": (1, -1)}, "does not fit in"),
        ("dynamic_update_slice", [FLOATS, INTS, SCALAR, SCALAR], {}, "needs the rank and dtype"),
        (
            "dynamic_update_slice",
            [FLOATS, Type("float64", (4, 1)), SCALAR, SCALAR],
            {},
            r"a block of \[4, 1\] does not fit",
        ),
    ],
)
def test_wrong_types_are_refused_by_name(
    name: str, operands: list[Type], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=f"{name}: .*{message}"):
        ops.infer_node(name, operands, attributes)
