"""Kill -9 a random one of all processes, again and again while a job runs: nothing is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import adglot
from adglot import Unavailable
from adglot.codec.graphs import dumps
from adglot_server.jobs.pools import LocalPool
from adglot_server.jobs.run import run
from adglot_server.jobs.spec import JobSpec
from jobservice.cast import Cast, cluster
from jobservice.served import contents, jacobians, rates, save_points

pytest.importorskip("distributed")

pytestmark = pytest.mark.chaos

KILLS = 20
SEED = 20240
SECONDS = 1200.0
"""Longest that the job may take, on however slow a machine."""

POINTS, CHUNK = 24_000, 40


def arrays(store: Path) -> dict[str, str]:
    """Every file of every array, and what says which chunks there are; no provenance."""
    return {name: digest for name, digest in contents(store).items() if "/" in name}


def undisturbed(root: Path, engine: str) -> dict[str, str]:
    """The arrays of the same job, run here with nothing in its way."""
    graph = dumps(adglot.trace(rates, np.ones(2)))
    spec = JobSpec(graph, str(root / "x.npy"), str(root / "calm.zarr"), engine=engine, chunk=CHUNK)
    with LocalPool(2) as pool:
        assert run(spec, pool).complete
    return arrays(root / "calm.zarr")


def progress(job: adglot.Job) -> adglot.JobStatus | None:
    """How the job stands, None while nobody answers."""
    try:
        status: adglot.JobStatus = job.status()
    except Unavailable:
        return None
    return status


def await_chunks(job: adglot.Job, more_than: int, given_up: float) -> adglot.JobStatus:
    """Wait until so many chunks are done, or the job is over."""
    while True:
        status = progress(job)
        if status is not None and (status.over or status.progress.chunks_done > more_than):
            return status
        assert time.monotonic() < given_up, f"the job stands still: {status}"
        time.sleep(0.05)


def disturb(cast: Cast, job: adglot.Job, names: Sequence[str]) -> Iterator[str]:
    """Kill one after another, each when the job has gone on since the last; who it was."""
    chosen, given_up, done = random.Random(SEED), time.monotonic() + SECONDS, 0
    for _ in range(KILLS):
        status = await_chunks(job, done, given_up)
        assert not status.over, f"the job was over before {KILLS} were killed: {status}"
        done = status.progress.chunks_done
        name = chosen.choice(names)
        cast.kill(name)
        yield name


def chaos(root: Path, commands: dict[str, list[str]], engine: str) -> None:
    save_points(root / "x.npy", POINTS)
    expected = undisturbed(root, engine)
    with (
        Cast(commands, root.parent, {"OPENBLAS_NUM_THREADS": "1"}) as cast,
        adglot.connect(f"unix:{root}/s") as ad,
    ):
        job = submitted(ad, root, engine)
        killed = list(disturb(cast, job, sorted(commands)))
        status = await_chunks(job, POINTS, time.monotonic() + SECONDS)
    print(f"\n{KILLS} killed: {', '.join(killed)}\nstarts: {cast.starts}\n{status}")
    assert status.state == "succeeded", status.error
    assert status.progress.points_done == POINTS
    assert status.progress.points_failed == 0
    assert arrays(root / "J.zarr") == expected
    store = job.open()
    assert (store["status"][:] == 1).all()
    expected_jacobians = jacobians(np.load(root / "x.npy"))
    np.testing.assert_allclose(store["jacobian.y.x"][:], expected_jacobians, rtol=1e-12)


def submitted(ad: adglot.Client, root: Path, engine: str) -> adglot.Job:
    """The job, as soon as the server answers."""
    given_up = time.monotonic() + 120.0
    while True:
        try:
            job: adglot.Job = ad.submit(
                rates, str(root / "x.npy"), str(root / "J.zarr"), engine=engine, chunk=CHUNK
            )
            return job
        except Unavailable:
            assert time.monotonic() < given_up
            time.sleep(0.2)


def test_twenty_kills_change_no_byte(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    chaos(root, cluster(root), "native")


@pytest.mark.julia
def test_nor_do_they_where_julia_computes(tmp_path: Path) -> None:
    from adglot_julia.installation import look

    if not look().ready:
        pytest.skip("needs Julia and its packages: adglot julia install")
    root = tmp_path / "root"
    root.mkdir()
    serve = ["serve", "--address", "{address}", "--only", "julia", "--start", "julia"]
    chaos(root, cluster(root, engine=serve), "julia/ForwardDiff")
