"""The commands `adglot job ...`, which `adglot` finds by the entry points `adglot.commands`."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console

from adglot.calls import DEFAULT_ENGINE, MODES, OPERATORS
from adglot.cli import functions
from adglot.cli.points import read
from adglot.codec.graphs import dumps
from adglot.errors import InvalidArgument
from adglot.ir import Graph
from adglot_server.jobs.functions import graph_of
from adglot_server.jobs.pools import DaskPool, LocalPool
from adglot_server.jobs.progress import Display
from adglot_server.jobs.run import Outcome, run
from adglot_server.jobs.spec import JobSpec, Tensor

Command = Callable[..., None]


@click.group
def job() -> None:
    """Derivatives at all the points of a file, into a store."""


def _pairs(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> Any:
    """``name=value`` as pairs."""
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.BadParameter("expected NAME=VALUE", context, parameter)
    return {name: value for name, _, value in pairs}


def _arrays(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> Any:
    return {name: read(text) for name, text in _pairs(context, parameter, texts).items()}


def _names(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",")) if text else ()


def spec_options(command: Command) -> Command:
    """Give a command its keyword `spec`: the `JobSpec` that its options describe."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


OPTIONS = (
    click.argument("function"),
    click.option("--points", required=True, metavar="URL",
                 help="Path or URL: .npy, .npz, .parquet or .zarr."),
    click.option("--out", required=True, metavar="URL",
                 help="The Zarr store that is made, or gone on with."),
    click.option("--operator", type=click.Choice(OPERATORS), default="jacobian", show_default=True,
                 help="What to compute at every point."),
    click.option("--engine", default=DEFAULT_ENGINE, show_default=True, help="Who differentiates."),
    click.option("--wrt", callback=_names, metavar="NAMES",
                 help="By which arguments; without it, all floats that the points have."),
    click.option("--of", callback=_names, metavar="NAMES", help="Of which results."),
    click.option("--mode", type=click.Choice(MODES), default="auto", show_default=True,
                 help="How a Jacobian is made."),
    click.option("--sparse", is_flag=True, help="Only what can differ from zero, as CSR."),
    click.option("--values/--no-values", default=True, show_default=True,
                 help="The function's values, too."),
    click.option("--given", multiple=True, callback=_arrays, metavar="NAME=VALUE",
                 help="An argument that is the same at all points: JSON or a file .npy."),
    click.option("--seed", "seeds", multiple=True, callback=_arrays, metavar="NAME=VALUE",
                 help="A tangent or cotangent for all points; without it, columns tangent.NAME."),
    click.option("--columns", multiple=True, callback=_pairs, metavar="NAME=A,B,...",
                 help="The columns that an argument consists of."),
    click.option("--chunk", type=click.IntRange(1), metavar="POINTS",
                 help="Points of a chunk; without it, as many as make 16 MB."),
)  # fmt: skip


def make_spec(function: str, *, given: Any, seeds: Any, columns: Any, **fields: Any) -> JobSpec:
    """The spec of what a command line says; the function is imported and traced here."""
    loaded, parts = functions.load(function), {k: tuple(v.split(",")) for k, v in columns.items()}
    graph = graph_of(loaded, fields["points"], given, parts)
    named = None if isinstance(loaded, Graph) else function
    return JobSpec(
        dumps(graph),
        fixed=tuple((name, Tensor.of(value)) for name, value in given.items()),
        seeds=tuple((name, Tensor.of(value)) for name, value in seeds.items()),
        columns=tuple(parts.items()),
        function=named,
        **fields,
    )


@job.command("run")
@spec_options
@click.option("--server", "target", metavar="ADDRESS", help="Have a server compute: host:port.")
@click.option("--workers", type=click.IntRange(1), help="Processes; without it, one a core.")
@click.option("--scheduler", metavar="ADDRESS", help="Of a Dask cluster: tcp://host:8786.")
def run_command(workers: int | None, scheduler: str | None, **options: Any) -> None:
    """Compute a derivative of FUNCTION at every point, here or on a Dask cluster.

    The same command goes on where it was stopped. Points that fail are marked in the store. Exit
    code 1 where chunks are left.
    """
    if workers is not None and scheduler is not None:
        raise InvalidArgument("--workers are processes here, and --scheduler has its own")
    console = Console(stderr=True)
    with (
        _interrupted() as cancelled,
        DaskPool(scheduler) if scheduler else LocalPool(workers) as pool,  # It starts meanwhile.
    ):
        spec = make_spec(**options)
        with Display(console) as display:
            outcome = run(spec, pool, display.show, cancelled)
    _tell(outcome, spec, console)


@contextmanager
def _interrupted() -> Iterator[Callable[[], bool]]:
    """Whether somebody has pressed Ctrl-C, which then only ends the job in order."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(outcome: Outcome, spec: JobSpec, console: Console) -> None:
    rate = outcome.points / outcome.seconds if outcome.seconds else 0.0
    console.print(
        f"{outcome.points} points in {outcome.seconds:.1f} s ({rate:.3g} points/s), "
        f"{outcome.failed} of them failed; at most {outcome.peak_bytes / 1e6:.0f} MB a worker",
        soft_wrap=True,
    )
    for index, error in sorted(outcome.given_up.items()):
        console.print(f"chunk {index}: {error}", style="red", markup=False)
    if not outcome.complete:
        why = outcome.stopped or ("stopped" if outcome.cancelled else "not all could be computed")
        raise click.ClickException(f"{outcome.left} chunks of {spec.out} are left: {why}")
