"""Batches go over to a kernel; points that it cannot answer are answered all the same."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import adglot
from adglot import ops
from adglot.errors import GuardFailed
from adglot.ir import Graph, Type
from adglot.ops import TABLE
from adglot_server.engines.base import Control
from adglot_server.executors import pointwise, tiered
from adglot_server.executors.batches import Batches
from adglot_server.executors.compiled import points as kernels
from adglot_server.executors.pointwise import KernelBatches, Pointwise

from .test_executor import build
from .test_points import jacobian

Array = np.ndarray[Any, Any]


def product(n: int = 5) -> Graph:
    """Its Jacobian has a product with a zero for each element."""
    return jacobian(lambda v: ops.sin(TABLE["prod"](v, axes=(0,))) * v, Type("float64", (n,)))


def compiled(graph: Graph) -> Pointwise:
    executor = Pointwise(graph)
    executor.compile()
    assert isinstance(executor._code, KernelBatches)
    return executor


def close(got: list[Array], wanted: list[Array]) -> None:
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("points", [1, 7, 8, 9, 1000, 5003])
def test_any_number_of_points(points: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces of a few, by several threads."""
    monkeypatch.setattr(kernels, "AT_ONCE", 1)
    monkeypatch.setattr(pointwise, "PIECE", 1 << 14)
    monkeypatch.setattr(pointwise, "SHARE", 1 << 14)
    monkeypatch.setattr(pointwise, "cores", lambda: 2)
    x = [np.random.default_rng(0).normal(size=(points, 5))]
    executor = compiled(product())
    close(executor.run(x), Batches(product()).run(x))
    assert executor.name == "compiled"


def test_points_that_the_kernel_cannot_answer() -> None:
    x = np.random.default_rng(0).normal(size=(500, 5))
    x[[3, 77, 499], [0, 1, 4]] = np.inf, np.nan, -np.inf
    close(compiled(product()).run([x]), Batches(product()).run([x]))


def test_it_goes_over_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiered, "SECONDS", 0.0)
    x = np.random.default_rng(0).normal(size=(3000, 5))

    def f(v: Any) -> Any:
        return np.sin(np.prod(v)) * v

    with adglot.connect() as ad, adglot.reports() as reports:
        wanted = ad.jacobian(f, x, batch=True, engine="complex-step")
        for _ in range(10_000):
            got = ad.jacobian(f, x, batch=True)
            np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-13)
            if reports[-1].executor == "compiled":
                return
    raise AssertionError("it was never compiled")


def test_a_guard_names_its_point() -> None:
    def f(x: Any) -> Any:
        return x * x if x < 3.0 else x

    graph = adglot.trace(f, 1.0)
    executor = Pointwise(graph)
    executor.compile()
    x = np.zeros(100)
    executor.run([x])
    x[41] = 5.0
    with pytest.raises(GuardFailed, match="41"):
        executor.run([x])


def test_what_is_not_written_out_in_scalars_is_compiled_by_tiles() -> None:
    graph = build(lambda x: TABLE["sort"](x, axis=0), Type("float64", (4,)))
    executor = Pointwise(graph)
    executor.compile()
    assert executor._code is None
    (y,) = executor.run([np.random.default_rng(0).normal(size=(100, 4))])
    assert np.all(np.diff(y) >= 0)


def test_a_deadline_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "AT_ONCE", 1)
    monkeypatch.setattr(pointwise, "PIECE", 1)
    asked = threading.Event()

    def cancelled() -> bool:
        return asked.is_set() or bool(asked.set())

    executor = compiled(product())
    with pytest.raises(adglot.errors.Cancelled):
        executor.run([np.ones((1000, 5))], Control(None, cancelled))


def test_many_threads_at_once() -> None:
    executor = compiled(product())
    points = [np.random.default_rng(k).normal(size=(700, 5)) for k in range(4)]
    wanted = [Batches(product()).run([x]) for x in points]

    def work(k: int) -> None:
        for _ in range(30):
            close(executor.run([points[k]]), wanted[k])

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work, k) for k in range(4)]:
            future.result()
