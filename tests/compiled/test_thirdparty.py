"""Compiled derivatives of opfunu's and pymoo's functions are the interpreter's, to rounding."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import adglot
from adglot_server.engines.base import Request
from adglot_server.engines.native import NativeEngine
from adglot_server.executors.compiled.executor import Compiled
from adglot_server.executors.compiled.kernel import TooLarge
from adglot_server.executors.interpreter import Interpreter

Array = np.ndarray[Any, Any]
EPS = np.finfo(float).eps


def functions() -> list[Any]:
    """Each with a point in the middle of its bounds, off every symmetry."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found += [*_opfunu(), *_pymoo()]
    return found


def _opfunu() -> list[Any]:
    try:
        import opfunu
    except ImportError:
        return []
    problems = [cls() for cls in opfunu.get_all_name_based_functions()]
    return [
        pytest.param(p.evaluate, _inside(p.lb, p.ub), id=f"opfunu-{type(p).__name__}")
        for p in problems
        if type(p).__name__ not in ("Deceptive", "Mishra07")  # neither can be traced
    ]


def _pymoo() -> list[Any]:
    try:
        from pymoo.problems import get_problem
    except ImportError:
        return []
    names = ["ackley", "griewank", "rastrigin", "rosenbrock", "schwefel", "sphere", "zakharov"]
    problems = [(name, get_problem(name)) for name in names]
    return [
        pytest.param(_objective(p), _inside(p.xl, p.xu), id=f"pymoo-{name}") for name, p in problems
    ]


def _objective(problem: Any) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        out: dict[str, Any] = {}
        problem._evaluate(x[None, :], out)
        return out["F"].sum()

    return f


def _inside(low: Any, high: Any) -> Array:
    low, high = np.asarray(low, float), np.asarray(high, float)
    return low + (high - low) * np.linspace(0.41, 0.63, low.size)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("function", "x"), functions())
@pytest.mark.parametrize("operator", ["gradient", "hvp"])
def test_values_are_the_interpreter_s(operator: str, function: Any, x: Array) -> None:
    np.random.seed(0)  # noqa: NPY002 - opfunu draws from the global generator
    graph = adglot.trace(function, x)
    if graph.output_types[0].size != 1:
        pytest.skip("several objectives")
    program = NativeEngine().prepare(graph, Request(operator)).program
    assert program is not None
    tangent = [np.cos(np.arange(float(x.size)))] if operator == "hvp" else []
    try:
        compiled = Compiled(program, smallest=1)
    except TooLarge:
        pytest.skip("too large to compile: the interpreter answers")
    interpreter = Interpreter(program)
    wanted = interpreter.run([x, *tangent])
    random = np.random.default_rng(0)
    near = [
        interpreter.run([x + random.choice([-1, 1], x.shape) * np.spacing(x), *tangent])
        for _ in range(6)
    ]
    for k, got in enumerate(compiled.run([x, *tangent])):
        spread = np.max([np.abs(one[k] - wanted[k]) for one in near], axis=0)
        size = np.nanmax(np.abs(wanted[k]), initial=1.0)
        bound = 8 * EPS * np.sqrt(len(program.nodes) + 1) * size + 8 * spread
        np.testing.assert_array_equal(np.isfinite(got), np.isfinite(wanted[k]))
        real = np.isfinite(wanted[k])
        assert np.all(np.abs(got - wanted[k])[real] <= bound[real])
