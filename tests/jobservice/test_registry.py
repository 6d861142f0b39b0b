"""The registry of jobs, in SQLite and in PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from adglot import InvalidArgument, LimitExceeded, Unavailable, UnknownJob
from adglot.jobcalls import ChunkError, JobProgress, ListJobs
from adglot_server.jobs.registry import ERRORS, Registry
from adglot_server.jobs.spec import JobSpec, Tensor

Open = Callable[..., Registry]

SPEC = JobSpec(
    b"\x00graph", "/in/x.npy", "/out/J.zarr", operator="jvp", engine="extended", wrt=("x",),
    of=("y",), sparse=True, fixed=(("p", Tensor.of(np.arange(3.0))),), columns=(("x", ("a", "b")),),
)  # fmt: skip
SIZE = JobProgress(points=8, chunks=2)


def submit(registry: Registry, owner: str = "ann", out: str = "J", key: str = "") -> str:
    spec = replace(SPEC, out=f"/out/{out}.zarr")
    return registry.submit(owner, spec, "d" * 64, SIZE, key).id


def test_a_job_is_kept_as_it_was_submitted(open_registry: Open) -> None:
    status = open_registry().submit("ann", SPEC, "d" * 64, SIZE)
    found = open_registry().get("ann", status.id)  # as after a restart
    assert found == status
    assert (found.state, found.owner, found.progress) == ("queued", "ann", SIZE)
    request = found.request
    assert (request.graph, request.operator, request.engine) == ("d" * 64, "jvp", "extended")
    assert (request.points, request.out, request.sparse) == ("/in/x.npy", "/out/J.zarr", True)
    assert (request.wrt, request.of) == (("x",), ("y",))
    np.testing.assert_array_equal(request.fixed["p"], np.arange(3.0))
    assert request.columns == {"x": ("a", "b")}


def test_another_owners_job_is_as_none(open_registry: Open) -> None:
    registry = open_registry()
    id = submit(registry)
    for ask in (registry.get, registry.cancel):
        with pytest.raises(UnknownJob):
            ask("bob", id)
    assert registry.get("ann", id).state == "queued"
    assert registry.page("bob", ListJobs(size=10)).jobs == ()


def test_a_key_makes_one_job(open_registry: Open) -> None:
    registry = open_registry()
    first = submit(registry, key="k")
    assert submit(registry, key="k") == first
    assert submit(registry, owner="bob", out="B", key="k") != first
    assert submit(registry, out="other", key="l") != first


@pytest.mark.parametrize("out", ["/out/J.zarr", "/out/J.zarr/value.y", "/out"])
def test_nobody_writes_where_another_owners_job_has_written(open_registry: Open, out: str) -> None:
    registry, spec = open_registry(), replace(SPEC, out=out)
    registry.cancel("ann", submit(registry))
    with pytest.raises(InvalidArgument, match="in the place of another owner's job") as caught:
        registry.submit("bob", spec, "d" * 64, SIZE)
    assert caught.value.violations[0].field == "spec.out"
    assert submit(registry, "bob", "J.zarr.old")
    assert submit(registry, "bob", "j")


def test_many_at_once_with_one_key_make_one_job(open_registry: Open) -> None:
    registry = open_registry()
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: submit(registry, key="k"), range(16)))
    assert len(ids) == 1


def test_no_two_live_jobs_write_to_one_store(open_registry: Open) -> None:
    registry = open_registry()
    id = submit(registry)
    with pytest.raises(InvalidArgument, match="another job writes to") as caught:
        submit(registry)
    assert caught.value.violations[0].field == "spec.out"
    registry.cancel("ann", id)
    assert submit(registry) != id


def test_quotas_hold_for_each_owner_however_many_submit_at_once(open_registry: Open) -> None:
    registry = open_registry(jobs=3)

    def attempt(k: int) -> bool:
        try:
            submit(registry, out=f"J{k}")
        except LimitExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(12))) == 3
    with pytest.raises(LimitExceeded, match="over the limit jobs=3: this request needs 4"):
        submit(registry)
    submit(registry, owner="bob", out="B")
    registry.cancel("ann", registry.page("ann", ListJobs(size=1)).jobs[0].id)
    submit(registry, out="again")


def test_jobs_are_run_in_order_and_by_one_runner_each(open_registry: Open) -> None:
    first, second = open_registry(), open_registry()
    ids = [submit(first, out=f"J{k}") for k in range(6)]
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda k: (first, second)[k % 2].claim(f"r{k}", 30.0), range(6)))
    lent = [one for one in taken if one is not None]
    while len(lent) < 6:  # Who came at the same time as another one has gone away with nothing.
        more = first.claim("late", 30.0)
        assert more is not None
        lent.append(more)
    assert sorted(one.id for one in lent) == sorted(ids)
    assert first.claim("nobody", 30.0) is None
    assert {one.spec.graph for one in lent} == {b"\x00graph"}


def test_first_come_first_run(open_registry: Open) -> None:
    registry = open_registry()
    ids = [submit(registry, out=f"J{k}") for k in range(3)]
    assert [registry.claim("r", 30.0).id for _ in ids] == ids  # type: ignore[union-attr]


def test_a_job_whose_runner_is_gone_goes_to_another_one(open_registry: Open) -> None:
    registry = open_registry()
    submit(registry)
    gone = registry.claim("gone", seconds=0.0)
    assert gone is not None
    time.sleep(0.01)
    again = registry.claim("other", 30.0)
    assert again == gone
    assert registry.beat(gone.number, "gone", 30.0) == "lost"
    registry.finish(gone.number, "gone", "failed", "too late")
    assert registry.get("ann", gone.id).state == "running"
    assert registry.beat(gone.number, "other", 30.0) == "go on"


def test_a_running_job_is_told_to_stop(open_registry: Open) -> None:
    registry = open_registry()
    id = submit(registry)
    lent = registry.claim("r", 30.0)
    assert lent is not None
    assert registry.cancel("ann", id).state == "running"
    assert registry.beat(lent.number, "r", 30.0) == "cancel"
    registry.finish(lent.number, "r", "cancelled")
    status = registry.get("ann", id)
    assert status.state == "cancelled"
    assert status.ended is not None
    assert registry.cancel("ann", id) == status


def test_progress_and_the_latest_errors_are_kept(open_registry: Open) -> None:
    registry = open_registry()
    id = submit(registry)
    lent = registry.claim("r", 30.0)
    assert lent is not None
    progress = JobProgress(8, 4, 1, 2, 1, 3)
    registry.beat(lent.number, "r", 30.0, progress)
    for attempt in range(ERRORS + 3):
        registry.note(lent.number, ChunkError(1, attempt, "no"))
    status = registry.get("ann", id)
    assert status.progress == progress
    assert [error.attempt for error in status.chunk_errors] == list(range(3, ERRORS + 3))


def test_a_job_that_waits_is_not_taken_before_its_time(open_registry: Open) -> None:
    registry = open_registry()
    id = submit(registry)
    lent = registry.claim("r", 30.0)
    assert lent is not None
    registry.finish(lent.number, "r", "queued", "nobody there", wait=3600.0)
    assert registry.claim("r", 30.0) is None
    assert registry.get("ann", id).error == "nobody there"


def test_pages_have_every_job_once(open_registry: Open) -> None:
    registry = open_registry()
    ids = [submit(registry, out=f"J{k}") for k in range(7)]
    registry.cancel("ann", ids[3])
    found, token = [], ""
    while True:
        page = registry.page("ann", ListJobs(3, token))
        found += [job.id for job in page.jobs]
        token = page.token
        if not token:
            break
    assert found == ids[::-1]
    cancelled = registry.page("ann", ListJobs(3, "", ("cancelled",)))
    assert [job.id for job in cancelled.jobs] == [ids[3]]
    with pytest.raises(InvalidArgument, match="page_token"):
        registry.page("ann", ListJobs(3, "no number"))


def test_who_cannot_be_reached_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        Registry("sqlite:////no/such/folder/jobs.sqlite")
    pytest.importorskip("psycopg")
    with pytest.raises(Unavailable, match="cannot be reached"):
        Registry("postgresql://nobody@127.0.0.1:1/none")


@pytest.mark.parametrize("url", ["", "no url", "mysql://host/name", "nothing://x"])
def test_a_url_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgument):
        Registry(url)


def test_tables_of_another_version_are_left_alone(database: str) -> None:
    from sqlalchemy import update

    from adglot_server.jobs.tables import connect, schema

    engine = connect(database)
    with engine.begin() as connection:
        connection.execute(update(schema).values(version=99))
    engine.dispose()
    with pytest.raises(InvalidArgument, match="has version 99"):
        Registry(database)
