"""Preparing a program takes long where the graph is large: it stops when nobody waits for it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adglot
from adglot import Cancelled, DeadlineExceeded, Graph
from adglot.calls import Call
from adglot.codec import messages
from adglot.ir import Type
from adglot.ops import TABLE, Builder
from adglot.stopping import may_stop, stopped_by
from adglot_server.engines.base import Prepared
from adglot_server.engines.native import NativeEngine
from adglot_server.executors.control import Control
from adglot_server.service.cache import Cache
from adglot_server.service.core import Core
from adglot_server.service.server import Server
from service.examples import energy

X = np.array([1.0, -2.0, 0.5])
SCALES = count(1.5)
"""Each makes a function that no server has seen."""
LONGEST = 2.0
"""Seconds that stopping may take, on a machine with other work; whole, these take far longer."""


def long_graph(nodes: int) -> Graph:
    """sin(c sin(c ...)): each node differs, so none is shared or folded away."""
    builder = Builder()
    x = y = builder.input(Type("float64", (3,)))
    for k in range(nodes // 2):
        y = TABLE["sin"](y * np.float64(1.0 + 1.0 / (k + 2)))
    return builder.build([x], [TABLE["sum"](y, axes=(0,))])


@pytest.fixture(scope="module")
def long() -> Graph:
    return long_graph(30_000)


@pytest.fixture
def core(long: Graph) -> Core:
    """A service that knows the graph, but has no program of it."""
    core = Core()
    core.register(long)
    return core


def _after(seconds: float) -> float:
    return time.monotonic() + seconds


def test_a_deadline_stops_preparation(core: Core, long: Graph) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        core.call(Call("gradient", long.digest, (X,), deadline=_after(0.3)))
    assert 0.3 <= time.monotonic() - started < 0.3 + LONGEST
    with pytest.raises(DeadlineExceeded):
        core.explain(Call("hessian", long.digest, deadline=_after(0.3)))


def test_who_goes_away_stops_preparation(core: Core, long: Graph) -> None:
    gone = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(core.call, Call("gradient", long.digest, (X,)), gone.is_set)
        time.sleep(0.3)
        assert not waiting.done()
        gone.set()
        with pytest.raises(Cancelled):
            waiting.result(timeout=LONGEST)


def test_a_deadline_stops_reading_and_checking_a_graph(long: Graph) -> None:
    with pytest.raises(DeadlineExceeded):
        Core().register(long, deadline=_after(0.01))
    with stopped_by(Control(_after(0.01)).check), pytest.raises(DeadlineExceeded):
        messages.decode_register(messages.encode_register(long))


def test_the_only_worker_is_free_again_when_a_deadline_stopped_it(long: Graph) -> None:
    with (
        Server(["localhost:0"], workers=1) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        ad.register(long)
        with pytest.raises(DeadlineExceeded):
            ad.gradient(long, X, timeout=0.3)
        assert_allclose(ad.gradient(energy(), X, timeout=LONGEST), 3 * X**2)


class _Making:
    """A maker that works until it is told to end, and looks whether it should stop."""

    def __init__(self, value: int) -> None:
        self.value, self.started, self.end = value, threading.Event(), threading.Event()

    def __call__(self, control: Control) -> int:
        self.started.set()
        while not self.end.wait(0.01):
            control.check()
        return self.value


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_one_who_waits_makes_it_where_the_maker_ran_out_of_time(pool: ThreadPoolExecutor) -> None:
    cache: Cache[str, int] = Cache(10)
    first, patient, hasty = _Making(1), Control(), Control(_after(0.3))
    making = pool.submit(cache.get_or_make, "key", lambda: first(hasty), hasty)
    assert first.started.wait(10)
    waiting = [pool.submit(cache.get_or_make, "key", lambda: 2, patient) for _ in range(5)]
    with pytest.raises(DeadlineExceeded):
        making.result(timeout=10)
    assert [future.result(timeout=10) for future in waiting] == [2] * 5


def test_one_who_waits_stops_at_its_own_deadline(pool: ThreadPoolExecutor) -> None:
    cache: Cache[str, int] = Cache(10)
    first = _Making(1)
    making = pool.submit(cache.get_or_make, "key", lambda: first(Control()))
    assert first.started.wait(10)
    with pytest.raises(DeadlineExceeded):
        cache.get_or_make("key", lambda: 2, Control(_after(0.1)))
    assert not making.done()
    first.end.set()
    assert making.result(timeout=10) == 1


def test_checks_hold_for_their_block_and_thread_only(pool: ThreadPoolExecutor) -> None:
    passed = Control(_after(-1.0)).check
    with stopped_by(passed):
        with stopped_by(Control().check):
            may_stop()
        with pytest.raises(DeadlineExceeded):
            may_stop()
        pool.submit(may_stop).result()
    may_stop()


@pytest.mark.parametrize("operator", ["gradient", "value_and_gradient", "jacobian", "evaluate"])
def test_a_prepared_call_finds_its_program_made_and_nothing_is_shown(
    ad: adglot.Client, operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Prepared, "text", property(lambda self: pytest.fail("is shown")))
    made: list[object] = []
    prepare = NativeEngine._prepare

    def noted(self: NativeEngine, *args: object) -> Prepared:
        made.append(args)
        return prepare(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(NativeEngine, "_prepare", noted)
    scale = next(SCALES)
    prepared = ad.prepare(lambda x: np.sum(np.sin(x * scale)), X, operator=operator)
    assert len(made) == 1
    prepared(X)
    assert len(made) == 1
