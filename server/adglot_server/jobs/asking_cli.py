"""The commands `adglot job submit`, `watch`, `cancel` and `list`: jobs of a server."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from adglot.cli import functions
from adglot.cli.connection import client_options
from adglot.client import Client
from adglot.ir import Graph
from adglot.jobcalls import JOB_STATES, JobState, JobStatus
from adglot.jobs import Job
from adglot_server.jobs.cli import spec_options
from adglot_server.jobs.functions import graph_of
from adglot_server.jobs.progress import progress_bar


@click.command("submit")
@spec_options
@click.option(
    "--trace-at",
    metavar="URL",
    show_default="those of --points",
    help="Points here, at the first of which FUNCTION is traced.",
)
@click.option("--watch", is_flag=True, help="Stay until it has ended.")
@client_options
def submit(
    ad: Client,
    function: str,
    points: str,
    out: str,
    operator: Any,
    given: dict[str, Any],
    seeds: dict[str, Any],
    columns: dict[str, str],
    chunk: int | None,
    trace_at: str | None,
    watch: bool,
    **options: Any,
) -> None:
    """Have a server compute a derivative of FUNCTION at every point; print the job's id.

    --points and --out are the server's: below one of its job roots, a relative one below the first.
    """  # fmt: skip
    parts = {name: tuple(text.split(",")) for name, text in columns.items()}
    graph = _graph(function, trace_at or points, given, parts)
    options |= {"fixed": given, "seeds": seeds, "columns": parts, "chunk": chunk or 0}
    job = ad.submit(graph, points, out, operator, **options)
    click.echo(job.id)
    if watch:
        _watch(job)


@click.command("watch")
@click.argument("id")
@client_options
def watch(ad: Client, id: str) -> None:
    """Show how far the job ID of a server is, until it has ended.

    Exit code 0 where it succeeds.
    """
    _watch(ad.job(id))


@click.command("cancel")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@client_options
def cancel(ad: Client, ids: tuple[str, ...]) -> None:
    """Have jobs of a server stopped; what they have done stays in their stores."""
    for id in ids:
        click.echo(_line(ad.job(id).cancel()))


@click.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(JOB_STATES),
    help="Those in this state; repeat for several.",
)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Most jobs.")
@client_options
def list_command(ad: Client, states: tuple[JobState, ...], limit: int) -> None:
    """List your jobs of a server, the latest first."""  # fmt: skip
    Console().print(_table(ad.jobs(*states, limit=limit)))


def _graph(
    function: str, points: str, given: dict[str, Any], columns: dict[str, tuple[str, ...]]
) -> Graph:
    return graph_of(functions.load(function), points, given, columns)


def _watch(job: Job) -> None:
    """Show it until it has ended; a click.ClickException where it has not succeeded."""
    with progress_bar(Console(stderr=True)) as shown:
        task = shown.add_task("queued", total=None)
        for status in job.watch():
            progress = status.progress
            shown.update(
                task,
                description=_described(status),
                total=progress.points or None,
                completed=progress.points_done,
            )
    if status.state != "succeeded":
        raise click.ClickException(_line(status))
    click.echo(_line(status))


def _described(status: JobStatus) -> str:
    failed = status.progress.points_failed
    return status.state + (f", {failed} points failed" if failed else "")


def _line(status: JobStatus) -> str:
    """A job in one line."""
    progress = status.progress
    done = f"{progress.points_done} of {progress.points} points"
    error = f": {status.error}" if status.error else ""
    return f"{status.id} {_described(status)}, {done} in {status.request.out}{error}"


def _table(jobs: Iterable[JobStatus]) -> Table:
    table = Table()
    table.add_column("id", min_width=32)  # It is to be copied, however narrow the terminal is.
    for name in ("state", "operator", "points", "out", "submitted", "error"):
        table.add_column(name)
    for job in jobs:
        progress = job.progress
        done = f"{progress.points_done}/{progress.points}"
        told = (_described(job), job.request.operator, done, job.request.out, _time(job.submitted))
        table.add_row(job.id, *told, job.error)
    return table


def _time(time: datetime | None) -> str:
    return "" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


COMMANDS = (submit, watch, cancel, list_command)
