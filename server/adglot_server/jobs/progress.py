"""Show how far a job is: points, rate, time left, and what went wrong."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from adglot_server.jobs.run import ChunkDone, ChunkFailed, Event, PoolDied, Started

WINDOW = 30.0
"""Seconds over which the rate is taken."""


class _Rate(TextColumn):
    """Points a second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.3g}/s" if speed else "")


def progress_bar(console: Console) -> Progress:
    """A line with what is done of a total, the rate and the time left."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
    return Progress(
        *columns, MofNCompleteColumn(), _Rate(), TimeRemainingColumn(),
        console=console, speed_estimate_period=WINDOW,
    )  # fmt: skip


class Display:
    """A line of progress while it is entered, and a line above it for all that fails."""

    def __init__(self, console: Console) -> None:
        self._progress = progress_bar(console)
        self._failed, self._task = 0, self._progress.add_task("starting", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, event: Event) -> None:
        """Take what `run` tells."""
        match event:
            case Started(plan):
                self._progress.reset(self._task, total=plan.store.count, completed=plan.done_points)
                self._progress.update(self._task, description=plan.spec.operator)
            case ChunkDone(done):
                self._failed += done.failed
                text = f", [red]{self._failed} failed[/]" if self._failed else ""
                self._progress.update(self._task, advance=done.points)
                if text:
                    self._describe(text)
            case ChunkFailed(index, attempt, error, given_up):
                then = "given up" if given_up else "again soon"
                self._line(f"chunk {index}, attempt {attempt}: {error} ({then})")
            case PoolDied(error):
                self._line(f"workers died, others go on: {error}")

    def _describe(self, text: str) -> None:
        task = self._progress.tasks[self._task]
        base = task.description.partition(",")[0]
        self._progress.update(self._task, description=f"{base}{text}")

    def _line(self, text: str) -> None:
        self._progress.console.print(escape(text))
