"""The command `adglot serve`, which `adglot` finds by the entry points `adglot.commands`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import fields
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adglot.errors import InvalidArgument
from adglot_server.service.limits import Limits, most
from adglot_server.workers.command import Bounds

if TYPE_CHECKING:
    import grpc

    from adglot_server.engines.remote import RemoteFamily
    from adglot_server.service.engines import Engines
    from adglot_server.service.server import Server

LIMITS = {
    "nodes": "nodes of one graph",
    "graph_bytes": "bytes of one graph as a message",
    "message_bytes": "bytes of one request",
    "memory_bytes": "bytes that one request may need while it runs",
    "seconds": "seconds that one request may run",
    "kept_bytes": "bytes of graphs, and of programs, that are kept for later requests",
}
"""What each limit bounds, in the words of the help text."""


def limit_options(command: Callable[..., None]) -> Callable[..., None]:
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


def _named(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> Any:
    """``name=value`` as pairs."""
    pairs = [text.partition("=") for text in texts]
    for name, _, value in pairs:
        if not name or not value or "/" in name:
            raise click.BadParameter("expected NAME=ADDRESS, e.g. far=host:50051")
    return {name: value for name, _, value in pairs}


def worker_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options for engines in other processes, and for the bounds of `Bounds`."""
    bounds = Bounds()
    options = (
        click.option(
            "--engine", multiple=True, metavar="NAME=ADDRESS", callback=_named,
            help="Attach a server: its engines appear as NAME/x; repeat for several.",
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
    for option in reversed(options):
        command = option(command)
    return command


@click.command(context_settings={"show_default": True})
@click.option(
    "--address", multiple=True, default=("localhost:50051",), metavar="ADDRESS",
    help="host:port (port 0: any free one) or unix:/path; repeat to listen on several.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(min=1), show_default="the usable cores", metavar="N",
    help="Requests that compute at one time.",
)  # fmt: skip
@click.option(
    "--processes", type=click.IntRange(min=1), default=1, metavar="N",
    help="Processes that share the ports, each with its share of the workers; one that ends is "
    "started again.",
)  # fmt: skip
@click.option(
    "--coalesce-wait", type=click.FloatRange(min=0, max=1), default=0.0, metavar="SECONDS",
    help="Longest that a request waits for others about the same program, to be run with them as "
    "one batch; 0: never.",
)  # fmt: skip
@limit_options
@worker_options
@click.option("--token", help="Demand this token of every caller; use it with TLS.")
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM file: serve with TLS.")
@click.option("--key", type=click.Path(path_type=Path), help="PEM file: the certificate's key.")
@click.option(
    "--grace", type=click.FloatRange(min=0), default=30.0, metavar="SECONDS",
    help="Time that running requests get to finish when the server stops.",
)  # fmt: skip
def serve(address: tuple[str, ...], processes: int, workers: int | None, **options: Any) -> None:
    """Serve derivatives until Ctrl-C or SIGTERM, then finish what runs.

    Every option can also be set in the environment: --max-nodes by ADGLOT_SERVE_MAX_NODES, and so
    on; several addresses stand with spaces between.
    """
    from adglot_server.executors.batches import cores
    from adglot_server.service.processes import serve_together

    if processes == 1:
        _serve(address, announce, workers=workers, **options)
        return
    log_to_stderr()
    options["workers"] = workers or max(1, cores() // processes)
    serve_together(processes, address, _serve_one, options, _print_addresses)


def _serve_one(
    addresses: Sequence[str], ready: Callable[[], None], options: dict[str, Any]
) -> None:
    """One of several processes."""
    _serve(addresses, lambda server: ready(), reuse_port=True, **options)


def _serve(
    addresses: Sequence[str],
    ready: Callable[[Server], None],
    *,
    certificate: Path | None,
    key: Path | None,
    token: str | None,
    grace: float,
    hung_after: float | None,
    workers: int | None,
    coalesce_wait: float,
    reuse_port: bool = False,
    **options: Any,
) -> None:
    """Serve in this process, as the options of the command line say."""
    from adglot_server.service import server
    from adglot_server.service.tokens import OneToken

    log_to_stderr()
    limits = limits_of(options)
    server.serve(
        addresses,
        ready,
        hung_after=hung_after,
        workers=workers,
        limits=limits,
        engines=_engines(limits, **options),
        credentials=_credentials(certificate, key),
        tokens=None if token is None else OneToken(token),
        grace=grace,
        coalesce_wait=coalesce_wait,
        reuse_port=reuse_port,
    )


def log_to_stderr() -> None:
    """Warnings of everybody, and what adglot and its workers say."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("adglot").setLevel(logging.INFO)


def limits_of(options: dict[str, Any]) -> Limits:
    """The limits among the options of a command line, which are taken out."""
    names = [field.name for field in fields(Limits)]
    return Limits(**{name: options.pop(f"max_{name}") for name in names})


def announce(server: Server) -> None:
    """Print where the server listens, a line each."""
    _print_addresses(server.addresses)


def _print_addresses(addresses: Sequence[str]) -> None:
    for address in addresses:
        click.echo(f"adglot listens on {address}")


def _engines(
    limits: Limits,
    engine: dict[str, str],
    isolate: tuple[str, ...],
    start: tuple[str, ...],
    only: tuple[str, ...],
    **worker: Any,
) -> Engines:
    """The engines that a command line asks for."""
    from adglot_server.service.engines import GROUP, Engines
    from adglot_server.workers.command import isolated

    points = entry_points(group=GROUP)
    for name in (*only, *isolate):
        if name not in points.names:
            there = ", ".join(sorted(points.names))
            raise InvalidArgument(f"no engine {name!r} is installed; there are {there}")
    bounds = {name.removeprefix("worker_"): value for name, value in worker.items()}
    engines = Engines(
        [point for point in points if not only or point.name in only],
        {**{name: isolated(name) for name in isolate}, **dict(map(_attached, engine.items()))},
        Bounds(**bounds, limits=limits.as_dict()),
    )
    for name in start:
        engines.start(name)
    return engines


def _attached(named: tuple[str, str]) -> tuple[str, RemoteFamily]:
    from adglot_server.engines.remote import Address, RemoteFamily

    name, address = named
    return name, RemoteFamily(name, Address(name, address))


def _credentials(certificate: Path | None, key: Path | None) -> grpc.ServerCredentials | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise click.UsageError("TLS takes both --certificate and --key")
    import grpc

    return grpc.ssl_server_credentials([(_read(key), _read(certificate))])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from None
