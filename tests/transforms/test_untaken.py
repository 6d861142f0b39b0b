"""The branch that `where` does not take sends no NaN back."""

import numpy as np
import pytest

from adglot import ops
from adglot.ir import Type
from adglot.ops import Builder
from adglot_server.engines.native import NativeEngine
from adglot_server.transforms.operators import Request

X = np.array([-1.0, 0.0, 4.0])


def gradient(function, x=X):
    """The gradient of sum(function) in reverse mode."""
    builder = Builder()
    value = builder.input(Type.of(x))
    y = function(value)
    graph = builder.build([value], [ops.sum(y, axes=tuple(range(y.ndim)))])
    return NativeEngine().prepare(graph, Request("gradient")).run([x])[1]


def jacobian(function, mode, x=X):
    builder = Builder()
    value = builder.input(Type.of(x))
    graph = builder.build([value], [function(value)])
    return NativeEngine().prepare(graph, Request("jacobian", mode=mode)).run([x])[1]


MATRIX = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0], [3.0, 0.0, 1.0]])


def test_a_mask_ends_where_components_are_mixed():
    """The product has the shape of the mask, but its rows are sums over rows of the operand."""
    below = np.tril(np.ones((3, 3), bool))
    result = gradient(lambda x: ops.where(below, ops.matmul(MATRIX, x), 0.0), MATRIX)
    np.testing.assert_array_equal(result, MATRIX.T @ below)


CASES = {
    "log": (lambda x: ops.where(x > 0.0, ops.log(x), x), [1, 1, 0.25]),
    "division": (lambda x: ops.where(x > 0.0, 1.0 / x, 0.0 * x), [0, 0, -1 / 16]),
    "chain": (lambda x: ops.where(x > 0.0, ops.exp(ops.log(x) * 0.5), 0.0), [0, 0, 0.25]),
    "other branch": (lambda x: ops.where(x <= 0.0, x * 2.0, ops.log(x)), [2, 2, 0.25]),
    "through reshape": (
        lambda x: ops.where(
            ops.reshape(x > 0.0, shape=(3, 1)), ops.reshape(ops.log(x), shape=(3, 1)), 0.0
        ),
        [0, 0, 0.25],
    ),
    "two uses": (
        lambda x: ops.where(x > 0.0, ops.log(x) + ops.log(x) * x, 0.0),
        [0, 0, 1.25 + np.log(4)],
    ),
    "triangle": (
        lambda x: ops.tril(ops.reshape(ops.sqrt(x), shape=(3, 1)), diagonal=-2),
        [0, 0, 0.25],
    ),
    "maximum": (lambda x: ops.maximum(ops.sqrt(x * x), 1.0), [-0.5, 0, 1]),
    "minimum": (lambda x: ops.minimum(1.0 / x, 1.0), [-1, 0, -1 / 16]),
    "nested": (
        lambda x: ops.where(x < 1.0, 0.0, ops.minimum(ops.sqrt(x) / x, 9.0)),
        [0, 0, -1 / 16],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient_is_that_of_the_branch_taken(name):
    function, expected = CASES[name]
    np.testing.assert_allclose(gradient(function), expected, rtol=1e-15)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_both_modes_agree(name, mode):
    function, expected = CASES[name]
    result = jacobian(function, mode).reshape(3, 3)
    np.testing.assert_allclose(result, np.diag(expected), rtol=1e-15)


def test_taken_branch_keeps_its_nan():
    assert np.isnan(gradient(lambda x: ops.where(x > 0.0, x, ops.log(x) * 0.0))[1])


def test_a_polynomial_behind_a_minimum_needs_no_mask():
    """So that a chain of minima stays within four times its own cost; `where` itself is strict."""
    builder = Builder()
    x = builder.input(Type("float64", ()))
    y = x
    for k in range(50):
        y = ops.minimum(y, (x - float(k)) * (x - 2.0 * k) + 0.5)
    graph = builder.build([x], [y])
    prepared = NativeEngine().prepare(graph, Request("vjp"))
    assert prepared.program_ops <= 4 * prepared.function_ops


def test_a_point_that_is_not_finite_may_be_masked_by_the_user():
    x = np.array([np.nan, np.inf, 2.0])
    result = gradient(lambda x: ops.where(ops.isfinite(x), x * x, 0.0), x)
    np.testing.assert_array_equal(result, [0, 0, 4])
