"""Build every peer of a workload, compare its answers with ours, and time them in turn."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.peers import OURS, Absent, Contestant, Peer
from benchmarks.results import Measured, Outcome
from benchmarks.timing import in_turn
from benchmarks.workloads.base import Workload

TOLERANCES = {"differences": 1e-3}
ROUNDING = 1e-8
"""Of the greatest entry, that an answer may be off; differences have their own tolerance."""


@dataclass(frozen=True)
class _Ready:
    contestant: Contestant
    answer: list[Any] | None
    first_seconds: float
    first_bytes: int


def contest(
    workload: Workload, peers: Mapping[str, Peer | Absent], seconds: float
) -> dict[str, Outcome]:
    """Every peer's numbers, `seconds` of timing each, or why there are none."""
    ready: dict[str, _Ready] = {}
    absent: dict[str, Absent] = {}
    for name, peer in peers.items():
        try:
            ready[name] = _ready(workload, name, peer)
            _compare(name, ready[name].answer, ready[OURS].answer)
        except Absent as reason:
            ready.pop(name, None)
            absent[name] = reason
    times = in_turn({name: one.contestant.call for name, one in ready.items()}, seconds)
    measured = {
        name: Measured(times[name], one.first_seconds, one.first_bytes)
        for name, one in ready.items()
    }
    return {name: measured.get(name) or absent[name] for name in peers}


def _ready(workload: Workload, name: str, peer: Peer | Absent) -> _Ready:
    """Built, called, and as fast as it gets."""
    if isinstance(peer, Absent):
        raise peer
    if name in workload.lacking:
        raise Absent(workload.lacking[name])
    resident = _settled()
    start = time.perf_counter()
    contestant = peer.build(workload)
    contestant.call()
    seconds = time.perf_counter() - start
    grown = max(0, _status("VmHWM") - resident)
    contestant.settle()  # What is timed is what is compared.
    answer = contestant.read(contestant.call()) if contestant.read else None
    return _Ready(contestant, answer, seconds, grown)


# ------------------------------------------------------------------ answers


def _compare(name: str, answer: list[Any] | None, ours: list[Any] | None) -> None:
    """Raise `Wrong` where an answer is not ours but for rounding."""
    if answer is None or ours is None:
        return
    assert len(answer) == len(ours), (name, len(answer), len(ours))
    error = max(_error(a, b) for a, b in zip(answer, ours, strict=True))
    if not error <= TOLERANCES.get(name, ROUNDING):
        raise Wrong(f"{Wrong.TEXT}: off by {error:.1g} of the greatest entry")


class Wrong(Absent):
    """The peer's answer, or ours, is wrong."""

    TEXT = "answers otherwise"


def _error(a: Any, b: Any) -> float:
    """The greatest difference over the greatest entry."""
    if sp.issparse(a) and sp.issparse(b):
        return float(abs(a - b).max() / abs(b).max())
    a, b = (np.reshape(x.toarray() if sp.issparse(x) else x, -1) for x in (a, b))
    return float(np.max(np.abs(a - b)) / np.max(np.abs(b)))


# ------------------------------------------------------------------ memory


def _settled() -> int:
    """Resident bytes, garbage collected and given back; the peak starts anew from here."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise KeyError(field)
