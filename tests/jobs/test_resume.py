"""Whatever dies, the job goes on where it stopped, and its store has the same bytes in the end."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adglot.errors import InvalidArgument
from adglot_server.jobs.chunk import packed, run_chunk
from adglot_server.jobs.plan import plan
from adglot_server.jobs.pools import LocalPool, Pool
from adglot_server.jobs.run import ChunkDone, ChunkFailed, Event, PoolDied, Started, run
from adglot_server.jobs.spec import JobSpec
from jobs import functions
from jobs.conftest import Job, completed, files

U = np.random.default_rng(0).uniform(0.5, 2.0, (1000, 2))
X = np.random.default_rng(0).standard_normal((1000, 3))
X[0] = 1.0


@pytest.fixture
def whole(job: Job, pool: Pool, tmp_path: Path) -> dict[str, bytes]:
    """The store of an undisturbed run."""
    spec = job(functions.predators, U, chunk=64, out=str(tmp_path / "whole.zarr"))
    completed(spec, pool)
    return files(spec.out)


def test_a_cancelled_run_goes_on(job: Job, pool: Pool, whole: dict[str, bytes]) -> None:
    spec, done = job(functions.predators, U, chunk=64), list[Event]()
    first = run(spec, pool, done.append, lambda: len(done) > 4)
    assert first.cancelled
    assert 0 < first.left < 16
    second = run(replace(spec, chunk=None), pool)
    assert second.complete
    assert first.points + second.points <= 1000  # some may have been there when it was cancelled
    assert files(spec.out) == whole


def test_a_finished_job_has_nothing_left(job: Job, pool: Pool) -> None:
    spec = job(functions.predators, U, chunk=64)
    completed(spec, pool)
    again = run(spec, pool)
    assert (again.points, again.left) == (0, 0)


def test_a_chunk_may_be_computed_twice(job: Job, pool: Pool, whole: dict[str, bytes]) -> None:
    spec = job(functions.predators, U, chunk=64)
    planned = plan(spec)
    sent = packed(planned.spec, planned.store)
    for index in (*planned.left, 3, 15):
        run_chunk(sent, index)
    assert files(spec.out) == whole


def test_killed_workers_lose_nothing(job: Job, whole: dict[str, bytes]) -> None:
    spec, seen = job(functions.predators, U, chunk=64), list[Event]()
    with LocalPool(2) as pool:

        def listen(event: Event) -> None:
            seen.append(event)
            if isinstance(event, ChunkDone) and event.done.index in (3, 8):
                processes = pool._pool._processes  # type: ignore[union-attr]
                os.kill(next(iter(processes)), signal.SIGKILL)

        outcome = run(spec, pool, listen)
    assert outcome.complete
    assert any(isinstance(event, PoolDied) for event in seen)
    assert files(spec.out) == whole


def test_half_a_chunk_counts_for_nothing(job: Job, pool: Pool, whole: dict[str, bytes]) -> None:
    """A writer died between two arrays, and within the file of a third one."""
    spec = job(functions.predators, U, chunk=64)
    completed(spec, pool)
    out = Path(spec.out)
    (out / "status/c/5").unlink()
    (out / "value.y/c/5/0").unlink()
    (out / "jacobian.y.u/c/5/0/0").unlink()
    (out / "jacobian.y.u/c/5/0/0.0123.partial").write_bytes(b"half")
    assert run(spec, pool).points == 64
    assert files(spec.out) == whole


@pytest.mark.parametrize("name", ["value.y/c/5/0", "jacobian.y.u/c/5/0/0", "status/c/5"])
def test_a_marked_chunk_that_is_not_whole_is_computed_again(
    job: Job, pool: Pool, whole: dict[str, bytes], name: str
) -> None:
    """As a disk may have it when the power is back."""
    spec = job(functions.predators, U, chunk=64)
    completed(spec, pool)
    os.truncate(Path(spec.out) / name, 0)
    assert run(spec, pool).points == 64
    assert files(spec.out) == whole


def test_a_store_that_was_only_begun_is_made_anew(
    job: Job, pool: Pool, whole: dict[str, bytes]
) -> None:
    import zarr

    spec = job(functions.predators, U, chunk=64)
    begun = {"adglot": {"format": 1, "complete": False}}
    group: Any = zarr.open_group(spec.out, mode="w", attributes=begun)
    group.create_array("value.y", shape=(3,), dtype="f8")
    completed(spec, pool)
    assert files(spec.out) == whole


def test_the_store_of_another_format_is_left_to_what_wrote_it(job: Job, pool: Pool) -> None:
    import zarr

    spec = job(functions.predators, U, chunk=64)
    completed(spec, pool)
    group: Any = zarr.open_group(spec.out, mode="r+")
    group.attrs["adglot"] = {**group.attrs["adglot"], "format": 1}
    before = files(spec.out)
    with pytest.raises(InvalidArgument, match=r"out: .* has the format 1, and this adglot writes"):
        run(spec, pool)
    assert files(spec.out) == before


def test_workers_are_told_what_is_set_now(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only what was set when the process that they are copied from began."""
    assert pool.submit(os.getenv, "ADGLOT_TOKEN").result() is None
    monkeypatch.setenv("ADGLOT_TOKEN", "secret")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with LocalPool(1) as other:
        assert other.submit(os.getenv, "ADGLOT_TOKEN").result() == "secret"
        assert other.submit(os.getenv, "OPENBLAS_NUM_THREADS").result() == "1"


def test_workers_and_failing_points_change_no_bit(job: Job, pool: Pool, tmp_path: Path) -> None:
    spec = job(functions.branching, X, operator="gradient", chunk=50)
    completed(spec, pool)
    other = replace(spec, out=str(tmp_path / "one.zarr"))
    with LocalPool(1) as one:
        completed(other, one)
    assert files(spec.out) == files(other.out)


def other_points(spec: JobSpec) -> JobSpec:
    np.save(spec.points, U[::-1])
    return spec


def fewer_points(spec: JobSpec) -> JobSpec:
    np.save(spec.points, U[:-1])
    return spec


def other_graph(spec: JobSpec) -> JobSpec:
    import adglot
    from adglot.codec.graphs import dumps

    return replace(spec, graph=dumps(adglot.trace(lambda u: 2 * u, U[0])))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda spec: replace(spec, operator="evaluate"), "operator"),
        (lambda spec: replace(spec, engine="complex-step"), "engine"),
        (lambda spec: replace(spec, chunk=65), "chunk"),
        (lambda spec: replace(spec, sparse=True), "sparse"),
        (other_points, "points"),
        (fewer_points, "points"),
        (other_graph, "graph"),
    ],
)
def test_another_job_is_refused(
    job: Job, pool: Pool, change: Callable[[JobSpec], JobSpec], words: str
) -> None:
    spec = job(functions.predators, U, chunk=64)
    completed(spec, pool)
    before = files(spec.out)
    with pytest.raises(InvalidArgument, match=f"{words}.* is that of another job"):
        run(change(spec), pool)
    assert files(spec.out) == before


def test_what_is_no_store_is_left_alone(job: Job, pool: Pool, tmp_path: Path) -> None:
    import zarr

    spec = job(functions.predators, U)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.tex").write_text("...")
    zarr.open_group(tmp_path / "group.zarr", mode="w", attributes={"mine": 1})
    for name, words in (("mine", "is no"), ("group.zarr", "not the store"), ("x.npy", "is")):
        with pytest.raises(InvalidArgument, match="out"):
            run(replace(spec, out=str(tmp_path / name)), pool)
        assert words
    assert (folder / "thesis.tex").read_text() == "..."


def test_a_store_that_cannot_be_written(job: Job, pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spec = job(functions.predators, U, out=str(tmp_path / "file" / "out.zarr"))
    with pytest.raises(InvalidArgument, match="out"):
        run(spec, pool)


def test_a_chunk_that_cannot_be_read_is_given_up_and_the_others_are_there(
    job: Job, pool: Pool, tmp_path: Path
) -> None:
    import zarr

    points = tmp_path / "u.zarr"
    zarr.create_array(points, data=U, chunks=(100, 2))
    spec = job(functions.predators, U, points=str(points), chunk=100)
    part = points / "c/5/0"
    right = part.read_bytes()
    seen: list[Event] = []

    def listen(event: Event) -> None:
        seen.append(event)
        if isinstance(event, Started):
            part.write_bytes(b"not what zstd has made of points")

    outcome = run(spec, pool, listen)
    assert outcome.left == 1
    assert list(outcome.given_up) == [5]
    assert "cannot read" in outcome.given_up[5]
    assert [e.given_up for e in seen if isinstance(e, ChunkFailed)] == [True]
    part.write_bytes(right)
    assert run(spec, pool).complete


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system of a few pages")
def test_a_full_disk_stops_the_job_which_goes_on_when_there_is_room(
    job: Job, pool: Pool, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    import subprocess

    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mount is not allowed here")
    try:
        spec = job(functions.predators, U, chunk=64, out=str(disk / "out.zarr"))
        outcome = run(spec, pool)
        assert "No space left" in outcome.stopped
        assert "make room" in outcome.stopped
        assert 0 < outcome.left < 16
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        assert run(spec, pool).complete
        assert files(spec.out) == whole
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
