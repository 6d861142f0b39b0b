"""The command `adglot serve`, which `adglot` finds by the entry points `adglot.commands`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adglot_server.service.limits import Limits, most

if TYPE_CHECKING:
    import grpc

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


@click.command(context_settings={"show_default": True})
@click.option(
    "--address", multiple=True, default=("localhost:50051",), metavar="ADDRESS",
    help="host:port (port 0: any free one) or unix:/path; repeat to listen on several.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(min=1), show_default="the usable cores", metavar="N",
    help="Requests that compute at one time.",
)  # fmt: skip
@limit_options
@click.option("--token", help="Demand this token of every caller; use it with TLS.")
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM file: serve with TLS.")
@click.option("--key", type=click.Path(path_type=Path), help="PEM file: the certificate's key.")
@click.option(
    "--grace", type=click.FloatRange(min=0), default=30.0, metavar="SECONDS",
    help="Time that running requests get to finish when the server stops.",
)  # fmt: skip
def serve(
    address: tuple[str, ...],
    workers: int | None,
    token: str | None,
    certificate: Path | None,
    key: Path | None,
    grace: float,
    **limits: int,
) -> None:
    """Serve derivatives until Ctrl-C or SIGTERM, then finish what runs.

    Every option can also be set in the environment: --max-nodes by ADGLOT_SERVE_MAX_NODES, and so
    on; several addresses stand with spaces between.
    """
    from adglot_server.service import server

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    server.serve(
        address,
        _announce,
        workers=workers,
        limits=Limits(**{name.removeprefix("max_"): limit for name, limit in limits.items()}),
        credentials=_credentials(certificate, key),
        token=token,
        grace=grace,
    )


def _announce(server: Server) -> None:
    for address in server.addresses:
        click.echo(f"adglot listens on {address}")


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
