"""The worker on a real Julia: killed, hung, outgrown, stopped; behind a front, and alone on TCP."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from numpy.testing import assert_allclose
from service.examples import cubes, energy
from workers.test_supervision import Box, _gone, _until

import adglot
from adglot import DeadlineExceeded, EngineCrashed
from adglot.cli.loopback import LISTENING
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder
from adglot_julia.command import announced, worker
from adglot_server.engines.remote import Address, RemoteFamily
from adglot_server.service.core import Core
from adglot_server.service.embedded import EmbeddedTransport
from adglot_server.service.engines import Engines
from adglot_server.workers.command import HUNG, Bounds
from adglot_server.workers.process import resident_bytes
from adglot_server.workers.supervisor import Supervisor

pytestmark = pytest.mark.julia

ENGINE = "julia/ForwardDiff"
X = np.array([1.0, -2.0, 0.5])
COMPILED = 10.0
"""Seconds after which a loop runs, and is compiled no longer, on such a machine."""

START = 300.0
"""Seconds for a worker to start on a machine that does other things as well."""


@contextmanager
def julia(**bounds: Any) -> Iterator[Box]:
    """A client of an embedded service with a Julia of its own."""
    supervisor = Supervisor("julia", worker(), Bounds(**{"patience": START, **bounds}))
    engines = Engines(attached={"julia": RemoteFamily("julia", supervisor)})
    with adglot.Client(EmbeddedTransport(Core(engines=engines))) as ad:
        yield Box(ad, supervisor)


@pytest.fixture(scope="module")
def shared() -> Iterator[Box]:
    with julia(grace=8.0) as box:
        _gradient(box.ad)
        yield box


def _gradient(ad: adglot.Client, a: float = 1.0, **options: Any) -> None:
    gradient = ad.gradient(energy(a), X, engine=ENGINE, **options)
    assert_allclose(gradient, 3 * a * X**2)


def _forever(x: Any) -> Any:
    """Never ends, since its point is positive."""
    return adglot.while_loop(lambda x: x > 0.0, lambda x: x * 1.0, x)


def _hang(ad: adglot.Client, **options: Any) -> Any:
    return ad.evaluate(_forever, 1.0, engine=ENGINE, **options)


def test_an_answer_and_its_report(shared: Box) -> None:
    ask = shared.ad.prepare(energy(2.0), X, operator="gradient", engine=ENGINE)
    assert_allclose(ask(X), 6 * X**2)
    jacobian = shared.ad.jacobian(cubes(2.0), X, engine=ENGINE)
    assert_allclose(jacobian, np.diag(6 * X**2))
    report = shared.ad.explain(energy(), X, operator="jvp", engine=ENGINE).report
    assert (report.engine, report.executor, report.mode) == (ENGINE, "julia", "forward")


def test_the_engines_that_are_announced_are_those_there_are(shared: Box) -> None:
    listed = {info.name for info in shared.ad.engines() if info.name.startswith("julia")}
    assert listed == {info.name for info in announced()}


def test_a_worker_killed_in_mid_request_costs_that_request(shared: Box) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(_hang, shared.ad)
        time.sleep(3.0)
        pid = shared.kill(signal.SIGKILL)
        with pytest.raises(EngineCrashed, match="killed by SIGKILL"):
            running.result(timeout=30.0)
    assert _gone(pid)
    _gradient(shared.ad)


def test_an_endless_loop_is_cut_by_its_deadline(shared: Box) -> None:
    _gradient(shared.ad)
    pid = shared.supervisor.pid
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        _hang(shared.ad, timeout=COMPILED)
    assert time.monotonic() - started < COMPILED + 2.0
    while shared.supervisor.pid == pid:
        # Others answer while it hangs, and is killed.
        assert_allclose(shared.ad.gradient(energy(), X), 3 * X**2)
        assert time.monotonic() - started < COMPILED + 60.0
        time.sleep(0.1)
    _gradient(shared.ad)


def test_many_graphs_outgrow_a_worker_and_none_is_lost() -> None:
    with julia(compilations=10) as box:
        pids = set()
        for k in range(40):
            _gradient(box.ad, 1.0 + k)
            pids.add(box.supervisor.pid)
        _until(lambda: box.supervisor.pid not in pids or len(pids) > 1, START)
        _gradient(box.ad)
        _until(lambda: sum(not _gone(pid) for pid in pids - {box.supervisor.pid}) == 0, START)


BOUND = 1 << 30


def _different(k: int) -> Graph:
    """One of so many functions of four numbers: other ops, in another order."""
    builder = Builder()
    x = builder.input(Type("float64", (4,)))
    y = x * np.float64(1.0 + k / 1000)
    for name in np.random.default_rng(k).choice(["sin", "cos", "exp", "tanh"], size=6):
        y = TABLE[name](y * np.float64(0.3))
    return builder.build([x], [TABLE["sum"](y, axes=(0,))])


@pytest.mark.slow
def test_a_thousand_graphs_leave_memory_below_its_bound() -> None:
    x, most = np.linspace(0.1, 1.0, 4), 0
    with julia(memory_bytes=BOUND) as box:
        for k in range(1000):
            graph = _different(k)
            ours, theirs = box.ad.gradient(graph, x), box.ad.gradient(graph, x, engine=ENGINE)
            assert_allclose(theirs, ours, rtol=1e-12)
            if k % 50 == 0 and (pid := box.supervisor.pid) is not None:
                most = max(most, resident_bytes(pid))
    assert 0 < most < BOUND


def test_memory_outgrows_a_worker_and_no_request_is_lost() -> None:
    with julia(memory_bytes=1) as box:
        _gradient(box.ad)
        first, k = box.supervisor.pid, 0
        end = time.monotonic() + START
        while box.supervisor.pid == first and time.monotonic() < end:
            k += 1
            jacobian = box.ad.jacobian(cubes(float(k), n=200), np.ones(200), engine=ENGINE)
            assert_allclose(jacobian, 3.0 * k * np.eye(200))
        assert box.supervisor.pid != first
        _until(lambda: _gone(first or 0), START)


@contextmanager
def _on_its_own(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "adglot_julia.worker", "--listen", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(LISTENING)
            yield process, line.removeprefix(LISTENING).strip()
        finally:
            process.kill()


def test_a_worker_of_somebody_else_over_tcp() -> None:
    with _on_its_own("--hung-after", "3") as (process, address):
        engines = Engines(attached={"julia": RemoteFamily("julia", Address("julia", address))})
        with adglot.Client(EmbeddedTransport(Core(engines=engines))) as ad:
            assert ENGINE in {info.name for info in ad.engines()}
            _gradient(ad)
            with ThreadPoolExecutor(1) as pool:
                hanging = pool.submit(_hang, ad, timeout=COMPILED)
                time.sleep(1.0)
                _answers_health(address)
                with pytest.raises(DeadlineExceeded):
                    hanging.result()
        # Nobody watches it, so it ends itself: whoever started it starts it again.
        assert process.wait(timeout=30.0) == HUNG


def _answers_health(address: str) -> None:
    """Python's threads run while Julia computes."""
    with grpc.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        reply = health.Check(health_pb2.HealthCheckRequest(), timeout=1.0)
    assert reply.status == health_pb2.HealthCheckResponse.SERVING


def test_a_signal_ends_it_in_order() -> None:
    with _on_its_own() as (process, address), adglot.connect(address) as ad:
        _gradient(ad)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=30.0) == 0
