"""Puts the numbers of the last ``make bench`` into the page on benchmarks."""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import results, tables

PLACE = "<!-- results -->"


def on_page_markdown(markdown, page, config, files):
    """Called by mkdocs for every page."""
    if PLACE not in markdown:
        return markdown
    return markdown.replace(PLACE, "\n".join(_page(results.read())))


def _page(found: results.Results) -> Iterator[str]:
    machine = found["machine"]
    yield f"Measured on {machine['started'][:10]}: {machine['processor']}, one of"
    yield f"{machine['cores']} cores, Python {machine['python']}; the load average was"
    yield f"{machine['load_at_start']:.1f} at the start and"
    yield f"{machine['load_at_end']:.1f} at the end.\n"
    yield "## Aims, and what is reached\n"
    yield from _table(tables.AIM_COLUMNS, tables.aim_rows(found))
    yield "\n## A call\n"
    yield "adglot's time; of all others the multiple of it.\n"
    yield from _table(tables.steady_columns(found), tables.steady_rows(found))
    yield "\n## The first call\n"
    yield "Tracing, transforming and compiling included; behind it the megabytes that it takes.\n"
    yield from _table(tables.steady_columns(found), tables.first_rows(found))
    yield "\n## Who is absent, and why\n"
    yield from (f"* {reason}" for reason in tables.reasons(found))
    yield "\n## Over the wire, and cross-checks\n"
    yield from _table(tables.SERVICE_COLUMNS, tables.service_rows(found["service"]))
    yield "\n## Versions\n"
    versions = {peer["title"].split(",")[0]: peer["version"] for peer in found["peers"].values()}
    yield ", ".join(f"{name} {version}" for name, version in versions.items() if version)


def _table(columns, rows) -> Iterator[str]:
    yield "| " + " | ".join(columns) + " |"
    yield "|---" * len(columns) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
