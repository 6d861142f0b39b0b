"""Elements taken from known places are copied, whatever they are taken from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from adglot.ir import Graph, Type
from adglot.ops import TABLE, Value, rules
from adglot_server.executors.compiled.direct import direct, whole
from adglot_server.executors.compiled.kernel import bounded
from adglot_server.executors.compiled.plan import Call
from adglot_server.executors.interpreter import Interpreter

from .test_executor import build

DTYPES = ["float64", "float32", "int64", "bool"]


def taken(x: Value, count: int, of: int) -> Value:
    places = np.random.default_rng(0).integers(-of, of, count)
    return TABLE["take"](rules.reshape(x, (of,)), places, axis=0)


def calls(graph: Graph) -> list[str]:
    region = whole(graph)
    assert region is not None
    chosen = bounded(region)
    return [chosen.region.nodes[s.index].op for s in chosen.steps if isinstance(s, Call)]


def compare(graph: Graph, *x: np.ndarray[Any, Any]) -> None:
    made = direct(graph)
    assert made is not None
    got = made.function(*x)
    for a, b in zip(got, Interpreter(graph).run(list(x)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [1, 7, 8, 9, 50])
def test_of_an_input(dtype: str, count: int) -> None:
    graph = build(lambda x: [taken(x, count, 12), TABLE["equal"](x, x)], Type(dtype, (3, 4)))
    assert calls(graph) == ["gathered"]
    compare(graph, np.arange(12).reshape(3, 4).astype(dtype))


def test_of_what_is_computed() -> None:
    """It is stored once, and not again as what it is reshaped to."""

    def function(x: Value) -> list[Value]:
        y = TABLE["exp"](x) * x
        return [taken(y, 30, 12), y]

    graph = build(function, Type("float64", (3, 4)))
    assert calls(graph) == ["gathered"]
    compare(graph, np.linspace(-1.0, 1.0, 12).reshape(3, 4))


def test_of_a_transpose() -> None:
    def function(x: Value) -> list[Value]:
        y = TABLE["permute_dims"](x, axes=(1, 0))
        return [taken(y, 30, 12), y + 1.0]

    compare(build(function, Type("float64", (3, 4))), np.arange(12.0).reshape(3, 4))


def test_what_is_computed_with_is_not_copied_before() -> None:
    graph = build(lambda x: [taken(x, 30, 12) * 2.0, x * 3.0], Type("float64", (12,)))
    assert calls(graph) == []
    compare(graph, np.arange(12.0))
