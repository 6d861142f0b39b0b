"""Processes that are started again whenever they end, as an orchestrator does it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType

LOOK = 0.1
"""Seconds between looks at whether all run."""


class Cast:
    """Commands by name, each in a process of its own, from entering to leaving.

    What they print goes to a file each in `folder`.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        self._commands, self._folder = commands, folder
        self._environment = {**os.environ, **environment}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock, self._over = Lock(), Event()
        self._keeper = Thread(target=self._keep, daemon=True)
        self.starts = dict.fromkeys(commands, 0)

    def __enter__(self) -> Cast:
        for name in self._commands:
            self._start(name)
        self._keeper.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._keeper.join()
        for process in self._processes.values():
            _kill(process)

    def kill(self, name: str) -> None:
        """As ``kill -9`` does: the process alone, and no chance to say goodbye."""
        with self._lock:
            os.kill(self._processes[name].pid, signal.SIGKILL)
            self._processes[name].wait()

    def told(self, name: str) -> str:
        """What the processes of this name have printed."""
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def _keep(self) -> None:
        while not self._over.wait(LOOK):
            with self._lock:
                for name, process in self._processes.items():
                    if process.poll() is not None:
                        self._start(name)

    def _start(self, name: str) -> None:
        self.starts[name] += 1
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                self._commands[name],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """All of its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """A port that nobody has now, and that nobody is given by the system soon."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def cluster(root: Path, workers: int = 2, engine: Sequence[str] = ()) -> dict[str, list[str]]:
    """A server of jobs below `root` at ``unix:root/s``, a Dask scheduler and its workers.

    `engine` is the command of a server of engines, which jobs for ``julia`` are sent to; with
    "{address}" for its address.
    """
    scheduler = f"tcp://127.0.0.1:{free_port()}"
    python, dask = sys.executable, "distributed.cli"
    address = f"127.0.0.1:{free_port()}"
    adglot = [python, "-P", "-m", "adglot"]
    quiet = ["--no-dashboard", "--host", "127.0.0.1"]
    commands = {
        "server": [
            *adglot, "serve", "--address", f"unix:{root}/s", "--job-root", str(root),
            "--job-scheduler", scheduler, "--job-lease", "3",
            *(["--job-engine", f"julia={address}"] if engine else []),
        ],
        "scheduler": [
            python, "-m", f"{dask}.dask_scheduler", *quiet, "--port", scheduler.rpartition(":")[2],
        ],
    }  # fmt: skip
    for k in range(workers):
        commands[f"worker{k}"] = [
            python, "-m", f"{dask}.dask_worker", scheduler, *quiet, "--nthreads", "1",
            "--no-nanny", "--death-timeout", "30", "--local-directory", str(root.parent / "dask"),
        ]  # fmt: skip
    if engine:
        commands["julia"] = [part.format(address=address) for part in (*adglot, *engine)]
    return commands
