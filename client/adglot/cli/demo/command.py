"""The command `demo`, and how it looks."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich import box
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table

from adglot.cli.loopback import server
from adglot.client import Client, connect

if TYPE_CHECKING:
    from adglot.calls import Report
    from adglot.cli.demo.checks import Outcome
    from adglot.cli.demo.fit import Step
    from adglot.cli.demo.model import Array, Data

INSTALL = "pip install 'adglot[demo]'"


@click.command
def demo() -> None:
    """Fit a model through a server on this machine, and check every derivative.

    A Poisson regression in plain NumPy is traced, sent over gRPC, and fitted by Newton's method;
    its derivatives are compared with those of statsmodels. Exit code 1 where one is off.
    """
    if find_spec("statsmodels") is None:
        raise click.UsageError(f"the demo needs statsmodels: {INSTALL}")
    console = Console(highlight=False)
    with console.status("starting a server"), server() as address, connect(address) as ad:
        console.print(f"A server of its own process answers at [bold]{address}[/].\n")
        outcomes = _run(console, ad)
    failed = [outcome.name for outcome in outcomes if not outcome.holds]
    if failed:
        raise click.ClickException(f"over the bound: {', '.join(failed)}")
    console.print(f"[bold green]All {len(outcomes)} checks hold.[/]")


def _run(console: Console, ad: Client) -> list[Outcome]:
    from adglot.cli.demo import checks, model

    data = model.load()
    n, k = data.X.shape
    console.print(
        f"[bold]Poisson regression[/]: {n:,} people's visits to a doctor, {k} coefficients\n"
        "(RAND health insurance experiment, from statsmodels)\n"
    )
    _show_graph(console, data)
    beta = _fit(console, ad, data)
    outcomes = _check(console, ad, data, beta)
    console.print()
    console.print(_table(outcomes))
    bounds = f"{checks.BOUND:.0e}, of the fit {checks.FIT_BOUND:.0e}"
    console.print(f"Errors relative to the sum of absolute terms; bound {bounds}.", style="dim")
    return outcomes


def _show_graph(console: Console, data: Data) -> None:
    from adglot.cli.demo import model
    from adglot.tracing import trace

    functions = (model.log_likelihoods, model.log_likelihood)
    source = "\n".join(_without_docstring(function) for function in functions)
    console.print(Syntax(source, "python", background_color="default"))
    graph = trace(model.log_likelihood, np.zeros(data.X.shape[1]), data.X, data.y)
    console.print(f"traced to the graph {graph.digest[:12]}…:\n")
    console.print(str(graph), markup=False, soft_wrap=True)


def _without_docstring(function: Any) -> str:
    return inspect.getsource(function).replace(f'    """{function.__doc__}"""\n', "")


def _fit(console: Console, ad: Client, data: Data) -> Array:
    from adglot.cli.demo.fit import newton

    console.print("\n[bold]Newton's method[/], gradient and Hessian over the wire:\n")
    console.print("  step   log-likelihood   largest slope   length      time", style="dim")
    steps: list[Step] = []
    for step in newton(ad, data, np.zeros(data.X.shape[1])):
        steps.append(step)
        console.print(
            f"  {len(steps):4}   {step.value:14.4f}   {step.slope:13.3e}   {step.length:6.4g}   "
            f"{1e3 * step.seconds:4.0f} ms"
        )
    return steps[-1].beta


def _check(console: Console, ad: Client, data: Data, beta: Array) -> list[Outcome]:
    """At zero, half-way, and where the fit ended; the seeds are random but always the same."""
    from adglot.cli.demo import checks

    random = np.random.default_rng(0)
    v, w = random.standard_normal(len(beta)), random.standard_normal(len(data.y))
    points = [0.0 * beta, 0.5 * beta, beta]
    outcomes = {}
    for comparison in checks.comparisons(ad, data, v, w):
        with console.status(f"comparing {comparison.name}"):
            outcomes[comparison.name] = checks.compare(comparison, points)
    answer = {name: outcome.answer for name, outcome in outcomes.items()}
    return [
        *outcomes.values(),
        checks.check_adjoint(answer["jvp"], answer["vjp"], v, w),
        *checks.check_fit(data, beta, answer["hessian"]),
    ]


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=box.SIMPLE, title="Against statsmodels, at three points", show_edge=False)
    for name in ("operator", "statsmodels"):
        table.add_column(name, no_wrap=True)
    for name in ("largest entry", "error", "time", "passes"):
        table.add_column(name, justify="right", no_wrap=True)
    for outcome in outcomes:
        style = "green" if outcome.holds else "bold red"
        table.add_row(
            outcome.name,
            outcome.against,
            f"{_largest(outcome.answer):.7g}",
            f"[{style}]{outcome.error:.0e}[/]",
            "" if outcome.seconds is None else f"{1e3 * outcome.seconds:.1f} ms",
            "" if outcome.report is None else _passes(outcome.report),
        )
    return table


def _largest(answer: Array) -> float:
    return float(answer.flat[np.argmax(np.abs(answer))])


def _passes(report: Report) -> str:
    return f"{report.passes} {report.mode.replace('forward over reverse', 'fwd/rev')}"
