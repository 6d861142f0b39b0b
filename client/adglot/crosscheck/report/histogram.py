"""How the errors of an engine spread: counts of components by their distance in ulp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adglot.crosscheck.model import Crosscheck

EDGES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 1024.0, 2.0**20, np.inf)
"""Bins are open on the left, closed on the right; exactly 0 and non-finite have their own."""

LABELS = (
    "0", "≤ 1", "≤ 2", "≤ 4", "≤ 8", "≤ 16", "≤ 64", "≤ 2¹⁰", "≤ 2²⁰", "> 2²⁰", "NaN, Inf",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Histogram:
    """One engine's counts, a number a label of `LABELS`."""

    engine: str
    counts: tuple[int, ...]

    @property
    def most(self) -> int:
        return max(self.counts)


def histograms(result: Crosscheck) -> list[Histogram]:
    """Over every component of every block, for each engine that was compared."""
    found = [Histogram(run.name, counts(_ulps(result, run.name))) for run in result.engines]
    return [histogram for histogram in found if histogram.most]


def counts(ulps: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[int, ...]:
    """How many of some distances fall into each bin.

    >>> counts(np.array([0.0, 0.0, 0.5, 1.0, 3.0, 1e9, np.nan]))
    (2, 2, 0, 1, 0, 0, 0, 0, 0, 1, 1)
    """
    finite = ulps[np.isfinite(ulps)]
    bins = np.searchsorted(EDGES[:-1], finite, side="left")
    inside = np.bincount(bins, minlength=len(EDGES))
    return (*(int(n) for n in inside), int(ulps.size - finite.size))


def _ulps(result: Crosscheck, engine: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    blocks = [block for cell in result.cells if cell.engine == engine for block in cell.blocks]
    parts = [np.ravel(block.ulps) for block in blocks if block.reference is not None]
    return np.concatenate(parts) if parts else np.zeros(0)
