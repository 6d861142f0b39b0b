"""An attached server answers as it does when it is asked directly, through every option."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from service.examples import STEP, cubes, energy, model, positive, slow

import adglot
from adglot import (
    DeadlineExceeded,
    GuardFailed,
    LimitExceeded,
    Unavailable,
    UnknownEngine,
    Unsupported,
)
from adglot.calls import OPERATORS, Answer, Call, Explain
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder
from adglot.transports.remote import RemoteTransport, connect
from adglot_server.engines.remote import Address, RemoteFamily
from adglot_server.service.engines import Engines
from adglot_server.service.limits import Limits
from adglot_server.service.server import Server
from adglot_server.service.tokens import OneToken

X = np.array([1.0, -2.0, 0.5])


def front(target: str, name: str = "far", **options: Any) -> Server:
    """A server with its own engines and those of another one."""
    engines = Engines(attached={name: RemoteFamily(name, Address(name, target))})
    return Server(["localhost:0"], engines=engines, **options)


@pytest.fixture(scope="module", params=["tcp", "unix"])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The addresses of a front server and of the one attached to it as `far`."""
    socket = tmp_path_factory.mktemp("far") / "far.sock"
    address = "localhost:0" if request.param == "tcp" else f"unix:{socket}"
    with Server([address]) as far, front(far.addresses[0]) as near:
        yield near.addresses[0], far.addresses[0]


@pytest.fixture
def both(servers: tuple[str, str]) -> Iterator[tuple[RemoteTransport, RemoteTransport]]:
    through, direct = connect(servers[0]), connect(servers[1])
    yield through, direct
    through.close()
    direct.close()


def two_by_two() -> Graph:
    """(x, y) -> (x y, sum(x^2 y)) of vectors of three."""
    builder = Builder()
    x, y = builder.input(Type("float64", (3,))), builder.input(Type("float64", (3,)))
    return builder.build([x, y], [x * y, TABLE["sum"](x * x * y, axes=(0,))])


PLAIN: dict[str, Any] = {"graph": two_by_two(), "values": (X, 1 + X)}
SCALAR = {**PLAIN, "of": (1,)}
CALLS: dict[str, Call] = {
    "evaluate": Call("evaluate", **PLAIN),
    "jvp": Call("jvp", seeds=(X, X), **PLAIN),
    "jvp of, wrt": Call("jvp", seeds=(X,), wrt=(1,), of=(1,), **PLAIN),
    "vjp, value": Call("vjp", seeds=(X, np.array(2.0)), include_values=True, **PLAIN),
    "vjp seeds": Call("vjp", seeds=(np.eye(3),), of=(0,), seed_axis=True, **PLAIN),
    "gradient": Call("gradient", **SCALAR),
    "gradient, all values": Call("gradient", include_values=True, **SCALAR),
    "jacobian forward": Call("jacobian", mode="forward", **PLAIN),
    "jacobian reverse": Call("jacobian", mode="reverse", wrt=(1,), **PLAIN),
    "jacobian sparse": Call("jacobian", sparse=True, **PLAIN),
    "hessian": Call("hessian", **SCALAR),
    "hvp": Call("hvp", seeds=(X, X), **SCALAR),
    "by name": Call("jacobian", model(), (np.array(1.0), X[:2], np.ones((3, 2)), np.array(2)),
                    wrt=("p.w",), of=("y",)),
    "batch, one input shared": Call(
        "gradient", two_by_two(), (np.stack([X, 2 * X]), X), of=(1,), batch=True
    ),
}  # fmt: skip
ENGINES = ["native", "finite-difference", "complex-step"]


def _outcome(transport: RemoteTransport, call: Call | Explain) -> Any:
    try:
        return transport.send(call)
    except adglot.AdglotError as error:
        return type(error), str(error)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CALLS)
def test_an_answer_is_the_one_of_the_server_itself(
    both: tuple[RemoteTransport, RemoteTransport], name: str, engine: str
) -> None:
    through = _outcome(both[0], replace(CALLS[name], engine=f"far/{engine}"))
    direct = _outcome(both[1], replace(CALLS[name], engine=engine))
    assert type(through) is type(direct)
    if not isinstance(direct, Answer):
        assert through == direct  # refused with the same words
        return
    timeless = {"engine": "", "prepare_seconds": 0.0, "run_seconds": 0.0}
    assert replace(through.report, **timeless) == replace(direct.report, **timeless)
    assert through.report.engine == f"far/{engine}"
    for field in ("values", "derivatives", "error_estimates"):
        assert_same(getattr(through, field), getattr(direct, field))
    assert len(through.patterns) == len(direct.patterns)
    for mine, theirs in zip(through.patterns, direct.patterns, strict=True):
        assert mine.shape == theirs.shape
        assert_same((mine.indptr, mine.indices), (theirs.indptr, theirs.indices))


def assert_same(mine: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...]) -> None:
    assert len(mine) == len(theirs)
    for a, b in zip(mine, theirs, strict=True):
        assert a.dtype == b.dtype
        assert_array_equal(a, b)


def test_the_calls_of_these_tests_are_answered(
    both: tuple[RemoteTransport, RemoteTransport],
) -> None:
    """Else the comparison above might compare refusals alone."""
    answers = [_outcome(both[1], call) for call in CALLS.values()]
    assert all(isinstance(answer, Answer) for answer in answers)
    assert {call.operator for call in CALLS.values()} == set(OPERATORS)
    assert any(answer.patterns for answer in answers)


def test_an_explanation_is_the_one_of_the_server_itself(
    both: tuple[RemoteTransport, RemoteTransport],
) -> None:
    through, direct = (
        transport.send(Explain(Call("gradient", energy(), engine=engine)))
        for transport, engine in zip(both, ("far/native", "native"), strict=True)
    )
    assert through.text == direct.text
    assert "multiply" in through.text
    assert through.report.engine == "far/native"
    assert through.report.program_ops == direct.report.program_ops


def test_the_engines_of_the_server_are_listed(servers: tuple[str, str]) -> None:
    with adglot.connect(servers[0]) as ad, adglot.connect(servers[1]) as direct:
        listed = {info.name: info for info in ad.engines()}
        for info in direct.engines():
            there = listed[f"far/{info.name}"]
            assert (there.available, there.version, there.operators, there.ops, there.sparse) == (
                info.available, info.version, info.operators, info.ops, info.sparse,
            )  # fmt: skip


def test_a_graph_is_sent_once_and_again_where_it_was_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"unix:{tmp_path}/far.sock"
    sent: list[str] = []
    start = RemoteTransport.start

    def note(self: RemoteTransport, request: Any) -> Any:
        if isinstance(request, Call):
            sent.append("digest" if isinstance(request.graph, str) else "graph")
        return start(self, request)

    monkeypatch.setattr(RemoteTransport, "start", note)
    with front(address) as near, adglot.connect(near.addresses[0]) as ad:
        with Server([address]):
            for _ in range(3):
                ad.gradient(energy(), X, engine="far/native")
        assert sent == ["graph", "digest", "digest"]
        with Server([address]):
            assert_array_equal(_when_back(lambda: ad.gradient(energy(), X, engine="far/native")),
                               3 * X**2)  # fmt: skip
        assert sent[-2:] == ["digest", "graph"]


def _when_back(function: Callable[[], Any]) -> Any:
    until = time.monotonic() + 10.0
    while True:
        try:
            return function()
        except Unavailable:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def test_errors_keep_their_class_and_their_text(servers: tuple[str, str]) -> None:
    with adglot.connect(servers[0]) as ad:
        with pytest.raises(Unsupported, match="complex-step has no operator hessian"):
            ad.hessian(energy(), X, engine="far/complex-step")
        with pytest.raises(GuardFailed, match=r"x > 0 at model\.py:7"):
            ad.gradient(positive(), -1.0, engine="far/native")
        with pytest.raises(UnknownEngine, match=r"no engine 'far/nothing'; there are .*far/native"):
            ad.gradient(energy(), X, engine="far/nothing")


def test_limits_of_the_server_hold() -> None:
    with (
        Server(["localhost:0"], limits=Limits(memory_bytes=1 << 20)) as far,
        front(far.addresses[0]) as near,
        adglot.connect(near.addresses[0]) as ad,
        pytest.raises(LimitExceeded) as caught,
    ):
        ad.jacobian(cubes(n=1000), np.ones(1000), engine="far/native")
    assert (caught.value.name, caught.value.limit) == ("memory_bytes", 1 << 20)


def test_what_the_server_demands_is_not_the_callers_fault() -> None:
    with (
        Server(["localhost:0"], tokens=OneToken("secret")) as far,
        front(far.addresses[0]) as near,
        adglot.connect(near.addresses[0]) as ad,
    ):
        with pytest.raises(Unavailable, match="engine far: this server wants a token"):
            ad.gradient(energy(), X, engine="far/native")
        (info,) = (info for info in ad.engines() if info.name.startswith("far"))
        assert not info.available
        assert "wants a token" in info.reason


def test_a_server_that_is_away(tmp_path: Path) -> None:
    with (
        front(f"unix:{tmp_path}/nobody.sock") as near,
        adglot.connect(near.addresses[0]) as ad,
    ):
        with pytest.raises(Unavailable, match="engine far: "):
            ad.gradient(energy(), X, engine="far/native")
        started = time.monotonic()
        listed = {info.name: info for info in ad.engines()}
        assert time.monotonic() - started < 3.0
        assert not listed["far"].available
        assert "no answer from unix:" in listed["far"].reason
        assert listed["native"].available
        assert_array_equal(ad.gradient(energy(), X), 3 * X**2)


@pytest.fixture
def lone() -> Iterator[tuple[Server, Server]]:
    """A front server and one attached to it; each computes one request at a time."""
    with (
        Server(["localhost:0"], workers=1) as far,
        front(far.addresses[0], workers=1) as near,
    ):
        yield near, far


LONG = slow(800)
"""Takes ten times as long as any test waits."""


def test_a_deadline_stops_the_work_there(lone: tuple[Server, Server]) -> None:
    near, far = lone
    with adglot.connect(near.addresses[0]) as ad:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            ad.evaluate(LONG, np.ones(STEP), engine="far/native", timeout=0.5)
        assert time.monotonic() - started < 2.0
        _until_idle(far)


def test_a_cancelled_request_stops_the_work_there(lone: tuple[Server, Server]) -> None:
    near, far = lone
    transport = connect(near.addresses[0])
    call = Call("evaluate", LONG, (np.ones(STEP),), engine="far/native")
    pending = transport.start(call)
    until = time.monotonic() + 10.0
    while not far.turns.taken and time.monotonic() < until:
        time.sleep(0.01)
    assert far.turns.taken == 1
    pending.cancel()
    _until_idle(far)
    transport.close()


def _until_idle(server: Server) -> None:
    until = time.monotonic() + 2.0
    while server.turns.taken and time.monotonic() < until:
        time.sleep(0.01)
    assert server.turns.taken == 0


def test_who_waits_for_a_server_keeps_nobody_waiting_here(lone: tuple[Server, Server]) -> None:
    near, _ = lone
    with adglot.connect(near.addresses[0]) as ad, ThreadPoolExecutor(4) as pool:

        def long() -> None:
            with pytest.raises(DeadlineExceeded):
                ad.evaluate(LONG, np.ones(STEP), engine="far/native", timeout=3.0)

        waiting = [pool.submit(long) for _ in range(4)]
        time.sleep(0.5)
        assert_array_equal(ad.gradient(energy(), X), 3 * X**2)
        assert not any(future.done() for future in waiting)
        for future in waiting:
            future.result()


def test_names_that_have_the_prefix_are_kept() -> None:
    with (
        Server(["localhost:0"]) as third,
        front(third.addresses[0], "far") as second,
        front(second.addresses[0], "far") as first,
        adglot.connect(first.addresses[0]) as ad,
    ):
        names = {info.name for info in ad.engines()}
        assert {"far/native", "far/complex-step"} <= names
        assert not any(name.startswith("far/far") for name in names)
        assert_array_equal(ad.gradient(energy(), X, engine="far/native"), 3 * X**2)


def test_two_fronts_of_one_server(servers: tuple[str, str]) -> None:
    with front(servers[1], "one") as one, front(servers[1], "two") as two:
        for k in range(5):
            for server, name in ((one, "one"), (two, "two")):
                with adglot.connect(server.addresses[0]) as ad:
                    gradient = ad.gradient(energy(1.0 + k), X, engine=f"{name}/native")
                    np.testing.assert_allclose(gradient, 3 * (1.0 + k) * X**2)
