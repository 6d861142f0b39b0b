"""While a trace runs NumPy is another in its thread alone, and is itself again however it ends."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from threading import Thread
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import adglot

V = np.array([0.5, 2.0, 1.5])
HELD = {"sum": np.sum, "asarray": np.asarray, "r_": np.r_}


def in_another_thread(work: Callable[[], Any]) -> Any:
    results: list[Any] = []
    thread = Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def test_other_threads_see_numpys_own_functions() -> None:
    def look() -> bool:
        same = all(getattr(np, name) is member for name, member in HELD.items())
        return same and pickle.loads(pickle.dumps(HELD["sum"])) is HELD["sum"]

    def f(x: Any) -> Any:
        assert np.asarray is not HELD["asarray"]
        assert in_another_thread(look)
        return np.asarray(x) * 2

    assert adglot.ops.evaluate(adglot.trace(f, V), [V])[0].tolist() == (V * 2).tolist()


def test_a_trace_in_another_thread_may_end_first() -> None:
    def f(x: Any) -> Any:
        graph = in_another_thread(lambda: adglot.trace(lambda y: np.asarray([y[0], 1.0]), V))
        assert graph.output_types[0].shape == (2,)
        return np.asarray([x[0], 1.0])

    assert adglot.trace(f, V).output_types[0].shape == (2,)


def test_numpy_is_itself_again_after_an_error() -> None:
    def inner(x: Any) -> Any:
        raise KeyboardInterrupt

    def outer(x: Any) -> Any:
        with pytest.raises(KeyboardInterrupt):
            adglot.trace(inner, V)
        y = np.asarray([x[0], x[1]])
        raise LookupError(repr(y))

    with pytest.raises(LookupError, match="traced"):
        adglot.trace(outer, V)
    assert type(np) is ModuleType
    assert type(np.linalg) is ModuleType
    assert np.asarray is HELD["asarray"]


def test_what_others_put_in_numpy_stays_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    def norm(x: Any) -> Any:
        return np.sqrt((x * x).sum()) * 3

    def f(x: Any) -> Any:
        monkeypatch.setattr(np, "arange", norm)
        return np.linalg.norm(x) + np.arange(x)

    monkeypatch.setattr(np.linalg, "norm", norm)
    graph = adglot.trace(f, V)
    assert np.linalg.norm is norm
    assert np.arange is norm  # type: ignore[comparison-overlap]
    assert adglot.ops.evaluate(graph, [V])[0] == 2 * norm(V)


def test_code_that_ran_hot_without_a_trace_is_traced() -> None:
    def f(x: Any) -> Any:
        return np.asarray([x[0], 1.0])

    for _ in range(1000):
        f(V)
    assert adglot.trace(f, V).output_types[0].shape == (2,)
    assert f(V).tolist() == [0.5, 1.0]
