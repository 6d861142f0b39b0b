"""What a cross-check adds to the gradients that its engines compute anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import adglot
from benchmarks.rows import Row
from benchmarks.timing import interleaved

CANDIDATES = ("native", "autograd", "jax", "casadi", "torch")
"""The first three that are installed are compared."""

AIM = "<= 3"
OPS = 50
COUNT = 2


def chain(x: Any) -> Any:
    """A scalar function of 50 ops."""
    y = x
    for _ in range((OPS - 2) // 6):
        y = np.sin(y) * 0.5 + np.exp(-y * y)
    return np.sum(y)


def rows(seconds: float) -> Iterator[Row]:
    """Of a gradient alone, and of all that is asked where nothing is said."""
    x = np.linspace(0.1, 1.0, 100)
    graph = adglot.trace(chain, x)
    with adglot.connect() as ad:
        names = [engine.name for engine in ad.engines() if engine.available]
        engines = [name for name in CANDIDATES if name in names][:3]

        def gradients() -> None:
            for engine in engines:
                ad.gradient(graph, x, engine=engine)

        for what, operators in (("gradient", ["gradient"]), ("values, jvp and vjp", None)):

            def check(operators: list[str] | None = operators) -> None:
                assert ad.crosscheck(graph, x, engines=engines, operators=operators)

            yield _row(f"{what}: {', '.join(engines)}", check, gradients, seconds)


def _row(
    name: str, check: Callable[[], object], gradients: Callable[[], object], seconds: float
) -> Row:
    """What the check takes beyond the gradients, against these."""
    whole, alone = (1e3 * t for t in interleaved(check, gradients, seconds))
    added = whole - alone
    return Row(name, added, alone, "ms", added / alone, AIM, "their gradients")
