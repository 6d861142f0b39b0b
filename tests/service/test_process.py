"""The process of `serve` keeps the memory it needs again and again."""

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


@pytest.fixture
def serving() -> Iterator[tuple[int, str, str]]:
    """Its id, its address, and what its garbage collector waits for."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address, thresholds = process.stdout.readline().strip().split(" ", 1)
        yield process.pid, address, thresholds
        process.terminate()


def _page_faults(pid: int) -> int:
    """Minor ones so far: field 10 of ``proc(5)``'s stat, counted behind the name."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
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
