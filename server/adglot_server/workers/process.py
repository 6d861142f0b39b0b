"""A worker's process: started afresh (never forked), logged, measured, ended with its own."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

from adglot_server.workers import launch
from adglot_server.workers.command import HUNG

log = logging.getLogger("adglot.worker")

LINES = 20
"""Last lines of its output that are kept for who asks why it ended."""


class Process:
    """A process of its own session, which dies with the thread that makes it (on Linux).

    What it prints goes to the log ``adglot.worker``, line by line.
    """

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._name, self._lines = name, deque[str](maxlen=LINES)
        self._reaping = Lock()
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
        self._reader = Thread(target=self._read, name=f"adglot-log-{name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def code(self) -> int | None:
        """Its exit code, minus the signal that ended it; None while it runs.

        What it has started and left behind is killed by then.
        """
        with self._reaping:
            if self._popen.returncode is None and self._has_ended():
                # Not reaped yet, so nobody else can have its number.
                self._signal_group(signal.SIGKILL)
                self._popen.wait()
                self._reader.join(timeout=1.0)
            return self._popen.returncode

    def terminate(self) -> None:
        """Ask it to end."""
        with self._reaping:
            if self._popen.returncode is None:
                self._popen.terminate()

    def kill(self) -> None:
        """End it, and all that it has started."""
        with self._reaping:
            if self._popen.returncode is None:
                self._signal_group(signal.SIGKILL)

    def last_line(self) -> str:
        """The last thing it printed."""
        return self._lines[-1] if self._lines else ""

    def _has_ended(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _read(self) -> None:
        assert self._popen.stdout is not None
        with self._popen.stdout as pipe:
            for raw in pipe:
                if line := raw.decode(errors="replace").rstrip():
                    self._lines.append(line)
                    log.info("%s: %s", self._name, line)


def resident_bytes(pid: int) -> int:
    """The memory that a process occupies; 0 where this system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def ending(code: int) -> str:
    """How a process ended, in words.

    >>> ending(-9), ending(1), ending(75)
    ('killed by SIGKILL', 'exit code 1', 'it ended itself: work went on that nobody waited for')
    """
    if code == HUNG:
        return "it ended itself: work went on that nobody waited for"
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
