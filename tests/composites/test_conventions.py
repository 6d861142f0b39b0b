"""Derivatives at kinks and at extremes: which convention composites take, and that none is NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ops.running import derive

from adglot import ops
from adglot.ops.composites import COMPOSITES, getitem
from composites.running import composite_function

INF = float("inf")


def summed(name: str, *before: Any, **kwargs: Any) -> Callable[..., Any]:
    """x -> the sum of the function's result at (*before, x)."""
    return lambda x: COMPOSITES["sum"](composite_function(name)(*before, x, **kwargs))


def gradient(function: Callable[..., Any], x: Any) -> Any:
    return derive("gradient", function, np.asarray(x, float))


def hessian(function: Callable[..., Any], x: Any) -> Any:
    return derive("hessian", function, np.asarray(x, float))


@pytest.mark.parametrize("order", [None, 2, 1, 3, 2.5, "fro"])
def test_norms_have_derivative_zero_at_zero(order: Any) -> None:
    x = np.zeros((2, 2)) if order == "fro" else np.zeros(3)
    got = gradient(lambda v: COMPOSITES["linalg.norm"](v, order), x)
    np.testing.assert_array_equal(got, np.zeros_like(x))


def test_the_spread_of_equal_numbers_has_derivative_zero() -> None:
    for name in ("std", "nanstd"):
        np.testing.assert_array_equal(gradient(COMPOSITES[name], [2.0, 2.0]), [0.0, 0.0])


def test_sinc_is_smooth_at_zero() -> None:
    for x in (0.0, 1e-12, 1e-5):
        assert gradient(COMPOSITES["sinc"], x) == pytest.approx(-(np.pi**2) / 3 * x, rel=1e-8)
        assert hessian(COMPOSITES["sinc"], x) == pytest.approx(-(np.pi**2) / 3, rel=1e-8)


@pytest.mark.parametrize("exponent", [2, 2.0, np.float64(2), np.int32(2)])
def test_squares_at_zero_and_below(exponent: Any) -> None:
    function = lambda x: COMPOSITES["sum"](COMPOSITES["power"](x, exponent))  # noqa: E731
    np.testing.assert_array_equal(gradient(function, [-1.5, 0.0]), [-3.0, 0.0])
    np.testing.assert_array_equal(hessian(function, [-1.5, 0.0]), np.diag([2.0, 2.0]))


def test_cubes_below_zero() -> None:
    function = lambda x: COMPOSITES["sum"](COMPOSITES["power"](x, 3))  # noqa: E731
    np.testing.assert_allclose(gradient(function, [-1.5, 0.0]), [6.75, 0.0])


def test_roots_at_zero_are_infinitely_steep() -> None:
    assert gradient(COMPOSITES["cbrt"], 0.0) == INF
    assert gradient(lambda x: COMPOSITES["power"](x, 0.5), 0.0) == INF
    np.testing.assert_allclose(gradient(COMPOSITES["cbrt"], -8.0), 1 / 12)


def test_at_a_bound_clip_has_half_a_derivative() -> None:
    function = lambda x: COMPOSITES["sum"](COMPOSITES["clip"](x, 0.0, 1.0))  # noqa: E731
    np.testing.assert_array_equal(gradient(function, [-1.0, 0.0, 0.5, 1.0]), [0, 0.5, 1, 0.5])


def test_at_a_point_of_interp_the_slope_behind_counts() -> None:
    points, values = [0.0, 1.0, 3.0], [0.0, 2.0, 3.0]
    function = lambda x: COMPOSITES["sum"](COMPOSITES["interp"](x, points, values))  # noqa: E731
    got = gradient(function, [-1.0, 0.0, 0.5, 1.0, 2.0, 4.0])
    np.testing.assert_array_equal(got, [0, 2, 2, 0.5, 0.5, 0])


def test_a_quantile_moves_with_its_neighbours() -> None:
    function = lambda x: COMPOSITES["percentile"](x, 30)  # noqa: E731
    np.testing.assert_allclose(gradient(function, [4.0, 1.0, 3.0]), [0, 0.4, 0.6])


# ------------------------------------------------------------------ extremes


@pytest.mark.parametrize("name", ["special.logsumexp", "special.softmax", "special.log_softmax"])
def test_huge_and_absent_terms_leave_no_nan(name: str) -> None:
    x = np.array([1000.0, 999.0, -1000.0, -INF])

    def function(v: Any) -> Any:
        y = composite_function(name)(v)
        return getitem(y, 1) if y.ndim else y

    first, second = gradient(function, x), hessian(function, x)
    assert np.isfinite(first).all()
    assert np.isfinite(second).all()
    assert first[3] == 0.0


def test_the_gradient_of_logsumexp_is_softmax() -> None:
    x = np.array([0.5, -1.25, 800.0, 799.0])
    weights = np.exp(x - x.max()) / np.exp(x - x.max()).sum()
    np.testing.assert_allclose(gradient(COMPOSITES["special.logsumexp"], x), weights, atol=1e-15)


def test_products_with_logarithms_at_zero() -> None:
    np.testing.assert_array_equal(gradient(lambda y: COMPOSITES["special.xlogy"](0.0, y), 0.0), 0.0)


def test_nan_elements_have_derivative_zero() -> None:
    x = np.array([1.0, np.nan, 3.0])
    np.testing.assert_array_equal(gradient(COMPOSITES["nansum"], x), [1, 0, 1])
    np.testing.assert_array_equal(gradient(COMPOSITES["nanmean"], x), [0.5, 0, 0.5])
    np.testing.assert_array_equal(gradient(COMPOSITES["nanmax"], x), [0, 0, 1])
    np.testing.assert_array_equal(gradient(COMPOSITES["nanvar"], x), [-1, 0, 1])
    np.testing.assert_array_equal(gradient(summed("nan_to_num"), x), [1, 0, 1])


def test_reciprocal_gamma_is_smooth_at_its_zeros() -> None:
    for n in range(4):
        got = gradient(COMPOSITES["special.rgamma"], -float(n))
        assert got == pytest.approx((-1) ** n * float(np.prod(np.arange(1, n + 1))), rel=1e-12)


def test_a_mask_keeps_nan_out() -> None:
    def function(x: Any) -> Any:
        return COMPOSITES["sum"](COMPOSITES["where"](x > 0, ops.log(x), 0.0))

    np.testing.assert_array_equal(gradient(function, [2.0, 0.0, -1.0]), [0.5, 0, 0])
