"""Code for other machines: made for all of them, and run where this one can."""

from __future__ import annotations

import platform

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from adglot import ops
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Value
from adglot_server.executors.compiled import machine, workers_code
from adglot_server.executors.compiled.direct import direct
from adglot_server.executors.compiled.kernel import bounded, constants_of, module_text
from adglot_server.executors.compiled.machine import Target, assembly
from adglot_server.executors.compiled.points import PointKernel, tiles
from adglot_server.executors.compiled.region import region_of
from adglot_server.executors.compiled.schedule import schedule
from adglot_server.executors.interpreter import Interpreter

from .test_executor import agree, build
from .test_points import POINTS, answered

LINUX = "unknown-linux-gnu"
TARGETS = {
    "AVX-512": (Target(f"x86_64-{LINUX}", "skylake-avx512", ""), "zmm"),
    "AVX2": (Target(f"x86_64-{LINUX}", "haswell", ""), "ymm"),
    "SSE2": (Target(f"x86_64-{LINUX}", "x86-64", ""), "xmm"),
    "NEON": (Target(f"aarch64-{LINUX}", "neoverse-n1", ""), ".2d"),
    "SVE": (Target(f"aarch64-{LINUX}", "neoverse-v1", ""), ".2d"),
}


def function(x: Value, mask: Value) -> list[Value]:
    y = TABLE["where"](mask, ops.exp(ops.sin(x)) / (1.0 + x * x), x)
    return [y, TABLE["sum"](y, axes=(0,)), TABLE["less"](x, y)]


def graph() -> Graph:
    return build(function, Type("float64", (11,)), Type("bool", (11,)))


@pytest.mark.parametrize("name", TARGETS)
def test_arrays_and_points_for_every_target(name: str) -> None:
    target, register = TARGETS[name]
    plan = schedule(graph(), 1)
    region = region_of(plan.graph, *plan.regions[0], plan.constants)
    arrays = module_text(bounded(region), constants_of(region)).replace(
        "internal i1 @run", "i1 @run"
    )
    assert register in assembly(arrays, target)
    assert register in assembly(tiles(graph(), (True, True)).text(), target)


@pytest.mark.parametrize(
    ("name", "wait", "exchange"),
    [("AVX-512", "pause", "cmpxchg"), ("NEON", "yield", "cas"), ("SVE", "yield", "cas")],
)
def test_workers_for_every_target(name: str, wait: str, exchange: str) -> None:
    target, _ = TARGETS[name]
    text = assembly(workers_code.text(target.triple), target)
    assert wait in text
    assert exchange in text


@pytest.mark.skipif(platform.machine() != "x86_64", reason="made for x86-64")
@pytest.mark.parametrize("cpu", ["x86-64", "x86-64-v3"])
def test_lesser_machines_compute_the_same(cpu: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are emulated here: a machine has all instructions of the lesser ones."""
    mine = machine.host()
    if cpu == "x86-64-v3" and "+avx2" not in mine.features:
        pytest.skip("this machine has no AVX2")
    monkeypatch.setattr(machine, "host", lambda: Target(mine.triple, cpu, ""))
    random = np.random.default_rng(0)
    x, mask = random.normal(size=(POINTS, 11)), random.normal(size=(POINTS, 11)) > 0
    agree(graph(), [x[0], mask[0]])
    outputs, doubtful = answered(PointKernel(graph(), (True, True)), graph(), [x, mask])
    whole = direct(graph())
    assert whole is not None
    assert not doubtful
    for k in range(POINTS):
        wanted = Interpreter(graph()).run([x[k], mask[k]])
        for a, b, c in zip(outputs, whole.function(x[k], mask[k]), wanted, strict=True):
            np.testing.assert_allclose(a[k], c, rtol=1e-14)
            np.testing.assert_allclose(b, c, rtol=1e-14)
