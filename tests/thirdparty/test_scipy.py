"""SciPy's Rosenbrock function against the gradient, Hessian and product that SciPy writes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess, rosen_hess_prod

import adglot

from .checks import check_cost, check_gradient

Array = np.ndarray[Any, Any]
SIZES = (2, 3, 10, 1000)


def point(size: int) -> Array:
    return np.random.default_rng(size).uniform(-2.0, 2.0, size)


def near(got: Any, wanted: Any) -> None:
    """Equal but for the rounding of at most a dozen operations on the largest term."""
    scale = np.max(np.abs(wanted))
    np.testing.assert_allclose(got, wanted, rtol=0, atol=32 * np.finfo(float).eps * scale)


@pytest.mark.parametrize("size", SIZES)
def test_gradient(ad: adglot.Client, size: int) -> None:
    x = point(size)
    value, gradient = ad.value_and_gradient(rosen, x)
    near(value, rosen(x))
    near(gradient, rosen_der(x))


@pytest.mark.parametrize("size", SIZES)
def test_hessian_vector_product(ad: adglot.Client, size: int) -> None:
    x, p = point(size), point(size + 1)[:size]
    (product,) = ad.hvp(rosen, (x,), (p,))
    near(product, rosen_hess_prod(x, p))


@pytest.mark.parametrize("size", SIZES[:3])
def test_hessian(ad: adglot.Client, size: int) -> None:
    near(ad.hessian(rosen, point(size)), rosen_hess(point(size)))


@pytest.mark.parametrize("size", SIZES[:3])
def test_the_derivative_itself_can_be_traced(ad: adglot.Client, size: int) -> None:
    """`rosen_der` fills a `zeros_like` buffer in place; its Jacobian is the Hessian."""
    x = point(size)
    near(ad.evaluate(rosen_der, x), rosen_der(x))
    near(ad.jacobian(rosen_der, x), rosen_hess(x))


def test_broadcasting(ad: adglot.Client) -> None:
    """On columns of points `rosen` gives a value a column."""
    x = np.random.default_rng(0).uniform(-2.0, 2.0, (4, 3))
    y, (dx,) = ad.vjp(rosen, (x,), np.ones(3))
    near(y, rosen(x))
    near(dx, np.stack([rosen_der(column) for column in x.T], axis=1))


def test_against_extrapolation(ad: adglot.Client) -> None:
    check_gradient(ad, rosen, point(6))


@pytest.mark.parametrize("function", [rosen, rosen_der])
def test_cost(ad: adglot.Client, function: Any) -> None:
    check_cost(ad, function, point(10))


@pytest.mark.parametrize("function", [rosen_hess_prod, rosen_hess])
def test_fills_of_numpys_own_buffers_are_refused(function: Any) -> None:
    """Their `np.zeros(n)` is made without a traced argument, so it cannot take traced values."""
    arguments = (point(4), point(4))[: 2 if function is rosen_hess_prod else 1]
    with pytest.raises(adglot.TracingError, match=r"(?s)^(_optimize|_at)\.py:\d+: .*adglot\.numpy"):
        adglot.trace(function, *arguments)
