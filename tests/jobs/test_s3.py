"""Jobs from S3 to S3, as moto serves it on this machine."""

from collections.abc import Iterator
from typing import Any

import fsspec
import numpy as np
import pytest
import zarr

import adglot
from adglot.codec.graphs import dumps
from adglot_server.jobs.pools import LocalPool
from adglot_server.jobs.run import run
from adglot_server.jobs.spec import JobSpec
from jobs import functions

pytestmark = [
    pytest.mark.jobs,
    # s3fs leaves its connections to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]
U = np.random.default_rng(0).uniform(0.5, 2.0, (1000, 2))


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "anybody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3 = fsspec.filesystem("s3", skip_instance_cache=True)
        s3.mkdir("team")
        yield "s3://team"
        s3.close_session(s3.loop, s3.s3)
    server.stop()


def write(url: str) -> None:
    with fsspec.open(url, "wb") as file:
        np.save(file, U)


def contents(url: str) -> dict[str, bytes]:
    fs, path = fsspec.core.url_to_fs(url)
    fs.invalidate_cache()
    return {name.removeprefix(path): fs.cat_file(name) for name in fs.find(path)}


def test_from_s3_to_s3_and_on_where_it_stopped(bucket: str) -> None:
    write(f"{bucket}/u.npy")
    graph = dumps(adglot.trace(functions.predators, U[0]))
    spec = JobSpec(graph, f"{bucket}/u.npy", f"{bucket}/J.zarr", chunk=100)
    with LocalPool(1) as pool:
        first: list[Any] = []
        stopped = run(spec, pool, first.append, lambda: len(first) > 3)
        assert 0 < stopped.left < 10
        assert run(spec, pool).complete
        assert run(JobSpec(graph, spec.points, f"{bucket}/again.zarr", chunk=100), pool).complete
    group: Any = zarr.open_group(spec.out, mode="r")
    expected = functions.predators_jacobians(U)
    np.testing.assert_allclose(group["jacobian.y.u"][:], expected, rtol=1e-14, atol=1e-14)
    assert contents(spec.out) == contents(f"{bucket}/again.zarr")


def test_a_bucket_that_is_not_there(bucket: str) -> None:
    write(f"{bucket}/u.npy")
    graph = dumps(adglot.trace(functions.predators, U[0]))
    with LocalPool(1) as pool:
        with pytest.raises(adglot.InvalidArgument, match="bucket does not exist"):
            run(JobSpec(graph, "s3://nowhere/u.npy", f"{bucket}/J.zarr"), pool)
        with pytest.raises(adglot.InvalidArgument, match="out"):
            run(JobSpec(graph, f"{bucket}/u.npy", "s3://nowhere/J.zarr"), pool)
