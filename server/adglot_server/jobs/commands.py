"""All of `adglot job`: what runs here, and what a server is asked for."""

from __future__ import annotations

from adglot_server.jobs import asking_cli
from adglot_server.jobs.cli import job

for command in asking_cli.COMMANDS:
    job.add_command(command)

__all__ = ["job"]
