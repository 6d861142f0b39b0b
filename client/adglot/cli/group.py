"""The command `adglot`: its own subcommands, and those that entry points add."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from adglot.calls import OPERATORS
from adglot.errors import (
    AdglotError,
    GuardFailed,
    InvalidArgument,
    LimitExceeded,
    NotFound,
    TracingError,
    Unsupported,
)

GROUP = "adglot.commands"
OWN: dict[str, str] = {
    "check": "adglot.cli.check:check",
    "conformance": "adglot.cli.conformance:conformance",
    "demo": "adglot.cli.demo.command:demo",
    "doctor": "adglot.cli.doctor:doctor",
    "engines": "adglot.cli.listings:engines",
    "explain": "adglot.cli.explain:explain",
    "health": "adglot.cli.health:health",
    "ops": "adglot.cli.listings:ops",
    "trace": "adglot.cli.trace:trace",
    **{name: f"adglot.cli.operators:{name}" for name in OPERATORS},
}
"""Where the commands are: each is imported when it is run, or listed with all others."""

USAGE = (InvalidArgument, TracingError, NotFound, Unsupported, GuardFailed, LimitExceeded)
"""What is wrong with the command or its input, so that trying again does not help."""


class Failure(click.ClickException):
    """An error of adglot as the command line ends with it: its message, no traceback."""

    exit_code = 1


class Refusal(Failure):
    """The same, where the command or its input is wrong."""

    exit_code = 2


@cache
def _commands() -> dict[str, EntryPoint]:
    own = [EntryPoint(name, place, GROUP) for name, place in OWN.items()]
    return {point.name: point for point in (*own, *entry_points(group=GROUP))}


class Commands(click.Group):
    """A group that imports what is run, and ends with a message where adglot raises an error."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        point = _commands().get(cmd_name)
        return None if point is None else point.load()

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AdglotError as error:
            kind = Refusal if isinstance(error, USAGE) else Failure
            request = f" [request {error.request_id}]" if error.request_id else ""
            raise kind(f"{type(error).__name__}: {error}{request}") from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="adglot")
def adglot() -> None:
    """Derivatives of NumPy functions, in this process or from a server.

    A function is named by module:function, path/to/file.py:function, or file.adglot (a saved
    graph). Exit codes: 0 done, 1 a check failed or no answer came, 2 the command or its input is
    wrong.
    """
