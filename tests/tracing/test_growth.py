"""Tracing costs time and nodes linear in what the function does, at any depth; threads apart."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest

import adglot
from adglot import ops

V = np.array([0.5, -1.25, 2.0])


def chain(n: int) -> Any:
    def f(x: Any) -> Any:
        for _ in range(n):
            x = np.sin(x) * 1.5
        return x

    return f


@pytest.mark.parametrize("n", [10, 100, 1_000, 10_000, 100_000])
def test_chains_of_any_length(n: int) -> None:
    graph = adglot.trace(chain(n), V)
    assert len(graph.nodes) == 2 * n + 1


def test_values_of_a_chain() -> None:
    graph = adglot.trace(chain(1000), V)
    np.testing.assert_allclose(ops.evaluate(graph, [V])[0], chain(1000)(V), rtol=1e-12)


def test_a_chain_of_views() -> None:
    def f(x: Any) -> Any:
        for _ in range(5_000):
            x = x[1:]
        x += 1
        return x

    assert len(adglot.trace(f, np.zeros(5_002)).nodes) == 5_000 + 2


def test_a_chain_of_guards() -> None:
    def f(x: Any) -> Any:
        for _ in range(2_000):
            x = x + 1 if x < 1_000 else x - 1
        return x

    graph = adglot.trace(f, 0.0)
    assert len(graph.guards) == 2_000
    assert len(graph.nodes) == 2 * 2_000 + 2


def test_python_calls_are_linear() -> None:
    """Calls of Python functions a node do not grow with the length."""
    import sys

    def calls(n: int) -> int:
        count = 0

        def count_calls(frame: Any, event: str, arg: Any) -> None:
            nonlocal count
            count += event == "call"

        f = chain(n)
        gc.collect()
        gc.disable()  # what other tests left behind makes calls when it is freed
        sys.setprofile(count_calls)
        try:
            adglot.trace(f, V)
        finally:
            sys.setprofile(None)
            gc.enable()
        return count

    calls(10)
    small, middle, large = calls(100), calls(200), calls(400)
    assert large - middle == 2 * (middle - small)


def test_a_finished_trace_is_freed() -> None:
    def f(x: Any) -> Any:
        y = np.zeros_like(x)
        y[0] = x[1]
        nonlocal builder
        builder = weakref.ref(x.builder)
        return y[1:] * 2

    builder: Any = None
    adglot.trace(f, V)
    gc.collect()
    assert builder() is None


def test_two_traces_at_once_do_not_mix() -> None:
    barrier = Barrier(4)

    def work(k: int) -> Any:
        def f(x: Any) -> Any:
            for _ in range(k + 50):
                x = np.asarray(x) * 1.01 + k
            barrier.wait(timeout=60)
            return np.array([x[0], 1.0])

        graphs = []
        for _ in range(5):
            graphs.append(adglot.trace(f, V))
            np.testing.assert_array_equal(np.asarray([1.0, 2.0]), [1.0, 2.0])
        return graphs

    original = np.asarray
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, range(4)))
    assert np.asarray is original
    for k, graphs in enumerate(results):
        expected = V[0]
        for _ in range(k + 50):
            expected = expected * 1.01 + k
        for graph in graphs:
            assert graph == graphs[0]
            np.testing.assert_allclose(ops.evaluate(graph, [V])[0][0], expected)
