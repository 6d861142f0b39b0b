"""``make bench``: measure, print tables, write ``benchmarks/results.json`` and the picture."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from benchmarks import crosscheck, long, results, stream, tables, threads, wire
from benchmarks.measure import Wrong, contest
from benchmarks.peers import PEERS, Absent, Peer, load
from benchmarks.rows import Row
from benchmarks.servers import running
from benchmarks.workloads import FAMILIES, chosen

PICTURE = Path(__file__).parents[1] / "docs" / "benchmarks.svg"


@click.command()
@click.argument("words", nargs=-1)
@click.option("--peer", "names", multiple=True, type=click.Choice(list(PEERS)), help="Only these.")
@click.option("--seconds", default=0.3, show_default=True, help="Time for each peer of each.")
def main(words: tuple[str, ...], names: tuple[str, ...], seconds: float) -> None:
    """Derivatives, round trips and cross-checks, side by side with their peers.

    With WORDS only the workloads whose names have one of them are measured, and nothing is
    written.
    """
    if not chosen(words):
        raise click.UsageError(f"no workload has {' or '.join(words)} in its name")
    console = Console()
    whole = not words and not names
    # First, while this process is small: it measures how far it grows.
    service = [*stream.rows(), *long.rows()] if whole else []
    found: results.Results = {}
    for found in _workloads(console, words, names, seconds):
        _keep(console, found, whole)
    if whole:
        service += [*_round_trips(console, 5 * seconds), *crosscheck.rows(5 * seconds)]
        service += threads.rows()
        found["service"] = [asdict(row) for row in service]
        _keep(console, found, whole)
    columns = tables.steady_columns(found)
    console.print(tables.shown("The first call, and its MB", columns, tables.first_rows(found)))
    console.print(tables.shown("Aims", tables.AIM_COLUMNS, tables.aim_rows(found)))
    rows = tables.service_rows(found["service"])
    console.print(tables.shown("The service path", tables.SERVICE_COLUMNS, rows))
    for line in tables.reasons(found):
        console.print("absent:", line, markup=False)
    if wrong := [line for line in tables.reasons(found) if Wrong.TEXT in line]:
        sys.exit(f"{len(wrong)} wrong answers")


def _workloads(
    console: Console, words: tuple[str, ...], names: tuple[str, ...], seconds: float
) -> Iterator[results.Results]:
    """All contests on one core, where helper threads stay: what is found, family by family."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    peers = {name: _load(name) for name in PEERS if not names or name in ("adglot", *names)}
    found = {"machine": results.machine(), "peers": _titles(peers), "service": []}
    contest(FAMILIES["ODEs"][0], peers, 0.0)  # What is made once in a process is made here.
    found["workloads"] = []
    for family, workloads in chosen(words).items():
        for workload in track(workloads, family, console=console):
            outcomes = contest(workload, peers, seconds)
            row = results.Row(family, workload.name, workload.operator, outcomes)
            found["workloads"].append(row.as_json())
        rows = tables.steady_rows(found, [family])
        console.print(tables.shown(family, tables.steady_columns(found), rows))
        found["machine"]["load_at_end"] = os.getloadavg()[0]
        yield found
    os.sched_setaffinity(0, cores)


def _load(name: str) -> Peer | Absent:
    try:
        return load(name)
    except Absent as reason:
        return reason


def _titles(peers: dict[str, Peer | Absent]) -> dict[str, Any]:
    return {
        name: {"title": getattr(peer, "title", name), "version": getattr(peer, "version", None)}
        for name, peer in peers.items()
    }


def _round_trips(console: Console, seconds: float) -> Iterator[Row]:
    """Round trips, throughput and memory; on all cores, since these have processes of their own."""
    with running("adglot") as ours, running("echo") as echo:
        steps = wire.round_trips(ours, echo, seconds)
        yield from track(steps, "round trips", 2 * len(wire.cases()), console=console)
        yield wire.throughput(ours, echo)
        yield wire.memory()
    yield from wire.alternatives()


def _keep(console: Console, found: results.Results, whole: bool) -> None:
    """Write what a whole run has found so far: it takes long, and may be ended."""
    if not whole:
        return
    results.write(found)
    try:
        from benchmarks.picture import draw
    except ImportError as error:
        console.print(f"no picture: {error.name} is not installed")
        return
    draw(found, PICTURE)


if __name__ == "__main__":
    main()
