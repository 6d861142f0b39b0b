"""Every operator of the packages' engines, as the native engine lays them out."""

import numpy as np
import pytest

from adglot import ops
from adglot.errors import GuardFailed, InvalidArgument, Unsupported
from adglot.ir import Type
from adglot.ops import Builder
from adglot.ops.control import bodies
from adglot_server.engines.native import NativeEngine
from adglot_server.transforms.operators import Request

from .packages import ENGINES

NATIVE = NativeEngine()
A = np.array([[1.0, 2.0, -0.5], [0.25, -1.0, 3.0], [0.5, 0.5, 0.5]])
X, S, N = np.array([0.3, -0.2, 0.7]), np.array(1.5), np.array([2, 0, 1])

each_engine = pytest.mark.parametrize("engine", ENGINES)


def build(function, *arrays, guard=None):
    builder = Builder()
    inputs = [builder.input(Type.of(x)) for x in arrays]
    outputs = list(function(*inputs))
    if guard is not None:
        builder.guard(guard(*inputs), True, "model.py:3")
    return builder.build(inputs, outputs)


def mixed(x, s, n):
    """A vector, a scalar and an integer, of a vector, a scalar and integers."""
    taken = ops.TABLE["take"](x, n, axis=0)
    y = ops.sin(ops.matmul(A, taken)) * s
    return y, ops.sum(ops.exp(y) * x, axes=(0,)) / s, n + 1


def agree(engine, graph, request, *inputs, rtol=1e-12):
    """The same arrays as ours, of the same types; the engine's Prepared."""
    inputs = [np.asarray(x) for x in inputs]
    theirs = engine.prepare(graph, request)
    got, want = theirs.run(inputs), NATIVE.prepare(graph, request).run(inputs)
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        assert Type.of(a) == Type.of(b)
        size = np.max(np.abs(b), initial=1.0)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * size)
    return theirs


def draw(*shape):
    return np.random.default_rng(len(shape) + sum(shape)).uniform(0.5, 1.5, shape)


# ------------------------------------------------------------------ layout


REQUESTS = {
    "evaluate": (Request("evaluate", of=(2, 0, 1)), ()),
    "jvp": (Request("jvp", wrt=(1, 0), of=(1, 0)), (np.array(2.0), draw(3))),
    "vjp": (Request("vjp", wrt=(1, 0), of=(1, 0)), (np.array(2.0), draw(3))),
    "jvp of 4 seeds": (Request("jvp", wrt=(0, 1), of=(0, 1), seeds=4), (draw(4, 3), draw(4))),
    "vjp of 4 seeds": (Request("vjp", wrt=(0, 1), of=(0, 1), seeds=4), (draw(4, 3), draw(4))),
    "vjp of no seed": (Request("vjp", wrt=(0, 1), of=(0,), seeds=0), (np.zeros((0, 3)),)),
    "gradient": (Request("gradient", wrt=(1, 0), of=(1,)), ()),
    "jacobian": (Request("jacobian", wrt=(1, 0), of=(1, 0)), ()),
    "jacobian by columns": (Request("jacobian", wrt=(0, 1), of=(0, 1), mode="forward"), ()),
    "jacobian by rows": (Request("jacobian", wrt=(0, 1), of=(0, 1), mode="reverse"), ()),
    "hvp": (Request("hvp", wrt=(1, 0), of=(1,)), (np.array(2.0), draw(3))),
    "hvp of 4 seeds": (Request("hvp", wrt=(0, 1), of=(1,), seeds=4), (draw(4, 3), draw(4))),
    "hessian": (Request("hessian", wrt=(1, 0), of=(1,)), ()),
}


@each_engine
@pytest.mark.parametrize("name", REQUESTS)
def test_every_operator_is_laid_out_as_ours(engine, name):
    request, seeds = REQUESTS[name]
    agree(engine, build(mixed, X, S, N), request, X, S, N, *seeds)


@each_engine
@pytest.mark.parametrize("size", [0, 1, 3])
@pytest.mark.parametrize("name", REQUESTS)
def test_batches_of_points(engine, name, size):
    request, seeds = REQUESTS[name]
    batched = Request(
        request.operator, request.wrt, request.of, request.mode, request.seeds, batch=size
    )
    points = [np.stack([x + k % 2 for k in range(size)]) if size else x[None][:0] for x in (X, S)]
    indices = np.stack([np.roll(N, k) for k in range(size)]) if size else N[None][:0]
    many = [np.stack([seed] * size) if size else seed[None][:0] for seed in seeds]
    agree(engine, build(mixed, X, S, N), batched, *points, indices, *many)


@each_engine
def test_an_output_that_does_not_depend_on_the_input(engine):
    graph = build(lambda x, s: (s * 2.0, x * 1.0), S, X)
    for operator in ("jacobian", "jvp", "vjp"):
        seeds = {"jvp": (X,), "vjp": (S,), "jacobian": ()}[operator]
        agree(engine, graph, Request(operator, wrt=(1,), of=(1,)), S, X, *seeds)
    graph = build(lambda x, s: (x * 2.0,), X, S)
    agree(engine, graph, Request("jacobian", wrt=(1,), of=(0,)), X, S)


@each_engine
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_arrays_without_elements(engine, mode):
    empty = np.zeros((0, 2))
    graph = build(lambda x, e: (ops.sum(e, axes=(0, 1)) + x, ops.sin(e)), X, empty)
    agree(engine, graph, Request("jacobian", wrt=(0, 1), of=(0, 1), mode=mode), X, empty)


@each_engine
def test_single_precision_stays_so(engine):
    x = X.astype("float32")
    graph = build(lambda x: [ops.sum(ops.exp(x) * x, axes=(0,))], x)
    for operator in ("gradient", "hessian"):
        agree(engine, graph, Request(operator), x, rtol=1e-5)


@each_engine
def test_complex_functions_take_the_adjoint_for_the_real_inner_product(engine):
    z = np.array([1.0 + 0.5j, -0.3 + 2j])
    ct = np.array([1j, 2.0 - 1j])
    graph = build(lambda z: [ops.exp(z) * ops.conj(z), ops.sum(ops.abs(z), axes=(0,))], z)
    agree(engine, graph, Request("vjp"), z, ct)
    agree(engine, graph, Request("jvp"), z, ct)
    agree(engine, graph, Request("gradient", of=(1,)), z)
    agree(engine, graph, Request("hvp", of=(1,)), z, ct)
    agree(engine, build(lambda z: [z * z], z), Request("jacobian"), z)


@each_engine
def test_requests_without_an_answer_are_refused_as_ours_are(engine):
    z = np.array([1.0 + 0.5j])
    real = build(lambda z: [ops.sum(ops.abs(z), axes=(0,))], z)
    for request in (Request("jacobian"), Request("hessian"), Request("jvp", wrt=(3,))):
        with pytest.raises(InvalidArgument) as ours:
            NATIVE.prepare(real, request)
        with pytest.raises(InvalidArgument) as theirs:
            engine.prepare(real, request)
        assert str(theirs.value) == str(ours.value)


# ------------------------------------------------------------------ control flow


def branching(x):
    """A cond of the first element, of a vector."""
    positive = ops.greater(ops.TABLE["take"](x, np.array(0), axis=0), 0.0)
    graphs = {
        "if_true": bodies.make([x.type], lambda b, x: [ops.sin(x) * x], "if_true"),
        "if_false": bodies.make([x.type], lambda b, x: [ops.exp(x) - x], "if_false"),
    }
    return [ops.TABLE["cond"](positive, x, **graphs)]


def looping(max_steps):
    """Doubles x until its sum is 20 or more."""
    types = [Type.of(X)]
    condition = bodies.make(types, lambda b, x: [ops.less(ops.sum(x, axes=(0,)), 20.0)], "go_on")
    body = bodies.make(types, lambda b, x: [x * x + x], "body")

    def function(x):
        how = {"condition": condition, "body": body, "consts": 0, "max_steps": max_steps}
        return [ops.sum(ops.TABLE["while_loop"](x, **how), axes=(0,))]

    return function


@each_engine
def test_both_branches_in_one_batch(engine):
    points = np.stack([X, -X, X + 1])
    for operator in ("evaluate", "jacobian"):
        agree(engine, build(branching, X), Request(operator, batch=3), points)
    agree(engine, build(branching, X), Request("vjp", seeds=2, batch=3), points, draw(3, 2, 3))


@each_engine
def test_bounded_loops_in_both_modes(engine):
    graph = build(looping(12), X + 1)
    for operator in ("evaluate", "gradient", "jacobian", "hessian"):
        agree(engine, graph, Request(operator), X + 1, rtol=1e-10)
    agree(engine, graph, Request("gradient", batch=2), np.stack([X + 1, X + 3]), rtol=1e-10)


@each_engine
def test_loops_without_a_bound_go_forward(engine):
    graph = build(looping(0), X + 1)
    agree(engine, graph, Request("jacobian", mode="forward"), X + 1, rtol=1e-10)


@pytest.mark.parametrize("engine", [e for e in ENGINES if e.id == "jax"])
def test_jax_says_that_it_does_not_pull_back_through_a_loop_without_a_bound(engine):
    with pytest.raises(Unsupported, match="Reverse-mode differentiation does not work"):
        engine.prepare(build(looping(0), X + 1), Request("gradient"))


@each_engine
def test_a_custom_derivative_is_not_believed(engine):
    """The rule says 5; packages differentiate the function itself."""

    def function(x):
        body = bodies.make([x.type], lambda b, x: [ops.sin(x)], "sin")
        rule = bodies.make([x.type, x.type], lambda b, x, t: [t * 5.0], "rule")
        return [ops.TABLE["custom_derivative"](x, function=body, rule=rule, mode="jvp")]

    results = engine.prepare(build(function, S), Request("jacobian")).run([S])
    np.testing.assert_allclose(results[1], np.cos(S), rtol=1e-14)


# ------------------------------------------------------------------ what is refused


@each_engine
def test_guards_are_checked_at_every_point(engine):
    graph = build(lambda x: [x * x], S, guard=lambda x: ops.greater_equal(x, 1.0))
    agree(engine, graph, Request("jacobian"), S)
    with pytest.raises(GuardFailed, match=r"model\.py:3"):
        engine.prepare(graph, Request("jacobian")).run([np.array(0.5)])
    batch = engine.prepare(graph, Request("gradient", batch=2))
    with pytest.raises(GuardFailed, match=r"points \[1\]"):
        batch.run([np.array([2.0, 0.5])])


@each_engine
@pytest.mark.parametrize("op", ["take", "scatter", "dynamic_slice"])
def test_indices_out_of_range_are_errors(engine, op):
    functions = {
        "take": lambda x, n: [ops.TABLE["take"](x, n, axis=0)],
        "scatter": lambda x, n: [ops.TABLE["scatter"](x, x * 2.0, n, axis=0)],
        "dynamic_slice": lambda x, n: [ops.dynamic_slice(x, ops.sum(n, axes=(0,)), sizes=(2,))],
    }
    prepared = engine.prepare(build(functions[op], X, N), Request("vjp", seeds=None))
    ct = X[:2] if op == "dynamic_slice" else X
    with pytest.raises(InvalidArgument, match=r"out of (bounds|range)"):
        prepared.run([X, np.array([2, 9, 1]), ct])


@each_engine
@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.TABLE["take"](x, np.array([7]), axis=0),
        lambda x: ops.TABLE["scatter_add"](x, np.ones(1), np.array([-4]), axis=0),
        lambda x: ops.dynamic_slice(x, np.array(2), sizes=(2,)),
        lambda x: ops.dynamic_update_slice(x, np.ones(2), np.array(-1)),
    ],
)
def test_a_constant_index_out_of_range_is_an_error(engine, function):
    graph = build(lambda x: [function(x)], X)
    with pytest.raises(InvalidArgument, match=r"out of (bounds|range)"):
        engine.prepare(graph, Request("evaluate")).run([X])


@each_engine
def test_an_op_that_the_package_lacks_is_named_when_prepared(engine):
    graph = build(lambda x: [ops.TABLE["linalg.adjugate"](x)], A)
    with pytest.raises(Unsupported, match=rf"{engine.name} has no linalg.adjugate"):
        engine.prepare(graph, Request("evaluate"))
