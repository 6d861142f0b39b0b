"""Jobs through a server: submitted, watched, cancelled, resumed, each by its owner alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest

import adglot
import adglot.aio
from adglot import InvalidArgument, LimitExceeded, UnknownEngine, UnknownJob, Unsupported
from adglot.v1 import job_service_pb2, job_service_pb2_grpc
from adglot_server.service.limits import Limits
from adglot_server.service.server import Server
from jobservice.served import (
    SECONDS,
    contents,
    jacobians,
    rates,
    save_points,
    serving,
    token_file,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    save_points(folder / "x.npy")
    return folder


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    with serving(root, server={"tokens": token_file(root.parent / "tokens.toml")}) as running:
        yield running


@pytest.fixture
def ann(server: Server) -> Iterator[adglot.Client]:
    with adglot.connect(server.addresses[0], token="ann.secret") as client:
        yield client


@pytest.fixture
def bob(server: Server) -> Iterator[adglot.Client]:
    with adglot.connect(server.addresses[0], token="bob.secret") as client:
        yield client


def test_a_job_runs_to_its_end(ann: adglot.Client, root: Path) -> None:
    job = ann.submit(rates, str(root / "x.npy"), "J.zarr", chunk=64)
    seen = list(job.watch(SECONDS))
    assert seen[-1].state == "succeeded"
    assert seen[-1].owner == "ann"
    assert (seen[-1].progress.points_done, seen[-1].progress.chunks_done) == (200, 4)
    done = [status.progress.points_done for status in seen]
    assert done == sorted(done)
    store = job.result()
    np.testing.assert_allclose(store["jacobian.y.x"][:], jacobians(np.load(root / "x.npy")))
    assert ann.jobs("succeeded")[0].id == job.id
    assert ann.job(job.id).status() == seen[-1]


def test_asyncio_submits_and_watches_as_well(server: Server, root: Path) -> None:
    async def run() -> tuple[str, list[str]]:
        async with adglot.aio.connect(server.addresses[0], token="ann.secret") as ad:
            job = await ad.submit(rates, "x.npy", "aio.zarr", "evaluate", example=(np.ones(2),))
            states = [status.state async for status in job.watch(SECONDS)]
            return (await job.wait(SECONDS)).state, states

    state, states = asyncio.run(run())
    assert (state, states[-1]) == ("succeeded", "succeeded")


def test_another_owners_job_is_not_there(ann: adglot.Client, bob: adglot.Client) -> None:
    job = ann.submit(rates, "x.npy", "mine.zarr", example=(np.ones(2),))
    with pytest.raises(UnknownJob):
        bob.job(job.id)
    theirs = adglot.Job(bob, job.status())  # as somebody would who has learned the id
    for ask in (theirs.status, theirs.cancel, theirs.wait):
        with pytest.raises(UnknownJob, match="there is no job"):
            ask()
    assert job.id not in [one.id for one in bob.jobs()]
    with pytest.raises(InvalidArgument, match="in the place of another owner's job"):
        bob.submit(rates, "x.npy", "mine.zarr", example=(np.ones(2),))
    assert job.wait(SECONDS).state == "succeeded"


def test_a_cancelled_job_goes_on_where_it_stopped(
    ann: adglot.Client, root: Path, tmp_path: Path
) -> None:
    save_points(root / "many.npy", 300_000)
    job = ann.submit(rates, str(root / "many.npy"), "stopped.zarr", chunk=20)
    for status in job.watch(SECONDS):
        if status.progress.chunks_done:
            break
    job.cancel()
    stopped = job.wait(SECONDS)
    assert stopped.state == "cancelled"
    assert 0 < stopped.progress.chunks_done < stopped.progress.chunks == 15_000
    before = contents(root / "stopped.zarr")
    again = ann.submit(rates, str(root / "many.npy"), "stopped.zarr", chunk=20)
    for status in again.watch(SECONDS):
        if status.state == "running" and status.progress.chunks_done:
            break
    assert status.progress.chunks_done >= stopped.progress.chunks_done
    again.cancel()
    assert again.wait(SECONDS).state == "cancelled"
    after = contents(root / "stopped.zarr")
    assert {name: after.get(name) for name in before} == before


def test_a_point_that_fails_is_marked_and_told(ann: adglot.Client, root: Path) -> None:
    def branching(x: np.ndarray) -> np.ndarray:
        return x[0] * x if x[0] > 0 else x[1] * x

    points = np.ones((10, 2))
    points[3, 0] = -1.0
    np.save(root / "branches.npy", points)
    status = ann.submit(branching, str(root / "branches.npy"), "branches.zarr").wait(SECONDS)
    assert status.state == "succeeded"
    assert (status.progress.points_done, status.progress.points_failed) == (10, 1)


def test_a_digest_that_is_not_known_is_told(ann: adglot.Client) -> None:
    with pytest.raises(adglot.UnknownGraph, match="send the graph again"):
        ann.submit("0" * 64, "x.npy", "digest.zarr")
    digest = ann.register(adglot.trace(rates, np.ones(2)))
    assert ann.submit(digest, "x.npy", "digest.zarr").wait(SECONDS).state == "succeeded"


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"engine": "natve"}, UnknownEngine, "did you mean 'native'"),
        ({"wrt": ("z",)}, InvalidArgument, r"spec.wrt\[0\]: there is no 'z' but x"),
        ({"of": (3,)}, InvalidArgument, r"spec.of\[0\]: there is no 3"),
        ({"operator": "evaluate", "sparse": True}, InvalidArgument, "spec.sparse"),
        ({"fixed": {"q": np.ones(2)}}, InvalidArgument, "spec.fixed: no input 'q'"),
        ({"operator": "jvp"}, InvalidArgument, "tangent.x"),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    ann: adglot.Client, options: dict[str, object], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        ann.submit(rates, "x.npy", "no.zarr", example=(np.ones(2),), **options)


def test_the_same_request_twice_is_one_job(server: Server) -> None:
    from adglot.codec.jobs import method_of
    from adglot.jobcalls import JobRequest, SubmitJob

    graph = adglot.trace(rates, np.ones(2))
    ask = SubmitJob(JobRequest(graph, "x.npy", "keyed.zarr"), "a key")
    message = job_service_pb2.JobServiceSubmitRequest.FromString(method_of(ask)[1])
    metadata = (("authorization", "Bearer ann.secret"),)
    with grpc.insecure_channel(server.addresses[0]) as channel:
        stub = job_service_pb2_grpc.JobServiceStub(channel)
        first, second = (stub.Submit(message, metadata=metadata).job.id for _ in range(2))
        assert first == second
        message.request_id = "k" * 65
        with pytest.raises(grpc.RpcError) as caught:
            stub.Submit(message, metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("method", ["Submit", "Get", "Cancel", "List", "Watch"])
def test_bytes_that_are_no_message_are_refused(server: Server, method: str) -> None:
    metadata = (("authorization", "Bearer ann.secret"),)
    with grpc.insecure_channel(server.addresses[0]) as channel:
        make = channel.unary_stream if method == "Watch" else channel.unary_unary
        call = make(f"/adglot.v1.JobService/{method}")
        read = list if method == "Watch" else bytes
        with pytest.raises(grpc.RpcError) as caught:
            read(call(b"\xff\xff\xff", metadata=metadata))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_pages_are_followed(ann: adglot.Client, server: Server) -> None:
    ids = [job.id for job in ann.jobs(limit=1000)]
    assert [job.id for job in ann.jobs(limit=2)] == ids[:2]
    with pytest.raises(InvalidArgument, match="there is no state 'done'"):
        ann.jobs("done")  # type: ignore[arg-type]


def test_a_server_without_jobs_says_so() -> None:
    with (
        Server(["localhost:0"]) as plain,
        adglot.connect(plain.addresses[0]) as ad,
        pytest.raises(Unsupported, match="adglot serve --job-root"),
    ):
        ad.jobs()
    with adglot.connect() as ad, pytest.raises(Unsupported, match="kept by a server"):
        ad.jobs()


def test_a_job_goes_on_when_its_server_comes_back(root: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    save_points(own / "x.npy", 2000)
    with serving(own) as first, adglot.connect(first.addresses[0]) as ad:
        job = ad.submit(rates, str(own / "x.npy"), "J.zarr", chunk=10)
        for status in job.watch(SECONDS):
            if status.progress.chunks_done:
                break
    with serving(own) as second, adglot.connect(second.addresses[0]) as ad:
        status = ad.job(job.id).wait(SECONDS)
    assert status.state == "succeeded"
    assert status.progress.points_done == 2000


def test_quotas_are_told_with_limit_and_need(tmp_path: Path) -> None:
    from adglot_server.jobs.quotas import Quotas

    save_points(tmp_path / "x.npy", 100)
    quotas = Quotas(jobs=1, job_points=100, job_bytes=100 * 48)
    with (
        serving(tmp_path, quotas=quotas, run=False) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        first = ad.submit(rates, str(tmp_path / "x.npy"), "a.zarr")
        with pytest.raises(LimitExceeded, match="jobs=1: this request needs 2"):
            ad.submit(rates, str(tmp_path / "x.npy"), "b.zarr")
        assert first.cancel().state == "cancelled"
        save_points(tmp_path / "x.npy", 101)
        with pytest.raises(LimitExceeded, match="job_points=100: this request needs 101"):
            ad.submit(rates, str(tmp_path / "x.npy"), "c.zarr")
        save_points(tmp_path / "x.npy", 100)
        with pytest.raises(LimitExceeded, match="job_bytes=4800"):
            ad.submit(lambda x: np.sum(x) * np.ones(50), str(tmp_path / "x.npy"), "d.zarr")


def test_a_chunk_that_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    save_points(tmp_path / "x.npy", 200)
    limits = {"limits": Limits(memory_bytes=1 << 20)}

    def wide(x: np.ndarray) -> np.ndarray:
        return np.sum(x) * np.ones(1000)

    with (
        serving(tmp_path, server=limits, run=False) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        ad.submit(wide, str(tmp_path / "x.npy"), "a.zarr", "evaluate", chunk=100)
        with pytest.raises(LimitExceeded, match="memory_bytes=1048576: this request needs 1600000"):
            ad.submit(wide, str(tmp_path / "x.npy"), "b.zarr", "evaluate", chunk=200)
