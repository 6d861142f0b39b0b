"""What a service keeps: graphs and programs, bounded; a client sends again what was dropped."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adglot
from adglot import UnknownGraph
from adglot.calls import Call
from adglot.ir import Graph
from adglot_server.engines.base import Prepared, Request
from adglot_server.service.cache import Cache
from adglot_server.service.core import Core
from adglot_server.service.limits import Limits, kept_bytes
from adglot_server.service.server import Server
from service.examples import cubes, energy

X = np.array([1.0, -2.0, 0.5])


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    cache: Cache[str, int] = Cache(10, weigh=lambda weight: weight)
    for key, weight in (("a", 4), ("b", 4)):
        cache.get_or_make(key, lambda weight=weight: weight)
    assert cache.get("a") == 4
    cache.get_or_make("c", lambda: 4)
    assert (cache.get("a"), cache.get("b"), cache.get("c"), len(cache)) == (4, None, 4, 2)


def test_one_entry_may_weigh_more_than_all_may() -> None:
    cache: Cache[str, int] = Cache(10, weigh=lambda weight: weight)
    cache.get_or_make("a", lambda: 1)
    cache.get_or_make("big", lambda: 100)
    assert (cache.get("a"), cache.get("big")) == (None, 100)


def test_those_who_ask_at_one_time_wait_for_the_first() -> None:
    cache: Cache[str, object] = Cache(10)
    started, go = threading.Event(), threading.Event()
    made = []

    def make() -> object:
        started.set()
        assert go.wait(10)
        made.append(object())
        return made[0]

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(cache.get_or_make, "key", make)
        assert started.wait(10)
        others = [pool.submit(cache.get_or_make, "key", make) for _ in range(7)]
        assert cache.get("key") is None
        go.set()
        assert {id(future.result()) for future in (first, *others)} == {id(made[0])}
    assert len(made) == 1


def test_a_failure_is_not_kept() -> None:
    cache: Cache[str, int] = Cache(10)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_make("key", lambda: 1 // 0)
    assert len(cache) == 0
    assert cache.get_or_make("key", lambda: 2) == 2


def test_programs_are_made_once_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    core, made = Core(), []
    engine = core.engines.get("native")
    prepare = engine.prepare

    def counted(graph: Graph, request: Request) -> Prepared:
        made.append(request.operator)
        return prepare(graph, request)

    monkeypatch.setattr(engine, "prepare", counted)
    for x in (X, 2 * X, X):
        answer = core.call(Call("gradient", energy(), (x,)))
        assert_allclose(answer.derivatives[0], 3 * x**2)
    assert made == ["gradient"]
    core.call(Call("hessian", energy(), (X,)))
    assert made == ["gradient", "hessian"]


def test_memory_is_bounded_by_forgetting() -> None:
    core = Core(Limits(kept_bytes=3 * kept_bytes(cubes())))
    for a in range(20):
        core.register(cubes(float(a)))
    core.call(Call("evaluate", cubes(19.0).digest, (X,)))
    with pytest.raises(UnknownGraph):
        core.call(Call("evaluate", cubes(0.0).digest, (X,)))


def test_the_client_sends_again_what_the_server_forgot() -> None:
    with (
        Server(["localhost:0"], limits=Limits(kept_bytes=1)) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        gradients = [ad.prepare(energy(float(a)), X) for a in range(3)]
        for _ in range(2):
            for a, gradient in enumerate(gradients):
                assert_allclose(gradient(X), 3 * a * X**2)


def test_the_client_lives_on_when_the_server_starts_again(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/adglot.sock"
    with adglot.connect(address, options=[("grpc.initial_reconnect_backoff_ms", 100)]) as ad:
        with Server([address]):
            gradient = ad.prepare(energy(), X)
            assert_allclose(gradient(X), 3 * X**2)
        with pytest.raises(adglot.Unavailable):
            gradient(X)
        with Server([address]):
            assert_allclose(_until_reached(gradient), 3 * X**2)


def _until_reached(gradient: object) -> object:
    for _ in range(50):
        try:
            return gradient(X)  # type: ignore[operator]
        except adglot.Unavailable:
            threading.Event().wait(0.1)
    raise AssertionError("the server was not reached again")


def test_a_digest_of_a_graph_registered_by_this_client_is_never_unknown() -> None:
    with (
        Server(["localhost:0"], limits=Limits(kept_bytes=1)) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        digest = ad.register(energy())
        for _ in range(2):
            assert_allclose(ad.gradient(energy(2.0), np.ones(3)), 6.0)  # The server forgets.
            assert_allclose(ad.gradient(digest, np.ones(3)), 3.0)
