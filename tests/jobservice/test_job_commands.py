"""`adglot job submit|watch|cancel|list` and `adglot health`, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from adglot.cli.group import adglot
from adglot_server.service.server import Server
from jobservice.served import jacobians, save_points, serving

EXAMPLE = Path(__file__).parents[2] / "examples" / "jobs" / "lotka_volterra.py"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    save_points(folder / "x.npy")
    return folder


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    with serving(root) as running:
        yield running


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that runs nothing."""
    folder = tmp_path_factory.mktemp("waiting")
    save_points(folder / "x.npy")
    with serving(folder, run=False) as running:
        yield running


def invoke(server: Server, *arguments: str) -> Result:
    return CliRunner().invoke(
        adglot, arguments, env={"ADGLOT_SERVER": server.addresses[0], "COLUMNS": "250"}
    )


def submit(server: Server, root: Path, *options: str) -> Result:
    told = ("--points", "x.npy", "--trace-at", str(root / "x.npy"), *options)
    return invoke(server, "job", "submit", f"{EXAMPLE}:rates", *told)


def test_a_job_is_submitted_and_watched_to_its_end(server: Server, root: Path) -> None:
    result = submit(server, root, "--out", "J.zarr", "--watch")
    assert result.exit_code == 0, result.output
    id, line = result.stdout.splitlines()
    assert line == f"{id} succeeded, 200 of 200 points in {root}/J.zarr"
    import zarr

    store = zarr.open_group(root / "J.zarr", mode="r")
    np.testing.assert_allclose(store["jacobian.y.x"][:], jacobians(np.load(root / "x.npy")))
    again = invoke(server, "job", "watch", id)
    assert (again.exit_code, again.stdout.strip()) == (0, line)
    listed = invoke(server, "job", "list", "--state", "succeeded")
    assert id in listed.stdout
    assert "200/200" in listed.stdout


def test_a_job_that_fails_ends_with_its_error(server: Server, root: Path) -> None:
    (root / "taken.zarr").mkdir()
    (root / "taken.zarr" / "x").touch()
    result = submit(server, root, "--out", "taken.zarr", "--watch")
    assert result.exit_code == 1
    assert "failed, 0 of 200 points" in result.stderr
    assert "is not the store of a job" in result.stderr


def test_a_job_is_cancelled(waiting: Server, root: Path) -> None:
    id = submit(waiting, root, "--out", "J.zarr").stdout.strip()
    cancelled = invoke(waiting, "job", "cancel", id)
    assert cancelled.exit_code == 0
    assert cancelled.stdout.startswith(f"{id} cancelled, 0 of 200 points")
    assert id not in invoke(waiting, "job", "list", "--state", "queued").stdout
    assert invoke(waiting, "job", "watch", id).exit_code == 1


def test_what_is_not_there_is_told(waiting: Server, root: Path) -> None:
    unknown = invoke(waiting, "job", "watch", "nothing")
    assert unknown.exit_code == 2
    assert "UnknownJob: there is no job 'nothing' of yours" in unknown.stderr
    refused = submit(waiting, root, "--out", "/tmp/J.zarr")
    assert refused.exit_code == 1
    assert "PermissionDenied: out: /tmp/J.zarr is not below" in refused.stderr


def test_a_server_without_jobs_and_no_server_at_all_say_so(root: Path) -> None:
    with Server(["localhost:0"]) as plain:
        told = invoke(plain, "job", "list")
    assert (told.exit_code, "adglot serve --job-root" in told.stderr) == (2, True)
    alone = CliRunner().invoke(adglot, ["job", "list"])
    assert (alone.exit_code, "adglot job run" in alone.stderr) == (2, True)


def test_health_is_told_of_all_and_of_one_service(server: Server) -> None:
    address = server.addresses[0]
    for service in ("", "adglot.v1.DerivativeService", "adglot.v1.JobService"):
        result = CliRunner().invoke(adglot, ["health", address, "--service", service])
        assert (result.exit_code, result.stdout) == (0, f"{address} SERVING\n")
    unknown = CliRunner().invoke(adglot, ["health", address, "--service", "no.Service"])
    assert unknown.exit_code == 2
    nobody = CliRunner().invoke(adglot, ["health", "localhost:1", "--timeout", "2"])
    assert nobody.exit_code == 1
