"""Memory is taken over when the last view of it has gone, and never before."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from adglot_server.executors import reused
from adglot_server.executors.reused import Reused

SIZE = 1000
F8 = np.dtype("float64")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reused, "LARGE", 8 * SIZE)
    monkeypatch.setattr(reused, "KEPT_BYTES", 3 * 8 * SIZE)


def test_results_that_are_there_are_apart() -> None:
    memory = Reused()
    arrays = [memory.empty((SIZE,), F8) for _ in range(5)]
    for k, x in enumerate(arrays):
        x[:] = k
    assert [set(x) for x in arrays] == [{float(k)} for k in range(5)]


@pytest.mark.parametrize(
    "hold",
    [
        lambda x: x[3:7],
        lambda x: x.reshape(10, -1)[2].T,
        lambda x: x.view("int64"),
        lambda x: np.asarray(x)[None],
        lambda x: memoryview(x)[1:],
        lambda x: np.frombuffer(x, "uint8"),
        lambda x: x[5:][1:].ravel(),
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 3),
    ],
)
def test_any_view_holds_the_memory(hold: Any) -> None:
    memory = Reused()
    x = memory.empty((SIZE,), F8)
    x[:] = 1.0
    view = hold(x)
    before = bytes(np.ascontiguousarray(view))
    del x
    gc.collect()
    assert memory.nbytes == 0
    memory.empty((SIZE,), F8)[:] = 2.0
    assert bytes(np.ascontiguousarray(view)) == before
    del view
    gc.collect()
    assert memory.nbytes > 0


def test_it_is_taken_over_by_what_fits() -> None:
    memory = Reused()
    x = memory.empty((SIZE, 2), F8)
    address = x.ctypes.data
    del x
    small, other = memory.empty((SIZE - 1,), F8), memory.empty((2, 2 * SIZE), F8)
    assert address not in (small.ctypes.data, other.ctypes.data)
    taken = memory.empty((SIZE, 3), np.dtype("float32"))
    assert (taken.ctypes.data, taken.shape, taken.dtype) == (address, (SIZE, 3), np.float32)
    assert taken.flags.writeable
    assert taken.flags.aligned
    assert taken.flags.c_contiguous


def test_what_was_given_back_last_is_taken_first() -> None:
    memory = Reused()
    first, last = memory.empty((SIZE,), F8), memory.empty((SIZE,), F8)
    address = last.ctypes.data
    del first
    del last
    assert memory.empty((SIZE,), F8).ctypes.data == address


def test_little_is_kept() -> None:
    memory = Reused()
    arrays = [memory.empty((SIZE,), F8) for _ in range(10)]
    del arrays
    assert memory.nbytes == reused.KEPT_BYTES


def test_many_threads() -> None:
    memory = Reused()

    def work(k: int) -> None:
        for _ in range(300):
            x, y = memory.empty((SIZE,), F8), memory.empty((SIZE, 2), F8)
            x[:], y[:] = k, -k
            assert (x == k).all()
            assert (y == -k).all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert memory.nbytes <= reused.KEPT_BYTES
