"""A Docker engine for tests: the command line that reaches it, and what it runs."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASE = "python:3.11-slim-bookworm"

BUILD = shlex.split(os.environ.get("ADGLOT_DOCKER_BUILD", ""))
"""More arguments of every build, such as --network or --secret: see the Dockerfile."""

MINUTES = 60.0


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


ENVIRONMENT = {
    "DOCKER_BUILDKIT": "1",
    "COMPOSE_PROJECT_NAME": "adglot-test",
    "ADGLOT_PORT": free_port(),
    "ADGLOT_DASHBOARD_PORT": free_port(),
}
SERVER = f"localhost:{ENVIRONMENT['ADGLOT_PORT']}"


def run(*command: str | Path, timeout: float = 5 * MINUTES) -> str:
    """What a command prints; the test fails with all of it where the command does."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    shown = " ".join(map(str, command))
    print(f"$ {shown}\n{done.stdout}")
    assert done.returncode == 0, f"{shown} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def missing() -> str:
    """Why there is nothing to test with, in one line; empty where there is an engine."""
    if shutil.which("docker") is None:
        return "needs Docker: there is no command docker"
    told = subprocess.run(
        ["docker", "info", "--format", "{{.ServerErrors}}"], capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    if told.returncode:
        return f"no Docker engine can be reached: {told.stderr.strip().splitlines()[-1]}"
    if compose_command() is None:
        return "needs docker compose"
    have = subprocess.run(["docker", "image", "inspect", BASE], capture_output=True, check=False)
    if have.returncode:
        pulled = subprocess.run(["docker", "pull", BASE], capture_output=True, check=False)
        if pulled.returncode:
            return f"the image {BASE} is not here and cannot be pulled"
    return ""


def compose_command() -> tuple[str, ...] | None:
    """Compose as a plugin of docker, or the command of its own that it once was."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return ("docker", "compose")
    return ("docker-compose",) if shutil.which("docker-compose") else None


def build(target: str, *arguments: str) -> str:
    """Build an image of the Dockerfile; its name."""
    name = f"adglot/{target}"
    command = ("docker", "build", *BUILD, *arguments, "--target", target, "--tag", name, ".")
    run(*command, timeout=20 * MINUTES)
    return name


def compose(*arguments: str, timeout: float = 5 * MINUTES) -> str:
    command = compose_command()
    assert command is not None
    return run(*command, *arguments, timeout=timeout)


@contextmanager
def up(*services: str) -> Iterator[None]:
    """These services of docker-compose.yml, with an empty volume."""
    try:
        compose("up", "--detach", "--no-build", *services)
        yield
    except BaseException:
        compose("logs", "--no-color", "--tail", "50")
        raise
    finally:
        compose("down", "--volumes", "--timeout", "30")


def container_of(service: str) -> str:
    return compose("ps", "--quiet", service).split()[0]


def inspected(container: str, what: str) -> str:
    return run("docker", "inspect", "--format", f"{{{{{what}}}}}", container).strip()
