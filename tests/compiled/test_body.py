"""Bodies of loops are compiled as wholes; what their function does not take is interpreted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import adglot
from adglot import ops
from adglot.ir import Type
from adglot.ops import TABLE, Value
from adglot_server.engines.base import Request
from adglot_server.engines.native import NativeEngine
from adglot_server.executors.compiled.body import Body, body
from adglot_server.executors.interpreter import Interpreter

from .test_executor import agree, build


def test_outputs_that_are_inputs_constants_and_twice_the_same() -> None:
    def function(x: Value, y: Value) -> list[Value]:
        z = ops.sin(x) * y
        return [y, z, z.builder.constant(np.array([1.0, 2.0])), z, x + z]

    graph = build(function, Type("float64", (2,)), Type("float64", ()))
    compiled = body(graph)
    assert isinstance(compiled, Body)
    x = [np.array([0.5, -2.0]), np.array(3.0)]
    for a, b in zip(compiled.run(x), Interpreter(graph).run(x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15)
    results = compiled.run(x)
    results[0][...] = results[2][...] = 7.0
    assert x[1] == 3.0
    np.testing.assert_array_equal(compiled.run(x)[2], [1.0, 2.0])


def test_what_is_no_plain_array_is_interpreted() -> None:
    graph = build(lambda x: ops.sin(x) + 1.0, Type("float64", (3,)))
    compiled = body(graph)
    strided = np.arange(6.0)[::2]
    (y,) = compiled.run([strided])
    np.testing.assert_allclose(y, np.sin(strided) + 1.0)


def test_bodies_that_only_hand_on_are_interpreted() -> None:
    assert isinstance(body(build(lambda x: x, Type("float64", ()))), Interpreter)
    assert isinstance(
        body(build(lambda x: TABLE["sort"](x, axis=0), Type("float64", (3,)))), Interpreter
    )


def recurrence(x: Any) -> Any:
    def step(state: Any, row: Any) -> tuple[Any, Any]:
        state = np.tanh(0.5 * state + row)
        return state, state * row

    last, rows = adglot.scan(step, np.zeros(3), x)
    return np.sum(last) + np.sum(rows**2)


@pytest.mark.parametrize("operator", ["evaluate", "gradient", "hessian"])
def test_loops(operator: str) -> None:
    x = np.random.default_rng(0).normal(size=(6, 3))
    graph = adglot.trace(recurrence, x)
    prepared = NativeEngine().prepare(graph, Request(operator))
    assert prepared.program is not None
    assert agree(prepared.program, [x]).kernels >= 1
