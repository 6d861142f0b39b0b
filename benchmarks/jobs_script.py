"""What a job is compared with: a script that computes in chunks and saves them with NumPy.

``python -m benchmarks.jobs_script GRAPH POINTS CHUNK ENGINE SPARSE FOLDER [REPEATS]``. With repeats
it goes on when its code is compiled, and prints a line of seconds for each: computing and saving,
and computing alone.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

import adglot

WARMING = 12
"""Calls until a program is compiled, and compiled well."""


def main(
    graph: str, points: str, chunk: str, engine: str, sparse: str, folder: str, repeats: str = "0"
) -> None:
    """As the module says."""
    X, step = np.load(points, mmap_mode="r"), int(chunk)
    with adglot.connect() as ad:
        f = ad.prepare(
            adglot.Graph.load(graph),
            X[:4],
            operator="value_and_jacobian",
            engine=engine,
            sparse=sparse == "True",
            batch=True,
        )
        seconds(f, X, step, saver(Path(folder)))
        for _ in range(WARMING if int(repeats) and engine == "native" else 0):
            f(np.asarray(X[:step]))
        for _ in range(int(repeats)):
            saving = seconds(f, X, step, saver(Path(folder)))
            print(saving, seconds(f, X, step, lambda k, y, J: None))


def saver(folder: Path) -> Callable[[int, Any, Any], None]:
    """Save values and Jacobians of the points from `k` on."""
    put_away(folder)
    folder.mkdir()

    def save(k: int, y: Any, J: Any) -> None:
        np.save(folder / f"y{k}", y)
        np.save(folder / f"J{k}", getattr(J, "data", J))

    return save


def put_away(folder: Path) -> None:
    """Give back what its files hold, and keep them, empty, in a folder with another name.

    A file system may look at all that was deleted in the last minute when it makes a file (ext4
    without a journal), and take as long for that as for writing.
    """
    for path in filter(Path.is_file, folder.rglob("*")):
        os.truncate(path, 0)
    if folder.exists():
        folder.rename(folder.with_name(uuid4().hex))


def seconds(f: Callable[[Any], Any], X: Any, step: int, take: Callable[..., None]) -> float:
    """What all points take, in chunks of so many."""
    started = time.perf_counter()
    for k in range(0, len(X), step):
        take(k, *f(np.asarray(X[k : k + step])))
    return time.perf_counter() - started


if __name__ == "__main__":
    main(*sys.argv[1:])
