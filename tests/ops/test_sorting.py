"""Sorting: ties, NaN, stability, derivatives that follow the permutation."""

from __future__ import annotations

import numpy as np
import pytest

from adglot import ops
from adglot.ops.core import Value

from .running import derive, evaluate


def sort(x: Value) -> Value:
    return ops.sort(x, axis=0)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_equals_keep_their_order(mode: str) -> None:
    x = [2.0, 1.0, 2.0, 1.0]
    np.testing.assert_array_equal(evaluate(lambda x: ops.argsort(x, axis=0), x), [1, 3, 0, 2])
    jacobian = derive("jacobian", sort, x, mode=mode)
    np.testing.assert_array_equal(jacobian, np.eye(4)[[1, 3, 0, 2]])


def test_nonsmooth_set_is_where_ties_are() -> None:
    (kink,) = ops.sort.nonsmooth
    x = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 1.0]])
    np.testing.assert_array_equal(kink.contains(x, axis=1), [[False], [True]])
    assert not kink.contains(np.ones((2, 0)), axis=1).any()


def test_nan_comes_last_and_takes_its_tangent_along() -> None:
    x = [np.nan, 3.0, 1.0]
    np.testing.assert_array_equal(evaluate(sort, x), [1.0, 3.0, np.nan])
    np.testing.assert_array_equal(derive("jacobian", sort, x), np.eye(3)[[2, 1, 0]])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_jacobian_along_an_axis(axis: int) -> None:
    x = np.random.default_rng(1).normal(size=(2, 3, 4))
    jacobian = derive("jacobian", lambda x: ops.sort(x, axis=axis), x)
    t = np.random.default_rng(2).normal(size=x.shape)
    expected = np.take_along_axis(t, np.argsort(x, axis), axis)
    np.testing.assert_allclose(np.einsum("abcijk,ijk->abc", jacobian, t), expected, rtol=1e-14)


def test_order_statistics_have_their_elements_derivatives() -> None:
    """The middle one of three sines is the sine of the first x."""

    def function(x: Value) -> Value:
        ordered = sort(ops.sin(x))
        return ops.take(ordered, np.int64(1), axis=0) * 2.0

    x = np.array([0.5, 0.2, 1.0])
    np.testing.assert_allclose(derive("gradient", function, x), [2 * np.cos(0.5), 0, 0])
    np.testing.assert_allclose(derive("hessian", function, x), np.diag([-2 * np.sin(0.5), 0, 0]))
