"""Calls of one program at one time become one batch, where the server is told so."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adglot
from adglot import Client, DeadlineExceeded, GuardFailed
from adglot_server.engines.base import Prepared
from adglot_server.service.server import Server
from service.examples import cubes, energy, positive

CALLERS = 12
WAIT = 0.3


@pytest.fixture(scope="module", params=[1, 4])
def ad(request: pytest.FixtureRequest) -> Iterator[Client]:
    with (
        Server(["localhost:0"], coalesce_wait=WAIT, workers=request.param) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        ad.gradient(energy(), np.ones(3))
        ad.jvp(cubes(), (np.ones(3),), (np.ones(3),))
        ad.gradient(positive(), 1.0)
        yield ad


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of what the programs are run at."""
    seen: list[tuple[int, ...]] = []
    run = Prepared.run

    def recorded(self: Prepared, inputs: Any, *control: Any) -> Any:
        seen.append(inputs[0].shape)
        return run(self, inputs, *control)

    monkeypatch.setattr(Prepared, "run", recorded)
    return seen


def _at_once(ask: Any, count: int = CALLERS) -> list[Any]:
    start = threading.Barrier(count)

    def one(k: int) -> Any:
        start.wait()
        try:
            return ask(k)
        except adglot.AdglotError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_calls_that_come_together_run_as_one_batch(ad: Client, runs: list[tuple[int, ...]]) -> None:
    X = np.random.default_rng(0).standard_normal((CALLERS, 3))
    assert_allclose(_at_once(lambda k: ad.gradient(energy(), X[k])), 3 * X**2)
    assert sum(shape[0] if len(shape) == 2 else 1 for shape in runs) == CALLERS
    assert len(runs) <= 3


def test_seeds_and_values_go_to_whom_they_belong(ad: Client, runs: list[tuple[int, ...]]) -> None:
    X = np.random.default_rng(1).standard_normal((CALLERS, 3))
    found = _at_once(lambda k: ad.jvp(cubes(), (X[k],), (np.full(3, float(k)),)))
    for k, (y, dy) in enumerate(found):
        assert_allclose(y, X[k] ** 3)
        assert_allclose(dy, 3 * k * X[k] ** 2)
    assert len(runs) <= 3


def test_one_bad_point_spoils_no_other(ad: Client) -> None:
    found = _at_once(lambda k: ad.gradient(positive(), 5.0 - k if k == 7 else 1.0 + k))
    assert isinstance(found.pop(7), GuardFailed)
    assert_allclose(found, [2.0 * (1 + k) for k in range(CALLERS) if k != 7])


def test_one_that_gives_up_spoils_no_other(ad: Client) -> None:
    X = np.random.default_rng(2).standard_normal((CALLERS, 3))

    def ask(k: int) -> Any:
        return ad.gradient(energy(), X[k], timeout=0.05 if k % 3 == 0 else None)

    for k, found in enumerate(_at_once(ask)):
        if k % 3 == 0:
            assert isinstance(found, DeadlineExceeded)
        else:
            assert_allclose(found, 3 * X[k] ** 2)


def test_one_alone_waits_no_longer_than_it_has_to(ad: Client) -> None:
    started = time.monotonic()
    assert_allclose(ad.gradient(energy(), np.ones(3)), 3.0)
    assert WAIT <= time.monotonic() - started < 10 * WAIT


def test_nobody_waits_unless_the_server_is_told_so(server: Server) -> None:
    with adglot.connect(server.addresses[0]) as client:
        seconds = []
        for _ in range(10):
            started = time.monotonic()
            client.gradient(energy(), np.ones(3))
            seconds.append(time.monotonic() - started)
    assert min(seconds) < WAIT / 3
