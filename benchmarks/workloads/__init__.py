"""What is differentiated: a file a family, an entry a workload.

A workload is written once, in the Array API's names, as a function of a namespace and its
arguments; every peer brings its own namespace. Nothing but NumPy is imported here.
"""

from __future__ import annotations

from benchmarks.workloads import (
    algebra,
    bundle,
    classics,
    gmm,
    grids,
    hand,
    lstm,
    network,
    odes,
    regression,
)
from benchmarks.workloads.base import Workload

FAMILIES = {
    "Rosenbrock and Broyden": classics.WORKLOADS,
    "large sparse": grids.WORKLOADS,
    "ODEs": odes.WORKLOADS,
    "neural network": network.WORKLOADS,
    "ADBench": (*gmm.WORKLOADS, *bundle.WORKLOADS, *lstm.WORKLOADS, *hand.WORKLOADS),
    "statistics": regression.WORKLOADS,
    "linear algebra": algebra.WORKLOADS,
}
"""All workloads, in the order of the results."""


def chosen(words: tuple[str, ...]) -> dict[str, list[Workload]]:
    """Those whose names contain one of the words, whatever the case; all where there are none."""
    found = {
        family: [w for w in workloads if not words or _is_meant(w, words)]
        for family, workloads in FAMILIES.items()
    }
    return {family: workloads for family, workloads in found.items() if workloads}


def _is_meant(workload: Workload, words: tuple[str, ...]) -> bool:
    return any(word.lower() in workload.name.lower() for word in words)
