"""The command `explain`: the program or the formulas of a derivative."""

from __future__ import annotations

from typing import Any

import click

from adglot.calls import DEFAULT_ENGINE
from adglot.cli import functions, points
from adglot.cli.connection import client_options
from adglot.cli.operators import argnums, mode
from adglot.client import Client
from adglot.errors import Unsupported


@click.command
@functions.argument
@points.at(required=True)
@click.option("--operator", default="gradient", show_default=True, help="Of which operator.")
@argnums(None)
@mode
@click.option(
    "--engine", default=DEFAULT_ENGINE, show_default=True,
    help="Whose program; `symbolic` writes formulas of small functions.",
)  # fmt: skip
@click.option("--latex", is_flag=True, help="Print the formulas as LaTeX, one a line.")
@click.option("--timeout", type=float, metavar="SECONDS", help="When to give up.")
@client_options
def explain(
    *, ad: Client, function: Any, at: Any, engine: str, latex: bool, **keywords: Any
) -> None:
    """Print what an engine would compute; nothing is evaluated."""
    explanation = ad.explain(function, *at, engine=engine, **keywords)
    text = explanation.latex if latex else explanation.text
    if not text:
        raise Unsupported(f"{engine} has no {'formulas' if latex else 'program'} to show here")
    click.echo(text)
