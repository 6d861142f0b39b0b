"""``make bench-julia``: what a gradient by ForwardDiff costs beside a bare echo and DI's own time.

And what each engine of Julia costs at start, at the first call and after; ``--out`` writes it all
for the page of the docs, which is made of one run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import grpc
import numpy as np
from rich.console import Console
from rich.table import Table

import adglot
from adglot.errors import AdglotError
from adglot_julia.installation import look
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
def worker() -> Iterator[tuple[str, int]]:
    """The address and the process of a worker of its own."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:{folder}/julia.sock"
        command = [sys.executable, "-m", "adglot_julia.worker", "--listen", address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                process.stdout.readline()
                yield address, process.pid
            finally:
                process.terminate()


def own_time() -> float:
    """Seconds of one gradient in Julia alone."""
    from juliacall import Main

    Main.seval(OWN_TIME)
    return float(Main.own_time(SIZE, 2000))


def julia_version() -> str:
    """Of the Julia that `own_time` has started."""
    from juliacall import Main

    return str(Main.seval("string(VERSION)"))


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


@dataclass(frozen=True)
class Calls:
    """Seconds of an engine's first gradient, of processor time, and of a later one."""

    engine: str
    version: str
    first: float
    second: float


def calls(address: str, pid: int) -> Iterator[Calls]:
    """Of every engine that has gradients, of a function of ten numbers."""
    x = np.linspace(-1.0, 1.0, 10)
    with adglot.connect(address) as ad:
        engines = [i for i in ad.engines() if i.available and "gradient" in i.operators]
        for info in engines:
            try:
                before = processor(pid)
                _seconds(ad, x, info.name)
                first = processor(pid) - before
                second = min(_seconds(ad, x + k, info.name) for k in range(1, 6))
            except AdglotError as error:
                print(f"{info.name}: {error}", file=sys.stderr)
            else:
                yield Calls(info.name, info.version, first, second)


def processor(pid: int) -> float:
    """Seconds that a process has computed: what others do meanwhile does not count, on Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _seconds(ad: adglot.Client, x: Any, name: str) -> float:
    started = time.perf_counter()
    ad.gradient(wire.rosenbrock, x, engine=name, timeout=600.0)
    return time.perf_counter() - started


ORDERS = {"before PythonCall": "", "after PythonCall": "import PythonCall; "}


def orders() -> dict[str, float]:
    """Seconds of the processor for a fresh Julia to import Enzyme, before and after PythonCall."""
    return {order: _imported(first) for order, first in ORDERS.items()}


def _imported(first: str) -> float:
    found = look()
    clock = "ccall(:clock, Int, ()) / 1e6"
    code = f"{first}started = {clock}; import Enzyme; print({clock} - started)"
    command = [found.julia, f"--project={found.project}", "-e", code]
    variables = {**os.environ, "JULIA_PYTHONCALL_EXE": sys.executable}
    printed = subprocess.run(command, env=variables, check=True, capture_output=True, text=True)
    return float(printed.stdout)


def measured(seconds: float, engines: bool) -> dict[str, Any]:
    """All of it, as JSON has it, in seconds: those of start and first calls are the processor's."""
    with worker() as (address, pid):
        start = processor(pid)
        found = [asdict(one) for one in calls(address, pid)] if engines else []
        ours, echo = steady(address, seconds)
    own = own_time()
    return {
        "start": start,
        "calls": found,
        "import of Enzyme": orders() if engines else {},
        "size": SIZE,
        "steady": {"adglot": ours, "bare gRPC echo": echo, "DI's own time": own},
        "ratio": ours / (echo + own),
        "julia": julia_version(),
        "cores": os.cpu_count(),
    }


def table(found: dict[str, Any]) -> Table:
    """For people."""
    rows = Table("what", "seconds", title=f"gradient, n = {SIZE}, by {ENGINE}")
    rows.add_row("start of the worker", f"{found['start']:.2f}")
    for what, took in found["steady"].items():
        rows.add_row(what, f"{took:.6f}")
    rows.add_row("adglot / (echo + DI)", f"{found['ratio']:.2f} (aim: at most {AIM:.0f})")
    for one in found["calls"]:
        times = f"{one['first']:.2f}, {one['second']:.4f}"
        rows.add_row(f"{one['engine']}: first, second gradient", times)
    for order, took in found["import of Enzyme"].items():
        rows.add_row(f"import Enzyme {order}", f"{took:.2f}")
    return rows


@click.command()
@click.option("--seconds", default=5.0, show_default=True, help="Time for the steady state.")
@click.option("--engines/--no-engines", default=True, help="Time the first calls of every engine.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it as JSON.")
def main(seconds: float, engines: bool, out: Path | None) -> None:
    """Steady state against echo + DI, and the first calls of every engine."""
    found = measured(seconds, engines)
    if out is not None:
        out.write_text(json.dumps(found, indent=1) + "\n")
    Console().print(table(found))


if __name__ == "__main__":
    main()
