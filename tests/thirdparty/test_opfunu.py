"""All name-based functions of opfunu: gradient and curvature against Ridders' extrapolation."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import adglot

from .checks import check_cost, check_curvature, check_gradient

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its plotting and packaging imports are not our concern
    opfunu = pytest.importorskip("opfunu", reason="opfunu is for Python below 3.12")

Array = np.ndarray[Any, Any]
FUNCTIONS = {cls.__name__: cls for cls in opfunu.get_all_name_based_functions()}

UNTRACEABLE = {
    "Deceptive": "fills a np.zeros buffer, which numpy alone made, element by element",
}
BROKEN = {
    "Mishra07": "calls np.math, which NumPy 2 does not have",
}
POSITIVE = {
    "Deb03": "takes a fractional power of x",
    "DeVilliersGlasser01": "takes x to a fractional power",
    "DeVilliersGlasser02": "takes x to a fractional power",
}
"""Functions that are not real in all of their own bounds: tested in the positive part of them."""

FLAT = {
    "Katsuura": "rounds x on 32 scales",
    "Gear": "rounds x down",
    "Mishra10": "truncates x to integers",
}
"""Step functions: the derivative is zero wherever there is one."""

TRACEABLE = sorted(FUNCTIONS.keys() - UNTRACEABLE.keys() - BROKEN.keys())


def problem(name: str) -> Any:
    return FUNCTIONS[name]()


def seeded(evaluate: Any) -> Any:
    """The same random numbers at every call: Quartic and XinSheYang01 draw some."""

    def f(x: Any) -> Any:
        np.random.seed(0)  # noqa: NPY002 - opfunu draws from the global generator
        return evaluate(x)

    return f


def points(name: str) -> list[Array]:
    """Two points anywhere in the bounds, and one near the optimum, where some are not flat."""
    random = np.random.default_rng(sum(map(ord, name)))
    p = problem(name)
    low, high = np.array(p.lb, float), np.array(p.ub, float)
    if name in POSITIVE:
        low, high = np.full_like(low, 1.0), np.full_like(high, 4.0)
    anywhere = [low + random.random(p.ndim) * (high - low) for _ in range(2)]
    optimum = np.broadcast_to(np.asarray(p.x_global, float), low.shape)
    near = np.clip(optimum, low, high) + 0.02 * random.random(p.ndim) * (high - low)
    return [*anywhere, near]


@pytest.mark.parametrize("name", sorted(set(TRACEABLE) - FLAT.keys()))
def test_derivatives(ad: adglot.Client, name: str) -> None:
    f = seeded(problem(name).evaluate)
    random = np.random.default_rng(0)
    for x in points(name):
        check_gradient(ad, f, x)
        check_curvature(ad, f, x, random.normal(size=x.shape))


@pytest.mark.parametrize("name", FLAT)
def test_step_functions(ad: adglot.Client, name: str) -> None:
    for x in points(name):
        value, gradient = ad.value_and_gradient(problem(name).evaluate, x)
        assert value == pytest.approx(problem(name).evaluate(x), rel=1e-14)
        np.testing.assert_array_equal(gradient, np.zeros_like(x))


@pytest.mark.parametrize("name", TRACEABLE)
def test_cost(ad: adglot.Client, name: str) -> None:
    """In ten dimensions where there are any: in two, YaoLiu04 has four operations."""
    p = FUNCTIONS[name](ndim=10) if problem(name).dim_changeable else problem(name)
    check_cost(ad, p.evaluate, np.linspace(0.3, 0.7, p.ndim))


@pytest.mark.parametrize("name", UNTRACEABLE)
def test_refused_with_the_line(name: str) -> None:
    with pytest.raises(adglot.TracingError, match=r"d_func\.py:\d+"):
        adglot.trace(problem(name).evaluate, points(name)[0])


@pytest.mark.parametrize("name", BROKEN)
def test_broken_without_us_too(name: str) -> None:
    with pytest.raises(AttributeError, match="math"):
        problem(name).evaluate(points(name)[0])


def test_all_are_here() -> None:
    assert len(TRACEABLE) >= 123
