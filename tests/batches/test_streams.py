"""Streams of the client: results of any number of points, with few of them on their way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import repeat
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adglot
import adglot.aio
from adglot import Client, DeadlineExceeded, GuardFailed, InvalidArgument, Unavailable
from adglot.streaming import WINDOW
from adglot_server.service.limits import Limits
from adglot_server.service.server import Server
from batches.functions import (
    layer,
    layer_gradients,
    predators,
    predators_jacobians,
    rosenbrock,
    rosenbrock_gradients,
    rosenbrock_hessians,
)

POINTS = np.random.default_rng(0).standard_normal((100, 4))
PLANE = POINTS[:, :2]


def test_results_come_in_order_one_a_point(ad: Client) -> None:
    G = list(ad.stream(rosenbrock, iter(POINTS), chunk=7))
    assert len(G) == 100
    assert_allclose(np.stack(G), rosenbrock_gradients(POINTS), rtol=1e-12)


def test_every_operator_has_the_form_of_a_single_call(ad: Client) -> None:
    J, w = predators_jacobians(PLANE), np.array([2.0, -1.0])
    pairs = (((u,), (w,)) for u in PLANE)
    for u, Ju, (y, dy) in zip(PLANE, J, ad.stream(predators, pairs, "jvp", chunk=30), strict=True):
        assert_allclose(y, predators(u))
        assert_allclose(dy, Ju @ w)
    pulled = ad.stream(predators, (((u,), w) for u in PLANE), "vjp", chunk=30)
    assert_allclose([dx for _, (dx,) in pulled], np.einsum("bij,i->bj", J, w))
    values = ad.stream(rosenbrock, POINTS, "value_and_gradient")
    assert all(isinstance(y, np.float64) for y, _ in values)
    (many,) = zip(*ad.stream(rosenbrock, (((x,), (x,)) for x in POINTS), "hvp"), strict=True)
    assert_allclose(many, np.einsum("bij,bj->bi", rosenbrock_hessians(POINTS), POINTS), atol=1e-9)


def test_sparse_matrices(ad: Client) -> None:
    found = list(ad.stream(rosenbrock, POINTS, "hessian", chunk=9, sparse=True))
    assert {H.nnz for H in found} == {10}
    assert_allclose([H.toarray() for H in found], rosenbrock_hessians(POINTS), atol=1e-9)


def test_arguments_that_nest(ad: Client) -> None:
    def loss(parameters: Any, t: Any) -> Any:
        return parameters["a"] * np.sin(parameters["b"][0] * t)

    points = [({"a": 1.0 + k, "b": [2.0]}, 0.1 * k) for k in range(20)]
    for k, g in enumerate(ad.stream(loss, points, argnums=(0, 1), chunk=6)):
        assert_allclose(g[0]["a"], np.sin(0.2 * k))
        assert_allclose(g[0]["b"][0], (1.0 + k) * 0.1 * k * np.cos(0.2 * k))
        assert_allclose(g[1], 2 * (1.0 + k) * np.cos(0.2 * k))


def test_batches_as_they_are_with_weights_that_hold_for_all(ad: Client) -> None:
    W, X = np.ones((3, 4)), POINTS.reshape(10, 10, 4)
    batches = ad.stream(layer, ((W, x) for x in X), argnums=1, batch=(False, True))
    for x, G in zip(X, batches, strict=True):
        assert_allclose(G, layer_gradients(W, x)[1])


def test_points_are_taken_as_results_are(ad: Client) -> None:
    taken = 0

    def points() -> Iterator[Any]:
        nonlocal taken
        for x in np.tile(POINTS, (10, 1)):
            taken += 1
            yield x

    results = ad.stream(rosenbrock, points(), chunk=10)
    for k in range(100):
        next(results)
        assert taken <= (k // 10 + WINDOW) * 10
    results.close()
    assert_allclose(ad.gradient(rosenbrock, POINTS[0]), rosenbrock_gradients(POINTS)[0])


def test_no_points(ad: Client) -> None:
    assert list(ad.stream(rosenbrock, [])) == []


def test_the_results_before_an_error_hold_and_it_names_the_point(ad: Client) -> None:
    def root(x: Any) -> Any:
        return np.sqrt(x) if x > 0 else -x

    graph = adglot.trace(root, 1.0)
    x = np.arange(1.0, 101.0)
    x[57] = -1.0
    results = ad.stream(graph, x, "derivative", chunk=10)
    found = [next(results) for _ in range(50)]
    assert_allclose(found, 0.5 / np.sqrt(x[:50]))
    with pytest.raises(GuardFailed, match="at point 57: "):
        next(results)


def test_a_function_is_traced_again_where_it_branches(ad: Client) -> None:
    traced = 0

    def kinked(x: Any) -> Any:
        nonlocal traced
        traced += 1
        return x**2 if x > 0 else 3 * x

    x = np.repeat([1.0, 2.0, -1.0, 4.0, -2.0, -3.0], 10)
    found = list(ad.stream(kinked, x, "derivative", chunk=10))
    assert_allclose(found, np.where(x > 0, 2 * x, 3.0))
    assert traced == 3  # The fourth chunk was on its way with the first graph.


def test_shapes_may_change_from_batch_to_batch(ad: Client) -> None:
    batches = [POINTS, POINTS[:, :3], POINTS[:5]]
    for X, G in zip(batches, ad.stream(rosenbrock, batches, batch=True), strict=True):
        assert_allclose(G, rosenbrock_gradients(X))


def test_mistakes(ad: Client) -> None:
    with pytest.raises(InvalidArgument, match="unknown operator 'grad'"):
        ad.stream(rosenbrock, POINTS, "grad")
    with pytest.raises(InvalidArgument, match="must nest alike"):
        list(ad.stream(rosenbrock, [POINTS[0], (POINTS[0], 1.0)]))
    with pytest.raises(InvalidArgument, match="must have one shape"):
        list(ad.stream(rosenbrock, [POINTS[0], POINTS[0, :2]]))
    with pytest.raises(TypeError, match="unknown keywords speed"):
        list(ad.stream(rosenbrock, POINTS, speed=9))
    with pytest.raises(ZeroDivisionError):
        list(ad.stream(rosenbrock, (POINTS[0] / (1 // k) for k in range(3))))


def test_a_timeout_bounds_the_whole_stream(ad: Client) -> None:
    endless = repeat(POINTS[0])
    with pytest.raises(DeadlineExceeded):
        for _ in ad.stream(rosenbrock, endless, chunk=4, timeout=0.5):
            pass


def test_a_server_that_forgets_is_told_again() -> None:
    with (
        Server(["localhost:0"], limits=Limits(kept_bytes=1)) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        for _ in range(3):
            ad.gradient(lambda x: np.sum(np.sin(x)), POINTS[0])
            G = list(ad.stream(rosenbrock, POINTS, chunk=50))
            assert_allclose(G, rosenbrock_gradients(POINTS))


def test_a_server_that_goes_away_is_an_error() -> None:
    with Server(["localhost:0"], grace=0.0) as server:
        ad = adglot.connect(server.addresses[0])
        results = ad.stream(rosenbrock, repeat(POINTS[0]), chunk=2)
        next(results)
    with ad, pytest.raises(Unavailable):
        for _ in results:
            pass


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("lazy", [False, True])
def test_asyncio(server: Server, remote: bool, lazy: bool) -> None:
    async def arriving() -> AsyncIterator[Any]:
        for x in POINTS:
            await asyncio.sleep(0)
            yield x

    async def ask() -> list[Any]:
        async with adglot.aio.connect(server.addresses[0] if remote else None) as ad:
            points = arriving() if lazy else POINTS
            return [g async for g in ad.stream(rosenbrock, points, chunk=9)]

    assert_array_equal(
        asyncio.run(ask()), list(adglot.connect().stream(rosenbrock, POINTS, chunk=9))
    )
