"""Small calls that come often are answered from bytes to bytes, as all others are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from numpy.testing import assert_allclose

pytest.importorskip("llvmlite")

import adglot
from adglot import GuardFailed, InvalidArgument, LimitExceeded, PermissionDenied
from adglot.calls import Call
from adglot.codec import messages
from adglot_server.executors import compiling
from adglot_server.service import quick
from adglot_server.service.current import Current
from adglot_server.service.server import Server
from adglot_server.service.tokens import TokenFile, make
from service.examples import cubes, energy, positive
from service.test_tokens import write

X = np.array([1.0, -2.0, 0.5])


@pytest.fixture(autouse=True)
def answered(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every second call makes a path; these are the replies of all paths."""
    replies: list[bytes] = []
    reply = quick._Path.reply

    def noted(path: quick._Path, message: bytes) -> bytes | None:
        found = reply(path, message)
        if found is not None:
            replies.append(found)
        return found

    monkeypatch.setattr(quick, "OFTEN", 2)
    monkeypatch.setattr(quick._Path, "reply", noted)
    return replies


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(["localhost:0"]) as server:
        yield server


@pytest.fixture
def ad(server: Server) -> Iterator[adglot.Client]:
    with adglot.connect(server.addresses[0]) as ad:
        yield ad


def warm(call: Callable[[], object]) -> None:
    """By digest from the second time, often by the third, compiled then."""
    for _ in range(3):
        call()
    compiling.settle(60)


def test_every_operator(ad: adglot.Client, answered: list[bytes]) -> None:
    calls: dict[str, Callable[[Any], Any]] = {
        "evaluate": lambda x: ad.evaluate(energy(), x),
        "jvp": lambda x: ad.jvp(cubes(), (x,), (x + 1,)),
        "vjp": lambda x: ad.vjp(cubes(), (x,), x - 1),
        "gradient": lambda x: ad.gradient(energy(), x),
        "value_and_gradient": lambda x: ad.value_and_gradient(energy(), x),
        "jacobian": lambda x: ad.jacobian(cubes(), x),
        "hessian": lambda x: ad.hessian(energy(), x),
        "hvp": lambda x: ad.hvp(energy(), (x,), (x * x,)),
    }
    with adglot.connect() as here:
        wanted = {
            "evaluate": here.evaluate(energy(), 2 * X),
            "jvp": here.jvp(cubes(), (2 * X,), (2 * X + 1,)),
            "vjp": here.vjp(cubes(), (2 * X,), 2 * X - 1),
            "gradient": here.gradient(energy(), 2 * X),
            "value_and_gradient": here.value_and_gradient(energy(), 2 * X),
            "jacobian": here.jacobian(cubes(), 2 * X),
            "hessian": here.hessian(energy(), 2 * X),
            "hvp": here.hvp(energy(), (2 * X,), (4 * X * X,)),
        }
    for name, call in calls.items():
        warm(lambda call=call: call(X))  # type: ignore[misc]
        number = len(answered)
        for got, expected in zip(flat(call(2 * X)), flat(wanted[name]), strict=True):
            assert_allclose(got, expected, rtol=1e-14)
        assert len(answered) == number + 1, name


def flat(result: Any) -> list[Any]:
    """The arrays of a result."""
    if isinstance(result, tuple):
        return [leaf for part in result for leaf in flat(part)]
    return [result]


def test_the_report_is_that_of_a_run(ad: adglot.Client, answered: list[bytes]) -> None:
    with adglot.reports() as reports:
        warm(lambda: ad.gradient(energy(), X))
        ad.gradient(energy(), X)
    before, after = reports[1], reports[-1]
    assert answered
    assert (after.executor, after.prepare_seconds) == ("compiled", 0.0)
    assert 0.0 < after.run_seconds < 60.0
    for name in ("engine", "mode", "passes", "function_ops", "program_ops", "digest", "wrt", "of"):
        assert getattr(after, name) == getattr(before, name)


def test_requests_that_differ_by_more_than_the_point(server: Server, answered: list[bytes]) -> None:
    """The same number of bytes, and the same at the beginning."""
    with grpc.insecure_channel(server.addresses[0]) as channel:
        send = channel.unary_unary(f"/{messages.SERVICE}/Gradient")
        graphs = [energy(), energy(2.0)]
        for graph in graphs:
            send(messages.encode_call(Call("gradient", graph, (X,))))

        def ask(**how: Any) -> Any:
            call = Call("gradient", **{"graph": graphs[0].digest, "values": (X,), **how})
            return messages.decode_answer(send(messages.encode_call(call))).derivatives[0]

        warm(ask)
        assert_allclose(ask(), 3 * X**2)
        assert (number := len(answered)) > 0
        assert_allclose(ask(graph=graphs[1].digest), 6 * X**2)
        with pytest.raises(grpc.RpcError, match="expected float64"):
            ask(values=(np.ones(6, np.float32),))
        with pytest.raises(grpc.RpcError, match="expected float64"):
            ask(values=(np.ones(3, np.int64),))
        assert len(answered) == number


def test_what_has_no_answer_is_told_as_ever(ad: adglot.Client, answered: list[bytes]) -> None:
    warm(lambda: ad.gradient(positive(), 2.0))
    assert_allclose(ad.gradient(positive(), 3.0), 6.0)
    assert answered
    with pytest.raises(GuardFailed, match=r"x > 0 at model\.py:7"):
        ad.gradient(positive(), -1.0)


def test_what_is_never_quick(server: Server, answered: list[bytes]) -> None:
    """Other engines, batches, sparse answers, several seeds of a wrong shape, large arrays."""
    with adglot.connect(server.addresses[0]) as ad:
        warm(lambda: ad.gradient(energy(), X, engine="complex-step"))
        warm(lambda: ad.gradient(energy(), np.ones((4, 3)), batch=True))
        warm(lambda: ad.jacobian(cubes(), X, sparse=True))
        warm(lambda: ad.gradient(energy(n=5000), np.ones(5000)))
        ad.gradient(energy(), X, engine="complex-step")
        ad.gradient(energy(), np.ones((4, 3)), batch=True)
        ad.jacobian(cubes(), X, sparse=True)
        ad.gradient(energy(n=5000), np.ones(5000))
    assert not answered


def test_calls_that_wait_for_others_go_on_waiting(answered: list[bytes]) -> None:
    with (
        Server(["localhost:0"], coalesce_wait=1e-3) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        warm(lambda: ad.gradient(energy(), X))
        ad.gradient(energy(), X)
    assert not answered


def test_a_token_is_held_to_what_it_allows(tmp_path: Path, answered: list[bytes]) -> None:
    free, low, other = make("free"), make("low"), make("other")
    path = write(tmp_path / "tokens.toml", free)
    more = path.read_text()
    more += "\n" + write(tmp_path / "low", low, settings="nodes = 1").read_text()
    more += "\n" + write(tmp_path / "other", other, settings='engines = ["jax"]').read_text()
    path.write_text(more)
    with Server(["localhost:0"], tokens=TokenFile(path)) as server:
        with adglot.connect(server.addresses[0], token=free) as ad:
            warm(lambda: ad.gradient(energy(), X))
            ad.gradient(energy(), X)
        assert (number := len(answered)) > 0
        with adglot.connect(server.addresses[0], token=low) as ad:
            digest = energy().digest
            with pytest.raises(LimitExceeded, match="nodes"):
                ad.gradient(digest, X)
        with (
            adglot.connect(server.addresses[0], token=other) as ad,
            pytest.raises(PermissionDenied, match="other"),
        ):
            ad.gradient(digest, X)
    assert len(answered) == number


class Seen:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, grpc.StatusCode, int]] = []

    def start(self, server: Server) -> None:
        pass

    def begin(self, call: Current) -> None:
        pass

    def end(self, call: Current) -> None:
        self.calls.append((call.engine, call.code, call.sent))

    def close(self) -> None:
        pass


def test_observers_are_told_of_them(answered: list[bytes]) -> None:
    seen = Seen()
    with (
        Server(["localhost:0"], observers=[seen]) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        warm(lambda: ad.gradient(energy(), X))
        ad.gradient(energy(), X)
    assert seen.calls[-1] == ("native", grpc.StatusCode.OK, len(answered[-1]))


def test_by_many_at_once(server: Server, answered: list[bytes]) -> None:
    def work(k: int) -> None:
        with adglot.connect(server.addresses[0]) as ad:
            for j in range(50):
                assert_allclose(ad.gradient(energy(), j * X + k), 3 * (j * X + k) ** 2)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    compiling.settle(60)
    work(9)
    assert answered


def test_a_prepared_function_takes_them(
    ad: adglot.Client, answered: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adglot.shortcuts.ENOUGH", 0.0)
    gradient = ad.prepare(energy(), X, operator="value_and_gradient")
    warm(lambda: gradient(X))
    for k in range(4):
        y, g = gradient(k * X)
        assert_allclose(y, np.sum((k * X) ** 3))
        assert_allclose(g, 3 * (k * X) ** 2)
        assert isinstance(y, np.float64)
        assert g.flags.writeable
    assert len(answered) >= 4
    with pytest.raises(InvalidArgument, match=r"expected float64\[3\]"):
        gradient(X[:2])
