"""Simplification changes the number of nodes, never the values."""

import numpy as np
import pytest
from hypothesis import given
from strategies import graphs, point

from adglot import ops
from adglot.ir import Graph, Type
from adglot.ops import Builder, Value
from adglot_server.transforms.operators import Request, derive
from adglot_server.transforms.simplify import simplify

F3 = Type("float64", (3,))


def build(function, *types: Type) -> Graph:
    builder = Builder()
    inputs = [builder.input(type) for type in types]
    result = function(*inputs)
    return builder.build(inputs, [result] if isinstance(result, Value) else result)


def names(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


@given(graphs())
def test_values_stay_to_the_last_bit(graph):
    x = point(graph)
    for before, after in zip(ops.evaluate(graph, x), ops.evaluate(simplify(graph), x), strict=True):
        np.testing.assert_array_equal(before, after)
        assert before.dtype == after.dtype


@given(graphs())
def test_derivative_programs_keep_their_values(graph):
    program = derive(graph, Request("jvp", wrt=(0, 1, 2), of=tuple(range(len(graph.outputs)))))
    x = [*point(graph), *point(graph, 1)]
    for before, after in zip(
        ops.evaluate(program.graph, x), ops.evaluate(simplify(program.graph), x), strict=True
    ):
        np.testing.assert_allclose(before, after, rtol=1e-13, atol=1e-13)


def test_equal_nodes_are_shared():
    graph = simplify(build(lambda x: ops.sin(x) * ops.sin(x), F3))
    assert names(graph) == ["sin", "multiply"]


def test_dead_nodes_are_gone():
    def function(x):
        ops.exp(x)
        return ops.sin(x)

    assert names(simplify(build(function, F3))) == ["sin"]


def test_scalar_constants_fold_and_identities_vanish():
    graph = build(lambda x: (x * 1.0 + 0.0) * (ops.reshape(x, shape=(3,)) * 1.0), F3)
    assert names(simplify(graph)) == ["multiply"]


def test_data_is_not_folded():
    data = np.arange(1000.0)
    graph = build(lambda x: x * ops.sin(x.builder.constant(data)), Type("float64", (1000,)))
    assert "sin" in names(simplify(graph))


def test_a_broadcast_operand_is_left_to_broadcasting():
    def function(x, s):
        return x * ops.broadcast_to(s, shape=(3,))

    assert names(simplify(build(function, F3, Type("float64")))) == ["multiply"]


@pytest.mark.parametrize("scalar", [0.0, -0.0, 1.0, -1.0, np.inf, np.nan])
def test_special_constants_keep_special_values(scalar):
    graph = build(lambda x: (x * scalar, x + scalar, x / scalar, scalar - x), F3)
    x = np.array([np.inf, np.nan, -2.0])
    for before, after in zip(
        ops.evaluate(graph, [x]), ops.evaluate(simplify(graph), [x]), strict=True
    ):
        np.testing.assert_array_equal(before, after)


def test_an_outer_product_is_a_product_of_numbers():
    matmul = ops.TABLE["matmul"]
    column, rows = Type("float64", (2, 3, 1)), Type("float64", (1, 4))
    graph = build(lambda x, y: matmul(x, y), column, rows)
    program = simplify(graph)
    assert names(program) == ["multiply"]
    x = [np.array([[[1.0], [np.inf], [np.nan]]] * 2), np.array([[0.5, -1.0, 0.0, 3.0]])]
    with np.errstate(invalid="ignore"):
        (wanted,), (got,) = ops.evaluate(graph, x), ops.evaluate(program, x)
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_masked_sum_of_unit_vectors_is_the_mask(axis):
    def function(x, mask):
        count = ops.TABLE["iota"].on(x, size=3)
        same = ops.TABLE["equal"](ops.reshape(count, shape=(3, 1)), count)
        units = ops.TABLE["convert_element_type"](same, dtype="float64")
        chosen = ops.TABLE["where"](mask, x.builder.constant(np.array(0.0)), units)
        return x * ops.TABLE["sum"](chosen, axes=(axis,))

    graph = build(function, F3, Type("bool", (3,)))
    program = simplify(graph)
    assert names(program) == ["constant", "constant", "where", "multiply"]
    x = [np.array([1.0, 2.0, 3.0]), np.array([True, False, True])]
    wanted, got = ops.evaluate(graph, x), ops.evaluate(program, x)
    np.testing.assert_array_equal(got, wanted)


def test_names_and_locations_are_kept():
    builder = Builder()
    builder.location = "model.py:7"
    x = builder.input(F3)
    graph = builder.build([x], [ops.sin(x)], input_names=["theta"], output_names=["loss"], name="g")
    after = simplify(graph)
    assert (after.name, after.input_names, after.output_names) == ("g", ("theta",), ("loss",))
    assert after.nodes[0].location == "model.py:7"
