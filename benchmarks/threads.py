"""How many times faster batches are on two cores than on one, beside what stores alone reach."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import adglot
from adglot.ir import flatten
from adglot_server.executors.batches import at_most, cores
from adglot_server.executors.compiling import settle
from benchmarks.peers.adglot import XP
from benchmarks.rows import Row
from benchmarks.workloads import FAMILIES
from benchmarks.workloads.base import Workload

IN_CACHE, IN_MEMORY = 16 << 20, 64 << 20
"""Bytes of the results of a batch: as many points as that takes. Caches have 32 MiB or less."""

AIM = 1.7
"""Of two cores; where results do not fit into caches, what stores alone reach, if that is less."""

WARM = 30
"""Calls before any is timed, twice: compiled code has taken over by then, or will not."""

TURNS, EACH = 8, 8
"""One core and two take turns of so many calls: in the first, caches have what the other left."""


@dataclass(frozen=True)
class Times:
    """The best seconds on one core and on two: what else runs only ever takes time."""

    one: float
    two: float

    @property
    def ratio(self) -> float:
        return self.one / self.two


def workloads() -> list[Workload]:
    """Those of the contests that are batches."""
    return [w for family in FAMILIES.values() for w in family if w.batch is not None]


@contextmanager
def ready(workload: Workload, size: int) -> Iterator[tuple[int, Callable[[], object]]]:
    """How many points have so many bytes of results, and what runs them, compiled."""
    with adglot.connect() as ad:
        few = tuple(x[:8] for x in workload.point)
        call = ad.prepare(
            lambda *args: workload.function(XP, *args),
            *few,
            operator=workload.operator,
            batch=True,
            sparse=workload.sparse,
        )
        count = size * 8 // _bytes(call(*few))
        points = tuple(np.resize(x, (count, *x.shape[1:])) for x in workload.point)
        for _ in range(2):
            for _ in range(WARM):
                call(*points)
            settle(60)
        yield count, partial(call, *points)


def _bytes(result: Any) -> int:
    """Of the numbers of a result."""
    leaves, _ = flatten(result)
    return sum(getattr(leaf, "data", leaf).nbytes for leaf in leaves)


def of_workload(workload: Workload, size: int) -> tuple[int, Times]:
    """How many points, and a batch of them on one core and on two."""
    with ready(workload, size) as (count, batch):

        def on(threads: int) -> None:
            with at_most(threads):
                batch()

        return count, _timed(on)


def of_stores(size: int) -> Times:
    """What the machine has to give: so many bytes written by NumPy, all or a half by each of two.

    Each time often enough that waking a thread is nothing.
    """
    memory, often = np.zeros(size // 8), max(1, 256 * 2**20 // size)
    with ThreadPoolExecutor(2) as pool:

        def on(threads: int) -> None:
            parts = np.array_split(memory, threads)
            list(pool.map(_all, [[partial(part.fill, 1.0)] * often for part in parts]))

        found = _timed(on)
    return Times(found.one / often, found.two / often)


def of_numpy() -> Times:
    """Arithmetic alone: NumPy's sines, by one thread and by two at once."""
    x = np.linspace(0.0, 1.0, 200_000)
    outputs = np.empty((2, x.size))
    with ThreadPoolExecutor(2) as pool:

        def on(threads: int) -> None:
            work = [partial(np.sin, x, out=outputs[k % threads]) for k in range(20)]
            list(pool.map(_all, [work[k::threads] for k in range(threads)]))

        return _timed(on)


def _all(calls: list[Callable[[], object]]) -> None:
    for call in calls:
        call()


def _timed(on: Callable[[int], object]) -> Times:
    """The best of what so many threads do."""
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(TURNS):
        for threads, taken in times.items():
            for _ in range(EACH):
                start = time.perf_counter()
                on(threads)
                taken.append(time.perf_counter() - start)
    return Times(min(times[1]), min(times[2]))


def _row(name: str, found: Times, aim: str = "") -> Row:
    one, two = found.one * 1e3, found.two * 1e3
    return Row(f"{name}, two cores", two, one, "ms", found.ratio, aim, "one core")


def rows(chosen: Callable[[str], bool] = lambda name: True) -> Iterator[Row]:
    """Nothing where this process has one core."""
    if cores() < 2:
        return
    yield _row("NumPy's sines", of_numpy())
    for size in (IN_CACHE, IN_MEMORY):
        stores, mib = of_stores(size), size >> 20
        yield _row(f"NumPy's stores, {mib} MiB", stores)
        least = AIM if size == IN_CACHE else min(AIM, stores.ratio)
        for workload in workloads():
            if chosen(workload.name):
                count, found = of_workload(workload, size)
                name = f"{workload.name.split(',')[0]}, {count} points, {mib} MiB"
                yield _row(name, found, f"at least {least:.3g}")


if __name__ == "__main__":
    import sys

    words = sys.argv[1:]
    for row in rows(lambda name: not words or any(word in name for word in words)):
        print(
            f"{row.name}: {row.ours:.3g} {row.unit}, {row.against} {row.peer:.3g}, {row.ratio:.2f}",
            f"({row.aim})" if row.aim else "",
            flush=True,
        )
