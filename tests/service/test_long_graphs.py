"""Long graphs are traced, checked, sent, differentiated and run by work linear in their length.

Work is counted in calls of functions, Python's and C's, which depend on no machine.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
from benchmarks.long import KINDS, Long

import adglot
from adglot import ops
from adglot.codec import graphs
from adglot.ir import Graph
from adglot_server.engines.base import Request
from adglot_server.engines.native import NativeEngine
from adglot_server.service.anonymous import anonymous

STEP = 500
"""Nodes: enough for what is done every few hundred nodes."""


def calls(work: Callable[[], object]) -> int:
    """How many functions are called."""
    count = 0

    def look(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.collect()
    gc.disable()  # what other tests left behind makes calls when it is freed
    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def traced(long: Long) -> Graph:
    return adglot.trace(long.function, long.point)


def prepared(operator: str) -> Callable[[Long], object]:
    return lambda long: NativeEngine().prepare(traced(long), Request(operator))


def answered(long: Long) -> object:
    program = NativeEngine().prepare(traced(long), Request("gradient"))
    return program.run([np.asarray(long.point)])


PHASES: dict[str, Callable[[Long], object]] = {
    "trace": traced,
    "digest": lambda long: traced(long).digest,
    "check": lambda long: anonymous(ops.check(traced(long))),
    "codec": lambda long: graphs.loads(graphs.dumps(traced(long))),
    "listing": lambda long: str(traced(long)),
    "jvp": prepared("jvp"),
    "vjp": prepared("vjp"),
    "gradient": prepared("gradient"),
    "hvp": prepared("hvp"),
    "answer": answered,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phase", PHASES)
def test_work_is_linear_in_the_nodes(phase: str, kind: str) -> None:
    work, make = PHASES[phase], KINDS[kind]
    work(make(STEP // 10))  # what is made once
    counted = [calls(lambda k=k: work(make(k * STEP))) for k in (1, 2, 3)]
    first, second = np.diff(counted)
    assert second < 1.05 * first, counted


@pytest.mark.parametrize("kind", KINDS)
def test_no_length_is_too_deep(kind: str) -> None:
    """Python's own functions end at a depth of about a thousand calls."""
    long = KINDS[kind](5_000)
    with adglot.connect() as ad:
        gradient = ad.gradient(long.function, long.point)
    step = 1e-20j
    moved = long.point + step * (1.0 if kind == "chain" else np.eye(1, long.point.size)[0])
    expected = np.imag(long.function(moved)) / step.imag
    np.testing.assert_allclose(np.ravel(gradient)[0], expected, rtol=1e-9, atol=1e-300)


def test_the_collector_is_on_again_after_a_long_graph() -> None:
    assert gc.isenabled()
    NativeEngine().prepare(traced(KINDS["chain"](6_000)), Request("evaluate"))
    assert gc.isenabled()
