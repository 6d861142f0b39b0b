"""Sparse derivatives of other people's functions: the dense numbers, and no more passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adglot

from . import test_opfunu, test_pymoo

Array = np.ndarray[Any, Any]


def _check(sparse: Any, dense: Array) -> None:
    found = sparse.toarray()
    assert found.shape == (dense.size // found.shape[1], found.shape[1])
    scale = np.max(np.abs(dense), initial=0.0)
    np.testing.assert_allclose(found, dense.reshape(found.shape), rtol=1e-9, atol=1e-10 * scale)


def _check_hessian(ad: adglot.Client, f: Callable[..., Any], x: Array) -> None:
    graph = adglot.trace(f, x)
    with adglot.reports() as reports:
        sparse = ad.hessian(graph, x, sparse=True)
    _check(sparse, ad.hessian(graph, x))
    assert reports[0].passes <= x.size


@pytest.mark.parametrize("name", sorted(set(test_opfunu.TRACEABLE) - test_opfunu.FLAT.keys()))
def test_opfunu_hessians(ad: adglot.Client, name: str) -> None:
    f = test_opfunu.seeded(test_opfunu.problem(name).evaluate)
    _check_hessian(ad, f, test_opfunu.points(name)[0])


@pytest.mark.parametrize("name", test_pymoo.TRACEABLE)
def test_pymoo_hessians(ad: adglot.Client, name: str) -> None:
    problem = test_pymoo.PROBLEMS[name]()
    _check_hessian(ad, test_pymoo.objective(problem), test_pymoo.point(problem, 0))


@pytest.mark.parametrize(
    "name", [n for n in test_pymoo.TRACEABLE if test_pymoo.PROBLEMS[n]().n_constr]
)
def test_pymoo_constraints(ad: adglot.Client, name: str) -> None:
    problem = test_pymoo.PROBLEMS[name]()
    g, x = test_pymoo.constraints(problem), test_pymoo.point(problem, 0)
    graph = adglot.trace(g, x)
    _check(ad.jacobian(graph, x, sparse=True), ad.jacobian(graph, x))
