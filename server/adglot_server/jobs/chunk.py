"""Compute one chunk of a job and write it: from nothing but the spec and the chunk's number."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

import numpy as np

from adglot.errors import InvalidArgument, Violation
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


def packed(spec: JobSpec, store: Store) -> bytes:
    """A planned job as it is sent to workers; it is opened once a process.

    No two are the same, since another run of the same spec may find other files.
    """
    return pickle.dumps((spec, store, uuid4()))


def run_chunk(job: bytes, index: int) -> Done:
    """Compute and write a chunk of a `packed` job; to do it again changes nothing.

    Points that fail are marked in the store. Raises what else goes wrong: AdglotError, OSError.
    """
    started = time.perf_counter()
    here = opened(job)
    span = here.store.span(index)
    values, seeds = here.inputs.read(span.start, span.stop)
    read = time.perf_counter()
    results = here.sifter.results(values, seeds)
    computing = time.perf_counter() - read
    here.store.write(index, results)
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
def opened(job: bytes) -> Job:
    """What is in a packed job, ready; InvalidArgument where its store is not to be seen."""
    spec, store, _ = pickle.loads(job)
    if not store.is_here():
        raise InvalidArgument(Violation("out", f"{spec.out} is not there: plan the job first"))
    graph = spec.load()
    asked = call(spec, graph)
    sifter = Sifter(graph, asked, asker(spec.target), store.parts, spec.function)
    return Job(bound(spec, asked, graph), sifter, store)
