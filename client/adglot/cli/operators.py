"""The commands that compute: evaluate, jvp, vjp, gradient, jacobian, hessian, hvp."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from adglot.calls import DEFAULT_ENGINE, Mode
from adglot.cli import functions, points
from adglot.cli.connection import client_options
from adglot.cli.results import Parts, compressed, out_option, show, write
from adglot.client import Client

Compute = Callable[..., Parts]
Option = Callable[..., Any]

REQUEST = (
    click.option("--engine", default=DEFAULT_ENGINE, show_default=True, help="Who differentiates."),
    click.option("--batch", is_flag=True, help="Every array has a leading axis of points."),
    click.option("--timeout", type=float, metavar="SECONDS", help="When to give up."),
)
RESULT = (click.option("--json", "as_json", is_flag=True, help="Print JSON."), out_option)


def operator(*own: Option) -> Callable[[Compute], click.Command]:
    """Make a command of a function that asks a client and names the parts of the answer.

    It is called with the client, the function, its arguments, and keywords for the client; `own`
    are the options that make such keywords besides those that all operators share.
    """
    ask: tuple[Option, ...] = (functions.argument, points.at(required=True), *own, *REQUEST)
    options: tuple[Option, ...] = (*ask, client_options, *RESULT)

    def decorate(compute: Compute) -> click.Command:
        def run(
            *, ad: Client, function: Any, at: Any, as_json: bool, out: Path | None, **keywords: Any
        ) -> None:
            parts = compute(ad, function, at, **keywords)
            if out is None:
                show(parts, as_json)
            else:
                write(parts, out)

        run.__doc__ = compute.__doc__
        command: Callable[..., None] = run
        for option in reversed(options):
            command = option(command)
        return click.command(compute.__name__)(command)

    return decorate


def seeds(name: str, of: str) -> Option:
    """An option for seeds: repeated, one for each of what they belong to."""
    what = f"One for each {of}, given as --at is; null is zero."
    return points.option(f"--{name}", f"{name}s", required=True, help=what)


def _argnums(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    if text is None:
        return None
    try:
        numbers = tuple(map(int, text.split(",")))
    except ValueError:
        raise click.BadParameter(f"expected 1 or 0,2, got {text!r}", context, parameter) from None
    return numbers[0] if len(numbers) == 1 else numbers


def argnums(default: str | None) -> Option:
    """The option for the arguments to differentiate by; without a default, all of them."""
    return click.option(
        "--argnums", default=default, show_default=True, callback=_argnums, metavar="NUMBERS",
        help="By which arguments to differentiate: 1, or 0,2.",
    )  # fmt: skip


mode = click.option(
    "--mode", type=click.Choice(get_args(Mode)), default="auto", show_default=True,
    help="Columns (forward), rows (reverse), some of both (mixed, with --sparse), or the cheapest.",
)  # fmt: skip

sparse = click.option(
    "--sparse", is_flag=True, help="Only what can differ from zero, in compressed rows (CSR)."
)


@operator()
def evaluate(ad: Client, f: Any, at: Any, **keywords: Any) -> Parts:
    """The value of a function."""
    return {"value": ad.evaluate(f, *at, **keywords)}


@operator(seeds("tangent", "argument"))
def jvp(ad: Client, f: Any, at: Any, tangents: Any, **keywords: Any) -> Parts:
    """The value, and the pushforward J @ tangents."""
    y, dy = ad.jvp(f, at, tangents, **keywords)
    return {"value": y, "derivative": dy}


@operator(seeds("cotangent", "result"))
def vjp(ad: Client, f: Any, at: Any, cotangents: Any, **keywords: Any) -> Parts:
    """The value, and the pullback J^H @ cotangents: one derivative an argument."""
    seed = cotangents[0] if len(cotangents) == 1 else cotangents
    y, dx = ad.vjp(f, at, seed, **keywords)
    return {"value": y, "derivative": dx[0] if len(dx) == 1 else dx}


@operator(argnums("0"))
def gradient(ad: Client, f: Any, at: Any, **keywords: Any) -> Parts:
    """The value and the gradient of a real scalar function."""
    y, g = ad.value_and_gradient(f, *at, **keywords)
    return {"value": y, "derivative": g}


@operator(argnums("0"), mode, sparse)
def jacobian(ad: Client, f: Any, at: Any, **keywords: Any) -> Parts:
    """The value and the Jacobian."""
    y, J = ad.value_and_jacobian(f, *at, **keywords)
    return {"value": y, "derivative": compressed(J)}


@operator(argnums("0"), sparse)
def hessian(ad: Client, f: Any, at: Any, **keywords: Any) -> Parts:
    """The Hessian of a real scalar function."""
    return {"derivative": compressed(ad.hessian(f, *at, **keywords))}


@operator(seeds("tangent", "argument"))
def hvp(ad: Client, f: Any, at: Any, tangents: Any, **keywords: Any) -> Parts:
    """The Hessian of a real scalar function times tangents: one derivative an argument."""
    products = ad.hvp(f, at, tangents, **keywords)
    return {"derivative": products[0] if len(products) == 1 else products}


OPERATORS = (evaluate, jvp, vjp, gradient, jacobian, hessian, hvp)
