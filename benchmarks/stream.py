"""A million points through one stream: time a point, and the peak memory of server and client."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

import adglot
from benchmarks.rows import Row
from benchmarks.servers import running
from benchmarks.wire import rosenbrock

POINTS = 1_000_000
LIMIT = 200e6
"""Bytes that the server may take, its interpreter and libraries included."""


def points(chunk: int = 4096) -> Iterator[np.ndarray[Any, Any]]:
    """Points without end, of which few are there at a time."""
    random = np.random.default_rng(0)
    while True:
        yield from random.standard_normal((chunk, 10))


def gradients(target: str, count: int = POINTS) -> float:
    """Seconds for so many gradients, every result looked at."""
    start = time.perf_counter()
    with adglot.connect(target) as ad:
        total = sum(g[0] for g in ad.stream(rosenbrock, islice(points(), count)))
    assert np.isfinite(total)
    return time.perf_counter() - start


def rows() -> Iterator[Row]:
    """Time against NumPy's for the points alone, and peak memory against the limit."""
    with running("adglot") as ours:
        gradients(ours.tcp, 10_000)
        ours_at_first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        taken = gradients(ours.tcp)
        server = ours.status("VmHWM")
    client = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - ours_at_first
    start = time.perf_counter()
    sum(x[0] for x in islice(points(), POINTS))
    alone = time.perf_counter() - start
    name = f"stream of {POINTS} gradients, n = 10"
    yield Row(name, taken, alone, "s", taken / alone, "", "making the points")
    yield Row(
        f"{name}: server's memory",
        server / 1e6,
        LIMIT / 1e6,
        "MB",
        server / LIMIT,
        "at most 1",
        "limit",
    )
    yield Row(
        f"{name}: growth of the client's",
        client / 1e6,
        LIMIT / 1e6,
        "MB",
        client / LIMIT,
        "at most 1",
        "limit",
    )


if __name__ == "__main__":
    for row in rows():
        print(
            f"{row.name}: {row.ours:.4g} {row.unit}, {row.against} {row.peer:.4g}, {row.ratio:.2f}"
        )
