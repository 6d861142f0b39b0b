"""Numerical engines say how wrong they may be, and everybody who asks hears it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import adglot
from adglot import Client
from service.examples import cubes, energy, model

X = np.array([1.0, -2.0, 0.5])
ENGINE = "finite-difference"


def test_the_error_estimate_of_a_gradient_bounds_its_error(ad: Client) -> None:
    with adglot.reports() as reports:
        gradient = ad.gradient(energy(), X, engine=ENGINE)
    (estimate,) = reports[0].error_estimates
    error = abs(gradient - 3 * X**2)
    assert estimate.shape == X.shape
    assert np.all(error <= estimate)
    assert np.all(estimate < 1e-6)


@pytest.mark.parametrize("operator", ["jvp", "vjp", "gradient", "jacobian", "hvp", "hessian"])
def test_every_operator_has_estimates_of_the_shapes_of_its_derivatives(
    ad: Client, operator: str
) -> None:
    f = energy() if operator in ("gradient", "hvp", "hessian") else cubes()
    seeds = {"jvp": ((X,), (X,)), "vjp": ((X,), X), "hvp": ((X,), (X,))}
    with adglot.reports() as reports:
        result = getattr(ad, operator)(f, *seeds.get(operator, (X,)), engine=ENGINE)
    derivative = result[-1] if isinstance(result, tuple) else result
    derivative = derivative[0] if isinstance(derivative, tuple) else derivative
    assert [e.shape for e in reports[0].error_estimates] == [derivative.shape]


def test_estimates_stand_in_the_order_of_the_derivatives(ad: Client) -> None:
    data = np.arange(6.0).reshape(3, 2)
    with adglot.reports() as reports:
        J = ad.jacobian(model(), {"w": np.ones(2), "b": 0.5}, data, 4, engine=ENGINE)
    shapes = [e.shape for e in reports[0].error_estimates]
    assert shapes == [J["y"]["b"].shape, J["y"]["w"].shape] == [(3,), (3, 2)]


def test_a_batch_has_estimates_of_every_point(ad: Client) -> None:
    points = np.stack([X, 2 * X])
    with adglot.reports() as reports:
        gradient = ad.gradient(energy(), points, batch=True, engine=ENGINE)
    assert gradient.shape == reports[0].error_estimates[0].shape == (2, 3)


def test_exact_engines_and_values_have_no_estimates(ad: Client) -> None:
    with adglot.reports() as reports:
        ad.gradient(energy(), X)
        assert_array_equal(ad.evaluate(cubes(), X, engine=ENGINE), X**3)
    assert [report.error_estimates for report in reports] == [(), ()]
