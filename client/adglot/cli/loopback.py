"""A server of its own process on this machine, for as long as it is needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from adglot.errors import Unavailable

START_SECONDS = 60.0
STOP_SECONDS = 10.0

LISTENING = "adglot listens on "
"""What `adglot serve` prints before its address, once it answers there."""


@contextmanager
def server(*options: str) -> Iterator[str]:
    """Run ``adglot serve`` on a free port of 127.0.0.1; gives its address, stops it at the end."""
    # -P: a folder called adglot where the user happens to be is not the package.
    command = [sys.executable, "-P", "-m", "adglot", "serve", "--address", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process)
        finally:
            _stop(process)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    timer = Timer(START_SECONDS, process.kill)
    timer.start()
    line = process.stdout.readline()
    timer.cancel()
    if not line.startswith(LISTENING):
        code = process.wait() if not line else None
        raise Unavailable(f"the server did not start: it printed {line!r}, exit code {code}")
    return line.removeprefix(LISTENING).split()[0]


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
