"""SIGTERM under load: health says so, what was taken is answered, then the server ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from numpy.testing import assert_allclose
from service.examples import energy

import adglot
from adglot.cli.loopback import LISTENING

X = np.array([1.0, -2.0, 0.5])
CLIENTS = 4
OWN_CHANNEL = [("grpc.use_local_subchannel_pool", 1)]


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, whose log goes to a file, and its address."""
    command = [sys.executable, "-m", "adglot", "serve", "--address", "127.0.0.1:0", *options]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().removeprefix(LISTENING).strip()
        finally:
            process.kill()
            process.communicate()


def keep_asking(address: str, asked: Event) -> int:
    """How many gradients came, all of them right, until the server took no more."""
    with adglot.connect(address, options=OWN_CHANNEL) as ad:
        for count in range(1_000_000):
            try:
                assert_allclose(ad.gradient(energy(), X), 3 * X**2)
            except adglot.Unavailable:
                return count
            asked.set()
    raise AssertionError("the server never ended")


def await_health(channel: grpc.Channel) -> None:
    """Return when some process says that it stops."""
    stub, request = health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckRequest()
    for reply in stub.Watch(request, timeout=60):
        if reply.status == health_pb2.HealthCheckResponse.NOT_SERVING:
            return


def ended(folder: Path) -> int:
    """Gradients that the server's log says it has answered."""
    lines = map(json.loads, (folder / "log").read_text().splitlines())
    return sum("Gradient" in one.get("method", "") and one.get("status") == "OK" for one in lines)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_nothing_that_was_taken_is_lost(tmp_path: Path, processes: str) -> None:
    options = ("--processes", processes, "--drain-wait", "2", "--grace", "60")
    logs = ("--log-requests", "--log-format", "json")
    with (
        ThreadPoolExecutor(CLIENTS) as pool,  # outermost: it waits for clients, they for the end
        serving(tmp_path, *options, *logs) as (process, address),
        grpc.insecure_channel(address, OWN_CHANNEL) as channel,
        adglot.connect(address, options=OWN_CHANNEL) as late,
    ):
        late.info()
        asked = [Event() for _ in range(CLIENTS)]
        asking = [pool.submit(keep_asking, address, one) for one in asked]
        assert all(one.wait(60) for one in asked)
        process.send_signal(signal.SIGTERM)
        await_health(channel)
        assert_allclose(late.gradient(energy(), X), 3 * X**2)
        counts = [one.result(timeout=100) for one in asking]
        assert process.wait(timeout=100) == 0
    assert min(counts) > 0
    assert ended(tmp_path) == sum(counts) + 1, counts


def test_work_that_does_not_end_in_time_is_told_so(tmp_path: Path) -> None:
    def slow(x: np.ndarray) -> np.ndarray:
        for _ in range(3000):
            x = np.sin(x)
        return np.sum(x)

    x = np.ones(400_000)
    with (
        ThreadPoolExecutor(1) as pool,
        serving(tmp_path, "--grace", "0.1") as (process, address),
        adglot.connect(address) as ad,
    ):
        graph = adglot.trace(slow, x)
        ad.register(graph)
        running = pool.submit(ad.evaluate, graph, x)
        time.sleep(0.5)
        assert not running.done()
        process.send_signal(signal.SIGTERM)
        assert isinstance(running.exception(timeout=100), adglot.AdglotError)
        assert process.wait(timeout=100) == 0
