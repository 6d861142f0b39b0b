"""Compiled derivatives of opfunu's and pymoo's functions are the interpreter's, to rounding."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.functions import Named, functions

pytest.importorskip("llvmlite")

import adglot
from adglot_server.engines.base import Request
from adglot_server.engines.native import NativeEngine
from adglot_server.executors.compiled.executor import Compiled
from adglot_server.executors.compiled.kernel import TooLarge
from adglot_server.executors.interpreter import Interpreter

EPS = np.finfo(float).eps


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", functions(), ids=lambda case: case.name)
@pytest.mark.parametrize("operator", ["gradient", "hvp"])
def test_values_are_the_interpreter_s(operator: str, case: Named) -> None:
    x = case.point
    np.random.seed(0)  # noqa: NPY002 - opfunu draws from the global generator
    graph = adglot.trace(case.function, x)
    if graph.output_types[0].size != 1:
        pytest.skip("several objectives")
    program = NativeEngine().prepare(graph, Request(operator)).program
    assert program is not None
    tangent = [np.cos(np.arange(float(x.size)))] if operator == "hvp" else []
    try:
        compiled = Compiled(program, smallest=1)
    except TooLarge:
        pytest.skip("too large to compile: the interpreter answers")
    interpreter = Interpreter(program)
    wanted = interpreter.run([x, *tangent])
    random = np.random.default_rng(0)
    near = [
        interpreter.run([x + random.choice([-1, 1], x.shape) * np.spacing(x), *tangent])
        for _ in range(6)
    ]
    for k, got in enumerate(compiled.run([x, *tangent])):
        spread = np.max([np.abs(one[k] - wanted[k]) for one in near], axis=0)
        size = np.nanmax(np.abs(wanted[k]), initial=1.0)
        bound = 8 * EPS * np.sqrt(len(program.nodes) + 1) * size + 8 * spread
        np.testing.assert_array_equal(np.isfinite(got), np.isfinite(wanted[k]))
        real = np.isfinite(wanted[k])
        assert np.all(np.abs(got - wanted[k])[real] <= bound[real])
