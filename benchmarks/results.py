"""What a run found, as it is written to and read from ``benchmarks/results.json``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.peers import Absent

FILE = Path(__file__).with_name("results.json")

Results = dict[str, Any]
"""Of JSON: `machine`, `peers`, `workloads`, `service`, `aims`."""


@dataclass(frozen=True)
class Measured:
    """One peer at one workload: seconds a call, of the first one with all preparations, bytes."""

    seconds: float
    first_seconds: float
    first_bytes: int


Outcome = Measured | Absent


@dataclass(frozen=True)
class Row:
    """One workload's outcomes."""

    family: str
    name: str
    operator: str
    outcomes: Mapping[str, Outcome]

    def as_json(self) -> dict[str, Any]:
        """`Measured` as its fields, `Absent` as a reason."""
        outcomes = {
            peer: asdict(outcome) if isinstance(outcome, Measured) else {"absent": str(outcome)}
            for peer, outcome in self.outcomes.items()
        }
        return {
            "family": self.family,
            "name": self.name,
            "operator": self.operator,
            "peers": outcomes,
        }


def machine() -> dict[str, Any]:
    """Where and when: processor, cores, load, threads of BLAS."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_at_start": os.getloadavg()[0],
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS", "not set"),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def write(results: Results, file: Path = FILE) -> None:
    file.write_text(json.dumps(results, indent=1) + "\n")


def read(file: Path = FILE) -> Results:
    return json.loads(file.read_text())  # type: ignore[no-any-return]


def number(workload: Mapping[str, Any], peer: str, what: str = "seconds") -> float | None:
    """A peer's number at a workload (as JSON); None where it is absent."""
    return workload["peers"].get(peer, {}).get(what)  # type: ignore[no-any-return]


def ratio(
    workload: Mapping[str, Any], peer: str, ours: str = "adglot", what: str = "seconds"
) -> float | None:
    """The peer's number over ours."""
    theirs, own = number(workload, peer, what), number(workload, ours, what)
    return theirs / own if theirs is not None and own else None
