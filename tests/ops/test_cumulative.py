"""Running sums and products: zeros among factors at any order, recurrences, edges."""

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

FACTORS = {
    "no zero": [2.0, -3.0, 0.5, 4.0],
    "one zero": [2.0, 0.0, 0.5, 4.0],
    "zeros": [0.0, 3.0, 0.0, 2.0],
    "one": [5.0],
    "none": [],
}


def by_factors(x: Any, reverse: bool, *places: int) -> Any:
    """The derivative of the running product by these different factors, by hand."""
    order = slice(None, None, -1 if reverse else 1)
    y = np.zeros(len(x))
    for k in range(len(x)):
        inside = range(k, len(x)) if reverse else range(k + 1)
        if set(places) <= set(inside) and len(set(places)) == len(places):
            y[k] = np.prod([x[i] for i in inside[order] if i not in places])
    return y


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("x", FACTORS.values(), ids=FACTORS)
def test_derivatives_of_a_running_product_with_zeros(x: Any, mode: str, reverse: bool) -> None:
    n = len(x)
    weights = np.arange(1.0, n + 1)

    def running(x: Value) -> Value:
        return ops.cumulative_prod(x, axis=0, reverse=reverse)

    def weighted(x: Value) -> Value:
        return ops.sum(running(x) * weights, axes=(0,))

    jacobian = np.array([by_factors(x, reverse, i) for i in range(n)]).reshape(n, n).T
    hessian = np.array(
        [[weights @ by_factors(x, reverse, i, j) for j in range(n)] for i in range(n)]
    )
    np.testing.assert_array_equal(derive("jacobian", running, x, mode=mode), jacobian)
    np.testing.assert_array_equal(derive("hessian", weighted, x), hessian.reshape(n, n))


def test_gradient_of_a_running_product_is_linear_in_size() -> None:
    def price(n: int) -> int:
        graph = graph_of(lambda x: ops.sum(ops.cumulative_prod(x, axis=0), axes=(0,)), np.ones(n))
        return cost(simplify(operators.derive(graph, operators.Request("gradient")).graph))

    assert price(10_000) <= 4 * 20_000
    assert price(10_000) <= 10 * price(1_000)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_recurrence_is_its_definition(axis: int, reverse: bool, dtype: str) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 2, 3, 4)).astype(dtype)
    if dtype == "complex128":
        b = b * 1j
    y = evaluate(lambda a, b: ops.linear_recurrence(a, b, axis=axis, reverse=reverse), a, b)
    order = slice(None, None, -1 if reverse else 1)
    steps = [np.moveaxis(z, axis, 0)[order] for z in (a, b, y)]
    last = 0 * steps[1][0]
    for factor, term, got in zip(*steps, strict=True):
        last = factor * last + term
        np.testing.assert_array_equal(got, last)
    assert y.dtype == dtype


def test_recurrence_ignores_the_first_factor() -> None:
    y = evaluate(lambda a, b: ops.linear_recurrence(a, b, axis=0), [np.nan, 2.0], [1.0, 1.0])
    np.testing.assert_array_equal(y, [1.0, 3.0])


def test_recurrence_needs_one_shape() -> None:
    types = [Type("float64", (3,)), Type("float64", (2,))]
    with pytest.raises(InvalidArgument, match="linear_recurrence: a and b need one shape"):
        ops.infer_node("linear_recurrence", types, {"axis": 0, "reverse": False})


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "float32", "complex64"])
@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
def test_values_and_dtypes_are_numpys(name: str, dtype: str) -> None:
    x = np.array([[1, 0, 3], [2, 5, 4]]).astype(dtype)
    function = {"cumulative_sum": np.cumsum, "cumulative_prod": np.cumprod}[name]
    for axis in (0, 1):
        got = evaluate(lambda x, axis=axis: ops.TABLE[name](x, axis=axis), x)
        assert got.dtype == function(x, axis).dtype
        np.testing.assert_array_equal(got, function(x, axis))


def test_a_scalar_has_no_axis_to_run_along() -> None:
    with pytest.raises(InvalidArgument, match=r"axis must be in \[0, 0\), got 0"):
        ops.infer_node("cumulative_sum", [Type("float64")], {"axis": 0, "reverse": False})
