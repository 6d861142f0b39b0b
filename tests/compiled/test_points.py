"""Kernels over points give the interpreter's values at every point that they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import graphs

pytest.importorskip("llvmlite")

from adglot import ops
from adglot.errors import AdglotError
from adglot.ir import Graph, Guard, Type
from adglot.ops import TABLE, Builder, Sample, Value
from adglot_server.executors.compiled.expand import expand
from adglot_server.executors.compiled.points import PointKernel, compile_points
from adglot_server.executors.compiled.sharing import share
from adglot_server.executors.interpreter import Interpreter
from adglot_server.transforms.operators import Request, derive
from adglot_server.transforms.simplify import simplify
from adglot_server.transforms.sparse import compress

from .test_executor import SAMPLES, build, close, graph_of

Array = np.ndarray[Any, Any]
FLOAT = Type("float64", ())
POINTS = 13
"""A whole tile, and a part of one."""


def answered(kernel: PointKernel, graph: Graph, x: Sequence[Array]) -> tuple[list[Array], set[int]]:
    """All outputs, and the points at which they do not hold."""
    outputs = [
        np.full((len(x[0]), *graph.types[i].shape), 77, graph.types[i].dtype) for i in graph.outputs
    ]
    return outputs, set(kernel.run(x, outputs).tolist())


def agree(graph: Graph, points: Sequence[Array]) -> set[int]:
    """The kernel gives what the interpreter gives, but for the points returned."""
    kernel = compile_points(graph, [True] * len(graph.inputs))
    if kernel is None:
        pytest.skip("not written out in scalars")
    return same(kernel, graph, points)


def taken(graph: Graph) -> PointKernel:
    """The kernel of a graph drawn; another is drawn where a zero of unknown sign forbids one."""
    kernel = compile_points(graph, [True] * len(graph.inputs))
    assume(kernel is not None)
    assert kernel is not None
    return kernel


def same(kernel: PointKernel, graph: Graph, points: Sequence[Array]) -> set[int]:
    """As `agree`, of a kernel that there is."""
    got, doubtful = answered(kernel, graph, points)
    interpreter = Interpreter(graph)
    for k in set(range(len(points[0]))) - doubtful:
        wanted = interpreter.run([x[k] for x in points])
        for a, b in zip(got, wanted, strict=True):
            close(a[k], b, 8 + len(graph.nodes))
    return doubtful


def around(x: Array) -> Array:
    """Points near one."""
    if x.dtype.kind not in "fc":
        return np.stack([x] * POINTS)
    steps = (1 + 0.01 * np.arange(POINTS)).reshape(-1, *[1] * x.ndim)
    return (x * steps).astype(x.dtype)


@pytest.mark.parametrize(("op", "sample"), SAMPLES)
def test_every_sample(op: ops.Op, sample: Sample) -> None:
    graph = graph_of(op, sample)
    if not graph.inputs or not graph.outputs:
        pytest.skip("no points")
    agree(graph, [around(np.asarray(x)) for x in sample.operands])


@pytest.mark.parametrize(("op", "sample"), SAMPLES)
def test_every_jacobian(op: ops.Op, sample: Sample) -> None:
    graph = graph_of(op, sample)
    wrt = tuple(i for i, t in enumerate(graph.inputs) if t.dtype.kind == "f" and t.size)
    of = tuple(i for i, t in enumerate(graph.output_types) if t.dtype.kind == "f")
    if not wrt or not of:
        pytest.skip("nothing to differentiate")
    try:
        derived = derive(simplify(graph), Request("jacobian", wrt=wrt, of=of))
    except AdglotError as refused:
        pytest.skip(str(refused))
    agree(simplify(derived.graph), [around(np.asarray(x)) for x in sample.operands])


@given(graphs(), st.integers(0, 100))
def test_any_graph(graph: Graph, seed: int) -> None:
    random = np.random.default_rng(seed)
    points = [random.normal(size=(POINTS, *t.shape)) for t in graph.inputs]
    assert not same(taken(graph), graph, points)


SPECIALS = [0.0, -0.0, 1.0, -1.0, 5e-324, -2e-310, 1e-308, 1e300, -1.7e308, np.inf, -np.inf, np.nan]


@given(graphs(), st.integers(0, 100))
def test_any_graph_at_special_numbers(graph: Graph, seed: int) -> None:
    random = np.random.default_rng(seed)
    points = [random.choice(SPECIALS, (POINTS, *t.shape)) for t in graph.inputs]
    got, doubtful = answered(taken(graph), graph, points)
    interpreter = Interpreter(graph)
    for k in set(range(POINTS)) - doubtful:
        for a, b in zip(got, interpreter.run([x[k] for x in points]), strict=True):
            np.testing.assert_array_equal(np.isnan(a[k]), np.isnan(b))
            np.testing.assert_array_equal(np.isinf(a[k]), np.isinf(b))


def jacobian(function: Callable[..., Any], *types: Type, sparse: bool = False) -> Graph:
    request = Request("jacobian", sparse=sparse)
    derived = (compress.derive if sparse else derive)(build(function, *types), request)
    return simplify(derived.graph)


def chain(x: Value) -> Value:
    """Neighbours only: most of its Jacobian is zero."""
    z = ops.sin(x) / (1.0 + x * x)
    low = TABLE["slice"](z, start=(0,), stop=(x.size - 1,), strides=(1,))
    high = TABLE["slice"](x, start=(1,), stop=(x.size,), strides=(1,))
    return low * high


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n", [2, 7, 8, 9, 11, 70])
def test_zeros_are_not_computed(n: int, sparse: bool) -> None:
    graph = jacobian(chain, Type("float64", (n,)), sparse=sparse)
    points = np.random.default_rng(0).normal(size=(POINTS, n))
    assert not agree(graph, [points])


def test_a_zero_times_infinity_is_left_to_others() -> None:
    """The derivative of x y by (x, y) has products of 0 with either."""
    graph = jacobian(lambda v: TABLE["prod"](v, axes=(0,)), Type("float64", (2,)))
    points = np.ones((POINTS, 2))
    points[3, 0], points[9, 1] = np.inf, np.nan
    assert {3, 9} >= agree(graph, [points])


def test_folding_a_zero_hides_no_nan() -> None:
    graph = build(lambda x: x * 0.0 + 1.0, FLOAT)
    points = np.arange(float(POINTS))
    points[[2, 12]] = np.inf, np.nan
    assert agree(graph, [points]) == {2, 12}


def test_divisions_by_one_number_share_its_reciprocal() -> None:
    graph = build(lambda x, y: [x / y, (x + 1.0) / y, (x + 2.0) / y], FLOAT, FLOAT)
    points = [np.linspace(1.0, 2.0, POINTS), np.linspace(3.0, 4.0, POINTS)]
    points[1][[1, 4, 6]] = 5e-324, 0.0, 1e308
    assert agree(graph, points) == {1, 4, 6}


def test_a_jump_sees_no_other_rounding() -> None:
    """49 (1/49) is less than 1."""
    graph = build(lambda x, y: [ops.floor(x / y), (x + 1.0) / y], FLOAT, FLOAT)
    y = np.arange(1.0, 100.0)
    kernel = PointKernel(graph, (True, True))
    got, _ = answered(kernel, graph, [y, y])
    np.testing.assert_array_equal(got[0], 1.0)


def test_shared_inputs_and_masks() -> None:
    def function(x: Value, a: Value, mask: Value) -> list[Value]:
        return [TABLE["where"](mask, a * x, -x), TABLE["less"](x, a)]

    graph = build(function, Type("float32", (3,)), Type("float32", (3,)), Type("bool", (3,)))
    kernel = PointKernel(graph, (True, False, True))
    random = np.random.default_rng(0)
    x = random.normal(size=(POINTS, 3)).astype(np.float32)
    a, mask = np.float32([1.0, -2.0, 0.5]), random.normal(size=(POINTS, 3)) > 0
    (y, less), _ = answered(kernel, graph, [x, a, mask])
    np.testing.assert_array_equal(y, np.where(mask, a * x, -x))
    np.testing.assert_array_equal(less, x < a)


def test_large_graphs_are_cut() -> None:
    """Into functions, between which numbers lie in memory."""

    def function(x: Value) -> Value:
        for _ in range(300):
            x = ops.sin(x) * 0.5 + TABLE["flip"](x, axes=(0,)) * 0.5
        return x

    graph = build(function, Type("float64", (5,)))
    points = np.random.default_rng(0).normal(size=(POINTS, 5))
    kernel = PointKernel(graph, (True,))
    (y,), _ = answered(kernel, graph, [points])
    interpreter = Interpreter(graph)
    for got, x in zip(y, points, strict=True):
        (wanted,) = interpreter.run([x])
        np.testing.assert_allclose(got, wanted, rtol=1e-9)


def test_guards_are_looked_at() -> None:
    builder = Builder()
    x = builder.input(FLOAT)
    below = TABLE["less"](x, builder.constant(np.float64(3.0)))
    graph = builder.build([x], [x * 2.0, below])
    graph = replace(graph, guards=(Guard(graph.outputs[1], True, "x < 3"),))
    kernel = PointKernel(graph, (True,))
    x = np.zeros(POINTS)
    x[[2, 12]] = 4.0
    assert answered(kernel, graph, [x])[1] == {2, 12}


def test_a_call_from_python_makes_its_results() -> None:
    graph = jacobian(chain, Type("float64", (9,)))
    kernel = PointKernel(graph, (True,))
    x = np.random.default_rng(0).normal(size=(POINTS, 9))
    wanted, _ = answered(kernel, graph, [x])
    for a, b in zip(kernel.direct(x), wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_call_from_python_leaves_to_others_what_it_is_not_for() -> None:
    graph = build(lambda x, a: a * x * 0.0 + 1.0, Type("float64", (2,)), FLOAT)
    kernel = PointKernel(graph, (True, False))
    x, a = np.ones((POINTS, 2)), np.array(3.0)
    np.testing.assert_array_equal(kernel.direct(x, a), x)
    for other in (x[:7], x[0], x[:, :1], x.astype(np.float32), x.T, [x], np.array(1.0)):
        assert kernel.direct(other, a) is None
    assert kernel.direct(x) is None
    assert kernel.direct(x, np.ones(POINTS)) is None
    x[11, 1] = np.inf
    assert kernel.direct(x, a) is None


def test_inputs_of_different_numbers_of_points_are_refused() -> None:
    kernel = PointKernel(build(lambda x, y: x + y, FLOAT, FLOAT), (True, True))
    assert kernel.direct(np.ones(9), np.ones(10)) is None


def test_a_difference_of_a_number_and_itself_is_zero_if_it_is_finite() -> None:
    graph = build(lambda x: TABLE["exp"](x - x), FLOAT)
    points = np.arange(float(POINTS))
    points[[0, 5]] = np.inf, np.nan
    assert agree(graph, [points]) == {0, 5}


def test_one_look_tells_of_several_numbers() -> None:
    """Where a product is finite its factors are."""
    graph = build(lambda x, y: [x * 0.0 + 1.0, (x * y) * 0.0 + 1.0], FLOAT, FLOAT)
    expanded = expand(graph)
    assert len(expanded.scalars.finite) == 2
    share(expanded.scalars, [int(x) for x in expanded.outputs])
    assert len(expanded.scalars.finite) == 1
    points = [np.ones(POINTS), np.ones(POINTS)]
    points[0][3], points[1][9], points[0][12], points[1][12] = np.inf, np.nan, -np.inf, 0.0
    assert agree(graph, points) == {3, 9, 12}


def test_a_reciprocal_tells_of_its_divisor() -> None:
    graph = build(lambda x, y: [x / y, (x + 1.0) / y, 0.0 / y, y * 0.0], FLOAT, FLOAT)
    expanded = expand(graph)
    share(expanded.scalars, [int(x) for x in expanded.outputs])
    assert not expanded.scalars.nonzero
    assert not expanded.scalars.finite
    points = [np.ones(POINTS), np.ones(POINTS)]
    points[1][[1, 4, 6]] = np.nan, 0.0, np.inf
    assert agree(graph, points) == {1, 4, 6}


def test_too_many_scalars_are_refused() -> None:
    assert compile_points(build(ops.sin, Type("float64", (200_000,))), (True,)) is None
