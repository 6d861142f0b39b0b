"""How much one owner may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from adglot.errors import LimitExceeded


@dataclass(frozen=True, slots=True)
class Quotas:
    """The most jobs that one owner may have queued or running, and that one job may be."""

    jobs: int = 100
    job_points: int = 10**9
    job_bytes: int = 1 << 40

    def check(self, points: int, nbytes: int) -> None:
        """LimitExceeded for a job that is too large."""
        if points > self.job_points:
            raise LimitExceeded("job_points", self.job_points, points)
        if nbytes > self.job_bytes:
            raise LimitExceeded("job_bytes", self.job_bytes, nbytes)
