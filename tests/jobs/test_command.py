"""``adglot job run``: as a user types it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import adglot
from adglot.cli.group import adglot as command
from adglot_server.service.server import Server
from jobs import functions
from jobs.conftest import arrays

U = np.random.default_rng(0).uniform(0.5, 2.0, (1000, 2))
MODEL = Path(functions.__file__).read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "job_model.py").write_text(MODEL)
    np.save(tmp_path / "u.npy", U)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def job(*arguments: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(command, ("job", "run", *arguments, "--workers", "1"))
    assert result.exit_code == exit_code, result.output + repr(result.exception)
    return result


def test_a_job(folder: Path) -> None:
    given = ("job_model:predators", "--points", "u.npy", "--out", "J.zarr", "--chunk", "300")
    told = job(*given).output
    assert "1000 points in" in told
    assert "0 of them failed" in told
    expected = functions.predators_jacobians(U)
    np.testing.assert_allclose(arrays("J.zarr")["jacobian.y.u"], expected, rtol=1e-14, atol=1e-14)
    assert "0 points in" in job(*given).output


def test_options(folder: Path) -> None:
    np.savez(folder / "x.npz", x=U[:, 0])
    out = ("--points", "x.npz", "--out", "J.zarr", "--given", "w=[2, 3]")
    job("job_model.py:line", *out, "--operator", "jvp", "--seed", "x=2", "--no-values")
    found = arrays("J.zarr")
    np.testing.assert_allclose(found["jvp.y"], 4.0 + 12.0 * U[:, 0], rtol=1e-14)
    assert "value.y" not in found


def test_a_saved_graph_and_a_branch(folder: Path) -> None:
    X = np.random.default_rng(0).standard_normal((100, 3))
    X[0] = 1.0
    np.save(folder / "x.npy", X)
    adglot.trace(functions.branching, X[0]).save(folder / "f.adglot")
    out = ("--points", "x.npy", "--operator", "gradient")
    assert "of them failed" in job("f.adglot", *out, "--out", "graph.zarr").output
    job("job_model:branching", *out, "--out", "function.zarr")
    expected = functions.branching_gradients(X)
    np.testing.assert_array_equal(arrays("function.zarr")["gradient.x"], expected)
    assert np.isnan(arrays("graph.zarr")["gradient.x"]).any()


@pytest.fixture
def address() -> Iterator[str]:
    with Server(["localhost:0"]) as server:
        yield server.addresses[0]


def test_a_server_computes(folder: Path, address: str) -> None:
    job("job_model:predators", "--points", "u.npy", "--out", "J.zarr", "--server", address)
    expected = functions.predators_jacobians(U)
    np.testing.assert_allclose(arrays("J.zarr")["jacobian.y.u"], expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("job_model:nobody", "--points", "u.npy"), "has no nobody"),
        (("job_model:predators", "--points", "v.npy"), "No such file"),
        (("job_model:predators", "--points", "u.npy", "--given", "u"), "expected NAME=VALUE"),
        (("job_model:predators", "--points", "u.npy", "--engine", "nobody"), "no engine 'nobody'"),
        (("job_model:line", "--points", "u.npy"), "no column w"),
        (("job_model:predators", "--points", "u.npy", "--scheduler", "tcp://x:1"), "its own"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in job(*arguments, "--out", "J.zarr", exit_code=2).output
    assert not (folder / "J.zarr").exists()


def test_ctrl_c_stops_in_order_and_the_same_command_goes_on(folder: Path) -> None:
    np.save(folder / "u.npy", np.tile(U, (400, 1)))
    run = [sys.executable, "-m", "adglot", "job", "run", "job_model:predators", "--points", "u.npy"]
    run += ["--out", "J.zarr", "--chunk", "500", "--workers", "1"]
    with subprocess.Popen(run, stderr=subprocess.PIPE, text=True) as process:
        while not (folder / "J.zarr/status/c").exists() and process.poll() is None:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        assert process.stderr is not None
        told = process.stderr.read()
    assert process.returncode == 1, told
    assert "left: stopped" in told
    assert subprocess.run(run, check=False, capture_output=True).returncode == 0
    assert set(arrays("J.zarr")["status"]) == {1}
    assert not list(folder.rglob("*.partial"))
