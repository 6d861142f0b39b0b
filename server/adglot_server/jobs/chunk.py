"""Compute one chunk of a job and write it: from nothing but the spec and the chunk's number."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from adglot.errors import InvalidArgument, Violation
from adglot_server.jobs import store as stores
from adglot_server.jobs.asking import asker
from adglot_server.jobs.inputs import Inputs, bound, call
from adglot_server.jobs.sifting import Sifter
from adglot_server.jobs.spec import JobSpec
from adglot_server.jobs.store import OK, Store


@dataclass(frozen=True, slots=True)
class Done:
    """A chunk that was computed: how many points, how many of them failed, how long it took.

    `computing` are the seconds of the engine, `peak_bytes` the most memory that the process has
    had in all its life (0 where the system does not say).
    """

    index: int
    points: int
    failed: int
    seconds: float
    computing: float
    peak_bytes: int


def run_chunk(spec: JobSpec, index: int, run: str = "") -> Done:
    """Compute and write a chunk of a planned job; to do it again changes nothing.

    Files are opened once for each `run`: another one of the same spec may find others there.
    Points that fail are marked in the store. Raises what else goes wrong: AdglotError, OSError.
    """
    started = time.perf_counter()
    job = opened(spec, run)
    span = job.store.span(index)
    values, seeds = job.inputs.read(span.start, span.stop)
    read = time.perf_counter()
    results = job.sifter.results(values, seeds)
    computing = time.perf_counter() - read
    job.store.write(index, results)
    failed = int(np.count_nonzero(results.status != OK))
    seconds = time.perf_counter() - started
    return Done(index, len(span), failed, seconds, computing, peak_bytes())


def peak_bytes() -> int:
    """The most memory that this process has had, in all its life; 0 where Linux does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


@dataclass(frozen=True, slots=True)
class Job:
    """A planned job, open in this process."""

    inputs: Inputs
    sifter: Sifter
    store: Store


@lru_cache(maxsize=2)
def opened(spec: JobSpec, run: str) -> Job:
    """The job, opened once a process and run; InvalidArgument where its store is not there."""
    store = stores.find(spec.out)
    if store is None:
        raise InvalidArgument(Violation("out", f"{spec.out} is not there: plan the job first"))
    graph = spec.load()
    asked = call(spec, graph)
    sifter = Sifter(graph, asked, asker(spec.target), store.parts(), spec.function)
    return Job(bound(spec, asked, graph), sifter, store)
