"""The command `conformance`: what can an engine do, and is it right?"""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from adglot.cli.connection import client_options
from adglot.client import Client
from adglot.conformance import Capabilities, examine
from adglot.conformance.capabilities import table
from adglot.conformance.examine import Exercise, exercises
from adglot.errors import InvalidArgument


@click.command
@click.argument("subjects", nargs=-1)
@click.option("--engine", required=True, help="Whom to examine: any name of `adglot engines`.")
@click.option(
    "--timeout", type=float, default=60.0, show_default=True, metavar="SECONDS",
    help="What the engine may take for one answer.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write the table as JSON, too; the rows of SUBJECTS into the table that is there.",
)  # fmt: skip
@click.option(
    "--samples", type=click.IntRange(min=1), metavar="N",
    help="At most so many samples of an op, for engines that are slow to prepare.",
)  # fmt: skip
@client_options
def conformance(
    ad: Client,
    subjects: tuple[str, ...],
    engine: str,
    timeout: float,
    out: Path | None,
    samples: int | None,
) -> None:
    """Try an engine on every sample of every op and on whole functions, or on SUBJECTS only.

    Prints its capability table: supported; convention, where the derivative is a choice;
    unsupported, with the engine's reason; wrong, where it differs from the truth; error. Exit code
    1 where something is wrong or an error.
    """
    found = _examine(ad, engine, _exercises(subjects, samples), timeout)
    if out is not None:
        _write(out, _added(found, out) if subjects and out.exists() else found)
    Console().print(table(found))
    if not found:
        raise SystemExit(1)


def _exercises(subjects: tuple[str, ...], samples: int | None) -> list[Exercise]:
    tasks = exercises(subjects, samples)
    unknown = set(subjects) - {task.subject for task in tasks}
    if unknown:
        raise InvalidArgument(f"neither an op nor a scenario: {', '.join(sorted(unknown))}")
    return tasks


def _examine(ad: Client, engine: str, tasks: list[Exercise], timeout: float) -> Capabilities:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task(engine, total=len(tasks))

        def done(exercise: Exercise) -> None:
            progress.update(bar, advance=1, description=f"{engine} {exercise.subject}")

        return examine(ad, engine, tasks, timeout=timeout, done=done)


def _added(found: Capabilities, path: Path) -> Capabilities:
    try:
        before = Capabilities.from_dict(json.loads(path.read_text(encoding="utf-8")))
        return before.updated(found)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidArgument(f"cannot add to {path}: {error}") from None


def _write(path: Path, found: Capabilities) -> None:
    try:
        path.write_text(json.dumps(found.to_dict(), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InvalidArgument(f"cannot write {path}: {error.strerror}") from None
