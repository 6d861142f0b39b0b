"""Functions of others' packages, each at a point: opfunu's and pymoo's."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Named:
    """A function, and a point in the middle of its bounds, off every symmetry."""

    name: str
    function: Callable[[Any], Any]
    point: Array


def functions() -> list[Named]:
    """Those of the packages that are installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [*_opfunu(), *_pymoo()]


def _opfunu() -> Iterator[Named]:
    try:
        import opfunu
    except ImportError:
        return
    for cls in opfunu.get_all_name_based_functions():
        if cls.__name__ not in ("Deceptive", "Mishra07"):  # neither can be traced
            problem = cls()
            point = _inside(problem.lb, problem.ub)
            yield Named(f"opfunu-{cls.__name__}", problem.evaluate, point)


def _pymoo() -> Iterator[Named]:
    try:
        from pymoo.problems import get_problem
    except ImportError:
        return
    names = ["ackley", "griewank", "rastrigin", "rosenbrock", "schwefel", "sphere", "zakharov"]
    for name in names:
        problem = get_problem(name)
        yield Named(f"pymoo-{name}", _objective(problem), _inside(problem.xl, problem.xu))


def _objective(problem: Any) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        out: dict[str, Any] = {}
        problem._evaluate(x[None, :], out)
        return out["F"].sum()

    return f


def _inside(low: Any, high: Any) -> Array:
    low, high = np.asarray(low, float), np.asarray(high, float)
    return low + (high - low) * np.linspace(0.41, 0.63, low.size)
