"""The command `adglot`: its own subcommands, and those that entry points add."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import click

from adglot.cli.check import check
from adglot.cli.conformance import conformance
from adglot.cli.demo.command import demo
from adglot.cli.doctor import doctor
from adglot.cli.explain import explain
from adglot.cli.health import health
from adglot.cli.listings import engines, ops
from adglot.cli.operators import OPERATORS
from adglot.cli.trace import trace
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
USAGE = (InvalidArgument, TracingError, NotFound, Unsupported, GuardFailed, LimitExceeded)
"""What is wrong with the command or its input, so that trying again does not help."""


class Failure(click.ClickException):
    """An error of adglot as the command line ends with it: its message, no traceback."""

    exit_code = 1


class Refusal(Failure):
    """The same, where the command or its input is wrong."""

    exit_code = 2


class Commands(click.Group):
    """A group that ends with a message where adglot raises an error."""

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


for command in (check, conformance, demo, doctor, engines, explain, health, ops, trace, *OPERATORS):
    adglot.add_command(command)
for point in entry_points(group=GROUP):
    adglot.add_command(point.load(), point.name)
