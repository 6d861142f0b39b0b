"""The engines of a worker, as a family that is there when it is needed."""

from __future__ import annotations

from adglot_server.engines.remote import RemoteFamily
from adglot_server.workers.command import Bounds, WorkerCommand
from adglot_server.workers.supervisor import Supervisor


class WorkerFamily(RemoteFamily):
    """A family whose server is a worker of ours."""

    def __init__(self, name: str, command: WorkerCommand, bounds: Bounds) -> None:
        self._supervisor = Supervisor(name, command, bounds)
        super().__init__(name, self._supervisor)

    def start(self) -> None:
        """Start the worker now, and not with the first request; returns at once."""
        self._supervisor.start()

    @property
    def starts(self) -> int:
        """How many processes were started up to now."""
        return self._supervisor.starts
