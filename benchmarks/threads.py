"""How many times faster batches are on two cores than on one, beside two processes."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
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

RESULT_BYTES = 64 << 20
"""Of a batch: as many points as that takes. Small batches are over before a thread is awake."""

WARM = 30
"""Calls before any is timed, twice: compiled code has taken over by then, or will not."""

TURNS = 25


@dataclass(frozen=True)
class Times:
    """The best seconds on one core and on two: what else runs only ever takes time."""

    one: float
    two: float


def workloads() -> list[Workload]:
    """Those of the contests that are batches."""
    return [w for family in FAMILIES.values() for w in family if w.batch is not None]


Batch = Callable[[int], float]
"""Runs so many points and tells the seconds."""


@contextmanager
def ready(workload: Workload) -> Iterator[tuple[int, Batch]]:
    """How many points are a batch, and what runs those and fewer, compiled."""
    with adglot.connect() as ad:
        few = tuple(x[:8] for x in workload.point)
        call = ad.prepare(
            lambda *args: workload.function(XP, *args),
            *few,
            operator=workload.operator,
            batch=True,
            sparse=workload.sparse,
        )
        count = RESULT_BYTES * 8 // _bytes(call(*few))
        points = tuple(np.resize(x, (count, *x.shape[1:])) for x in workload.point)

        def batch(size: int) -> float:
            part = tuple(x[:size] for x in points)
            return _seconds(call, part)

        for _ in range(2):
            for size in (count, count // 2) * (WARM // 2):
                batch(size)
            settle(60)
        yield count, batch


def _bytes(result: Any) -> int:
    """Of the numbers of a result."""
    leaves, _ = flatten(result)
    return sum(getattr(leaf, "data", leaf).nbytes for leaf in leaves)


def by_threads(workload: Workload) -> tuple[int, Times]:
    """How many points, and one core and two in turn."""
    with ready(workload) as (count, batch):
        times: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(TURNS):
            for number, taken in times.items():
                with at_most(number):
                    taken.append(batch(count))
    return count, Times(min(times[1]), min(times[2]))


def by_processes(workload: Workload) -> Times:
    """What the machine has to give: the same batch by one process, and by two a half of it each."""
    with ExitStack() as stack:
        (count, first), (_, second) = (stack.enter_context(_process(workload)) for _ in range(2))
        times = [
            (_together(count, [first]), _together(count // 2, [first, second]))
            for _ in range(TURNS)
        ]
    return Times(min(one for one, _ in times), min(two for _, two in times))


@contextmanager
def _process(workload: Workload) -> Iterator[tuple[int, Connection]]:
    """A process that runs as many points as it is told."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_serve, args=(workload.name, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        ours.send(0)
        process.join()


def _serve(name: str, parent: Connection) -> None:
    (workload,) = (w for w in workloads() if w.name == name)
    with at_most(1), ready(workload) as (count, batch):
        parent.send(count)
        while size := parent.recv():
            parent.send(batch(size))


def _together(size: int, processes: list[Connection]) -> float:
    """Seconds until each has run so many points."""

    def run() -> None:
        for process in processes:
            process.send(size)
        for process in processes:
            process.recv()

    return _seconds(run, ())


def _seconds(call: Callable[..., Any], points: tuple[Any, ...]) -> float:
    start = time.perf_counter()
    call(*points)
    return time.perf_counter() - start


def of_numpy() -> Times:
    """Arithmetic alone: NumPy's sines, by one thread and by two at once."""
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


def _row(name: str, found: Times, aim: str, against: str) -> Row:
    ours, peer = found.two * 1e3, found.one * 1e3
    return Row(name, ours, peer, "ms", peer / ours, aim, against)


def rows(chosen: Callable[[str], bool] = lambda name: True) -> Iterator[Row]:
    """Nothing where this process has one core; after ours comes what two processes reach."""
    if cores() < 2:
        return
    yield _row("NumPy's sines, two threads", of_numpy(), "", "one thread")
    for workload in workloads():
        if chosen(workload.name):
            count, found = by_threads(workload)
            name = f"{workload.name.split(',')[0]}, {count} points"
            yield _row(f"{name}, two cores", found, "at least 1.7", "one core")
            yield _row(f"{name}, two processes", by_processes(workload), "", "one process")


if __name__ == "__main__":
    import sys

    words = sys.argv[1:]
    for row in rows(lambda name: not words or any(word in name for word in words)):
        print(
            f"{row.name}: {row.ours:.3g} {row.unit}, {row.against} {row.peer:.3g}, {row.ratio:.2f}",
            flush=True,
        )
