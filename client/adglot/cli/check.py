"""The command `check`: do the engines agree on a function's derivatives?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from adglot.calls import OPERATORS
from adglot.cli import functions, points
from adglot.cli.connection import client_options
from adglot.cli.operators import argnums
from adglot.client import Client
from adglot.crosscheck import Crosscheck
from adglot.crosscheck.acceptance import complaints
from adglot.crosscheck.report import html, junit, table
from adglot.errors import InvalidArgument

Command = Callable[..., None]


def _names(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    return None if text is None else [name.strip() for name in text.split(",")]


def _file(name: str, what: str) -> Callable[[Command], Command]:
    path = click.Path(dir_okay=False, path_type=Path)
    return click.option(name, f"{name[2:]}_file", type=path, metavar="FILE", help=what)


@click.command
@functions.argument
@points.at(required=True)
@click.option(
    "--engines", callback=_names, metavar="NAMES",
    help="native,jax,julia/Zygote; without it, all that are there and quick enough.",
)  # fmt: skip
@click.option(
    "--operators", callback=_names, metavar="NAMES",
    help=f"Some of {','.join(OPERATORS)}; without it, evaluate,jvp,vjp.",
)  # fmt: skip
@argnums(None)
@click.option("--seed", default=0, show_default=True, help="Of the random tangents.")
@click.option(
    "--timeout", type=float, default=60.0, show_default=True, metavar="SECONDS",
    help="What one engine may take for one answer.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_file("--html", "Write one HTML page.")
@_file("--junit", "Write JUnit XML, which CI systems show as tests.")
@client_options
def check(
    ad: Client,
    function: Any,
    at: Any,
    as_json: bool,
    html_file: Path | None,
    junit_file: Path | None,
    **keywords: Any,
) -> None:
    """Do the engines agree on a function's derivatives, and if not, who is wrong, and where?

    Exit code 1 where they do not, where nothing could be compared, or where an engine that was
    named is not there.
    """
    result = ad.crosscheck(function, *at, **keywords)
    if html_file is not None:
        _write(html_file, html(result))
    if junit_file is not None:
        _write(junit_file, junit(result))
    _show(result, as_json)
    wrong = complaints(result, keywords["engines"] or ())
    shown = [] if as_json else [str(finding) for finding in result.findings]
    for line in wrong:
        if line not in shown:
            click.echo(line, err=True)
    if wrong:
        raise SystemExit(1)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidArgument(f"cannot write {path}: {error.strerror}") from None


def _show(result: Crosscheck, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result.to_dict()))
    else:
        Console().print(table(result))
