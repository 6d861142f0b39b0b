"""What every function here must pass: derivatives within their error bounds, at bounded cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import adglot

from .reference import curvature, slope

Array = np.ndarray[Any, Any]
EPS = np.finfo(float).eps
MAX_COST = 4
"""A derivative program may take this many times the operations of its function."""


def check_gradient(ad: adglot.Client, f: Callable[..., Any], x: Array) -> None:
    """The gradient of scalar `f` agrees, component by component, with `reference.slope`."""
    check_jacobian(ad, f, x)


def check_jacobian(ad: adglot.Client, f: Callable[..., Any], x: Array) -> None:
    """Every column of the Jacobian agrees with `reference.slope` along its axis."""
    graph = adglot.trace(f, x)
    columns = [slope(f, x, axis) for axis in np.eye(x.size)]
    jacobian = ad.jacobian(graph, x)
    bound = rounding(lambda near: ad.jacobian(graph, near), x, len(graph.nodes))
    for i, column in enumerate(columns):
        close(jacobian[..., i], column.value, column.error + bound[..., i], np.abs(jacobian).max())


def check_curvature(ad: adglot.Client, f: Callable[..., Any], x: Array, v: Array) -> None:
    """The Hessian-vector product of scalar `f` agrees with `reference.curvature` along `v`."""
    graph = adglot.trace(f, x)
    estimate = curvature(f, x, v)

    def product(near: Array) -> Array:
        return v * ad.hvp(graph, (near,), (v,))[0]

    terms, bound = product(x), rounding(product, x, len(graph.nodes))
    error = estimate.error + np.sum(bound)
    close(np.sum(terms), estimate.value, error, np.max(np.abs(terms)))


def rounding(block: Callable[[Array], Array], x: Array, ops: int) -> Array:
    """What rounding may cost a block at `x`, given what six points one ulp away say of it.

    Numbers of order one may cancel on the way to small ones, which no point nearby can show.
    """
    random = np.random.default_rng(0)
    centre = block(x)
    near = [block(x + random.choice([-1, 1], x.shape) * np.spacing(x)) for _ in range(6)]
    spread = np.max(np.abs(near - centre), axis=0)
    return 8 * EPS * np.sqrt(ops + 1) * np.max(np.abs(centre), initial=1.0) + 8 * spread


def close(got: Array, wanted: Array, error: Array, scale: float) -> None:
    """Compare within `error`, which must itself be small, or the comparison would say nothing."""
    assert np.all(np.isfinite(got)), f"not finite: {got}"
    worst = np.max(np.abs(got - wanted) - error)
    assert worst <= 0, f"{got} is not {wanted}: {worst:.3g} over the error bound {error}"
    vague = error > 1e-5 * np.maximum(scale, 1)
    assert not np.any(vague & (got != wanted)), f"the reference is too vague: {error} of {wanted}"


def check_cost(ad: adglot.Client, f: Callable[..., Any], *args: Any) -> None:
    """JVP and VJP take at most four times the operations of `f`, says the reply."""
    for operator in ("jvp", "vjp"):
        report = ad.explain(f, *args, operator=operator).report
        assert 0 < report.program_ops <= MAX_COST * report.function_ops, (operator, report)
