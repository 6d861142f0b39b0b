"""Servers that keep jobs, points for them, and what they must come to."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from adglot_server.service.jobs import Jobs, JobSettings
from adglot_server.service.server import Server
from adglot_server.service.tokens import TokenFile, digest

OWNERS = ("ann", "bob")
SECONDS = 300.0
"""Longest that a job of these tests may take, on however slow a machine."""


def rates(x: Any) -> Any:
    """Lotka and Volterra's, float64 [2]."""
    return np.stack([1.5 * x[0] - x[0] * x[1], x[0] * x[1] - 3.0 * x[1]])


def jacobians(points: np.ndarray) -> np.ndarray:
    """Theirs, by hand: float64 [n, 2, 2]."""
    x, y = points.T
    rows = np.stack([1.5 - y, -x]), np.stack([y, x - 3.0])
    return np.moveaxis(np.stack(rows), -1, 0)


def save_points(path: Path, count: int = 200) -> np.ndarray:
    points = np.random.default_rng(7).uniform(0.5, 2.0, (count, 2))
    np.save(path, points)
    return points


def token_file(path: Path) -> TokenFile:
    """Tokens for `OWNERS`, each "NAME.secret"."""
    entries = (f'[{name}]\nsha256 = "{digest(f"{name}.secret").hex()}"\n' for name in OWNERS)
    path.write_text("\n".join(entries))
    return TokenFile(path)


@contextmanager
def serving(root: Path, *, server: Any = None, **settings: Any) -> Iterator[Server]:
    """A server of jobs below this folder."""
    jobs = Jobs(JobSettings([str(root)], workers=1, **settings))
    with Server(["localhost:0"], jobs=jobs, grace=1.0, **(server or {})) as running:
        yield running


def contents(store: Path) -> dict[str, str]:
    """What is in the arrays of a store: a hash of every file."""
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder, _, names in os.walk(store)
        for path in (Path(folder) / name for name in names)
    }
