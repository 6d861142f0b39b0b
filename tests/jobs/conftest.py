"""A pool that all tests of a process share, and jobs that are a line to write."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import adglot
from adglot.codec.graphs import dumps
from adglot_server.jobs.pools import LocalPool, Pool
from adglot_server.jobs.run import Outcome, run
from adglot_server.jobs.spec import JobSpec

Array = np.ndarray[Any, Any]
Job = Callable[..., JobSpec]


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    with LocalPool(2) as pool:
        yield pool


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """``job(f, X, ...)``: the spec of a job at these points, of a function with one argument."""

    def job(f: Any, X: Array, **fields: Any) -> JobSpec:
        points = tmp_path / "x.npy"
        np.save(points, X)
        graph = adglot.trace(f, X[0])
        named = {"points": str(points), "out": str(tmp_path / "out.zarr"), **fields}
        return JobSpec(dumps(graph), **named)

    return job


def arrays(out: str) -> dict[str, Array]:
    """All that a store has, by name."""
    group: Any = zarr.open_group(out, mode="r")
    return {name: np.asarray(array[:]) for name, array in group.arrays()}


def files(out: str) -> dict[str, bytes]:
    """All files of a store: two runs must leave the same bytes, and nothing besides."""
    root = Path(out)
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def completed(spec: JobSpec, pool: Pool) -> Outcome:
    outcome = run(spec, pool)
    assert outcome.complete, outcome
    return outcome
