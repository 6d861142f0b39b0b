"""The options that say who answers, and the client they make."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from adglot.client import Client, connect
from adglot.tls import TLS

FILE = click.Path(dir_okay=False, path_type=Path)


def client_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command its keyword `ad`: a client, open while the command runs."""

    @click.option(
        "--server", envvar="ADGLOT_SERVER", show_envvar=True, metavar="ADDRESS",
        help="Who answers: host:port or unix:/path; without it, this process.",
    )  # fmt: skip
    @click.option("--token", envvar="ADGLOT_TOKEN", show_envvar=True, help="What the server wants.")
    @click.option("--tls", is_flag=True, envvar="ADGLOT_TLS", show_envvar=True, help="Speak TLS.")
    @click.option(
        "--root-certificate", envvar="ADGLOT_ROOT_CERTIFICATE", show_envvar=True, type=FILE,
        metavar="FILE", help="PEM file: speak TLS, and trust this.",
    )  # fmt: skip
    @click.option(
        "--client-certificate", envvar="ADGLOT_CLIENT_CERTIFICATE", show_envvar=True, type=FILE,
        metavar="FILE", help="PEM file: speak TLS, and show this.",
    )  # fmt: skip
    @click.option(
        "--client-key", envvar="ADGLOT_CLIENT_KEY", show_envvar=True, type=FILE, metavar="FILE",
        help="PEM file: that certificate's key.",
    )  # fmt: skip
    @wraps(command)
    def run(
        *,
        server: str | None,
        token: str | None,
        tls: bool,
        root_certificate: Path | None,
        client_certificate: Path | None,
        client_key: Path | None,
        **options: Any,
    ) -> None:
        files = TLS(root_certificate, client_certificate, client_key)
        with _client(server, token, files if files != TLS() else tls) as ad:
            command(ad=ad, **options)

    return run


def _client(server: str | None, token: str | None, tls: bool | TLS) -> Client:
    if server is None:
        # A token in the environment is meant for servers, and this is none.
        return connect()
    return connect(server, token=token, tls=tls)
