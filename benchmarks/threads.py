"""Batches on two cores against one: how many times faster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import adglot
from adglot_server.executors.batches import at_most, cores
from benchmarks.peers.adglot import XP
from benchmarks.rows import Row
from benchmarks.workloads import FAMILIES
from benchmarks.workloads.base import Workload

POINTS = 50_000
WARM = 12
"""Calls before any is timed: compiled code has taken over by then, or will not."""

TURNS = 15


@dataclass(frozen=True)
class Times:
    """The best seconds on one core and on two: what else runs only ever takes time."""

    one: float
    two: float


def workloads() -> list[Workload]:
    """Those of the contests that are batches."""
    return [w for family in FAMILIES.values() for w in family if w.batch is not None]


def measure(workload: Workload) -> Times:
    """One core and two in turn, at more points than the contest has."""
    points = tuple(np.resize(x, (POINTS, *x.shape[1:])) for x in workload.point)
    with adglot.connect() as ad:
        call = ad.prepare(
            lambda *args: workload.function(XP, *args),
            *points,
            operator=workload.operator,
            batch=True,
            sparse=workload.sparse,
        )
        for _ in range(WARM):
            call(*points)
        times: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(TURNS):
            for count, taken in times.items():
                with at_most(count):
                    taken.append(_seconds(call, points))
    return Times(min(times[1]), min(times[2]))


def _seconds(call: Callable[..., Any], points: tuple[Any, ...]) -> float:
    start = time.perf_counter()
    call(*points)
    return time.perf_counter() - start


def of_numpy() -> Times:
    """What the machine has to give just now: NumPy's sines, by one thread and by two at once."""
    x = np.linspace(0.0, 1.0, 200_000)
    outputs = np.empty((2, x.size))
    with ThreadPoolExecutor(2) as pool:

        def seconds(threads: int) -> float:
            work = [partial(np.sin, x, out=outputs[k % threads]) for k in range(20)]
            shares = [work[k::threads] for k in range(threads)]
            return _seconds(lambda: list(pool.map(_all, shares)), ())

        times = [(seconds(1), seconds(2)) for _ in range(TURNS)]
    return Times(min(one for one, _ in times), min(two for _, two in times))


def _all(calls: list[Callable[[], object]]) -> None:
    for call in calls:
        call()


def rows() -> Iterator[Row]:
    """Nothing where this process has one core; the machine's own measure comes first."""
    if cores() < 2:
        return
    found = of_numpy()
    ours, peer = found.two * 1e3, found.one * 1e3
    yield Row("NumPy's sines, two threads", ours, peer, "ms", peer / ours, "", "one thread")
    for workload in workloads():
        found = measure(workload)
        name = f"{workload.name.split(',')[0]}, {POINTS} points, two cores"
        ours, peer = found.two * 1e3, found.one * 1e3
        yield Row(name, ours, peer, "ms", peer / ours, "at least 1.7", "one core")


if __name__ == "__main__":
    for row in rows():
        print(
            f"{row.name}: {row.ours:.3g} {row.unit}, {row.against} {row.peer:.3g}, {row.ratio:.2f}"
        )
