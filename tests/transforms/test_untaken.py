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
