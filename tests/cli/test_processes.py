"""`adglot serve --processes`: several processes behind one port, that come and go together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from numpy.testing import assert_allclose
from service.examples import STEP, energy, slow

import adglot
from adglot.cli.loopback import LISTENING

X = np.array([1.0, -2.0, 0.5])

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Two processes under one parent, and their address."""
    command = [sys.executable, "-m", "adglot", "serve", "--processes", "2", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            yield parent, parent.stdout.readline().removeprefix(LISTENING).strip()
        finally:
            parent.kill()


@pytest.fixture(scope="module")
def parent() -> Iterator[tuple[subprocess.Popen[str], str]]:
    with serving("--address", "127.0.0.1:0") as both:
        yield both


def connect(address: str) -> adglot.Client:
    """A client with a connection of its own."""
    return adglot.connect(address, options=[("grpc.use_local_subchannel_pool", 1)])


def _servers(parent: int) -> set[int]:
    """The processes that serve: Python's helper for processes is none."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return {int(pid) for pid in children if b"spawn_main" in _command(pid)}


def _command(pid: str) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _connected(pids: set[int], address: str) -> set[int]:
    """Those of the processes that hold a connection to this port."""
    port = f"{int(address.rpartition(':')[2]):04X}"
    text = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    rows = [row.split() for row in text.splitlines()]
    sockets = {f"socket:[{r[9]}]" for r in rows if r[1].endswith(port) and r[3] == "01"}
    return {pid for pid in pids if sockets & _open_files(pid)}


def _open_files(pid: int) -> set[str]:
    return {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()}


def test_whichever_process_answers_the_answers_are_the_same(
    parent: tuple[subprocess.Popen[str], str],
) -> None:
    process, address = parent
    pids = _servers(process.pid)
    assert len(pids) == 2
    clients = [connect(address) for _ in range(12)]
    for ad in clients:
        assert_allclose(ad.gradient(energy(), X), 3 * X**2)
    assert _connected(pids, address) == pids
    for ad in clients:
        ad.close()


def test_a_digest_works_wherever_its_graph_was_registered(
    parent: tuple[subprocess.Popen[str], str],
) -> None:
    digest = energy(7.0).digest
    for _ in range(8):
        with connect(parent[1]) as ad:
            assert ad.register(energy(7.0)) == digest
            assert_allclose(ad.gradient(digest, X), 21 * X**2)


def test_health(parent: tuple[subprocess.Popen[str], str]) -> None:
    for _ in range(4):
        with grpc.insecure_channel(parent[1], [("grpc.use_local_subchannel_pool", 1)]) as channel:
            reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            assert reply.status == health_pb2.HealthCheckResponse.SERVING


def test_one_that_is_killed_is_started_again(parent: tuple[subprocess.Popen[str], str]) -> None:
    process, address = parent
    before = _servers(process.pid)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    end = time.monotonic() + 30
    while len(_servers(process.pid) - {victim}) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert len(_servers(process.pid) - {victim}) == 2
    for _ in range(6):
        with connect(address) as ad:
            assert_allclose(ad.gradient(energy(), X, timeout=30.0), 3 * X**2)


def test_a_signal_lets_all_finish_what_they_run() -> None:
    graph, x = slow(8), np.full(STEP, 0.5)
    with adglot.connect() as embedded:
        expected = embedded.evaluate(graph, x)
    with serving("--address", "127.0.0.1:0", "--grace", "120") as (parent, address):
        clients = [connect(address) for _ in range(4)]
        for ad in clients:
            ad.register(graph)
        pids = _servers(parent.pid)
        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(ad.evaluate, graph, x) for ad in clients]
            time.sleep(0.3)
            parent.send_signal(signal.SIGTERM)
            assert [one.result(timeout=100.0) for one in running] == [expected] * 4
        assert parent.wait(timeout=60.0) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_they_end_with_their_parent() -> None:
    with serving("--address", "127.0.0.1:0") as (parent, _):
        pids = _servers(parent.pid)
        parent.kill()
        end = time.monotonic() + 30
        while any(map(_alive, pids)) and time.monotonic() < end:
            time.sleep(0.05)
        assert not any(map(_alive, pids))


def _alive(pid: int) -> bool:
    """Whether it runs: one that has ended may still wait for somebody to notice."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_addresses_that_cannot_be_shared_are_refused(
    parent: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    for address, message in (
        (parent[1], "cannot listen on"),
        (f"unix:{tmp_path / 'socket'}", "share ports, and no socket file"),
    ):
        command = [
            sys.executable,
            "-m",
            "adglot",
            "serve",
            "--processes",
            "2",
            "--address",
            address,
        ]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode != 0
        assert message in ended.stderr
