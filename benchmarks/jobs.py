"""``make bench-jobs``: from a file of points to a store, against a script with the same engine.

The command ``adglot job run`` is compared with a script, each from nothing; and a job whose workers
are there with the script's loop, when the code of both is compiled. Both write files of the same
sizes, and neither waits for the disk (no fsync). They take turns, and medians count. Each begins
where as much memory as it will fill was just filled and freed: a virtual machine gets memory from
its host page by page when it is first used, which takes ten times as long as to fill it (10 µs, and
0.8 µs a page), and without this whoever ran first paid for all. Nothing is deleted in between.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

import adglot
from adglot_server.jobs.chunk import peak_bytes
from adglot_server.jobs.plan import Plan
from adglot_server.jobs.pools import LocalPool
from adglot_server.jobs.run import ChunkDone, Event, Started, run
from adglot_server.jobs.spec import JobSpec
from benchmarks import results
from benchmarks.jobs_script import put_away
from benchmarks.workloads import odes

AIM = 0.8
"""Of what the script saves."""

ROUNDS = 9
"""In which job and script take their turn."""

COMMANDS = 3
"""Of these rounds, in which they are also measured from nothing: those seconds differ less."""


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
    """Of one case: medians of seconds and of Jacobians a second, and bytes.

    - `command`, `script`: seconds from nothing to the end
    - `job`, `saved`: Jacobians a second, of the job and of the script's loop, code compiled; of a
      job with many chunks from when every worker has done one
    - `planning`: seconds of the job before its first chunk, which `job` leaves out
    - `dropped`: of the loop where it saves nothing
    - `store`: bytes of the store; `chunk`: of a chunk, what comes in and what goes out
    - `idle`, `peak`: most memory of a worker before the job and in all its life
    """

    name: str
    engine: str
    points: int
    workers: int
    command: float
    script: float
    job: float
    saved: float
    dropped: float
    planning: float
    store: int
    chunk: int
    idle: int
    peak: int


class Bench:
    """One case, in a folder with room for its points and its results."""

    def __init__(self, case: Case, folder: Path, workers: int) -> None:
        self.case, self.workers = case, workers
        self.points, self.graph = folder / "points.npy", folder / "f.adglot"
        self.out, self.saved = folder / "job.zarr", folder / "saved"
        self.spare = folder / "touched"
        np.save(self.points, np.random.default_rng(0).uniform(0.5, 2.0, (case.count, case.size)))
        example = np.load(self.points, mmap_mode="r")[0].copy()
        adglot.trace(case.function, example).save(self.graph)
        self.bytes = 0

    def found(self) -> Found:
        """Measure all of it."""
        with LocalPool(self.workers) as pool:
            idle = pool.submit(peak_bytes).result()
            plan, _, _, peak = self.job(pool)  # by which the workers are ready
            chunk = plan.spec.chunk or 0
            commands, scripts, jobs, loops = [], [], [], []
            for k in range(ROUNDS):
                self.job(pool)
                self._touch()
                jobs.append(self.job(pool))
                loops.append(self.loop(chunk))
                if k < COMMANDS:
                    commands.append(self.command())
                    scripts.append(self.script(chunk))
        case, middle = self.case, statistics.median
        _, rates, planning, peaks = zip(*jobs, strict=True)
        saved, dropped = (case.count / middle(times) for times in zip(*loops, strict=True))
        return Found(
            case.name, case.engine, case.count, self.workers, middle(commands), middle(scripts),
            middle(rates), saved, dropped, middle(planning), self.bytes, chunk * plan.point_bytes,
            idle, max(peak, *peaks),
        )  # fmt: skip

    def job(self, pool: LocalPool) -> tuple[Plan, float, float, int]:
        """Its plan, points a second, seconds of planning, and the peak of a worker."""
        case, seen = self.case, list[tuple[float, Event]]()
        spec = JobSpec(
            self.graph.read_bytes(),
            str(self.points),
            str(self.out),
            engine=case.engine,
            sparse=case.sparse,
            chunk=case.chunk,
        )
        began = time.perf_counter()
        outcome = run(spec, pool, lambda event: seen.append((time.perf_counter(), event)))
        assert outcome.complete
        planned, plan = next((when, e.plan) for when, e in seen if isinstance(e, Started))
        rate = self._steady(planned, seen)
        self.bytes = sum(path.stat().st_size for path in self.out.rglob("*") if path.is_file())
        put_away(self.out)
        return plan, rate, planned - began, outcome.peak_bytes

    def _steady(self, planned: float, seen: list[tuple[float, Event]]) -> float:
        """Points a second, of a long job from when every worker has opened it and done a chunk."""
        done = [(when, event.done.points) for when, event in seen if isinstance(event, ChunkDone)]
        first = self.workers if len(done) > 4 * self.workers else 0
        began = done[first - 1][0] if first else planned
        return sum(points for _, points in done[first:]) / (done[-1][0] - began)

    def command(self) -> float:
        """Seconds of ``adglot job run``."""
        case = self.case
        chunk = () if case.chunk is None else ("--chunk", str(case.chunk))
        sparse = ("--sparse",) if case.sparse else ()
        self._call(
            "adglot", "job", "run", str(self.graph), "--points", str(self.points), "--engine",
            case.engine, "--out", str(self.out), "--workers", str(self.workers), *chunk, *sparse,
        )  # fmt: skip
        put_away(self.out)
        return self._seconds

    def script(self, chunk: int) -> float:
        """Seconds of the script."""
        self._script(chunk, 0)
        return self._seconds

    def loop(self, chunk: int) -> tuple[float, float]:
        """Seconds of the script's loop: saving, and computing alone."""
        saving, computing = map(float, self._script(chunk, 1).split())
        return saving, computing

    def _script(self, chunk: int, repeats: int) -> str:
        case = self.case
        printed = self._call(
            "benchmarks.jobs_script", str(self.graph), str(self.points), str(chunk), case.engine,
            str(case.sparse), str(self.saved), str(repeats),
        )  # fmt: skip
        put_away(self.saved)
        return printed

    def _call(self, *command: str) -> str:
        """What it prints; how long it took is in `_seconds`."""
        self._touch()
        began = time.perf_counter()
        whole = [sys.executable, "-m", *command]
        done = subprocess.run(whole, capture_output=True, text=True, check=False)
        self._seconds = time.perf_counter() - began
        if done.returncode:
            raise click.ClickException(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def _touch(self) -> None:
        """Have the system give memory for results, and take it back."""
        part = bytes(1 << 24)
        with self.spare.open("wb", buffering=0) as file:
            for _ in range(-(-self.bytes // len(part)) + 16):
                file.write(part)
        self.spare.unlink()


def shown(found: list[Found]) -> Table:
    """As it is printed."""
    table = Table(title="From file to store")
    for head in (
        "", "points", "command, s", "script, s", "job, a second", "script saves", "job / script",
        "script drops", "planning, s", "chunk MB", "worker MB, idle and peak",
    ):  # fmt: skip
        table.add_column(head, justify="left" if not head else "right")
    for one in found:
        rates = f"{one.job:.3g}", f"{one.saved:.3g}", f"{one.job / one.saved:.2f}"
        table.add_row(
            f"{one.name}, {one.engine}", f"{one.points:,}", f"{one.command:.2f}",
            f"{one.script:.2f}", *rates, f"{one.dropped:.3g}", f"{one.planning:.3f}",
            f"{one.chunk / 1e6:.0f}", f"{one.idle / 1e6:.0f} {one.peak / 1e6:.0f}",
        )  # fmt: skip
    return table


@click.command
@click.option("--folder", type=click.Path(path_type=Path), help="Where files and stores are.")
@click.option("--only", default="", help="Cases whose name, engine or points have this in them.")
@click.option("--workers", type=click.IntRange(1), help="Without it, one a core.")
@click.option("--out", type=click.Path(path_type=Path), help="Write what was found as JSON.")
def main(folder: Path | None, only: str, workers: int | None, out: Path | None) -> None:
    """Run every case, one after the other."""
    machine, found = results.machine(), list[Found]()
    with tempfile.TemporaryDirectory(dir=folder) as whole:
        for number, case in enumerate(CASES):
            if only not in f"{case.name} {case.engine} {case.count} points":
                continue
            own = Path(whole, str(number))
            own.mkdir()
            found.append(Bench(case, own, workers or os.cpu_count() or 1).found())
            Console().print(shown(found[-1:]))
            if out is not None:
                data = {"machine": machine, "jobs": [asdict(one) for one in found]}
                out.write_text(json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    main()
