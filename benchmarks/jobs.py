"""``make bench-jobs``: from a file of points to a store, against the same engine in one process.

Three things that one process does in chunks of the same size: compute, and drop what comes out;
compute and keep it in memory; compute and save it with NumPy. ``--out`` writes what was found.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

import adglot
from adglot.codec.graphs import dumps
from adglot_server.jobs.chunk import peak_bytes
from adglot_server.jobs.pools import LocalPool
from adglot_server.jobs.run import ChunkDone, Event, Started, run
from adglot_server.jobs.spec import JobSpec
from benchmarks import results
from benchmarks.workloads import odes

Array = np.ndarray[Any, Any]

AIM = 0.8
"""Of what one process computes and saves."""


@dataclass(frozen=True)
class Case:
    """A function at so many points, with an argument of so many numbers."""

    name: str
    function: Callable[[Any], Any]
    size: int
    count: int
    engine: str = "native"
    sparse: bool = False
    chunk: int | None = None


LOTKA_VOLTERRA = partial(odes.lotka_volterra, np)
BRUSSELATOR = partial(odes.brusselator, np)

CASES = (
    Case("Lotka-Volterra, dense", LOTKA_VOLTERRA, 2, 1_000_000),
    Case("Lotka-Volterra, dense", LOTKA_VOLTERRA, 2, 10_000_000),
    Case("Brusselator, n = 64, sparse", BRUSSELATOR, 64, 100_000, sparse=True),
    Case("Brusselator, n = 64, sparse", BRUSSELATOR, 64, 500_000, sparse=True),
    Case("Brusselator, n = 64, sparse", BRUSSELATOR, 64, 20_000, "casadi", True, 1000),
)


@dataclass(frozen=True)
class Found:
    """Of one case: Jacobians a second, and bytes.

    - `whole`, `steady`: of the job, from its start and from when every worker had done a chunk
    - `dropped`, `kept`, `saved`: of one process, see the module
    - `store`: bytes of the store; `chunk`: of a chunk, what comes in and what goes out
    - `idle`, `peak`: most memory of a worker before the job and in all its life
    """

    name: str
    engine: str
    points: int
    workers: int
    seconds: float
    whole: float
    steady: float
    dropped: float
    kept: float
    saved: float
    store: int
    chunk: int
    idle: int
    peak: int


def measured(case: Case, folder: Path, workers: int) -> Found:
    """A case, in a folder with room for its points and twice its results."""
    points = folder / "points.npy"
    X = np.random.default_rng(0).uniform(0.5, 2.0, (case.count, case.size))
    np.save(points, X)
    del X
    graph = adglot.trace(case.function, np.load(points, mmap_mode="r")[0].copy())
    out = folder / "job.zarr"
    spec = JobSpec(
        dumps(graph),
        str(points),
        str(out),
        engine=case.engine,
        sparse=case.sparse,
        chunk=case.chunk,
    )
    seen: list[tuple[float, Event]] = []
    with LocalPool(workers) as pool:
        idle = pool.submit(peak_bytes).result()
        outcome = run(spec, pool, lambda event: seen.append((time.perf_counter(), event)))
    assert outcome.complete
    plan = next(event.plan for _, event in seen if isinstance(event, Started))
    store = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    shutil.rmtree(out)
    assert plan.spec.chunk is not None
    dropped, kept, saved = alone(case, graph, points, plan.spec.chunk, folder)
    return Found(
        case.name, case.engine, case.count, workers, outcome.seconds,
        case.count / outcome.seconds, steady(seen, workers), dropped, kept, saved,
        store, plan.spec.chunk * plan.point_bytes, idle, outcome.peak_bytes,
    )  # fmt: skip


def steady(seen: list[tuple[float, Event]], workers: int) -> float:
    """Points a second, once every worker has done a chunk and thereby all preparations."""
    done = [(when, event.done) for when, event in seen if isinstance(event, ChunkDone)]
    if len(done) <= 2 * workers:
        return float("nan")
    first, last = done[workers - 1][0], done[-1][0]
    return sum(chunk.points for _, chunk in done[workers:]) / (last - first)


def alone(
    case: Case, graph: adglot.Graph, points: Path, chunk: int, folder: Path
) -> tuple[float, float, float]:
    """Points a second of one process, on all cores: dropped, kept, saved."""
    X = np.load(points, mmap_mode="r")
    keywords = {"engine": case.engine, "sparse": case.sparse, "batch": True}
    with adglot.connect() as ad:
        prepared = ad.prepare(graph, X[:4], operator="value_and_jacobian", **keywords)
        for _ in range(12 if case.engine == "native" else 1):  # until it is compiled
            prepared(np.asarray(X[:chunk]))
        rates = [
            _rate(partial(prepared), X, chunk, take)
            for take in (lambda k, y, J: None, *_keeping(), _saving(folder))
        ]
    return rates[0], rates[1], rates[2]


def _rate(compute: Callable[..., Any], X: Array, chunk: int, take: Callable[..., Any]) -> float:
    started = time.perf_counter()
    for k in range(0, len(X), chunk):
        y, J = compute(np.asarray(X[k : k + chunk]))
        take(k, y, getattr(J, "data", J))
    return len(X) / (time.perf_counter() - started)


def _keeping() -> Iterator[Callable[..., Any]]:
    held: list[Any] = []
    yield lambda k, y, J: held.append((y, J))
    held.clear()


def _saving(folder: Path) -> Callable[..., Any]:
    place = folder / "saved"
    place.mkdir(exist_ok=True)

    def save(k: int, y: Array, J: Array) -> None:
        np.save(place / f"y{k}", y)
        np.save(place / f"J{k}", J)

    return save


def shown(found: list[Found]) -> Table:
    """As it is printed."""
    table = Table(title="Jacobians a second, from file to store")
    for head in (
        "", "points", "seconds", "whole", "steady", "one process saves", "keeps", "drops",
        "steady / saves", "chunk MB", "worker MB, idle and peak",
    ):  # fmt: skip
        table.add_column(head, justify="left" if not head else "right")
    for one in found:
        rates = (one.whole, one.steady, one.saved, one.kept, one.dropped)
        table.add_row(
            f"{one.name}, {one.engine}", f"{one.points:,}", f"{one.seconds:.2f}",
            *(f"{rate:.3g}" for rate in rates), f"{one.steady / one.saved:.2f}",
            f"{one.chunk / 1e6:.0f}", f"{one.idle / 1e6:.0f} {one.peak / 1e6:.0f}",
        )  # fmt: skip
    return table


@click.command
@click.option("--folder", type=click.Path(path_type=Path), help="Where files and stores are.")
@click.option("--only", default="", help="Cases whose name or engine has this in it.")
@click.option("--workers", type=click.IntRange(1), help="Without it, one a core.")
@click.option("--out", type=click.Path(path_type=Path), help="Write what was found as JSON.")
def main(folder: Path | None, only: str, workers: int | None, out: Path | None) -> None:
    """Run every case, one after the other."""
    machine, found = results.machine(), list[Found]()
    for case in CASES:
        if only in f"{case.name} {case.engine} {case.count}":
            with tempfile.TemporaryDirectory(dir=folder) as own:
                found.append(measured(case, Path(own), workers or os.cpu_count() or 1))
            Console().print(shown(found[-1:]))
            if out is not None:
                data = {"machine": machine, "jobs": [asdict(one) for one in found]}
                out.write_text(json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    main()
