"""A graph said in another package's functions: NumPy's own, so that every value is known."""

from dataclasses import replace

import numpy as np
import pytest
from ops.cases import CASES

from adglot import ops
from adglot.errors import Cancelled, GuardFailed, InvalidArgument, Unsupported
from adglot.ir import Type
from adglot.ops import TABLE, Builder
from adglot.ops.control import bodies
from adglot.stopping import stopped_by
from adglot_server.engines.eager import control_flow
from adglot_server.engines.walk import Language, PointCheck, Walk, computed_in, orders, without
from adglot_server.transforms.operators import Request

NUMPY = Language(
    package="numpy",
    table={name: op.evaluate for name, op in TABLE.items() if not op.higher_order}
    | dict(control_flow(bool, np.stack, np.asarray)),
    constant=np.asarray,
    cast=lambda x, dtype: np.asarray(x, dtype),
)
X = np.array([0.5, -1.0, 2.0])


def build(function, *arrays, guard=None):
    builder = Builder()
    builder.location = "model.py:7"
    inputs = [builder.input(Type.of(x)) for x in arrays]
    outputs = function(*inputs)
    if guard is not None:
        builder.guard(guard(*inputs), True, "model.py:3")
    return builder.build(inputs, outputs)


@pytest.mark.parametrize("case", CASES, ids=repr)
@pytest.mark.parametrize("promotes", [False, True])
def test_every_sample_has_its_value_and_type(case, promotes):
    language = replace(NUMPY, promotes=promotes)
    results = Walk(case.program.graph, language)(case.program.point)
    for got, want in zip(results, case.program.values, strict=True):
        assert Type.of(got) == Type.of(want)
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("operands", "result", "dtype"),
    [
        (("float32", "int64"), "float64", "float64"),
        (("float32", "float64"), "float64", "float64"),
        (("int32", "int64"), "bool", "int64"),
        (("bool",), "int64", "int64"),
        (("int32",), "float64", "float64"),
        (("int64",), "complex128", "float64"),
        (("complex64", "float64"), "bool", "complex128"),
    ],
)
def test_operands_come_in_the_dtype_that_numpy_computes_in(operands, result, dtype):
    assert computed_in(list(map(np.dtype, operands)), np.dtype(result)) == dtype


def test_operands_are_cast_before_the_function_is_called():
    seen = []

    def add(a, b):
        seen.append((a.dtype, b.dtype))
        return a + b

    language = replace(NUMPY, table={"add": add})
    graph = build(lambda x, n: [x + n], X.astype("float32"), np.arange(3))
    (y,) = Walk(graph, language)([X.astype("float32"), np.arange(3)])
    assert seen == [(np.float64, np.float64)]
    assert y.dtype == np.float64


def test_a_loop_of_no_steps_stacks_nothing():
    body = bodies.make([Type.of(X[0])], lambda b, x: [ops.sin(x)], "body")
    rows = np.zeros((0,))
    how = {"body": body, "length": 0, "reverse": False, "consts": 0, "carries": 0}
    graph = build(lambda x: [TABLE["scan"](x, **how)], rows)
    (y,) = Walk(graph, NUMPY)([rows])
    assert Type.of(y) == Type("float64", (0,))


# ------------------------------------------------------------------ refusals and faults


def test_an_op_that_the_table_lacks_is_named_with_its_place():
    language = replace(NUMPY, table={})
    with pytest.raises(Unsupported, match=r"numpy has no sin \(model\.py:7\)"):
        Walk(build(lambda x: [ops.sin(x)], X), language)


def test_ops_of_sub_graphs_are_looked_at_but_not_a_rule_of_the_user():
    function = bodies.make([Type.of(X)], lambda b, x: [ops.sin(x)], "f")
    rule = bodies.make([Type.of(X)] * 2, lambda b, x, t: [ops.cos(x) * t], "rule")
    how = {"function": function, "rule": rule, "mode": "jvp"}
    graph = build(lambda x: [TABLE["custom_derivative"](x, **how)], X)
    np.testing.assert_array_equal(
        Walk(graph, replace(NUMPY, table={"sin": np.sin}))([X])[0], np.sin(X)
    )
    with pytest.raises(Unsupported, match="no sin"):
        Walk(graph, replace(NUMPY, table={"cos": np.cos, "multiply": np.multiply}))


def test_nodes_are_refused_by_their_types_and_attributes():
    language = replace(NUMPY, refusals={"sin": without("c"), "special.iv": orders(0, 1)})
    Walk(build(lambda x: [ops.sin(x)], X), language)
    with pytest.raises(Unsupported, match="numpy does not take complex128: sin"):
        Walk(build(lambda x: [ops.sin(x)], X + 1j), language)
    Walk(build(lambda x: [TABLE["special.iv"](x, order=1.0)], X), language)
    with pytest.raises(Unsupported, match="has the orders 0 and 1 only"):
        Walk(build(lambda x: [TABLE["special.iv"](x, order=2.5)], X), language)


def test_faults_come_with_the_place_of_the_node():
    graph = build(lambda x, n: [TABLE["take"](x, n, axis=0)], X, np.array([0]))
    with pytest.raises(InvalidArgument, match=r"model\.py:7: take: index 9 is out of bounds"):
        Walk(graph, NUMPY)([X, np.array([9])])


def test_a_walk_stops_between_two_nodes():
    def check():
        raise Cancelled("enough")

    walk = Walk(build(lambda x: [ops.sin(x)], X), NUMPY)
    with stopped_by(check), pytest.raises(Cancelled):
        walk([X])


# ------------------------------------------------------------------ guards


def guarded():
    return build(lambda x: [ops.sin(x)], X[0], guard=lambda x: ops.greater(x, 0.0))


def test_guards_are_checked_at_points_and_in_batches():
    PointCheck(guarded(), Request("vjp"))([X[0], X[0]])
    with pytest.raises(GuardFailed):
        PointCheck(guarded(), Request("jvp"))([X[1]])
    with pytest.raises(GuardFailed, match=r"points \[1\]"):
        PointCheck(guarded(), Request("vjp", batch=3, seeds=2))([X])


def test_guards_within_sub_graphs_are_checked_too():
    inner = guarded()
    graph = build(lambda x: [TABLE["call"](x, function=inner)], X[0])
    with pytest.raises(GuardFailed):
        PointCheck(graph, Request("vjp"))([X[1]])


def test_ops_that_a_package_takes_silently_are_run_by_us_first():
    graph = build(lambda x, n: [TABLE["take"](x, n, axis=0)], X, np.array([0]))
    PointCheck(graph, Request("jvp"))([X, np.array([9])])
    with pytest.raises(InvalidArgument, match="out of bounds"):
        PointCheck(graph, Request("jvp"), indexing=("take",))([X, np.array([9])])


def test_indices_that_stand_in_the_graph_cost_no_run_of_ours():
    graph = build(lambda x: [TABLE["take"](x, np.array([9]), axis=0)], X)
    PointCheck(graph, Request("jvp"), indexing=("take",))([X])


def test_what_numpy_refuses_is_found_by_a_run_of_ours():
    singular = np.ones((2, 2))
    graph = build(lambda x: [TABLE["linalg.inv"](x)], singular)
    PointCheck(graph, Request("jvp"))([singular])
    with pytest.raises(InvalidArgument, match="Singular"):
        PointCheck(graph, Request("jvp"), raising=("linalg.inv",))([singular])
