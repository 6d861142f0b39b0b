"""The command of the Julia worker, which the entry point ``julia`` of ``adglot.engines`` gives."""

from __future__ import annotations

import sys

from adglot_julia.installation import environment, look
from adglot_server.workers.command import ADDRESS, WorkerCommand

GRACE = 120.0
"""Seconds: a first call compiles, and what it compiled is of use after its deadline, too."""

START_SECONDS = 120.0
INSTALL_SECONDS = 3600.0
"""Julia itself, its packages, and what they compile to: minutes at best."""


def worker() -> WorkerCommand:
    """The engines ``julia/...``, in a process of their own: one Julia, so one turn."""
    found = look()
    return WorkerCommand(
        (sys.executable, "-P", "-m", "adglot_julia.worker", "--listen", ADDRESS),
        environment=environment(),
        turns=1,
        missing=found.missing,
        start_seconds=START_SECONDS if found.ready else INSTALL_SECONDS,
        grace=GRACE,
    )
