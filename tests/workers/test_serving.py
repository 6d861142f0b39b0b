"""`adglot serve` with engines in other processes, as a user starts it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from cli.test_serve import serving
from click.testing import CliRunner
from numpy.testing import assert_allclose
from service.examples import energy

import adglot
from adglot.cli.group import adglot as adglot_command
from adglot.cli.loopback import server
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder
from adglot_server.workers.command import HUNG

X = np.array([1.0, -2.0, 0.5])


def _infos(ad: adglot.Client) -> dict[str, adglot.EngineInfo]:
    return {info.name: info for info in ad.engines()}


def _children(pid: int) -> list[int]:
    """The processes that this one has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_an_isolated_engine_keeps_its_name_and_survives_crashes() -> None:
    options = ("--address", "127.0.0.1:0", "--isolate", "complex-step", "--start", "complex-step")
    with serving(*options) as (process, address), adglot.connect(address) as ad:
        assert _infos(ad)["complex-step"].state in ("starting", "ready")
        for _ in range(2):
            assert_allclose(ad.gradient(energy(), X, engine="complex-step"), 3 * X**2)
            assert _infos(ad)["complex-step"].state == "ready"
            (worker,) = _children(process.pid)
            os.kill(worker, signal.SIGKILL)
            while worker in _children(process.pid):
                time.sleep(0.05)


def test_an_isolated_engine_has_the_limits_of_its_server() -> None:
    with (
        server("--isolate", "complex-step", "--max-memory-bytes", "100000") as address,
        adglot.connect(address) as ad,
    ):
        x = np.ones(2000)  # enough for the function, which is all that the server itself looks at
        ad.evaluate(energy(n=2000), x, engine="complex-step")
        with pytest.raises(adglot.LimitExceeded, match="memory_bytes=100000"):
            ad.gradient(energy(n=2000), x, engine="complex-step")


def one_long_step() -> Graph:
    """x -> a product of matrices that takes seconds, in which nobody looks at the clock."""
    builder = Builder()
    x = builder.input(Type("float64"))
    wide = TABLE["broadcast_to"](x, shape=(6000, 6000))
    return builder.build([x], [TABLE["sum"](TABLE["matmul"](wide, wide), axes=(0, 1))])


def test_work_that_outlives_its_caller_ends_a_server_that_is_told_so() -> None:
    with serving("--address", "127.0.0.1:0", "--hung-after", "0.2") as (process, address):
        with adglot.connect(address) as ad:
            ad.register(one_long_step())
            with pytest.raises(adglot.DeadlineExceeded):
                ad.evaluate(one_long_step(), 1.0, timeout=0.5)
        assert process.wait(timeout=30.0) == HUNG


def test_an_attached_server_and_the_engines_that_are_served() -> None:
    with (
        server("--only", "complex-step") as far,
        server("--only", "native", "--engine", f"far={far}") as near,
        adglot.connect(near) as ad,
    ):
        assert _infos(ad).keys() == {"native", "far/complex-step"}
        with adglot.reports() as reports:
            assert_allclose(ad.gradient(energy(), X, engine="far/complex-step"), 3 * X**2)
        assert reports[0].engine == "far/complex-step"
        assert reports[0].passes == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--engine", "far"), "expected NAME=ADDRESS"),
        (("--engine", "a/b=host:1"), "expected NAME=ADDRESS"),
        (("--isolate", "nothing"), "no engine 'nothing' is installed; there are "),
        (("--only", "nothing"), "no engine 'nothing' is installed"),
        (("--start", "native"), "'native' is no family of engines with a process of its own"),
    ],
)
def test_what_makes_no_sense_is_refused(options: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(adglot_command, ["serve", "--address", "127.0.0.1:0", *options])
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_a_worker_does_not_take_the_settings_of_its_server() -> None:
    """What configures this server is not meant for its workers: no address, no token, no engine."""
    environment = {
        **os.environ,
        "ADGLOT_SERVE_ADDRESS": "127.0.0.1:0",
        "ADGLOT_SERVE_TOKEN": "secret",
        "ADGLOT_SERVE_ISOLATE": "complex-step",
        "ADGLOT_SERVE_START": "complex-step",
    }
    command = [sys.executable, "-m", "adglot", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            with adglot.connect(address, token="secret") as ad:
                assert_allclose(ad.gradient(energy(), X, engine="complex-step"), 3 * X**2)
        finally:
            process.terminate()
            assert process.wait(timeout=30.0) == 0
