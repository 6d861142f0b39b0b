"""``make bench``: measure, print a table, write ``benchmarks/results.json``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import wire
from benchmarks.servers import running
from benchmarks.wire import Row

RESULTS = Path(__file__).with_name("results.json")


@click.command()
@click.option("--seconds", default=2.0, show_default=True, help="Time for each pair.")
def main(seconds: float) -> None:
    """Round trips, throughput and memory of the service as ratios to a bare gRPC echo."""
    console = Console()
    with running("adglot") as ours, running("echo") as echo:
        steps = wire.round_trips(ours, echo, seconds)
        total = 2 * len(wire.cases())
        rows = list(track(steps, "round trips", total, console=console))
        rows += [wire.throughput(ours, echo), wire.memory()]
    console.print(_table(rows))
    RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def _table(rows: list[Row]) -> Table:
    table = Table("what", "adglot", "bare echo", "ratio", "aim", title="The service path")
    for row in rows:
        ours, echo = (f"{number:.4g} {row.unit}" for number in (row.ours, row.echo))
        table.add_row(row.name, ours, echo, f"{row.ratio:.2f}", row.aim)
    return table


if __name__ == "__main__":
    main()
