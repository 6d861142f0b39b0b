"""Every operator over batches of any size: as formulas written by hand, and as point by point."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adglot
import adglot.aio
from adglot import Client, GuardFailed, InvalidArgument
from batches.functions import (
    layer,
    layer_gradients,
    predators,
    predators_jacobians,
    roots,
    rosenbrock,
    rosenbrock_gradients,
    rosenbrock_hessians,
    rosenbrock_values,
)

N = 6
SIZES = [1, 2, 5, 63, 64, 65, 1000, 1025, 4097]


def points(count: int, n: int = N) -> np.ndarray[Any, Any]:
    return np.random.default_rng(count).standard_normal((count, n))


@pytest.mark.parametrize("count", SIZES)
def test_any_number_of_points(ad: Client, count: int) -> None:
    X = points(count)
    y, G = ad.value_and_gradient(rosenbrock, X, batch=True)
    assert_allclose(y, rosenbrock_values(X), rtol=1e-12)
    assert_allclose(G, rosenbrock_gradients(X), rtol=1e-11, atol=1e-9)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("count", [1, 7, 300])
def test_matrices(ad: Client, count: int, sparse: bool) -> None:
    X, U = points(count), points(count, 2)
    H = ad.hessian(rosenbrock, X, batch=True, sparse=sparse)
    y, J = ad.value_and_jacobian(predators, U, batch=True, sparse=sparse)
    if sparse:
        assert H.data.shape == (count, 3 * N - 2)
        H, J = (np.stack([one.toarray() for one in block]) for block in (H, J))
    assert_allclose(H, rosenbrock_hessians(X), rtol=1e-11, atol=1e-9)
    assert_allclose(J, predators_jacobians(U), rtol=1e-12)
    assert_allclose(y, predators(U.T).T)


@pytest.mark.parametrize("count", [1, 300])
def test_products_with_seeds(ad: Client, count: int) -> None:
    X, U, V = points(count), points(count, 2), points(count + 1)[1:]
    J, w = predators_jacobians(U), points(count + 2, 2)[2:]
    _, dy = ad.jvp(predators, (U,), (w,), batch=True)
    assert_allclose(dy, np.einsum("bij,bj->bi", J, w), rtol=1e-11)
    _, (dx,) = ad.vjp(predators, (U,), w, batch=True)
    assert_allclose(dx, np.einsum("bij,bi->bj", J, w), rtol=1e-11)
    (hv,) = ad.hvp(rosenbrock, (X,), (V,), batch=True)
    assert_allclose(hv, np.einsum("bij,bj->bi", rosenbrock_hessians(X), V), rtol=1e-9, atol=1e-8)
    seeds = np.stack([w, 2 * w, -w], axis=1)
    _, dys = ad.jvp(predators, (U,), (seeds,), batch=True, seed_axis=True)
    assert_allclose(dys, np.einsum("bij,bkj->bki", J, seeds), rtol=1e-11)


def test_prepared_for_any_number(ad: Client) -> None:
    gradient = ad.prepare(rosenbrock, points(3), operator="gradient", batch=True)
    with adglot.reports() as reports:
        for count in (300, 40, 300, 300, 300):
            assert_allclose(gradient(points(count)), rosenbrock_gradients(points(count)), atol=1e-9)
    first, _, *again = reports
    assert min(report.prepare_seconds for report in again) < 0.05
    assert first.program_ops == again[0].program_ops > 100 * first.passes


@pytest.mark.parametrize("engine", ["native", "finite-difference", "autograd"])
def test_an_argument_that_holds_for_all_points(ad: Client, engine: str) -> None:
    W, X = points(4, 3), points(9, 3)
    by_W, by_x = layer_gradients(W, X)
    both = ad.gradient(layer, W, X, argnums=(0, 1), batch=(False, True), engine=engine)
    tolerance = 1e-6 if engine == "finite-difference" else 1e-12
    assert_allclose(both[0], by_W, atol=tolerance)
    assert_allclose(both[1], by_x, atol=tolerance)
    graph = adglot.trace(layer, W, X[0])  # The shapes say the same.
    assert_allclose(
        ad.gradient(graph, W, X, argnums=1, batch=True, engine=engine), by_x, atol=tolerance
    )


def test_a_derivative_by_a_scalar(ad: Client) -> None:
    x, a = np.linspace(0.0, 1.0, 70), 3.0
    slope = ad.derivative(lambda a, x: np.sin(a * x), a, x, argnums=1, batch=(False, True))
    assert_allclose(slope, a * np.cos(a * x))


def test_no_points(ad: Client) -> None:
    graph = adglot.trace(rosenbrock, points(1)[0])
    assert ad.hessian(graph, np.zeros((0, N)), batch=True).shape == (0, N, N)
    assert ad.hessian(graph, np.zeros((0, N)), batch=True, sparse=True).data.shape == (0, 3 * N - 2)


@pytest.mark.parametrize(
    ("engine", "bad"),
    [("native", 0), ("native", 17), ("native", 2999), ("finite-difference", 17)],
)
def test_the_point_that_fails_is_named(ad: Client, engine: str, bad: int) -> None:
    X = np.abs(points(3000, 2))
    X[[bad, -1]] = -X[[bad, -1]]  # Only the first one is named.
    graph = adglot.trace(roots, np.ones(2))
    with pytest.raises(GuardFailed, match=rf"at point {bad}:.*functions\.py"):
        ad.gradient(graph, X, batch=True, engine=engine)


def test_a_singular_matrix_is_named_with_its_point_and_line(ad: Client) -> None:
    A = np.stack([np.eye(2)] * 40)
    A[23] = 0.0
    with pytest.raises(InvalidArgument, match=r"at point 23: .*test_operators\.py"):
        ad.gradient(lambda A: np.sum(np.linalg.solve(A, np.ones(2))), A, batch=True)


def test_only_the_point_itself_becomes_nan(ad: Client) -> None:
    X = np.abs(points(500, 2)) + 1
    X[33, 0] = np.nan
    G = ad.gradient(lambda x: np.sum(np.log(x)), X, batch=True)
    assert_array_equal(np.argwhere(np.isnan(G)), [[33, 0]])
    assert_allclose(G[34:], 1 / X[34:])


def test_control_flow_takes_each_points_own_way(ad: Client) -> None:
    def collatz(x: Any) -> Any:
        def body(state: Any) -> Any:
            return 3.0 * state

        return adglot.while_loop(lambda state: state < 10.0, body, x)

    x = np.linspace(0.1, 12.0, 200)
    times = np.ceil(np.log(10.0 / x) / np.log(3.0)).clip(0)
    assert_allclose(ad.jvp(collatz, (x,), (np.ones(200),), batch=True)[1], 3.0**times)


def test_asyncio() -> None:
    async def ask() -> Any:
        async with adglot.aio.connect() as ad:
            return await ad.gradient(rosenbrock, points(130), batch=True)

    assert_allclose(asyncio.run(ask()), rosenbrock_gradients(points(130)), atol=1e-9)
