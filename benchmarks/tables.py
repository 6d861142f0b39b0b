"""Results as rows of text, for the terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.table import Table

from benchmarks.aims import AIMS, reached
from benchmarks.peers import OURS
from benchmarks.results import Results, number, ratio

Rows = Iterable[Sequence[str]]


def shown(title: str, columns: Sequence[str], rows: Rows) -> Table:
    """As a table of the terminal."""
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*row)
    return table


def seconds(value: float | None) -> str:
    """With a unit: 12.3 µs."""
    if value is None:
        return "–"
    units = ((1.0, "s"), (1e3, "ms"), (1e6, "µs"))
    scale, unit = next((pair for pair in units if value * pair[0] >= 1), (1e9, "ns"))
    return f"{value * scale:.3g} {unit}"


def times(value: float | None) -> str:
    """A ratio: 3.2×."""
    if value is None:
        return "–"
    return f"{value:.2g}×" if value < 10 else f"{value:,.0f}×"


def titles(results: Results) -> dict[str, str]:
    """What the peers are called."""
    return {name: peer["title"] for name, peer in results["peers"].items()}


# ------------------------------------------------------------------ a call


def steady_columns(results: Results) -> list[str]:
    """Of `steady_rows`."""
    return ["", *titles(results).values()]


def steady_rows(results: Results, families: Sequence[str] = ()) -> Rows:
    """Time of a call of ours, and of the others as a multiple of it."""
    for row in results["workloads"]:
        if not families or row["family"] in families:
            others = (times(ratio(row, peer)) for peer in results["peers"] if peer != OURS)
            yield [row["name"], seconds(number(row, OURS)), *others]


def first_rows(results: Results) -> Rows:
    """Time of the first call with all preparations, and megabytes that it takes."""
    for row in results["workloads"]:
        yield [row["name"], *(_first(row, peer) for peer in results["peers"])]


def _first(row: dict[str, Any], peer: str) -> str:
    memory = number(row, peer, "first_bytes")
    if memory is None:
        return "–"
    return f"{seconds(number(row, peer, 'first_seconds'))}, {memory / 1e6:.0f}"


def reasons(results: Results) -> Iterator[str]:
    """Why who is absent, a line a peer and reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in results["workloads"]:
        for peer, outcome in row["peers"].items():
            if "absent" in outcome:
                found.setdefault((peer, outcome["absent"]), []).append(row["name"])
    for (peer, reason), names in found.items():
        yield f"{titles(results)[peer]} {reason} ({'; '.join(names)})"


# ------------------------------------------------------------------ aims


AIM_COLUMNS = (
    "against", "what", "aim", "reached by the client", "worst at", "by the engine", "worst at",
)  # fmt: skip


def aim_rows(results: Results) -> Rows:
    """Every aim, and what this run reached: the worst workload counts."""
    for aim in AIMS:
        cells: list[str] = []
        for ours in aim.ours:
            found = reached(aim, ours, results["workloads"])
            if found is None:
                cells += ["not measured", ""]
                continue
            mark = f"no, {found.missed} of {found.of} miss" if found.missed else "yes"
            cells += [f"{times(found.ratio)} ({mark})", found.workload]
        cells += [""] * (4 - len(cells))
        yield [titles(results).get(aim.against, aim.against), aim.what_of, aim.text, *cells]
    for row in results.get("service", ()):
        if row["aim"]:
            yield [row["against"], row["name"], row["aim"], f"{row['ratio']:.2f}", "", "", ""]


# ------------------------------------------------------------------ the service


SERVICE_COLUMNS = ("what", "adglot", "peer", "who", "ratio", "aim")


def service_rows(rows: Iterable[dict[str, Any]]) -> Rows:
    """Ours against a peer in one unit."""
    for row in rows:
        ours, peer = (f"{row[side]:.4g} {row['unit']}" for side in ("ours", "peer"))
        yield [row["name"], ours, peer, row["against"], f"{row['ratio']:.2f}", row["aim"]]
