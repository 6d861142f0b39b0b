"""Gradients of graphs of many scalar nodes: the first call, how it grows, and what JAX does."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import adglot
from benchmarks.rows import Row

NODES = 100_000
SMALL = 1_000
"""Nodes that JAX compiles in seconds."""

PATIENCE = 60.0
"""Seconds that JAX is given."""


@dataclass(frozen=True)
class Long:
    """A function that makes about so many scalar nodes, and its point."""

    name: str
    function: Callable[[Any], Any]
    point: Any


def chain(nodes: int, xp: Any = np) -> Long:
    """One recurrence: each step reads the last one."""

    def function(x: Any) -> Any:
        y = x
        for _ in range(nodes // 8):
            y = xp.sin(y) * x + xp.exp(-y) / (1.0 + y * y)
        return y

    return Long("chain", function, np.float64(0.5))


def wide(nodes: int, xp: Any = np) -> Long:
    """A sum over pairs of elements, each read by itself."""
    count = nodes // 7

    def function(x: Any) -> Any:
        parts = [x[i] for i in range(count)]
        total = 0.0
        for a, b in zip(parts, parts[1:] + parts[:1], strict=True):
            total = total + xp.sin(a * b) / (1.5 + a)
        return total

    return Long("wide", function, np.linspace(0.1, 0.9, count))


KINDS = {"chain": chain, "wide": wide}


def first(long: Long, target: str | None = None) -> tuple[float, float]:
    """Seconds of the first gradient of a new client, and of the next one."""
    with adglot.connect(target) as ad:
        return _seconds(lambda: ad.gradient(long.function, long.point)), _seconds(
            lambda: ad.gradient(long.function, long.point)
        )


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_jax(kind: str, nodes: int) -> float | None:
    """The same by JAX, in a process of its own; None where it has no answer in time."""
    command = [sys.executable, "-m", "benchmarks.long", kind, str(nodes)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    return float(done.stdout)


def _jax(kind: str, nodes: int) -> float:
    import jax

    jax.config.update("jax_enable_x64", True)
    long = KINDS[kind](nodes, jax.numpy)
    gradient = jax.jit(jax.grad(long.function))
    return _seconds(lambda: jax.block_until_ready(gradient(long.point)))


def rows() -> Iterator[Row]:
    """The first call against JAX's, small and large; the next one; ten times the nodes."""
    first(chain(SMALL))  # What is made once in a process is made here.
    for kind, make in KINDS.items():
        small, _ = first(make(SMALL))
        tenth, _ = first(make(NODES // 10))
        whole, again = first(make(NODES))
        yield _against_jax(kind, SMALL, small)
        yield _against_jax(kind, NODES, whole)
        name = f"gradient of {NODES} nodes ({kind})"
        yield Row(f"{name}, second call", again, whole, "s", again / whole, "", "the first call")
        linear = 10 * tenth
        what = "ten times a tenth"
        yield Row(f"{name}, growth", whole, linear, "s", whole / linear, "at most 1.5", what)


def _against_jax(kind: str, nodes: int, ours: float) -> Row:
    name = f"gradient of {nodes} nodes ({kind}), first call"
    theirs = in_jax(kind, nodes)
    against = "JAX" if theirs is not None else f"JAX: no answer in {PATIENCE:.0f} s"
    theirs = PATIENCE if theirs is None else theirs
    return Row(name, ours, theirs, "s", ours / theirs, "less", against)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(_jax(sys.argv[1], int(sys.argv[2])))
    else:
        for row in rows():
            print(
                f"{row.name}: {row.ours:.3g} {row.unit}, {row.against} {row.peer:.3g}, "
                f"{row.ratio:.2f}"
            )
