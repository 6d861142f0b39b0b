"""A request for which the system has no memory fails by itself, and says how much it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adglot
from adglot.errors import LimitExceeded

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

ROOM = 100 << 20
"""Bytes that the server may take beyond what it starts with."""

SERVE = f"""
import resource
from adglot_server.service.memory import sizes
from adglot_server.service.server import serve

def started(server):
    held = sizes("/proc/self/status")["VmData"]
    resource.setrlimit(resource.RLIMIT_DATA, (held + {ROOM}, held + {ROOM}))
    print(server.addresses[0], flush=True)

serve(["localhost:0"], started)
"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def large(x: Any) -> Any:
    return np.sum(np.sin(np.outer(x, x)))


@pytest.mark.parametrize("operator", ["evaluate", "gradient"])
def test_the_error_has_the_need_and_the_line_and_the_service_goes_on(
    address: str, operator: str
) -> None:
    x = np.linspace(0.0, 1.0, 4_000)
    nbytes = 8 * x.size**2
    with adglot.connect(address) as ad:
        for _ in range(2):
            with pytest.raises(LimitExceeded, match=r"test_memory.py:\d+ ") as caught:
                getattr(ad, operator)(large, x)
            error = caught.value
            assert error.name == "memory_bytes"
            assert error.need >= nbytes > error.limit
        assert ad.gradient(np.sum, x[:3]).tolist() == [1.0, 1.0, 1.0]
