"""Graphs as functions of Python's: the interpreter's values, and None for what does not fit."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs, point

pytest.importorskip("llvmlite")

from adglot import ops
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Sample, Value
from adglot_server.executors.compiled.direct import Direct
from adglot_server.executors.compiled.direct import direct as staged
from adglot_server.executors.interpreter import Interpreter

from .test_executor import SAMPLES, build, close, graph_of

Array = np.ndarray[Any, Any]


def direct(graph: Graph, scalars: bool = False) -> Direct | None:
    """The function of a graph."""
    code = staged(graph, scalars=scalars)
    return None if code is None else code.function


def agree(graph: Graph, x: list[Array]) -> None:
    function = direct(graph)
    if function is None:
        pytest.skip("not one region")
    got, wanted = function(*x), Interpreter(graph).run(x)
    for a, b in zip(got if len(wanted) > 1 else [got], wanted, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.flags.owndata
        close(a, b, len(graph.nodes))


@pytest.mark.parametrize(("op", "sample"), SAMPLES)
def test_every_sample(op: ops.Op, sample: Sample) -> None:
    agree(graph_of(op, sample), [np.array(x, order="C") for x in sample.operands])


@given(graphs(), st.integers(0, 100))
def test_any_graph(graph: Graph, seed: int) -> None:
    agree(graph, point(graph, seed))


PLAIN = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "x",
    [
        PLAIN.tolist(),
        1.0,
        np.float64(1.0),
        None,
        PLAIN.astype(np.float32),
        PLAIN.astype(">f8"),
        PLAIN[:, :2],
        PLAIN[None],
        np.asfortranarray(PLAIN),
        np.arange(12.0).reshape(2, 6)[:, ::2],
        np.frombuffer(bytes(49), np.uint8)[1:].view(np.float64).reshape(2, 3),
        np.ma.masked_array(PLAIN),
    ],
    ids=lambda x: f"{type(x).__name__}-{getattr(x, 'shape', '')}",
)
def test_what_does_not_fit_is_left_to_others(x: Any) -> None:
    function = direct(build(lambda x: ops.sin(x) + 1.0, Type("float64", (2, 3))))
    assert function is not None
    assert function(x) is None
    assert function() is None
    assert function(PLAIN, PLAIN) is None
    np.testing.assert_allclose(function(PLAIN), np.sin(PLAIN) + 1.0)


def test_outputs_that_are_inputs_or_constants_or_one_another_are_copied() -> None:
    def function(x: Value, y: Value) -> list[Value]:
        z = ops.sin(x)
        return [z, TABLE["sum"](z, axes=(0, 1)), y, z, x.builder.constant(PLAIN), y]

    made = direct(build(function, *[Type("float64", (2, 3))] * 2))
    assert made is not None
    x = PLAIN + 1.0
    z, total, *copies = made(PLAIN, x)
    assert type(total) is np.ndarray
    for got, wanted in zip(copies, (x, z, PLAIN, x), strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert len({id(y) for y in (x, z, PLAIN, *copies)}) == 7
    assert not any(np.shares_memory(a, b) for a in copies for b in (x, z, PLAIN))


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
def test_scalars_where_these_are_wanted(dtype: str) -> None:
    def both(x: Value) -> list[Value]:
        return [TABLE["max"](x, axes=(0,)) if dtype != "bool" else TABLE["any"](x, axes=(0,)), x]

    x = np.arange(3).astype(dtype)
    made = direct(build(both, Type(dtype, (3,))), scalars=True)
    assert made is not None
    most, copy = made(x)
    assert type(most) is x.dtype.type
    assert most == x.max()
    np.testing.assert_array_equal(copy, x)


@pytest.mark.parametrize("n", [7, 300_000])
def test_nothing_is_lost_and_nothing_is_left(n: int) -> None:
    """Neither references nor memory; a workspace on the stack, and a large one."""

    def function(x: Value) -> list[Value]:
        y = ops.exp(ops.sin(x))
        return [y / TABLE["sum"](y, axes=(0,)), TABLE["max"](x, axes=(0,))]

    x = np.linspace(-1, 1, n)
    made = direct(build(function, Type("float64", (n,))))
    assert made is not None
    y = np.exp(np.sin(x))
    gc.collect()
    before = sys.getrefcount(x)
    tracemalloc.start()
    for _ in range(50):
        share, top = made(x)
        np.testing.assert_allclose(share, y / y.sum(), rtol=1e-13)
        assert top == 1.0
        assert sys.getrefcount(share) == 2
        assert made(0.0) is None
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sys.getrefcount(x) == before
    assert used < 2 * x.nbytes + 100_000


@pytest.mark.parametrize("n", [7, 300_000])
@pytest.mark.parametrize("scalars", [False, True])
def test_nothing_is_lost_of_a_single_output(n: int, scalars: bool) -> None:
    """It is in no list; one that does not hold is let go."""

    def function(x: Value) -> list[Value]:
        y = ops.exp(ops.sin(x))
        return [TABLE["max"](y / TABLE["sum"](y, axes=(0,)), axes=(0,))]

    x = np.linspace(-1, 1, n)
    made = direct(build(function, Type("float64", (n,))), scalars)
    assert made is not None
    y = np.exp(np.sin(x))
    gc.collect()
    tracemalloc.start()
    for _ in range(50):
        top = made(x)
        assert type(top) is (np.float64 if scalars else np.ndarray)
        np.testing.assert_allclose(top, np.max(y / y.sum()), rtol=1e-13)
        assert sys.getrefcount(top) == 2
        assert made(x, x) is made(x.astype(np.float32)) is None
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < x.nbytes + 100_000


def test_a_single_output_that_does_not_hold() -> None:
    made = direct(build(lambda a: TABLE["linalg.cholesky"](a), Type("float64", (2, 2))))
    assert made is not None
    tracemalloc.start()
    for _ in range(1000):
        assert made(-np.eye(2)) is None
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 50_000
    np.testing.assert_allclose(made(4 * np.eye(2)), 2 * np.eye(2))


def test_code_lives_as_long_as_its_function() -> None:
    made = direct(build(ops.sin, Type("float64", (9,))))
    assert made is not None
    gc.collect()
    np.testing.assert_allclose(made(np.ones(9)), np.sin(1.0))


def test_many_threads_at_once() -> None:
    n = 50_000
    made = direct(build(lambda x: ops.exp(ops.sin(x)), Type("float64", (n,))))
    assert made is not None

    def work(k: int) -> None:
        x = np.linspace(0, k, n)
        for _ in range(50):
            np.testing.assert_allclose(made(x), np.exp(np.sin(x)), rtol=1e-13)

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work, k) for k in range(4)]:
            future.result()
