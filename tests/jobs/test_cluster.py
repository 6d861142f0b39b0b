"""Jobs on a Dask cluster of processes: the same store as on this machine, whatever is killed."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adglot.errors import Unavailable
from adglot_server.jobs.pools import DaskPool, Pool
from adglot_server.jobs.run import ChunkDone, Event, PoolDied, run
from jobs import functions
from jobs.conftest import Job, completed, files

pytestmark = pytest.mark.jobs
U = np.random.default_rng(0).uniform(0.5, 2.0, (2000, 2))


class Cluster:
    """A scheduler and two workers, each a process of its own, on this machine alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = str(free.getsockname()[1])
        self.address = f"tcp://127.0.0.1:{self._port}"
        self.start_scheduler()
        for name in ("first", "second"):
            self.start_worker(name)

    def start_scheduler(self) -> None:
        self._start("scheduler", "--port", self._port, name="scheduler")

    def start_worker(self, name: str) -> None:
        own = ("--nthreads", "1", "--name", name, "--local-directory", str(self._folder))
        self._start("worker", self.address, *own, name=name)

    def _start(self, what: str, *arguments: str, name: str) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        module = f"distributed.cli.dask_{what}"
        local = ("--host", "127.0.0.1", "--no-dashboard")
        with (self._folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments, *local],
                env=environment, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def close(self) -> None:
        for process in self.processes.values():
            process.terminate()  # which a nanny hands on to its worker
        for process in self.processes.values():
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path)
    try:
        yield found
    finally:
        found.close()


def test_a_cluster_writes_the_same_bytes(
    job: Job, pool: Pool, cluster: Cluster, tmp_path: Path
) -> None:
    whole = job(functions.predators, U, chunk=100, out=str(tmp_path / "whole.zarr"))
    completed(whole, pool)
    spec = job(functions.predators, U, chunk=100)
    with DaskPool(cluster.address) as dask:
        outcome = completed(spec, dask)
    assert outcome.points == 2000
    assert files(spec.out) == files(whole.out)


def test_killed_workers_lose_nothing(
    job: Job, pool: Pool, cluster: Cluster, tmp_path: Path
) -> None:
    whole = job(functions.predators, U, chunk=20, out=str(tmp_path / "whole.zarr"))
    completed(whole, pool)
    spec, done = job(functions.predators, U, chunk=20), list[Any]()

    def listen(event: Event) -> None:
        if isinstance(event, ChunkDone):
            done.append(event)
            if len(done) == 10:
                cluster.kill("first")
                cluster.start_worker("third")
            if len(done) == 50:
                cluster.kill("second")

    with DaskPool(cluster.address) as dask:
        assert run(spec, dask, listen).complete
    assert files(spec.out) == files(whole.out)


def test_a_killed_scheduler_loses_nothing(
    job: Job, pool: Pool, cluster: Cluster, tmp_path: Path
) -> None:
    whole = job(functions.predators, U, chunk=20, out=str(tmp_path / "whole.zarr"))
    completed(whole, pool)
    spec, seen = job(functions.predators, U, chunk=20), list[Event]()

    def listen(event: Event) -> None:
        seen.append(event)
        if len(seen) == 10:
            cluster.kill("scheduler")
            cluster.start_scheduler()
            for name in ("third", "fourth"):
                cluster.start_worker(name)

    with DaskPool(cluster.address) as dask:
        assert run(spec, dask, listen).complete
    assert any(isinstance(event, PoolDied) for event in seen)
    assert files(spec.out) == files(whole.out)


def test_nobody_at_the_address() -> None:
    with pytest.raises(Unavailable, match="no Dask scheduler answers"):
        DaskPool("tcp://127.0.0.1:1", seconds=1.0)
