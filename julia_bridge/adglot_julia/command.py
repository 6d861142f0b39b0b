"""The command of the Julia worker, which the entry point ``julia`` of ``adglot.engines`` gives."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from adglot.calls import OPERATORS, EngineInfo
from adglot_julia.installation import BRIDGE, environment, look
from adglot_server.workers.command import ADDRESS, WorkerCommand

GRACE = 120.0
"""Seconds: a first call compiles, and what it compiled is of use after its deadline, too."""

START_SECONDS = 600.0
"""Some where all is compiled; minutes where a new version of the bridge has to be."""
INSTALL_SECONDS = 3600.0
"""Julia itself, its packages, and what they compile to: minutes at best."""

ABSENT = "the first request starts Julia"
NOT_INSTALLED = (
    "Julia's packages are not installed: adglot julia install, or the first request, does it"
)


def worker() -> WorkerCommand:
    """The engines ``julia/...``, in a process of their own: one Julia, so one turn."""
    found = look()
    return WorkerCommand(
        (sys.executable, "-P", "-m", "adglot_julia.worker", "--listen", ADDRESS),
        environment=environment(),
        turns=1,
        members=tuple(announced()) if found.ready else (),
        absent=", ".join(filter(None, [ABSENT, found.told])) if found.ready else NOT_INSTALLED,
        missing=found.missing,
        start_seconds=START_SECONDS if found.ready else INSTALL_SECONDS,
        grace=GRACE,
    )


def announced() -> Iterator[EngineInfo]:
    """The engines of the bridge's table; what each can do is known when Julia runs.

    >>> "julia/ForwardDiff" in {info.name for info in announced()}
    True
    """
    table = (BRIDGE / "src" / "engines.jl").read_text()
    for name in sorted(re.findall(r'^    "([\w-]+)" => Engine\(', table, re.MULTILINE)):
        yield EngineInfo(f"julia/{name}", available=True, operators=OPERATORS)
