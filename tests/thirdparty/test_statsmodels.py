"""Log-likelihoods of statsmodels against its own score and Hessian, on data that it ships."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.discrete import discrete_model as discrete
from statsmodels.genmod import families
from statsmodels.genmod.families import links

import adglot

from .checks import check_cost, check_curvature, rounding

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """A model and parameters in whose neighbourhood its likelihood is finite."""

    model: Any
    params: Array
    arguments: tuple[Any, ...] = ()
    """Passed to loglike, score and hessian alike: GLM takes a fixed scale."""

    def loglike(self, params: Any) -> Any:
        return self.model.loglike(params, *self.arguments)

    def score(self, params: Array) -> Array:
        return np.asarray(self.model.score(params, *self.arguments))

    def hessian(self, params: Array) -> Array:
        return np.asarray(self.model.hessian(params, *self.arguments))


def data(name: str) -> tuple[Array, Array]:
    """Response and standardized regressors, with a constant, of a data set by name."""
    loaded = getattr(sm.datasets, name).load_pandas()
    columns = np.asarray(loaded.exog, float)
    columns = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    return np.asarray(loaded.endog, float), sm.add_constant(columns)


def start(exog: Array, *more: float, constant: float = 0.3, classes: int = 1) -> Array:
    """Small parameters with a constant; `more` are the model's shape parameters."""
    random = np.random.default_rng(exog.size)
    slopes = random.uniform(-0.1, 0.1, (exog.shape[1], classes))
    slopes[0] += constant
    return np.concatenate([slopes.ravel(order="F"), more])


def of_discrete(cls: Any, name: str, *more: float, classes: int = 1, **options: Any) -> Case:
    """A model of counts or classes.

    The Hessian of NegativeBinomial is that in alpha, though its score can be that in ln alpha.
    """
    endog, exog = data(name)
    model = cls(endog, exog, **options)
    model._transparams = False
    return Case(model, start(exog, *more, classes=classes))


def of_family(family: Any, name: str = "scotland", constant: float = 0.3) -> Case:
    """A GLM; its scale is fixed, since loglike would estimate it and score would not."""
    endog, exog = data(name)
    scale = 1.3
    if isinstance(family, families.Binomial):
        endog, scale = (endog > np.median(endog)).astype(float), 1.0  # loglike ignores another
    elif not isinstance(family, families.Poisson | families.NegativeBinomial):
        endog = endog / np.mean(endog)
    return Case(sm.GLM(endog, exog, family=family), start(exog, constant=constant), (scale,))


def make_cases() -> dict[str, Callable[[], Case]]:
    nb, nbp, gp = (
        discrete.NegativeBinomial,
        discrete.NegativeBinomialP,
        discrete.GeneralizedPoisson,
    )
    return {
        "Logit": lambda: of_discrete(discrete.Logit, "spector"),
        "Probit": lambda: of_discrete(discrete.Probit, "spector"),
        "Poisson": lambda: of_discrete(discrete.Poisson, "cpunish"),
        "NegativeBinomial nb1": lambda: of_discrete(nb, "cpunish", 0.4, loglike_method="nb1"),
        "NegativeBinomial nb2": lambda: of_discrete(nb, "cpunish", 0.4, loglike_method="nb2"),
        "NegativeBinomial geometric": lambda: of_discrete(
            nb, "cpunish", loglike_method="geometric"
        ),
        "NegativeBinomialP": lambda: of_discrete(nbp, "cpunish", 0.4),
        "GeneralizedPoisson": lambda: of_discrete(gp, "cpunish", 0.1),
        "MNLogit": lambda: of_discrete(discrete.MNLogit, "anes96", classes=6),
        "GLM Gaussian": lambda: of_family(families.Gaussian()),
        "GLM Gaussian log": lambda: of_family(families.Gaussian(links.Log())),
        "GLM Binomial": lambda: of_family(families.Binomial()),
        "GLM Binomial cloglog": lambda: of_family(families.Binomial(links.CLogLog())),
        "GLM Binomial loglog": lambda: of_family(families.Binomial(links.LogLog())),
        "GLM Binomial log": lambda: of_family(families.Binomial(links.Log()), constant=-2.0),
        "GLM Poisson": lambda: of_family(families.Poisson(), "cpunish"),
        "GLM Poisson sqrt": lambda: of_family(families.Poisson(links.Sqrt()), "cpunish", 3.0),
        "GLM Gamma": lambda: of_family(families.Gamma(), constant=2.0),
        "GLM Gamma log": lambda: of_family(families.Gamma(links.Log())),
        "GLM Gamma identity": lambda: of_family(families.Gamma(links.Identity()), constant=2.0),
        "GLM InverseGaussian": lambda: of_family(families.InverseGaussian(), constant=2.0),
        "GLM InverseGaussian log": lambda: of_family(families.InverseGaussian(links.Log())),
        "GLM NegativeBinomial": lambda: of_family(families.NegativeBinomial(alpha=0.7), "cpunish"),
        "GLM NegativeBinomial nbinom": lambda: of_family(
            families.NegativeBinomial(alpha=0.7, link=links.NegativeBinomial(0.7)), "cpunish", -2.0
        ),
        "GLM Tweedie": lambda: of_family(families.Tweedie(var_power=1.5, eql=True)),
    }


CASES = make_cases()
UNTRACEABLE = {
    "GLM Binomial probit": lambda: of_family(families.Binomial(links.Probit())),
    "GLM Binomial cauchy": lambda: of_family(families.Binomial(links.Cauchy())),
}
"""Their link calls the public `cdf` of scipy.stats, which turns its argument into an ndarray
by a name (`from numpy import asarray`) that no protocol of NumPy reaches."""


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # links that leave a family's domain, on purpose
        return CASES[request.param]()


def agree(got: Array, wanted: Array, bound: Array) -> None:
    """Within our rounding bound and theirs: sums over observations, a few special functions."""
    theirs = 2.0**14 * np.finfo(float).eps * np.max(np.abs(wanted))
    assert got.shape == wanted.shape
    assert np.all(np.abs(got - wanted) <= bound + theirs), (got, wanted)


def test_score(ad: adglot.Client, case: Case) -> None:
    graph = adglot.trace(case.loglike, case.params)
    value, gradient = ad.value_and_gradient(graph, case.params)
    assert value == pytest.approx(case.loglike(case.params), rel=1e-12)
    bound = rounding(lambda p: ad.gradient(graph, p), case.params, len(graph.nodes))
    agree(gradient, case.score(case.params), bound)


def test_hessian(ad: adglot.Client, case: Case) -> None:
    graph = adglot.trace(case.loglike, case.params)
    bound = rounding(lambda p: ad.hessian(graph, p), case.params, len(graph.nodes))
    agree(ad.hessian(graph, case.params), case.hessian(case.params), bound)


def test_hessian_vector_product(ad: adglot.Client, case: Case) -> None:
    direction = np.random.default_rng(1).normal(size=case.params.shape)
    graph = adglot.trace(case.loglike, case.params)

    def product(params: Array) -> Array:
        return ad.hvp(graph, (params,), (direction,))[0]

    bound = rounding(product, case.params, len(graph.nodes))
    agree(product(case.params), case.hessian(case.params) @ direction, bound)


def test_cost(ad: adglot.Client, case: Case) -> None:
    check_cost(ad, case.loglike, case.params)


@pytest.mark.parametrize("name", UNTRACEABLE)
def test_refused_with_the_line(name: str) -> None:
    case = UNTRACEABLE[name]()
    with pytest.raises(adglot.TracingError, match=r"\.py:\d+"):
        adglot.trace(case.loglike, case.params)


def test_against_extrapolation(ad: adglot.Client) -> None:
    """One of them by the other road too, lest score and loglike share a mistake."""
    case = CASES["Poisson"]()
    check_curvature(ad, case.loglike, case.params, np.ones_like(case.params))
