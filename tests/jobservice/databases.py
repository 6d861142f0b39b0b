"""A PostgreSQL for tests of the registry, where one is installed."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs; Debian keeps them out of the path."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "postgres").exists()), None)


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a new server that listens on a Unix socket alone."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("needs PostgreSQL: Debian's package postgresql")
    # Not below pytest's folder: nobody but root may enter that, and PostgreSQL is not run by root.
    folder = Path(tempfile.mkdtemp(prefix="adglot-pg-"))
    user = _somebody(folder)
    data = folder / "data"
    try:
        command = [programs / "initdb", "-D", data, "-A", "trust", "-U", "adglot", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, user=user, cwd=folder)
        options = ["-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *options],
            user=user, cwd=folder, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            url = f"postgresql://adglot@/postgres?host={folder}"
            _await(url, server)
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # without waiting for who is connected
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _somebody(folder: Path) -> str | None:
    """Who may run it: root may not."""
    if os.geteuid() != 0:
        assert getpass.getuser()
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = next(name for name in ("postgres", "nobody") if name in known)
    shutil.chown(folder, user)
    return user


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    """Until it takes connections."""
    import psycopg

    given_up = time.monotonic() + 60
    while server.poll() is None:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert time.monotonic() < given_up
            time.sleep(0.05)
        else:
            return
    pytest.fail("PostgreSQL has ended")
