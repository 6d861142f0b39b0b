"""What a worker is: a command that serves `DerivativeService`, and the bounds it is held to."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from adglot.calls import EngineInfo

ADDRESS = "{address}"
"""Stands in the arguments of a command for the address that it has to listen on."""

PREFIX = "ADGLOT_SERVE_"
"""What the variables of ``adglot serve`` start with: those of a server are not its workers'."""

HUNG_AFTER = f"{PREFIX}HUNG_AFTER"

HUNG = 75
"""The exit code of a worker that ended itself since work went on for which nobody waited."""


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """A command that serves `DerivativeService` and health at an address; the same once more later.

    An entry point of ``adglot.engines`` may give one: its engines become a family.

    - `arguments`: of the process, with "{address}" where the address belongs
    - `environment`: variables set for it; None takes one away
    - `turns`: how many requests it is sent at one time; None for any number
    - `members`: its engines, as far as they are known before it runs
    - `absent`: what is said of it before it runs
    - `missing`: why it cannot be started here, and what to do about it; empty where it can
    - `start_seconds`: longest time until it answers
    - `grace`: that of `Bounds`, where nobody says otherwise
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str | None] = field(default_factory=dict)
    turns: int | None = None
    members: tuple[EngineInfo, ...] = ()
    absent: str = "the first request starts it"
    missing: str = ""
    start_seconds: float = 60.0
    grace: float = 30.0

    def at(self, address: str) -> list[str]:
        """The arguments of a process that listens there."""
        return [argument.replace(ADDRESS, address) for argument in self.arguments]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What workers are held to; times in seconds.

    - `grace`: how long work may go on for which nobody waits, and a process not answer, before
      it is killed; None for what the command says
    - `patience`: longest that a request waits for a worker to start
    - `memory_bytes`, `compilations`: resident memory, and different programs, after which a worker
      is replaced by a fresh one
    - `limits`: of one request, by name, as ``adglot serve --max-NAME`` has them
    """

    grace: float | None = None
    patience: float = 120.0
    memory_bytes: int = field(default_factory=lambda: physical_memory() // 4)
    compilations: int = 2000
    limits: Mapping[str, int] = field(default_factory=dict)

    def grace_of(self, command: WorkerCommand) -> float:
        """The seconds that a worker of this command gets."""
        return command.grace if self.grace is None else self.grace

    def environment(self, command: WorkerCommand) -> dict[str, str]:
        """The variables of its process: ours, with a worker's own for ``adglot serve``."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
        limits = {f"{PREFIX}MAX_{name.upper()}": str(n) for name, n in self.limits.items()}
        told = {**kept, **limits, HUNG_AFTER: str(self.grace_of(command)), **command.environment}
        return {name: text for name, text in told.items() if text is not None}


def physical_memory() -> int:
    """Bytes of memory that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def isolated(engine: str, traces: str | None = None) -> WorkerCommand:
    """The worker that has one engine (or family) of this Python's entry points.

    `traces` is where its spans go, as those of the server do that starts it.
    """
    serve = (sys.executable, "-P", "-m", "adglot", "serve")
    told = {} if traces is None else {f"{PREFIX}TRACES": traces}
    return WorkerCommand((*serve, "--address", ADDRESS, "--only", engine), told)
