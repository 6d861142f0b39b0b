"""The options that say who answers, and the client they make."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from adglot.client import Client, connect


def client_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command its keyword `ad`: a client, open while the command runs."""

    @click.option(
        "--server", envvar="ADGLOT_SERVER", show_envvar=True, metavar="ADDRESS",
        help="Who answers: host:port or unix:/path; without it, this process.",
    )  # fmt: skip
    @click.option("--token", envvar="ADGLOT_TOKEN", show_envvar=True, help="What the server wants.")
    @click.option(
        "--root-certificate", envvar="ADGLOT_ROOT_CERTIFICATE", show_envvar=True,
        type=click.Path(path_type=Path), help="PEM file: speak TLS, and trust this.",
    )  # fmt: skip
    @wraps(command)
    def run(
        *, server: str | None, token: str | None, root_certificate: Path | None, **options: Any
    ) -> None:
        with _client(server, token, root_certificate) as ad:
            command(ad=ad, **options)

    return run


def _client(server: str | None, token: str | None, root_certificate: Path | None) -> Client:
    if server is None:
        # A token in the environment is meant for servers, and this is none.
        return connect()
    if root_certificate is None:
        return connect(server, token=token)
    import grpc

    try:
        pem = root_certificate.read_bytes()
    except OSError as error:
        raise click.FileError(str(root_certificate), error.strerror or "") from None
    return connect(server, token=token, credentials=grpc.ssl_channel_credentials(pem))
