"""A stream of many points takes little memory of server and client, however many they are."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adglot
from adglot_server.executors.compiled.points import PointKernel
from batches.functions import rosenbrock, rosenbrock_gradients, rosenbrock_hessians

SERVE = """
from adglot_server.service.limits import Limits
from adglot_server.service.server import serve
limits = Limits(memory_bytes=100_000_000)
serve(["127.0.0.1:0"], lambda server: print(server.addresses[0], flush=True), limits=limits)
"""
MANY = 100_000
"""Points; `python -m benchmarks.stream` sends a million."""

ROUNDS = 50
"""Of 10 000 points, at most, before the server has compiled what it compiles."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@contextmanager
def serving() -> Iterator[tuple[int, str]]:
    command = [sys.executable, "-c", SERVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, process.stdout.readline().strip()
        finally:
            process.terminate()


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def _own_peak() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _points() -> Iterator[np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    while True:
        yield from random.standard_normal((1000, 10))


def _warm(ad: adglot.Client) -> None:
    """Stream until compiled code answers: the compiler itself takes a hundred megabytes."""
    for _ in range(ROUNDS):
        with adglot.reports() as reports:
            list(ad.stream(rosenbrock, islice(_points(), 10_000)))
        if reports[-1].executor == PointKernel.name:
            break


def test_a_hundred_thousand_gradients() -> None:
    with serving() as (pid, address), adglot.connect(address) as ad:
        _warm(ad)
        server, client = _peak(pid), _own_peak()
        pairs = zip(_points(), ad.stream(rosenbrock, islice(_points(), MANY)), strict=False)
        worst = max(
            np.max(abs(g - rosenbrock_gradients(x[None])[0])) for x, g in islice(pairs, MANY)
        )
        assert worst < 1e-9
        assert _peak(pid) - server < 30e6  # The answers alone are 8 MB.
        assert _peak(pid) < 250e6
        assert _own_peak() - client < 30e6


def test_what_does_not_fit_at_once_goes_through_in_chunks() -> None:
    X = np.random.default_rng(0).standard_normal((1400, 100))
    with serving() as (pid, address), adglot.connect(address) as ad:
        with pytest.raises(adglot.LimitExceeded, match="memory_bytes=100000000"):
            ad.hessian(rosenbrock, X, batch=True)
        found = ad.stream(rosenbrock, X, "hessian", chunk=100)
        for k, (x, H) in enumerate(zip(X, found, strict=True)):
            if k % 100 == 7:
                assert_allclose(H, rosenbrock_hessians(x[None])[0], atol=1e-9)
        assert _peak(pid) < 300e6
