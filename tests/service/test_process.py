"""The process of `serve`: the memory it takes and keeps, and that it leaves nothing behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adglot
from service.examples import cubes

SERVE = """
import gc
from adglot_server.service.server import serve
serve(["localhost:0"], lambda server: print(server.addresses[0], gc.get_threshold(), flush=True))
"""
WIDE = 1000
"""Inputs and outputs of a Jacobian of 8 MB."""


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple[int, str, str]]:
    """Its id, its address, and what its garbage collector waits for."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        address, thresholds = process.stdout.readline().strip().split(" ", 1)
        yield process.pid, address, thresholds
        process.terminate()


def _page_faults(pid: int) -> int:
    """Minor ones so far: field 10 of ``proc(5)``'s stat, counted behind the name."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])


@LINUX
def test_large_answers_take_no_new_memory_each_time(serving: tuple[int, str, str]) -> None:
    pid, address, _ = serving
    x = np.linspace(-1.0, 1.0, WIDE)
    with adglot.connect(address) as ad:
        jacobian = ad.prepare(cubes(n=WIDE), x, operator="jacobian")
        for _ in range(5):
            assert_allclose(jacobian(x).diagonal(), 3 * x**2)
        before = _page_faults(pid)
        for _ in range(10):
            jacobian(x)
    pages = WIDE * WIDE * 8 // 4096
    assert _page_faults(pid) - before < 10 * pages / 4


def test_garbage_is_looked_for_less_often(serving: tuple[int, str, str]) -> None:
    assert serving[2].startswith("(10000,")


@LINUX
def test_a_million_numbers_cross_within_a_few_copies(serving: tuple[int, str, str]) -> None:
    pid, address, _ = serving
    x = np.linspace(-1.0, 1.0, 1_000_000)
    with adglot.connect(address) as ad:
        assert_allclose(ad.evaluate(cubes(n=3), x[:3]), x[:3] ** 3)
        before = _memory(pid, "VmRSS")
        _, dx = ad.jvp(cubes(n=x.size), (x,), (x,))
    assert_allclose(dx, 3 * x**3)
    crossed = 4 * x.nbytes  # Two arrays in, two out; the program works with as many again.
    assert _memory(pid, "VmHWM") - before < 4 * crossed


def _memory(pid: int, field: str) -> int:
    """Bytes that ``proc(5)``'s status gives for a field."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def test_requests_leave_no_files_behind(serving: tuple[int, str, str], tmp_path: Path) -> None:
    with adglot.connect(serving[1]) as ad:
        for n in range(2, 12):
            x = np.ones(n)
            assert_allclose(ad.jvp(cubes(n=n), (x,), (x,))[1], 3 * x)
            with pytest.raises(adglot.InvalidArgument):
                ad.gradient(cubes(n=n), x)
    assert list(tmp_path.iterdir()) == []
