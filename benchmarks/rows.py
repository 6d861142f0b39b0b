"""What a benchmark reports: one number of ours, one of a peer, and their ratio."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measurement in a unit: ours, the peer's (`against`), and their ratio."""

    name: str
    ours: float
    peer: float
    unit: str
    ratio: float
    aim: str
    against: str = "bare gRPC echo"
