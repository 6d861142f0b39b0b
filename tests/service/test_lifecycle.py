"""A server under load, with callers who vanish, deadlines that pass, and an orderly end."""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from numpy.testing import assert_allclose

import adglot
from adglot import Cancelled, DeadlineExceeded, InvalidArgument, LimitExceeded, Unavailable
from adglot_server.service.limits import Limits
from adglot_server.service.server import Server
from service.examples import STEP, cubes, energy, huge, slow

X = np.array([1.0, -2.0, 0.5])
LONG = slow(800)
"""Takes ten times as long as any test waits."""


@pytest.fixture
def lone() -> Iterator[Server]:
    """A server that computes one request at a time."""
    with Server(["localhost:0"], workers=1, grace=20.0) as server:
        yield server


@pytest.fixture
def ad(lone: Server) -> Iterator[adglot.Client]:
    with adglot.connect(lone.addresses[0]) as client:
        yield client


def _seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def test_health_and_listings_answer_while_a_long_request_runs(
    lone: Server, ad: adglot.Client
) -> None:
    with grpc.insecure_channel(lone.addresses[0]) as channel, ThreadPoolExecutor(1) as pool:
        health = health_pb2_grpc.HealthStub(channel)

        def check() -> None:
            reply = health.Check(
                health_pb2.HealthCheckRequest(service="adglot.v1.DerivativeService")
            )
            assert reply.status == health_pb2.HealthCheckResponse.SERVING

        check()
        ad.engines()
        running = pool.submit(ad.evaluate, LONG, np.ones(STEP), timeout=3.0)
        time.sleep(0.2)
        checks, listings = [], []
        while not running.done():
            checks.append(_seconds(check))
            listings.append(_seconds(ad.engines))
            time.sleep(0.02)
        with pytest.raises(DeadlineExceeded):
            running.result()
    assert len(checks) > 5
    # Nine of ten, lest a busy machine decides: queued behind the work, all but one would be late.
    assert np.quantile(checks, 0.9) < 0.1
    assert np.quantile(listings, 0.9) < 0.1


def test_a_deadline_stops_the_work(ad: adglot.Client) -> None:
    taken = _seconds(lambda: _expect_deadline(ad, 0.5))
    assert 0.5 <= taken < 2.0
    assert _seconds(lambda: ad.gradient(energy(), X)) < 2.0  # The only worker is free again.


def test_a_deadline_stops_the_work_in_this_process() -> None:
    with adglot.connect() as ad:
        assert 0.5 <= _seconds(lambda: _expect_deadline(ad, 0.5)) < 2.0


def _expect_deadline(ad: adglot.Client, timeout: float) -> None:
    with pytest.raises(DeadlineExceeded):
        ad.evaluate(LONG, np.ones(STEP), timeout=timeout)


def test_those_who_wait_too_long_for_a_turn_are_not_computed(
    lone: Server, ad: adglot.Client
) -> None:
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(_expect_deadline, ad, 0.5) for _ in range(8)]
        for future in waiting:
            future.result()
    assert _seconds(lambda: ad.gradient(energy(), X)) < 2.0


def test_the_servers_own_time_limit() -> None:
    with (
        Server(["localhost:0"], limits=Limits(seconds=1)) as server,
        adglot.connect(server.addresses[0]) as ad,
        pytest.raises(LimitExceeded) as caught,
    ):
        ad.evaluate(LONG, np.ones(STEP), timeout=30.0)
    assert (caught.value.name, caught.value.limit) == ("seconds", 1)


VICTIM = """
import sys, threading, numpy as np, adglot
sys.path.insert(0, sys.argv[2])
from service.examples import STEP, slow
ad = adglot.connect(sys.argv[1])
graph = slow(400, 3 * STEP)
ad.register(graph)
print("calling", flush=True)
ad.evaluate(graph, np.ones(3 * STEP))
"""


def test_a_client_that_dies_leaves_nothing_behind(lone: Server, ad: adglot.Client) -> None:
    ad.gradient(energy(), X)
    _die_in_mid_call(lone, ad)
    threads, memory = threading.active_count(), _resident_bytes()
    for _ in range(4):
        _die_in_mid_call(lone, ad)
    assert threading.active_count() <= threads + 1
    # Each victim sent 48 MB, and the work on it needs twice that. It stops at its next look.
    end = time.monotonic() + 10.0
    while _resident_bytes() - memory >= 80e6 and time.monotonic() < end:
        time.sleep(0.1)
    assert _resident_bytes() - memory < 80e6


def _die_in_mid_call(server: Server, ad: adglot.Client) -> None:
    command = [sys.executable, "-c", VICTIM, server.addresses[0], str(Path(__file__).parents[1])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"calling\n"
        time.sleep(0.5)
        victim.kill()
    assert _seconds(lambda: ad.gradient(energy(), X, timeout=10.0)) < 3.0


def _resident_bytes() -> int:
    """What is in use: memory that is free goes back to the system first, where glibc can."""
    gc.collect()
    getattr(ctypes.CDLL(None), "malloc_trim", int)(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_two_hundred_clients_get_right_answers(server: Server) -> None:
    def client(number: int) -> None:
        rng = np.random.default_rng(number)
        # A connection of its own for each, not one shared by all in this process.
        options = [("grpc.use_local_subchannel_pool", 1)]
        with adglot.connect(server.addresses[number % 2], options=options) as ad:
            a, n = 1.0 + number % 7, 2 + number % 5
            for _ in range(3):
                x = rng.normal(size=n)
                assert_allclose(ad.gradient(energy(a, n), x), 3 * a * x**2)
                assert_allclose(ad.jacobian(cubes(a, n), x), np.diag(3 * a * x**2))

    with ThreadPoolExecutor(200) as pool:
        for future in [pool.submit(client, number) for number in range(200)]:
            future.result()


@pytest.mark.parametrize("operator", ["evaluate", "gradient"])
def test_a_request_over_a_limit_is_refused_at_once(ad: adglot.Client, operator: str) -> None:
    graph = huge()
    ad.gradient(energy(), X)

    def refused() -> None:
        with pytest.raises(LimitExceeded) as caught:
            getattr(ad, operator)(graph, X)
        assert caught.value.need > caught.value.limit

    before = _resident_bytes()
    assert min(_seconds(refused) for _ in range(10)) < 0.05
    assert _resident_bytes() - before < 50e6


def test_a_result_over_the_memory_limit_is_refused_at_once() -> None:
    graph, x = cubes(n=4000), np.ones(4000)
    with (
        Server(["localhost:0"], limits=Limits(memory_bytes=1 << 26)) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        ad.evaluate(graph, x)

        def refused() -> None:
            with pytest.raises(LimitExceeded, match="memory_bytes"):
                ad.jacobian(graph, x)

        assert min(_seconds(refused) for _ in range(10)) < 0.05
        with pytest.raises(LimitExceeded, match="memory_bytes"):
            ad.evaluate(graph, np.ones((1000, 4000)), batch=True)


def test_a_message_over_the_limit_is_refused_and_the_connection_stays() -> None:
    with (
        Server(["localhost:0"], limits=Limits(message_bytes=1 << 20)) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        with pytest.raises(LimitExceeded) as caught:
            ad.evaluate(slow(1), np.ones(STEP))
        assert (caught.value.name, caught.value.limit) == ("message_bytes", 1 << 20)
        assert caught.value.need > 8 * STEP
        assert_allclose(ad.gradient(energy(), X), 3 * X**2)


def test_the_largest_limits_that_can_be_kept() -> None:
    with (
        Server(["localhost:0"], limits=Limits(message_bytes=2**31 - 1, nodes=2**63 - 1)) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        assert ad.info().limits["nodes"] == 2**63 - 1
        assert_allclose(ad.gradient(energy(), X), 3 * X**2)
    with pytest.raises(InvalidArgument, match="message_bytes: must be from 1 to 2147483647, got 2"):
        Limits(message_bytes=2**31)


def test_an_orderly_end_finishes_what_runs() -> None:
    graph, x = slow(60), np.full(STEP, 0.5)
    with adglot.connect() as embedded:
        expected = embedded.evaluate(graph, x)
    with Server(["localhost:0"], grace=30.0) as server, ThreadPoolExecutor(1) as pool:
        ad = adglot.connect(server.addresses[0])
        ad.register(graph)
        running = pool.submit(ad.evaluate, graph, x)
        time.sleep(0.3)
        assert not running.done()
        server.stop()
        assert running.result(timeout=10.0) == expected
        with pytest.raises(Unavailable):
            ad.evaluate(cubes(), X, timeout=5.0)
        ad.close()


def test_an_end_without_grace_stops_what_runs() -> None:
    with (
        Server(["localhost:0"], grace=0.2) as server,
        adglot.connect(server.addresses[0]) as ad,
        ThreadPoolExecutor(1) as pool,
    ):
        running = pool.submit(ad.evaluate, LONG, np.ones(STEP))
        time.sleep(0.3)
        assert _seconds(server.stop) < 3.0
        with pytest.raises((Unavailable, Cancelled)):
            running.result()


SERVE = """
from adglot_server.service.server import serve
serve(["localhost:0"], lambda server: print(server.addresses[0], flush=True))
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_order(number: signal.Signals) -> None:
    graph, x = slow(60), np.full(STEP, 0.5)
    with adglot.connect() as embedded:
        expected = embedded.evaluate(graph, x)
    with _serving() as process:
        assert process.stdout is not None
        with (
            adglot.connect(process.stdout.readline().strip()) as ad,
            ThreadPoolExecutor(1) as pool,
        ):
            ad.register(graph)
            running = pool.submit(ad.evaluate, graph, x)
            time.sleep(0.3)
            process.send_signal(number)
            assert running.result(timeout=60.0) == expected
        assert process.stdout.read() == "ended\n"
        assert process.wait(timeout=10.0) == 0


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "tgkill"), reason="needs glibc 2.30")
def test_a_signal_that_another_thread_gets_ends_the_server() -> None:
    with _serving() as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(1.0)  # By now the main thread waits, and wakes for its own signals only.
        threads = {int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir()}
        other = min(threads - {process.pid})
        assert ctypes.CDLL(None).tgkill(process.pid, other, signal.SIGTERM) == 0
        assert process.stdout.read() == "ended\n"
        assert process.wait(timeout=10.0) == 0


@contextmanager
def _serving() -> Iterator[subprocess.Popen[str]]:
    """A server process, which prints its address, and is gone behind the block in any case."""
    command = [sys.executable, "-c", SERVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_taken_address_is_refused(server: Server) -> None:
    with pytest.raises(InvalidArgument, match="cannot listen on"):
        Server([server.addresses[0]])


def test_a_server_that_is_away_is_unavailable(tmp_path: Path) -> None:
    with adglot.connect(f"unix:{tmp_path}/nobody.sock") as ad, pytest.raises(Unavailable):
        ad.evaluate(cubes(), X, timeout=5.0)
    with pytest.raises(Unavailable, match="this client is closed"):
        ad.evaluate(cubes(), X)


def _answers(ad: adglot.Client) -> bool:
    try:
        ad.evaluate(cubes(), X)
    except Unavailable:
        return False
    return True


def _until_it_answers(ad: adglot.Client) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and not _answers(ad):
        time.sleep(0.05)


def test_a_server_that_is_back_again_answers_soon(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/adglot.sock"
    with adglot.connect(address) as ad:
        away = time.monotonic() + 6.0  # grpc's own pauses are three seconds long by then
        while time.monotonic() < away:
            assert not _answers(ad)
            time.sleep(0.05)
        with Server([address]):
            assert _seconds(lambda: _until_it_answers(ad)) < 2.0
            assert _answers(ad)


@pytest.mark.parametrize("target", ["", 50051])
def test_a_target_is_a_name(target: str) -> None:
    with pytest.raises(InvalidArgument, match="target: expected host:port or unix:path"):
        adglot.connect(target)
