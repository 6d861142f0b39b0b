"""The command `trace`: a function as a graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from adglot.cli import functions, points
from adglot.errors import InvalidArgument
from adglot.ir import Graph


def _check_suffix(context: click.Context, parameter: click.Parameter, path: Path | None) -> Any:
    if path is not None and path.suffix != functions.GRAPH:
        raise click.BadParameter(f"{path} must end with {functions.GRAPH}", context, parameter)
    return path


@click.command
@functions.argument
@points.at(required=False)
@click.option(
    "--out", type=click.Path(path_type=Path), callback=_check_suffix, metavar="FILE",
    help=f"Save the graph as FILE{functions.GRAPH}, which every command takes for a function.",
)  # fmt: skip
def trace(function: Any, at: Any, out: Path | None) -> None:
    """Print the graph of a function, or save it."""
    graph = function if isinstance(function, Graph) else _trace(function, at)
    if out is None:
        click.echo(graph)
        return
    try:
        graph.save(out)
    except OSError as error:
        raise InvalidArgument(f"cannot write {out}: {error.strerror}") from None
    click.echo(f"{out}: {len(graph.nodes)} nodes, digest {graph.digest}")


def _trace(function: Any, at: Any) -> Graph:
    from adglot.tracing import trace

    return trace(function, *at)
