"""The images and the compose file, built and run by a real engine."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

import numpy as np
import pytest

import adglot
from containers.engine import (
    ROOT,
    SERVER,
    build,
    compose,
    container_of,
    free_port,
    inspected,
    run,
    up,
)

pytestmark = pytest.mark.docker

CHECK = """
import numpy as np, zarr
points = np.load("/jobs/{name}.npy")
store = zarr.open_group("/jobs/{name}.zarr", mode="r")
x, y = points.T
expected = np.moveaxis(np.stack([np.stack([1.5 - y, -x]), np.stack([y, x - 3.0])]), -1, 0)
np.testing.assert_allclose(store["jacobian.y.x"][:], expected, rtol=1e-12)
assert (store["status"][:] == 1).all()
print("checked", len(points), "Jacobians")
"""


@pytest.fixture(scope="module")
def cluster(images: tuple[str, str]) -> Iterator[None]:
    with up("server", "scheduler", "worker"):
        await_healthy(container_of("server"))
        yield


@pytest.fixture(scope="module")
def julia_worker() -> str:
    """The image without Julia."""
    return build("julia-worker", "--build-arg", "INSTALL_JULIA=no")


def await_healthy(container: str, seconds: float = 180.0) -> None:
    """By the health check of the image."""
    given_up = time.monotonic() + seconds
    while (status := inspected(container, ".State.Health.Status")) != "healthy":
        assert time.monotonic() < given_up, f"{container} is {status}"
        time.sleep(1.0)


def test_nobody_is_root_in_an_image(images: tuple[str, str]) -> None:
    for image in images:
        assert "uid=10001(adglot)" in run("docker", "run", "--rm", image, "id")


def test_the_allocator_is_tuned(images: tuple[str, str]) -> None:
    shown = run("docker", "run", "--rm", images[0], "printenv", "GLIBC_TUNABLES")
    assert "glibc.malloc.hugetlb=1" in shown
    assert "glibc.malloc.trim_threshold=134217728" in shown


def test_nothing_of_the_build_stays_in_an_image(images: tuple[str, str]) -> None:
    looked = "ls /etc/pip.conf /run/secrets /src 2>/dev/null | wc -l"
    shown = run("docker", "run", "--rm", "--user", "root", images[0], "sh", "-c", looked)
    assert shown.split() == ["0"]


def test_a_server_is_refused_that_is_open_to_everybody(images: tuple[str, str]) -> None:
    refused = "adglot serve; echo code $?"
    shown = run("docker", "run", "--rm", images[0], "sh", "-c", refused)
    assert "code 2" in shown
    assert "--insecure" in shown


def test_a_client_on_this_machine_is_answered(cluster: None) -> None:
    with adglot.connect(SERVER) as ad:
        np.testing.assert_allclose(ad.gradient(lambda x: np.sum(x**2), np.ones(3)), 2 * np.ones(3))


def test_prometheus_finds_what_it_asks_for(cluster: None) -> None:
    (target,) = re.findall(r"targets: \[(\S+)\]", (ROOT / "deploy/prometheus.yml").read_text())
    ask = f"from urllib.request import urlopen as o; print(o('http://{target}/metrics').read())"
    assert "adglot_" in compose("exec", "-T", "worker", "python", "-c", ask)


def test_one_command_runs_a_job_to_its_end(cluster: None) -> None:
    shown = compose("run", "--rm", "job")
    assert "succeeded, 100000 of 100000 points in /jobs/lotka-volterra.zarr" in shown
    check = CHECK.format(name="lotka-volterra")
    assert "checked 100000 Jacobians" in compose("exec", "-T", "worker", "python", "-c", check)


def test_a_job_survives_the_end_of_every_container(cluster: None) -> None:
    """Each is killed once while the job runs; compose starts it again."""
    points = "python /examples/lotka_volterra.py /jobs/killed.npy 2000000"
    compose("run", "--rm", "job", "sh", "-c", points)
    with adglot.connect(SERVER) as ad:
        graph = adglot.trace(rates, np.ones(2))
        job = ad.submit(graph, "killed.npy", "killed.zarr", chunk=400)
        left = ["worker", "scheduler", "server"]
        for status in job.watch(600.0):
            if left and status.state == "running" and status.progress.chunks_done:
                run("docker", "kill", container_of(left[0]))
                compose("up", "--detach", "--no-build", left.pop(0))
    assert not left, "the job was over before all had been killed"
    assert status.state == "succeeded", status.error
    check = CHECK.format(name="killed")
    assert "checked 2000000 Jacobians" in compose("exec", "-T", "worker", "python", "-c", check)


def rates(x: np.ndarray) -> np.ndarray:
    met = x[0] * x[1]
    return np.stack([1.5 * x[0] - met, met - 3.0 * x[1]])


def test_a_julia_worker_without_julia_says_so(julia_worker: str) -> None:
    assert "uid=10001(adglot)" in run("docker", "run", "--rm", julia_worker, "id")
    shown = run("docker", "run", "--rm", julia_worker, "sh", "-c", "adglot julia status; true")
    assert "not installed" in shown or "missing" in shown


def test_a_julia_worker_answers_over_tcp(julia_worker: str) -> None:
    """With this machine's Julia.

    ADGLOT_DOCKER_JULIA has the folders to mount, with ":" between, each PATH or PATH=THERE; how to
    use them is in PYTHON_JULIACALL_EXE, PYTHON_JULIACALL_PROJECT, JULIA_DEPOT_PATH and so on.
    """
    mounts = [m.partition("=") for m in os.environ.get("ADGLOT_DOCKER_JULIA", "").split(":") if m]
    if not mounts:
        pytest.skip("ADGLOT_DOCKER_JULIA names no Julia to mount")
    mounted = [part for m in mounts for part in ("--volume", f"{m[0]}:{m[2] or m[0]}:ro")]
    names = [name for name in os.environ if name.startswith(("PYTHON_JULIA", "JULIA_"))]
    told = [part for name in names for part in ("--env", name)]
    port = free_port()
    published = ("--publish", f"127.0.0.1:{port}:50051", "--env", "ADGLOT_SERVE_INSECURE=1")
    started = run("docker", "run", "--detach", *mounted, *told, *published, julia_worker)
    container = started.split()[-1]
    try:
        await_healthy(container)
        with adglot.connect(f"localhost:{port}") as ad:
            gradient = ad.gradient(
                lambda x: np.sum(x**3), np.ones(2), engine="julia/ForwardDiff", timeout=900.0
            )
        np.testing.assert_allclose(gradient, [3.0, 3.0])
    finally:
        run("docker", "logs", container)
        run("docker", "rm", "--force", container)
