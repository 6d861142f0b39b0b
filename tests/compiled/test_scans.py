"""Loops in machine code give what the interpreter gives, turn by turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import adglot
from adglot import ops
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder, Value
from adglot_server.engines.base import Request
from adglot_server.engines.native import NativeEngine
from adglot_server.executors.compiled import scans
from adglot_server.executors.compiled.executor import Compiled
from adglot_server.executors.compiled.scans import Scan, scan
from adglot_server.executors.interpreter import Interpreter

from .test_executor import agree, build

Array = np.ndarray[Any, Any]


def looped(body: Graph, types: Sequence[Type], **attributes: Any) -> Graph:
    builder = Builder()
    inputs = [builder.input(type) for type in types]
    return builder.build(inputs, TABLE["scan"].all(*inputs, body=body, **attributes))


def code(graph: Graph) -> Scan | None:
    (node,) = graph.nodes
    return scan(node, graph.inputs)


def step(a: Value, x: Value, n: Value, row: Value) -> list[Value]:
    """A constant, two carries (one an integer), a row; two results, one of them as it came."""
    after = ops.sin(a * x) + row
    return [after, n + 1, after * row, row, TABLE["sum"](after, axes=(0,))]


@pytest.mark.parametrize("length", [1, 2, 5, 8])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_direction_and_length(length: int, reverse: bool, dtype: str) -> None:
    row, count = Type(dtype, (3,)), Type("int64", ())
    body = build(step, row, row, count, row)
    types = [row, row, count, Type(dtype, (length, 3))]
    graph = looped(body, types, length=length, reverse=reverse, consts=1, carries=2)
    random = np.random.default_rng(0)
    x = [random.normal(size=t.shape).astype(t.dtype) for t in types]
    made = code(graph)
    assert made is not None
    for a, b in zip(made(x), Interpreter(graph).run(x), strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=4 * np.finfo(dtype).eps)
    assert agree(graph, x).kernels == 1


def test_carries_that_change_places() -> None:
    type = Type("float64", (2,))
    body = build(lambda x, y: [y, -x, x], type, type)
    graph = looped(body, [type, type], length=3, reverse=False, consts=0, carries=2)
    made = code(graph)
    assert made is not None
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    last, other, stack = made([x, y])
    np.testing.assert_array_equal(last, -y)
    np.testing.assert_array_equal(other, x)
    np.testing.assert_array_equal(stack, [x, y, -x])


def test_operands_that_are_not_contiguous() -> None:
    row = Type("float64", (3,))
    body = build(lambda s, x: [ops.sin(s) + x, s], row, row)
    graph = looped(body, [row, Type("float64", (4, 3))], length=4, consts=0, carries=1)
    made = code(graph)
    assert made is not None
    x = [np.ones(6)[::2], np.broadcast_to(np.arange(3.0), (4, 3))]
    for a, b in zip(made(x), Interpreter(graph).run(x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15)


def test_what_is_no_such_loop_is_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Type("float64", (3,))
    sorts = build(lambda s: [TABLE["sort"](s, axis=0)], row)
    assert code(looped(sorts, [row], length=4, consts=0, carries=1)) is None
    turns = looped(build(lambda s: [ops.sin(s)], row), [row], length=4, consts=0, carries=1)
    assert code(turns) is not None
    monkeypatch.setattr(scans, "MOST_WORK", 10)
    assert code(turns) is None
    assert Compiled(turns).kernels == 1  # the body alone


def recurrence(w: Any, x: Any) -> Any:
    def turn(state: Any, row: Any) -> tuple[Any, Any]:
        state = np.tanh(w * state + row)
        return state, state * row

    last, rows = adglot.scan(turn, np.zeros(3), x)
    return np.sum(last) + np.sum(rows**2)


@pytest.mark.parametrize("operator", ["evaluate", "gradient", "hvp", "hessian"])
def test_derivatives(operator: str) -> None:
    random = np.random.default_rng(0)
    w, x = random.normal(size=3), random.normal(size=(6, 3))
    prepared = NativeEngine().prepare(adglot.trace(recurrence, w, x), Request(operator))
    assert prepared.program is not None
    inputs = [random.normal(size=t.shape) for t in prepared.program.inputs]
    loops = [node for node in prepared.program.nodes if node.op == "scan"]
    assert loops
    agree(prepared.program, inputs)
    types = prepared.program.types
    assert all(scan(node, [types[i] for i in node.operands]) for node in loops)
