"""The round trip of a derivative call, against a bare gRPC echo of the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any

import grpc
import numpy as np

import adglot
from adglot.calls import Call, Operator
from adglot.codec import messages
from adglot.ir import Graph
from benchmarks.rows import Row
from benchmarks.servers import UNLIMITED, Running, echo_reply, running, served
from benchmarks.timing import interleaved, rates


def rosenbrock(x: Any) -> Any:
    """A small function: ten inputs, a dozen nodes."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@dataclass(frozen=True)
class Case:
    """One operator of one registered graph at one point."""

    name: str
    function: Callable[..., Any]
    operator: Operator
    point: np.ndarray[Any, Any]
    seed: np.ndarray[Any, Any] | None = None


def cases() -> list[Case]:
    """Small calls, and a Jacobian of 8 MB."""
    x = np.linspace(-1.0, 1.0, 10)
    wide = np.linspace(-1.0, 1.0, 1000)
    return [
        Case("evaluate, n = 10", rosenbrock, "evaluate", x),
        Case("jvp, n = 10", rosenbrock, "jvp", x, np.ones(10)),
        Case("vjp, n = 10", rosenbrock, "vjp", x, np.array(1.0)),
        Case("gradient, n = 10", rosenbrock, "gradient", x),
        Case("jacobian, 1000 x 1000 (8 MB)", np.sin, "jacobian", wide),
    ]


@dataclass(frozen=True)
class Pair:
    """The same bytes through adglot and through the echo."""

    case: Case
    ours: Callable[[], object]
    echo: Callable[[], object]


@contextmanager
def pair(case: Case, ours: Running, echo: Running, over: str) -> Iterator[Pair]:
    """A client of each server over `tcp` or `unix`, its graph registered."""
    channel = grpc.insecure_channel(getattr(echo, over), UNLIMITED)
    with adglot.connect(getattr(ours, over)) as ad, channel:
        prepared = ad.prepare(case.function, case.point, operator=case.operator)
        arguments = [case.point] if case.seed is None else [(case.point,), _seeds(case)]
        request = _request(case)
        reply = _reply_size(case)
        call: Any = channel.unary_unary(echo_reply(reply))
        yield Pair(case, lambda: prepared(*arguments), lambda: call(request))


def _seeds(case: Case) -> Any:
    return (case.seed,) if case.operator == "jvp" else case.seed


def _request(case: Case) -> bytes:
    """What our client sends: the graph by digest."""
    call = _call(case)
    assert isinstance(call.graph, Graph)
    return messages.encode_call(replace(call, graph=call.graph.digest))


def _reply_size(case: Case) -> int:
    """How long our server's answer is, from the same code in this process."""
    from adglot_server.service.core import Core

    values = case.operator in ("jvp", "vjp")
    answer = Core().call(replace(_call(case), include_values=values))
    return len(messages.encode_answer(answer))


def _call(case: Case) -> Call:
    seeds = () if case.seed is None else (case.seed,)
    graph = adglot.trace(case.function, case.point)
    return Call(case.operator, graph, (case.point,), seeds)


def round_trips(ours: Running, echo: Running, seconds: float) -> Iterator[Row]:
    """Every case over TCP and over a Unix socket."""
    for over in ("tcp", "unix"):
        for case in cases():
            with pair(case, ours, echo, over) as both:
                a, b = interleaved(both.ours, both.echo, seconds)
            aim = "at most 2" if "MB" in case.name else "at most 1.3"
            yield Row(f"{case.name}, {over}", a * 1e3, b * 1e3, "ms", a / b, aim)


def throughput(ours: Running, echo: Running, clients: int = 8) -> Row:
    """Small gradients from eight clients at once."""
    case = cases()[3]
    with pair(case, ours, echo, "tcp") as both:
        a, b = rates(both.ours, both.echo, clients)
    return Row(f"{case.name}, {clients} clients", a, b, "calls/s", a / b, "at least 0.8")


ALTERNATIVES = {
    "coalesced (0.5 ms)": ("--coalesce-wait", "0.0005"),
    "two server processes": ("--processes", "2"),
}


def alternatives(clients: int = 8) -> Iterator[Row]:
    """The rate of clients with a connection each, against a server without such options."""
    for case in (cases()[3], Case("gradient, n = 1000", rosenbrock, "gradient", np.ones(1000))):
        for what, options in ALTERNATIVES.items():
            with served(*options) as address, served() as plain, ExitStack() as stack:
                ours, peer = (
                    stack.enter_context(_in_turn(case, x, clients)) for x in (address, plain)
                )
                a, b = rates(ours, peer, clients)
            name = f"{case.name}, {clients} clients, {what}"
            yield Row(name, a, b, "calls/s", a / b, "", "one by one")


@contextmanager
def _in_turn(case: Case, address: str, clients: int) -> Iterator[Callable[[], object]]:
    """A call by whichever client is free; each has a connection of its own."""
    alone = [("grpc.use_local_subchannel_pool", 1)]
    with ExitStack() as stack:
        free: SimpleQueue[Callable[..., object]] = SimpleQueue()
        for _ in range(clients):
            ad = stack.enter_context(adglot.connect(address, options=alone))
            free.put(ad.prepare(case.function, case.point, operator=case.operator))

        def call() -> None:
            prepared = free.get()
            prepared(case.point)
            free.put(prepared)

        for _ in range(300 * clients):  # until all is compiled, in every process
            call()
        yield call


def memory() -> Row:
    """Growth of a fresh server's memory while a million float64 cross it, over their size."""
    x = np.linspace(-1.0, 1.0, 1_000_000)
    with running("adglot") as ours, adglot.connect(ours.tcp) as ad:
        ad.evaluate(np.sum, x[:1000])
        graph = adglot.trace(np.sum, x)
        before = ours.status("VmRSS")
        ad.evaluate(graph, x)
        grown = ours.status("VmHWM") - before
    name = "evaluate, 1 000 000 inputs: peak memory over payload"
    return Row(name, grown / 1e6, x.nbytes / 1e6, "MB", grown / x.nbytes, "a few copies")
