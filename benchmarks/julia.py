"""``make bench-julia``: what a gradient by ForwardDiff costs beside a bare echo and DI's own time.

And what each engine of Julia costs at start, at the first call and after.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import grpc
import numpy as np
from rich.console import Console
from rich.table import Table

import adglot
from adglot.errors import AdglotError
from benchmarks import wire
from benchmarks.servers import UNLIMITED, echo_reply, running
from benchmarks.timing import interleaved

ENGINE = "julia/ForwardDiff"
SIZE = 100
AIM = 3.0

OWN_TIME = """
begin
    import DifferentiationInterface as DI, ForwardDiff
    import ADTypes: AutoForwardDiff
    f(x) = sum(100.0 .* (x[2:end] .- x[1:end-1] .^ 2) .^ 2 .+ (1 .- x[1:end-1]) .^ 2)
    function own_time(n, repeats)
        x, backend = collect(range(-1.0, 1.0; length = n)), AutoForwardDiff()
        prep = DI.prepare_gradient(f, backend, x)
        DI.value_and_gradient(f, prep, backend, x)
        times = [@elapsed(DI.value_and_gradient(f, prep, backend, x)) for _ in 1:repeats]
        return sort(times)[repeats ÷ 2]
    end
end
"""
"""The same function in Julia, differentiated by DI with its preparation, without adglot."""


@contextmanager
def worker() -> Iterator[str]:
    """The address of a worker of its own."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:{folder}/julia.sock"
        command = [sys.executable, "-m", "adglot_julia.worker", "--listen", address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                process.stdout.readline()
                yield address
            finally:
                process.terminate()


def own_time() -> float:
    """Seconds of one gradient in Julia alone."""
    from juliacall import Main

    Main.seval(OWN_TIME)
    return float(Main.own_time(SIZE, 2000))


def steady(address: str, seconds: float) -> tuple[float, float]:
    """Seconds of a gradient through the worker, and of an echo of the same bytes."""
    x = np.linspace(-1.0, 1.0, SIZE)
    case = wire.Case("gradient", wire.rosenbrock, "gradient", x)
    with (
        running("echo") as echo,
        grpc.insecure_channel(echo.unix, UNLIMITED) as channel,
        adglot.connect(address) as ad,
    ):
        prepared = ad.prepare(case.function, x, operator="gradient", engine=ENGINE)
        request, call = wire._request(case), channel.unary_unary(_method(case))
        return interleaved(lambda: prepared(x), lambda: call(request), seconds)


def _method(case: wire.Case) -> Any:
    return echo_reply(wire._reply_size(case))


def calls(address: str) -> Iterator[tuple[str, float, float]]:
    """For every engine the seconds of its first gradient and of a later one."""
    x = np.linspace(-1.0, 1.0, 10)
    with adglot.connect(address, timeout=600.0) as ad:
        names = [i.name for i in ad.engines() if i.available and "gradient" in i.operators]
        for name in names:
            try:
                yield name, *(_seconds(ad, x + k, name) for k in range(2))
            except AdglotError as error:
                print(f"{name}: {error}", file=sys.stderr)


def _seconds(ad: adglot.Client, x: Any, name: str) -> float:
    started = time.perf_counter()
    ad.gradient(wire.rosenbrock, x, engine=name)
    return time.perf_counter() - started


@click.command()
@click.option("--seconds", default=5.0, show_default=True, help="Time for the steady state.")
@click.option("--engines/--no-engines", default=True, help="Time the first calls of every engine.")
def main(seconds: float, engines: bool) -> None:
    """Steady state against echo + DI, and the first calls of every engine."""
    started = time.perf_counter()
    with worker() as address:
        start = time.perf_counter() - started
        table = Table("what", "seconds", title=f"gradient, n = {SIZE}, by {ENGINE}")
        table.add_row("start of the worker", f"{start:.2f}")
        firsts = list(calls(address)) if engines else []
        ours, echo = steady(address, seconds)
    own = own_time()
    for what, took in (("adglot", ours), ("bare gRPC echo", echo), ("DI's own time", own)):
        table.add_row(what, f"{took:.6f}")
    table.add_row("adglot / (echo + DI)", f"{ours / (echo + own):.2f} (aim: at most {AIM:.0f})")
    for name, first, second in firsts:
        table.add_row(f"{name}: first, second gradient", f"{first:.2f}, {second:.4f}")
    Console().print(table)


if __name__ == "__main__":
    main()
