"""The jobs of a server: what it allows, the registry, and the process that runs them."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from adglot.errors import InvalidArgument, Violation
from adglot_server.jobs.numpy_points import local
from adglot_server.jobs.places import OWNER, Places
from adglot_server.jobs.quotas import Quotas
from adglot_server.jobs.registry import Registry
from adglot_server.jobs.runner import RunnerSettings
from adglot_server.workers.process import Process, ending

log = logging.getLogger("adglot.jobs")

DATABASE = ".adglot/jobs.sqlite"
"""Of the registry, below the first root; no job may write there."""

LOOK = 0.5
"""Seconds between looks at whether the runner still runs."""

PAUSES = (0.5, 30.0)
"""Seconds before one that has ended is started again: doubled each time, up to the second."""

STOP_SECONDS = 20.0
"""Time that a runner has to put its job back when the server stops."""


@dataclass(frozen=True, slots=True)
class JobSettings:
    """What a server that keeps jobs is told.

    - `roots`: where jobs may read and write, see `Places`
    - `database`: URL of the registry; None for a file below the first root
    - `scheduler`, `workers`, `lease`: as of `RunnerSettings`
    - `engines`: servers by the name of an engine or a family, which chunks for it are sent to;
      all others are computed where the chunk is
    - `run`: whether this server runs jobs, or leaves that to others with the same registry
    """

    roots: Sequence[str]
    database: str | None = None
    scheduler: str | None = None
    workers: int | None = None
    lease: float = 15.0
    engines: Mapping[str, str] = field(default_factory=dict)
    quotas: Quotas = field(default_factory=Quotas)
    run: bool = True

    def runner(self) -> RunnerSettings:
        """What a runner has to know of this."""
        database = self.database or _file(self.roots)
        return RunnerSettings(database, self.scheduler, self.workers, self.lease, self.quotas)


class Jobs:
    """The jobs of one server, from `start` to `close`.

    Raises InvalidArgument, Unsupported and Unavailable as the registry does.
    """

    def __init__(self, settings: JobSettings) -> None:
        self.settings, self.places = settings, Places(settings.roots)
        self._runner = settings.runner()
        self.registry = Registry(self._runner.database, settings.quotas)
        self.stopping = Event()
        self._keeper: Thread | None = None

    def start(self) -> None:
        """Run jobs in a process, which is started again when it ends."""
        if self.settings.run:
            self._keeper = Thread(target=self._keep, name="adglot-jobs", daemon=True)
            self._keeper.start()

    def stop(self) -> None:
        """Have the runner put its job back, and streams end; at once, whatever still runs."""
        self.stopping.set()

    def close(self) -> None:
        """Wait for the runner to end."""
        self.stop()
        if self._keeper is not None:
            self._keeper.join()
        self.registry.close()

    def target(self, engine: str) -> str | None:
        """The server that chunks for an engine are sent to."""
        known = self.settings.engines
        return known.get(engine) or known.get(engine.partition("/")[0])

    def _keep(self) -> None:
        """In one thread, since the process lives as long as the thread that starts it."""
        pause, longest = PAUSES
        while not self.stopping.is_set():
            started = time.monotonic()
            process = self._process()
            while process.code() is None and not self.stopping.wait(LOOK):
                pass
            if self.stopping.is_set():
                _end(process)
                return
            if time.monotonic() - started > longest:
                pause = PAUSES[0]
            log.error("the runner of jobs: %s; again in %g s", ending(process.code() or 0), pause)
            self.stopping.wait(pause)
            pause = min(2 * pause, longest)

    def _process(self) -> Process:
        command = (sys.executable, "-P", "-m", "adglot_server.jobs.runner")
        return Process("jobs", command, {**os.environ, **self._runner.environment()})


def _end(process: Process) -> None:
    process.terminate()
    given_up = time.monotonic() + STOP_SECONDS
    while process.code() is None and time.monotonic() < given_up:
        time.sleep(LOOK / 10)
    process.kill()
    while process.code() is None:
        time.sleep(LOOK / 10)


def _file(roots: Sequence[str]) -> str:
    """A database in the first root, where that is a folder of this machine's."""
    path = local(roots[0]) if roots else None
    if path is None or OWNER in path:
        what = "is needed where the first --job-root is no folder of everybody's, e.g. sqlite:///jobs.sqlite"
        raise InvalidArgument(Violation("job_database", what))
    file = Path(path).resolve() / DATABASE
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgument(Violation("job_root", f"{path}: {error.strerror}")) from None
    return f"sqlite:///{file}"
