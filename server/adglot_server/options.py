"""The options of commands that serve: limits, workers, security, what is told about requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from adglot_server.service.limits import Limits, most
from adglot_server.workers.command import Bounds

Command = Callable[..., None]
FILE = click.Path(dir_okay=False, path_type=Path)

LIMITS = {
    "nodes": "nodes of one graph",
    "graph_bytes": "bytes of one graph as a message",
    "message_bytes": "bytes of one request",
    "memory_bytes": "bytes that one request may need while it runs",
    "seconds": "seconds that one request may run",
    "kept_bytes": "bytes of graphs, and of programs, that are kept for later requests",
}
"""What each limit bounds, in the words of the help text."""


def limit_options(command: Command) -> Command:
    """One option a limit, ``--max-nodes`` and so on, with the default that `Limits` has."""
    defaults = Limits().as_dict()
    for field in reversed(fields(Limits)):
        command = click.option(
            f"--max-{field.name.replace('_', '-')}",
            type=click.IntRange(1, most(field.name)),
            default=defaults[field.name],
            # Half of this machine's memory is no number for a manual.
            show_default="half of the memory" if field.name == "memory_bytes" else True,
            help=f"Most {LIMITS[field.name]}.",
            metavar="N",
        )(command)
    return command


def having(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    """The command with these options, in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def named(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> Any:
    """``name=value`` as pairs."""
    pairs = [text.partition("=") for text in texts]
    for name, _, value in pairs:
        if not name or not value or "/" in name:
            raise click.BadParameter(f"expected {parameter.metavar}, e.g. far=host:50051")
    return {name: value for name, _, value in pairs}


def worker_options(command: Command) -> Command:
    """Options for engines in other processes, and for the bounds of `Bounds`."""
    bounds = Bounds()
    options = (
        click.option(
            "--engine", multiple=True, metavar="NAME=ADDRESS", callback=named,
            help="Attach a server: its engines appear as NAME/x; repeat for several.",
        ),
        click.option(
            "--engine-token", multiple=True, metavar="NAME=TOKEN", callback=named,
            help="The token for the attached server of that name; in the environment, since a flag "
            "shows in the list of processes.",
        ),
        click.option(
            "--engine-tls", is_flag=True, help="Speak TLS with attached servers on TCP.",
        ),
        click.option(
            "--engine-root", type=FILE, metavar="FILE",
            help="PEM file: whom to trust for their certificates; default those of gRPC.",
        ),
        click.option(
            "--engine-certificate", type=FILE, metavar="FILE",
            help="PEM file: the certificate shown to them, if they want one.",
        ),
        click.option(
            "--engine-key", type=FILE, metavar="FILE", help="PEM file: that certificate's key.",
        ),
        click.option(
            "--isolate", multiple=True, metavar="ENGINE",
            help="Run this engine in a process of its own, which is restarted when it crashes.",
        ),
        click.option(
            "--start", multiple=True, metavar="ENGINE",
            help="Start its process now, not with the first request.",
        ),
        click.option(
            "--only", multiple=True, metavar="ENGINE",
            help="Of the engines that are installed, serve these alone.",
        ),
        click.option(
            "--worker-grace", type=click.FloatRange(min=1), show_default="30, Julia's 120",
            metavar="SECONDS",
            help="Time that an engine's process has to stop work for which nobody waits any more, "
            "or to answer at all; then it is killed, and another one started.",
        ),
        click.option(
            "--worker-patience", type=click.FloatRange(min=0), default=bounds.patience,
            metavar="SECONDS", help="Longest that a request waits for an engine to start.",
        ),
        click.option(
            "--worker-memory-bytes", type=click.IntRange(min=1), default=bounds.memory_bytes,
            show_default="a quarter of the memory", metavar="N",
            help="Memory of an engine's process after which a fresh one replaces it.",
        ),
        click.option(
            "--worker-compilations", type=click.IntRange(min=1), default=bounds.compilations,
            metavar="N",
            help="Different programs after which a fresh process replaces an engine's.",
        ),
        click.option(
            "--hung-after", type=click.FloatRange(min=0), metavar="SECONDS", show_default="never",
            help="End this process when work outlives its callers by so much; for one that "
            "somebody starts again.",
        ),
    )  # fmt: skip
    return having(options, command)


def security_options(command: Command) -> Command:
    """Options for `Security`."""
    options = (
        click.option(
            "--certificate", type=FILE, metavar="FILE",
            help="PEM file: serve with TLS; Unix sockets stay plain.",
        ),
        click.option(
            "--key", type=FILE, metavar="FILE", help="PEM file: the certificate's key.",
        ),
        click.option(
            "--client-root", type=FILE, metavar="FILE",
            help="PEM file: demand a certificate of every caller, signed by one of these.",
        ),
        click.option(
            "--tokens", type=FILE, metavar="FILE",
            help="Demand one of these tokens of every caller: a file of `adglot token new`.",
        ),
        click.option(
            "--token", metavar="TOKEN",
            help="Demand this one; in the environment, since a flag shows in the list of "
            "processes.",
        ),
        click.option(
            "--insecure", is_flag=True,
            help="Listen where other machines reach it without TLS and tokens: something else "
            "keeps strangers out.",
        ),
    )  # fmt: skip
    return having(options, command)


def telling_options(command: Command) -> Command:
    """Options for what a server tells of itself."""
    options = (
        click.option(
            "--log-format", type=click.Choice(["text", "json"]), default="text",
            help="Lines for people, or JSON objects.",
        ),
        click.option(
            "--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]),
            default="INFO", help="From which level on.",
        ),
        click.option(
            "--log-requests", is_flag=True,
            help="A line for every request; without it, for each that fails.",
        ),
        click.option(
            "--metrics", metavar="ADDRESS",
            help="Answer Prometheus at this host:port; of several processes the next one has the "
            "next port.",
        ),
        click.option(
            "--traces", metavar="URL",
            help="Send OpenTelemetry's spans there, by OTLP over gRPC: http://host:4317.",
        ),
    )  # fmt: skip
    return having(options, command)


SECRETS = {"token", "engine_token", "job_database"}
"""Options that are never shown."""
