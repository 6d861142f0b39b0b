"""Compiled programs give the interpreter's values: every op sample, its derivatives, any graph."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs, point

pytest.importorskip("llvmlite")

from adglot import ops
from adglot.errors import AdglotError, GuardFailed, InvalidArgument
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder, Sample, Value
from adglot_server.engines.base import Request
from adglot_server.engines.native import NativeEngine
from adglot_server.executors.compiled.executor import Compiled
from adglot_server.executors.interpreter import Interpreter

Array = np.ndarray[Any, Any]
SAMPLES = [
    pytest.param(op, sample, id=f"{op.name}-{k}")
    for op in TABLE.values()
    for k, sample in enumerate(op.samples())
]


def agree(graph: Graph, x: Sequence[Array], smallest: int = 1) -> Compiled:
    """The compiled program gives what the interpreter gives, to a few ulp of each block."""
    program = Compiled(graph, smallest)
    wanted, raw = Interpreter(graph).run(x), program.run(x)
    program.optimise()
    got = program.run(x)
    for a, b in zip(raw, got, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(got, wanted, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        close(a, b, len(graph.nodes))
    return program


def close(got: Array, wanted: Array, nodes: int) -> None:
    if wanted.dtype.kind not in "fc":
        np.testing.assert_array_equal(got, wanted)
        return
    finite = np.abs(wanted[np.isfinite(wanted)])
    eps = np.finfo(wanted.dtype).eps
    bound = 8 * eps * np.sqrt(nodes + 1) * np.max(finite, initial=0.0)
    np.testing.assert_allclose(got, wanted, rtol=4 * eps, atol=bound)


def graph_of(op: ops.Op, sample: Sample) -> Graph:
    builder = Builder()
    inputs = [builder.input(Type.of(x)) for x in sample.operands]
    attributes = op.complete(sample.attributes)
    if not inputs:
        return builder.build([], builder.emit(op, (), attributes))
    return builder.build(inputs, op.all(*inputs, **attributes))


def build(function: Callable[..., Any], *types: Type) -> Graph:
    builder = Builder()
    inputs = [builder.input(type) for type in types]
    outputs = function(*inputs)
    return builder.build(inputs, outputs if isinstance(outputs, list) else [outputs])


@pytest.mark.parametrize(("op", "sample"), SAMPLES)
def test_every_sample(op: ops.Op, sample: Sample) -> None:
    agree(graph_of(op, sample), sample.operands)


@pytest.mark.parametrize(("op", "sample"), SAMPLES)
def test_every_derivative(op: ops.Op, sample: Sample) -> None:
    """Forward and reverse, with seeds."""
    graph = graph_of(op, sample)
    wrt = tuple(i for i, t in enumerate(graph.inputs) if t.is_differentiable)
    of = tuple(i for i, t in enumerate(graph.output_types) if t.is_differentiable)
    if op.no_derivative or not wrt or not of:
        pytest.skip("nothing to differentiate")
    for operator in ("jvp", "vjp"):
        prepared = NativeEngine().prepare(graph, Request(operator, wrt=wrt, of=of))
        assert prepared.program is not None
        rest = prepared.program.inputs[len(graph.inputs) :]
        random = np.random.default_rng(0)
        seeds = [np.asarray(random.normal(size=t.shape)).astype(t.dtype) for t in rest]
        agree(prepared.program, [*sample.operands, *seeds])


@given(graphs(most=20))
def test_any_graph(graph: Graph) -> None:
    agree(graph, point(graph))


@given(graphs(dtype="float32"))
def test_any_graph_in_single_precision(graph: Graph) -> None:
    agree(graph, point(graph))


@given(graphs(), st.sampled_from(["gradient", "jacobian", "hvp"]))
def test_any_derivative(graph: Graph, operator: str) -> None:
    total = TABLE["sum"]
    builder = Builder()
    inputs = [builder.input(type) for type in graph.inputs]
    y = builder.inline(graph, inputs)[0]
    scalar = total(y, axes=tuple(range(y.ndim)))
    made = builder.build(inputs, [scalar])
    prepared = NativeEngine().prepare(made, Request(operator, wrt=(0, 1, 2), of=(0,)))
    assert prepared.program is not None
    random = np.random.default_rng(1)
    rest = prepared.program.inputs[3:]
    agree(prepared.program, [*point(graph), *(random.normal(size=t.shape) for t in rest)])


@given(st.integers(1, 40), st.integers(1, 20), st.data())
def test_lengths_around_the_lanes(n: int, m: int, data: st.DataObject) -> None:
    """Loops with and without whole vectors, reductions over each axis, slices, pads, concats."""
    axes = data.draw(st.sampled_from([(0,), (1,), (0, 1)]))
    low = data.draw(st.integers(0, 3))

    def function(x: Value, v: Value) -> list[Value]:
        y = ops.sin(x) * v + 1.0
        padded = TABLE["pad"](y, low=(low, 0), high=(1, low), interior=(0, 0))
        joined = TABLE["concat"](y, TABLE["flip"](x, axes=(1,)), axis=0)
        return [
            TABLE["sum"](y, axes=axes),
            TABLE["max"](padded, axes=axes),
            TABLE["permute_dims"](joined * 2.0, axes=(1, 0)),
            TABLE["reshape"](joined + 1.0, shape=(2 * n * m,)) * 3.0,
        ]

    graph = build(function, Type("float64", (n, m)), Type("float64", (m,)))
    random = np.random.default_rng(n)
    agree(graph, [random.normal(size=(n, m)), random.normal(size=m)])


def chain(x: Value) -> Value:
    return ops.exp(ops.sin(x) * 2.0) + x


def test_large_arrays_and_long_sums() -> None:
    x = np.random.default_rng(0).normal(size=100_003)
    graph = build(lambda x: [chain(x), TABLE["sum"](chain(x), axes=(0,))], Type("float64", x.shape))
    program = agree(graph, [x], smallest=3)
    assert program.kernels == 1
    exact = np.sum(chain_of(x).astype(np.longdouble))
    assert abs(program.run([x])[1] - exact) <= 2 * np.spacing(float(exact))


def chain_of(x: Array) -> Array:
    return np.exp(np.sin(x) * 2.0) + x


def test_regions_lie_between_nodes_that_only_the_interpreter_has() -> None:
    def function(x: Value) -> Value:
        y = TABLE["cumulative_sum"](chain(x), axis=0)
        return chain(y) * y

    program = agree(build(function, Type("float64", (50,))), [np.linspace(0, 1, 50)], smallest=3)
    assert program.kernels == 2


@pytest.mark.parametrize("change", ["strided", "integers", "list"])
def test_inputs_of_any_layout(change: str) -> None:
    graph = build(chain, Type("float64", (6,)))
    x = np.arange(12.0)
    given = {"strided": x[::2], "integers": np.arange(6), "list": x[:6].tolist()}[change]
    (got,) = Compiled(graph, 1).run([given])  # type: ignore[list-item]
    np.testing.assert_allclose(got, chain_of(np.asarray(given, float)), rtol=1e-14)


def test_an_array_of_another_size_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"expected float64\[6\], got float64\[5\]"):
        Compiled(build(chain, Type("float64", (6,))), 1).run([np.ones(5)])


def test_results_share_memory_with_nobody() -> None:
    program = Compiled(build(lambda x: [x, chain(x), chain(x)], Type("float64", (6,))), 1)
    x = np.arange(6.0)
    first, second = program.run([x]), program.run([x])
    for array in first:
        array[...] = np.nan
    np.testing.assert_array_equal(x, np.arange(6.0))
    assert np.all(np.isfinite(second[1]))


def test_guards_hold_for_compiled_values() -> None:
    builder = Builder()
    x = builder.input(Type("float64", ()))
    y = chain(x)
    builder.guard(y > 0.0, True, "model.py:5: y > 0")
    program = Compiled(builder.build([x], [y * y]), 1)
    assert program.kernels == 1
    program.run([np.array(2.0)])
    with pytest.raises(GuardFailed, match=r"model\.py:5"):
        program.run([np.array(-9.0)])


def test_an_index_out_of_range_is_an_error_all_the_same() -> None:
    def function(x: Value, i: Value) -> Value:
        return chain(ops.take(chain(x), i, axis=0))

    graph = build(function, Type("float64", (3,)), Type("int64"))
    with pytest.raises(AdglotError, match="out of bounds"):
        Compiled(graph, 1).run([np.ones(3), np.array(3)])


def test_threads_share_a_program() -> None:
    graph = build(
        lambda x: TABLE["sum"](chain(x) * chain(x + 1.0), axes=(0,)), Type("float64", (10_000,))
    )
    program = Compiled(graph, 1)
    points = [np.full(10_000, 0.1 * i) for i in range(4)]
    wanted = [program.run([x])[0] for x in points]
    wrong: list[int] = []

    def work(i: int) -> None:
        wrong.extend(i for _ in range(50) if program.run([points[i]])[0] != wanted[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
