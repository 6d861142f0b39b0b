"""Reductions: zeros among factors, ties, NaN, empty axes, dtypes of sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adglot import ops
from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops.core import Value
from adglot.ops.cost import cost
from adglot_server.transforms import operators
from adglot_server.transforms.simplify import simplify

from .running import derive, evaluate, graph_of

# ------------------------------------------------------------------ prod

FACTORS = {
    "no zero": [2.0, -3.0, 0.5, 4.0],
    "one zero": [2.0, 0.0, 0.5, 4.0],
    "two zeros": [2.0, 0.0, 0.5, 0.0],
    "three zeros": [0.0, 0.0, 0.5, 0.0],
    "one factor": [0.0],
    "no factor": [],
}


def prod(x: Value) -> Value:
    return ops.prod(x, axes=(0,))


def without(x: Any, *places: int) -> Any:
    """The product of the others: what a derivative of the product by these factors is."""
    return 0.0 if len(set(places)) < len(places) else np.prod(np.delete(x, places))


def partials(x: Any, order: int) -> Any:
    n = len(x)
    table = np.zeros((n,) * order)
    for places in np.ndindex(table.shape):
        table[places] = without(x, *places)
    return table


@pytest.mark.parametrize("x", FACTORS.values(), ids=FACTORS)
def test_derivatives_of_a_product_with_zeros(x: Any) -> None:
    np.testing.assert_array_equal(derive("gradient", prod, x), partials(x, 1))
    np.testing.assert_array_equal(derive("jacobian", prod, x, mode="forward"), partials(x, 1))
    np.testing.assert_array_equal(derive("hessian", prod, x), partials(x, 2))


@pytest.mark.parametrize("x", FACTORS.values(), ids=FACTORS)
def test_third_derivative_of_a_product_with_zeros(x: Any) -> None:
    hessian = operators.derive(graph_of(prod, np.array(x)), operators.Request("hessian"))
    program = simplify(hessian.graph)

    def second(x: Value) -> Value:
        return x.builder.inline(program, [x])[1]

    np.testing.assert_array_equal(derive("jacobian", second, x), partials(x, 3))


def test_product_over_several_axes() -> None:
    x = np.arange(12.0).reshape(2, 3, 2) - 5.0  # one zero
    gradient = derive("gradient", lambda x: ops.sum(ops.prod(x, axes=(0, 2)), axes=(0,)), x)
    for place in np.ndindex(x.shape):
        line = [x[i, place[1], k] for i in (0, 1) for k in (0, 1) if (i, k) != place[::2]]
        assert gradient[place] == np.prod(line)


def test_gradient_of_a_product_is_linear_in_size() -> None:
    def price(n: int) -> int:
        graph = graph_of(prod, np.ones(n))
        return cost(simplify(operators.derive(graph, operators.Request("gradient")).graph))

    assert price(10_000) <= 4 * 10_000
    assert price(10_000) <= 10 * price(1_000)


# ------------------------------------------------------------------ max, min


@pytest.mark.parametrize("name", ["max", "min"])
def test_ties_share_evenly(name: str) -> None:
    x = np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]])
    sign = 1.0 if name == "max" else -1.0

    def extreme(x: Value) -> Value:
        return ops.sum(ops.TABLE[name](x, axes=(1,)), axes=(0,))

    np.testing.assert_array_equal(
        derive("gradient", extreme, sign * x), [[1 / 3, 1 / 3, 1 / 3], [0, 0, 1]]
    )
    np.testing.assert_array_equal(derive("hessian", extreme, sign * x), np.zeros((2, 3, 2, 3)))


def test_nonsmooth_set_is_where_ties_are() -> None:
    x = np.array([[1.0, 1.0], [1.0, 2.0]])
    (kink,) = ops.max.nonsmooth
    np.testing.assert_array_equal(kink.contains(x, axes=(1,)), [True, False])
    assert kink.contains(x, axes=()).shape == x.shape


def test_what_does_not_win_does_no_harm() -> None:
    """The other elements' infinite derivatives stay out: sqrt'(0) is not multiplied by 0."""
    gradient = derive("gradient", lambda x: ops.max(ops.sqrt(x), axes=(0,)), [0.0, 4.0])
    np.testing.assert_array_equal(gradient, [0.0, 0.25])


def test_extreme_of_nan_is_nan() -> None:
    x = [1.0, np.nan, 2.0]
    assert np.isnan(evaluate(lambda x: ops.max(x, axes=(0,)), x))
    assert evaluate(lambda x: ops.argmax(x, axis=0), x) == 1
    for mode in ("forward", "reverse"):
        jacobian = derive("jacobian", lambda x: ops.min(x, axes=(0,)), x, mode=mode)
        np.testing.assert_array_equal(jacobian, [1 / 3, 1 / 3, 1 / 3])


@pytest.mark.parametrize("name", ["max", "argmax"])
def test_extreme_of_nothing_is_refused_before_it_is_run(name: str) -> None:
    attributes = {"axes": (0,)} if name == "max" else {"axis": 0}
    with pytest.raises(InvalidArgument, match=r"no extreme of nothing.*float64\[0,2\]"):
        ops.infer_node(name, [Type("float64", (0, 2))], attributes)


# ------------------------------------------------------------------ all of them


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "float32", "complex64"])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "any", "all"])
@pytest.mark.parametrize("axes", [(), (0,), (0, 1)])
def test_values_and_dtypes_are_numpys(name: str, dtype: str, axes: tuple[int, ...]) -> None:
    x = np.array([[1, 0, 3], [2, 5, 0]]).astype(dtype)
    got = evaluate(lambda x: ops.TABLE[name](x, axes=axes), x)
    want = np.asarray(getattr(np, name)(x, axis=axes))
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", ["sum", "prod", "any", "all"])
def test_reductions_of_nothing(name: str) -> None:
    got = evaluate(lambda x: ops.TABLE[name](x, axes=(0,)), np.ones((0, 2)))
    np.testing.assert_array_equal(got, getattr(np, name)(np.ones((0, 2)), axis=0))


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_reductions_of_a_scalar(name: str) -> None:
    def function(x: Value) -> Value:
        return ops.TABLE[name](x, axes=())

    assert evaluate(function, 2.5) == 2.5
    assert derive("gradient", function, 2.5) == 1.0


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ((1, 0), "axes must be distinct and ascending"),
        ((0, 0), "axes must be distinct and ascending"),
        ((2,), r"axes must be in \[0, 2\), got 2"),
        ((-1,), r"axes must be in \[0, 2\), got -1"),
    ],
)
def test_axes_are_checked(axes: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ops.infer_node("sum", [Type("float64", (2, 3))], {"axes": axes})
