"""All single-objective problems of pymoo, constraints included, against Ridders' extrapolation."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pymoo.problems.single
import pytest
from pymoo.core.problem import Problem
from pymoo.problems.single.flowshop_scheduling import create_random_flowshop_problem
from pymoo.problems.single.knapsack import create_random_knapsack_problem
from pymoo.problems.single.traveling_salesman import create_random_tsp_problem

import adglot

from .checks import check_cost, check_curvature, check_gradient, check_jacobian

Array = np.ndarray[Any, Any]

INDEXED = {
    "TravelingSalesman": lambda: create_random_tsp_problem(5),
    "FlowshopScheduling": lambda: create_random_flowshop_problem(3, 5),
}
"""The variable is a permutation and indexes a table of numbers: there is no derivative."""

MADE = {
    "Knapsack": lambda: create_random_knapsack_problem(6),
    "MultiObjectiveKnapsack": lambda: create_random_knapsack_problem(6, variant="multi"),
}
NOT_RUN = {
    "G": "the abstract base of G1 to G24",
    "MOPTA08": "starts a program that pymoo does not ship",
}


def problems() -> dict[str, Callable[[], Problem]]:
    """Every problem class of the package by name, so that those of a later release come along."""
    found: dict[str, Callable[[], Problem]] = dict(MADE)
    for info in pkgutil.iter_modules(pymoo.problems.single.__path__):
        module = importlib.import_module(f"{pymoo.problems.single.__name__}.{info.name}")
        for name, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, Problem) and cls.__module__ == module.__name__:
                found.setdefault(name, cls)
    return found


PROBLEMS = problems()
TRACEABLE = sorted(PROBLEMS.keys() - INDEXED.keys() - NOT_RUN.keys())


def outputs(problem: Problem, *, row: bool = True) -> Callable[[Any], dict[str, Any]]:
    """The problem as a function of one point: its dict of objectives and constraints."""

    def f(x: Any) -> dict[str, Any]:
        out: dict[str, Any] = {}
        problem._evaluate(x[np.newaxis, :] if row else x, out)
        return out

    return f


def objective(problem: Problem) -> Callable[[Any], Any]:
    f = outputs(problem)
    return lambda x: np.reshape(f(x)["F"], -1)[0]


def constraints(problem: Problem) -> Callable[[Any], Any]:
    f = outputs(problem)

    def g(x: Any) -> Any:
        values = [v for name, v in f(x).items() if name != "F"]
        return np.concatenate([np.ravel(np.stack(v) if isinstance(v, list) else v) for v in values])

    return g


def point(problem: Problem, seed: int) -> Array:
    share = np.random.default_rng(seed).random(problem.n_var)
    return problem.xl + share * (problem.xu - problem.xl)


@pytest.mark.parametrize("name", TRACEABLE)
def test_objective(ad: adglot.Client, name: str) -> None:
    problem = PROBLEMS[name]()
    direction = np.random.default_rng(9).normal(size=problem.n_var)
    for seed in range(3):
        x = point(problem, seed)
        check_gradient(ad, objective(problem), x)
        check_curvature(ad, objective(problem), x, direction)


@pytest.mark.parametrize("name", [n for n in TRACEABLE if PROBLEMS[n]().n_constr])
def test_constraints(ad: adglot.Client, name: str) -> None:
    problem = PROBLEMS[name]()
    for seed in range(2):
        check_jacobian(ad, constraints(problem), point(problem, seed))


@pytest.mark.parametrize("name", TRACEABLE)
def test_the_whole_output_is_a_dict(ad: adglot.Client, name: str) -> None:
    f, x = outputs(PROBLEMS[name]()), point(PROBLEMS[name](), 0)
    assert adglot.trace(f, x).output_tree.kind == "dict"
    got, wanted = ad.evaluate(f, x), f(x)
    assert got.keys() == wanted.keys()
    for key in wanted:
        np.testing.assert_allclose(got[key], wanted[key], rtol=1e-12)


@pytest.mark.parametrize("name", TRACEABLE)
def test_cost(ad: adglot.Client, name: str) -> None:
    problem = PROBLEMS[name]()
    check_cost(ad, outputs(problem), point(problem, 0))


@pytest.mark.parametrize("name", INDEXED)
def test_permutations_are_guarded(ad: adglot.Client, name: str) -> None:
    """The graph holds the value for this permutation, and refuses to answer for another one."""
    problem = INDEXED[name]()
    f = outputs(problem, row=False)
    permutation = np.random.default_rng(3).permutation(problem.n_var)
    graph = adglot.trace(f, permutation)
    assert ad.evaluate(graph, permutation) == f(permutation)
    with pytest.raises(adglot.GuardFailed, match=r"\.py:\d+"):
        ad.evaluate(graph, permutation[::-1].copy())
    with pytest.raises(adglot.InvalidArgument, match="int64"):
        ad.gradient(graph, permutation)


def test_all_are_here() -> None:
    assert len(TRACEABLE) >= 37
