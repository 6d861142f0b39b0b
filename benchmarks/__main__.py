"""``make bench``: measure, print a table, write ``benchmarks/results.json``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import crosscheck, executors, sparse, wire
from benchmarks.rows import Row
from benchmarks.servers import running

RESULTS = Path(__file__).with_name("results.json")


@click.command()
@click.option("--seconds", default=2.0, show_default=True, help="Time for each pair.")
def main(seconds: float) -> None:
    """Round trips against a bare gRPC echo, derivatives against peers, cross-checks."""
    console = Console()
    service = list(_service(console, seconds))
    console.print(_table("The service path", service))
    derivatives = list(track(sparse.rows(seconds), "sparse", sparse.COUNT, console=console))
    console.print(_table("Sparse derivatives", derivatives))
    made = list(track(executors.rows(seconds), "executors", executors.COUNT, console=console))
    console.print(_table("Derivatives in steady state", made))
    added = list(track(crosscheck.rows(seconds), "cross-check", crosscheck.COUNT, console=console))
    console.print(_table("What a cross-check adds", added))
    rows = [asdict(row) for row in (*service, *derivatives, *made, *added)]
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n")


def _service(console: Console, seconds: float) -> Iterator[Row]:
    """Round trips, throughput and memory."""
    with running("adglot") as ours, running("echo") as echo:
        steps = wire.round_trips(ours, echo, seconds)
        yield from track(steps, "round trips", 2 * len(wire.cases()), console=console)
        yield wire.throughput(ours, echo)
        yield wire.memory()


def _table(title: str, rows: list[Row]) -> Table:
    table = Table("what", "adglot", "peer", "who", "ratio", "aim", title=title)
    for row in rows:
        ours, peer = (f"{number:.4g} {row.unit}" for number in (row.ours, row.peer))
        table.add_row(row.name, ours, peer, row.against, f"{row.ratio:.2f}", row.aim)
    return table


if __name__ == "__main__":
    main()
