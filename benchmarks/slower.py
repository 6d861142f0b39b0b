"""``python -m benchmarks.slower``: is a program ever slower for being compiled?

Runs over the samples of all ops and the functions of `benchmarks.functions`: each program as it
is run once it has gone over to compiled code, or has been left with the interpreter, beside the
interpreter alone. Those that seem slower are looked at again, longer.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import click
import numpy as np
from rich.progress import track

import adglot
from adglot.errors import AdglotError
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder
from adglot_server.engines.base import Array, Request
from adglot_server.executors.interpreter import Interpreter
from adglot_server.executors.tiered import Tiered
from adglot_server.transforms.operators import derive
from adglot_server.transforms.simplify import simplify
from benchmarks.functions import functions
from benchmarks.timing import in_turn

NOISE = 1.1
"""Times the interpreter's time: what is below is as fast."""

CALLS = 50
"""More than are compared of one way with those of the other."""

LOOKS = (0.01, 0.1, 0.5)
"""Seconds of each look at a program; who is not slower is not looked at again."""


@dataclass(frozen=True)
class Program:
    """A program and a point of it."""

    name: str
    graph: Graph
    inputs: list[Array]


@dataclass(frozen=True)
class Compared:
    """Seconds of a run as it is answered, and by the interpreter."""

    program: Program
    executor: str
    ours: float
    interpreter: float

    @property
    def ratio(self) -> float:
        return self.ours / self.interpreter


def programs() -> Iterator[Program]:
    """Of every sample its value, pushforward and pullback; of every function two derivatives."""
    for op in TABLE.values():
        for k, sample in enumerate(op.samples()):
            builder = Builder()
            inputs = [builder.input(Type.of(x)) for x in sample.operands]
            if not inputs:
                continue
            outputs = builder.emit(op, inputs, op.complete(sample.attributes))
            graph = builder.build(inputs, outputs)
            yield from _derived(f"{op.name} {k}", graph, list(sample.operands), "jvp", "vjp")
    for one in functions():
        graph = adglot.trace(one.function, one.point)
        yield from _derived(one.name, graph, [one.point], "gradient", "hvp")


def _derived(name: str, graph: Graph, point: list[Array], *operators: str) -> Iterator[Program]:
    wrt = tuple(i for i, type in enumerate(graph.inputs) if type.is_differentiable)
    of = tuple(i for i, type in enumerate(graph.output_types) if type.is_differentiable)
    for operator in ("evaluate", *operators):
        try:
            derived = derive(simplify(graph), Request(operator, wrt, of or (0,)))
        except AdglotError:
            continue  # there is no such derivative
        seeds = [np.ones(type.shape, type.dtype) for type in derived.graph.inputs[len(point) :]]
        yield Program(f"{operator} of {name}", simplify(derived.graph), [*point, *seeds])


def compare(program: Program) -> Compared | None:
    """None where the program has no answer at its point."""
    tiered, interpreter = Tiered(program.graph), Interpreter(program.graph)
    try:
        interpreter.run(program.inputs)
    except AdglotError:
        return None
    _settle(tiered, program.inputs)
    for seconds in LOOKS:
        calls = {
            "ours": lambda: tiered.run(program.inputs),
            "interpreter": lambda: interpreter.run(program.inputs),
        }
        times = in_turn(calls, seconds)
        found = Compared(program, tiered.name, times["ours"], times["interpreter"])
        if found.ratio < NOISE:
            break
    return found


def _settle(tiered: Tiered, inputs: list[Array]) -> None:
    """Calls before compiling, between that and optimising, and until one way has been chosen."""
    for step in (tiered.compile, tiered.optimise, lambda: None):
        for _ in range(CALLS):
            tiered.run(inputs)
        step()


@click.command()
@click.argument("words", nargs=-1)
def main(words: tuple[str, ...]) -> None:
    """Compare all programs, or those with one of WORDS in their names; fails if one is slower."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    warnings.simplefilter("ignore")
    chosen = [p for p in programs() if not words or any(word in p.name for word in words)]
    found = [one for p in track(chosen, "programs") if (one := compare(p)) is not None]
    compiled = [one for one in found if one.executor == "compiled"]
    slower = sorted((one for one in found if one.ratio >= NOISE), key=lambda one: -one.ratio)
    ratios = np.array([one.ratio for one in compiled])
    print(f"{len(found)} programs, {len(compiled)} compiled; these take {np.median(ratios):.2f} of")
    print(f"the interpreter's time (median), {ratios.max():.2f} at most; {len(slower)} are slower")
    for one in slower:
        us = one.ours * 1e6, one.interpreter * 1e6
        print(f"{one.ratio:.2f} {one.executor}: {us[0]:.1f} not {us[1]:.1f} us: {one.program.name}")
    sys.exit(bool(slower))


if __name__ == "__main__":
    main()
