"""Ops that move numbers: scalars, empty axes, promotion, clear errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adglot import ops
from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops.core import Value

from .running import derive, evaluate

X = np.arange(6.0).reshape(2, 3)


def test_concat_promotes_as_numpy() -> None:
    parts = [np.array([1], "int32"), np.array([2.5], "float32"), np.zeros(0, "bool")]
    got = evaluate(lambda *xs: ops.concat(*xs, axis=0), *parts)
    want = np.concatenate(parts)
    assert got.dtype == want.dtype == "float64"
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_concat_with_parts_that_do_not_move(mode: str) -> None:
    def function(x: Value, y: Value) -> Value:
        return ops.concat(y, x, x, np.array([7]), axis=0)

    jacobian = derive("jacobian", function, [1.0, 2.0], [3.0], mode=mode)
    np.testing.assert_array_equal(jacobian, [[0, 0], [1, 0], [0, 1], [1, 0], [0, 1], [0, 0]])


@pytest.mark.parametrize("length", [0, 1, 3])
@pytest.mark.parametrize(("low", "high", "interior"), [(0, 0, 2), (2, 1, 0), (1, 0, 3)])
def test_pad_puts_zeros_around_and_between(length: int, low: int, high: int, interior: int) -> None:
    x = np.arange(1.0, length + 1)

    def pad(x: Value) -> Value:
        return ops.pad(x, low=(low,), high=(high,), interior=(interior,))

    between = [e for k in range(length) for e in ([0.0] * interior if k else []) + [x[k]]]
    expected = np.array([0.0] * low + between + [0.0] * high)
    np.testing.assert_array_equal(evaluate(pad, x), expected)
    jacobian = derive("jacobian", pad, x, mode="reverse")
    np.testing.assert_array_equal(jacobian, derive("jacobian", pad, x, mode="forward"))
    assert jacobian.sum() == length


@pytest.mark.parametrize("start", [0, 2, 5])
@pytest.mark.parametrize("strides", [1, 2, 7])
def test_slices_of_every_length(start: int, strides: int) -> None:
    x = np.arange(5.0)
    for stop in range(start, 6):

        def cut(x: Value, stop: int = stop) -> Value:
            return ops.slice(x, start=(start,), stop=(stop,), strides=(strides,))

        np.testing.assert_array_equal(evaluate(cut, x), x[start:stop:strides])
        jacobian = derive("jacobian", cut, x, mode="reverse")
        np.testing.assert_array_equal(jacobian, np.eye(5)[start:stop:strides])


@pytest.mark.parametrize("diagonal", [-4, -1, 0, 2, 4])
@pytest.mark.parametrize("dtype", ["bool", "int64", "complex64"])
def test_triangles_are_numpys(diagonal: int, dtype: str) -> None:
    x = np.ones((2, 3, 4), dtype)
    for name in ("tril", "triu"):
        got = evaluate(lambda x, name=name: ops.TABLE[name](x, diagonal=diagonal), x)
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(got, getattr(np, name)(x, diagonal))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.reshape(x, shape=(1, 1)),
        lambda x: ops.permute_dims(x, axes=()),
        lambda x: ops.broadcast_to(x, shape=(2, 0)),
        lambda x: ops.flip(x, axes=()),
        lambda x: ops.slice(x, start=(), stop=(), strides=()),
        lambda x: ops.pad(x, low=(), high=(), interior=()),
    ],
)
def test_scalars(function: Any) -> None:
    y = evaluate(function, 2.5)
    assert (y == 2.5).all()
    assert derive("jacobian", function, 2.5, mode="reverse").sum() == y.size


FLOATS = Type("float64", (2, 3))


@pytest.mark.parametrize(
    ("name", "operands", "attributes", "message"),
    [
        ("reshape", [FLOATS], {"shape": (4, 2)}, r"cannot reshape float64\[2,3\] to \[4, 2\]"),
        ("reshape", [FLOATS], {"shape": (-2, -3)}, "cannot reshape"),
        ("reshape", [FLOATS], {"shape": (2, -1)}, "cannot reshape"),
        ("permute_dims", [FLOATS], {"axes": (0, 0)}, "no permutation of 2 axes"),
        ("broadcast_to", [FLOATS], {"shape": (3,)}, "cannot broadcast|must broadcast"),
        ("broadcast_to", [FLOATS], {"shape": (2, -3)}, "broadcast"),
        ("concat", [], {"axis": 0}, "needs at least one operand"),
        ("concat", [FLOATS, FLOATS], {"axis": 2}, r"axis must be in \[0, 2\)"),
        ("concat", [FLOATS, Type("float64", (2, 2))], {"axis": 0}, "must agree but for axis 0"),
        ("concat", [Type("float64")], {"axis": 0}, r"axis must be in \[0, 0\)"),
        ("flip", [FLOATS], {"axes": (1, 1)}, "distinct and ascending"),
        (
            "slice",
            [FLOATS],
            {"start": (0, 2), "stop": (2, 1), "strides": (1, 1)},
            "2:1:1 is no slice of axis 1",
        ),
        (
            "slice",
            [FLOATS],
            {"start": (0, 0), "stop": (2, 3), "strides": (1, 0)},
            "0:3:0 is no slice of axis 1",
        ),
        ("slice", [FLOATS], {"start": (0,), "stop": (2,), "strides": (1,)}, "one entry an axis"),
        ("pad", [FLOATS], {"low": (0,), "high": (0,), "interior": (0,)}, "one entry an axis"),
        (
            "pad",
            [FLOATS],
            {"low": (0, -1), "high": (0, 0), "interior": (0, 0)},
            "must not be negative",
        ),
        ("tril", [Type("float64", (3,))], {"diagonal": 0}, "needs at least two axes"),
        ("iota", [], {"size": -1, "dtype": "int64"}, "must not be negative"),
        ("iota", [], {"size": 2, "dtype": "int8"}, "dtype"),
        (
            "convert_element_type",
            [Type("complex64", (2,))],
            {"dtype": "float64"},
            "would drop the imaginary part",
        ),
    ],
)
def test_wrong_attributes_are_refused_by_name(
    name: str, operands: list[Type], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ops.infer_node(name, operands, attributes)
