"""The commands `adglot token new`, `list` and `revoke`, for the file of `serve --tokens`."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from adglot.errors import InvalidArgument, NotFound
from adglot_server.options import FILE, LIMITS, Command
from adglot_server.service import tokens

file_option = click.option(
    "--file", "path", type=FILE, default=Path("tokens.toml"), show_default=True, metavar="FILE",
    envvar="ADGLOT_SERVE_TOKENS", help="Where the tokens are.",
)  # fmt: skip


def quota_options(command: Command) -> Command:
    """What a token allows."""
    count = click.IntRange(min=1)
    for name in reversed(tokens.OF_LIMITS):
        command = click.option(
            f"--max-{name.replace('_', '-')}", name, type=count, metavar="N",
            help=f"Most {LIMITS[name]}, where that is less than the server's.",
        )(command)  # fmt: skip
    for name, what in (("--rate", "a second"), ("--requests", "at one time")):
        option = click.option(name, type=count, metavar="N", help=f"Most requests {what}.")
        command = option(command)
    return click.option(
        "--engine", "engines", multiple=True, metavar="NAME",
        help="An engine it may use, julia/* for all of a family; repeat for several; without it, "
        "any.",
    )(command)  # fmt: skip


@click.group
def token() -> None:
    """Tokens, by which a server knows its callers; it keeps no more than their hashes."""


@token.command
@click.argument("name")
@file_option
@quota_options
def new(name: str, path: Path, **quota: Any) -> None:
    """Add a token called NAME and print it: it is shown this once.

    A server that runs takes it at once. Without limits of its own it has the server's.
    """
    if not tokens.NAME.fullmatch(name):
        raise InvalidArgument(f"{name!r}: a name has letters, digits, _ and - only")
    if path.exists() and name in tokens.read(path):
        raise InvalidArgument(f"{path} has a token {name!r} already: revoke it first")
    text = tokens.make(name)
    _change(path, lambda before: before + _entry(name, text, quota))
    click.echo(text)


@token.command("list")
@file_option
def list_tokens(path: Path) -> None:
    """Print the names of all tokens, and what each of them allows."""
    for one in tokens.read(path).values():
        engines = ",".join(one.engines or ())
        quota = {"requests": one.requests, "rate": one.rate, "engines": engines, **one.limits}
        click.echo(" ".join([one.name, *(f"{k}={v}" for k, v in quota.items() if v)]))


@token.command
@click.argument("name")
@file_option
def revoke(name: str, path: Path) -> None:
    """Take the token called NAME away; a server that runs refuses it at once."""
    if name not in tokens.read(path):
        raise NotFound(f"{path} has no token {name!r}")
    table = re.compile(rf"^\[{re.escape(name)}\]\n(?:(?!\[).*\n?)*", re.MULTILINE)
    _change(path, lambda before: table.sub("", before))


def _entry(name: str, text: str, quota: dict[str, Any]) -> str:
    lines = [f"[{name}]", f'sha256 = "{tokens.digest(text).hex()}"']
    lines += [
        f"{key.replace('_', '-')} = {json.dumps(value)}" for key, value in quota.items() if value
    ]
    return "\n".join(lines) + "\n\n"


def _change(path: Path, change: Callable[[str], str]) -> None:
    """Replace the file as a whole, readable by its owner alone: a server may read it any time."""
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(change(before))
        if path.exists():
            shutil.copymode(path, made)
        Path(made).replace(path)
    except OSError as error:
        raise InvalidArgument(f"cannot write {path}: {error.strerror}") from None
