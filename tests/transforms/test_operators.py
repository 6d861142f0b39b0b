"""The operators: layout of their results, several inputs and outputs, any order, cost."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from strategies import graphs, point

from adglot import ops
from adglot.errors import InvalidArgument
from adglot.ir import Graph, Type
from adglot.ops import Builder
from adglot.ops.cost import cost
from adglot_server.engines.native import NativeEngine
from adglot_server.transforms.operators import Request, derive
from adglot_server.transforms.simplify import simplify

A = np.array([[1.0, 2.0, -0.5], [0.25, -1.0, 3.0]])


def build(function, *types: Type) -> Graph:
    builder = Builder()
    inputs = [builder.input(type) for type in types]
    return builder.build(inputs, list(function(*inputs)))


def two_by_two() -> Graph:
    """(x[3], s) -> (sin(A x) s [2], sum(x) s)."""

    def function(x, s):
        return ops.sin(ops.matmul(A, x)) * s, ops.sum(x, axes=(0,)) * s

    return build(function, Type("float64", (3,)), Type("float64"))


X, S = np.array([0.3, -0.2, 0.7]), np.array(1.5)
COS = np.cos(A @ X)
EXPECTED = {
    (0, 0): COS[:, None] * A * S,
    (0, 1): np.sin(A @ X),
    (1, 0): np.full(3, S),
    (1, 1): np.sum(X),
}
"""Jacobians of `two_by_two` by hand: (output, input)."""


def run(graph, request, *inputs):
    prepared = NativeEngine().prepare(graph, request)
    results = prepared.run([np.asarray(x) for x in inputs])
    return results[: prepared.values], results[prepared.values :]


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("wrt", [(0,), (1,), (0, 1), (1, 0)])
@pytest.mark.parametrize("of", [(0,), (1,), (0, 1), (1, 0)])
def test_jacobian_is_laid_out_output_by_input(mode, wrt, of):
    _, jacobians = run(two_by_two(), Request("jacobian", wrt, of, mode), X, S)
    expected = [EXPECTED[o, i] for o in of for i in wrt]
    for ours, reference in zip(jacobians, expected, strict=True):
        assert ours.shape == np.shape(reference)
        np.testing.assert_allclose(ours, reference, rtol=1e-14)


@pytest.mark.parametrize("wrt", [(0,), (1, 0)])
@pytest.mark.parametrize("of", [(0, 1), (1, 0), (1,)])
def test_jvp_and_vjp_are_the_jacobian_applied(wrt, of):
    rng = np.random.default_rng(0)
    graph, x = two_by_two(), (X, S)
    ts = [rng.normal(size=x[i].shape) for i in wrt]
    cts = [rng.normal(size=graph.output_types[o].shape) for o in of]
    ys, dys = run(graph, Request("jvp", wrt, of), *x, *ts)
    _, dxs = run(graph, Request("vjp", wrt, of), *x, *cts)
    for o, y, dy in zip(of, ys, dys, strict=True):
        np.testing.assert_array_equal(y, ops.evaluate(graph, x)[o])
        expected = sum(
            np.tensordot(EXPECTED[o, i], t, t.ndim) for i, t in zip(wrt, ts, strict=True)
        )
        np.testing.assert_allclose(dy, expected, rtol=1e-13)
    for i, dx in zip(wrt, dxs, strict=True):
        expected = sum(
            np.tensordot(ct, EXPECTED[o, i], ct.ndim) for o, ct in zip(of, cts, strict=True)
        )
        np.testing.assert_allclose(dx, expected, rtol=1e-13)


@pytest.mark.parametrize("operator", ["jvp", "vjp", "hvp"])
def test_several_seeds_are_several_calls(operator):
    rng = np.random.default_rng(1)
    of = (1,)
    graph = two_by_two()
    shapes = [()] if operator == "vjp" else [(3,), ()]
    seeds = [rng.normal(size=(4, *shape)) for shape in shapes]
    _, together = run(graph, Request(operator, (0, 1), of, seeds=4), X, S, *seeds)
    for k in range(4):
        _, alone = run(graph, Request(operator, (0, 1), of), X, S, *(s[k] for s in seeds))
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[k], b, rtol=1e-14)


@pytest.mark.parametrize(
    "operator", ["evaluate", "jvp", "vjp", "gradient", "jacobian", "hessian", "hvp"]
)
@pytest.mark.parametrize("size", [0, 1, 5])
def test_batch_is_a_loop(operator, size):
    rng = np.random.default_rng(2)
    graph = two_by_two()
    seeds = {"jvp": [(3,), ()], "hvp": [(3,), ()], "vjp": [()]}.get(operator, [])
    arrays = [rng.normal(size=(size, *shape)) for shape in [(3,), (), *seeds]]
    request = Request(operator, (0, 1), (1,))
    together = run(graph, Request(operator, (0, 1), (1,), batch=size), *arrays)
    for k in range(size):
        alone = run(graph, request, *(a[k] for a in arrays))
        for a, b in zip([*together[0], *together[1]], [*alone[0], *alone[1]], strict=True):
            np.testing.assert_allclose(a[k], b, rtol=1e-13)
    assert all(a.shape[0] == size for a in [*together[0], *together[1]])


@given(graphs())
def test_forward_is_reverse_and_adjoint_identity_holds(graph):
    wrt, of = (0, 1, 2), tuple(range(len(graph.outputs)))
    x = point(graph)
    ts, cts = (
        point(graph, 1),
        [np.random.default_rng(3).normal(size=t.shape) for t in graph.output_types],
    )
    _, dys = run(graph, Request("jvp", wrt, of), *x, *ts)
    _, dxs = run(graph, Request("vjp", wrt, of), *x, *cts)
    left = sum(float(np.vdot(w, dy)) for w, dy in zip(cts, dys, strict=True))
    right = sum(float(np.vdot(dx, t)) for dx, t in zip(dxs, ts, strict=True))
    scale = sum(float(np.vdot(abs(w), abs(dy))) for w, dy in zip(cts, dys, strict=True))
    scale += sum(float(np.vdot(abs(dx), abs(t))) for dx, t in zip(dxs, ts, strict=True))
    assert abs(left - right) <= 1e-12 * (scale + 1e-300)
    _, forward = run(graph, Request("jacobian", wrt, of, "forward"), *x)
    _, reverse = run(graph, Request("jacobian", wrt, of, "reverse"), *x)
    for a, b in zip(forward, reverse, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * (1 + np.max(abs(a), initial=0)))


def test_fourth_derivative_of_a_scalar_function():
    graph = build(lambda x: [ops.exp(ops.sin(x)) / (1.0 + x * x)], Type("float64"))
    for _ in range(4):
        of = (len(graph.outputs) - 1,)
        graph = simplify(derive(graph, Request("jacobian", (0,), of)).graph)
    ours = ops.evaluate(graph, [np.array(0.7)])[-1]
    with mpmath.workdps(40):
        exact = mpmath.diff(lambda x: mpmath.exp(mpmath.sin(x)) / (1 + x * x), mpmath.mpf(0.7), 4)
    assert ours == pytest.approx(float(exact), rel=1e-13)


def test_hessian_of_a_hessian_vector_product():
    """w . H(x) v is v and w put into f's second derivative; its Hessian has order four."""

    def function(x):
        return [ops.sum(ops.sin(x) * ops.exp(x), axes=(0,)) * ops.sum(x * x, axes=(0,))]

    v, w = np.array([0.5, -1.0, 2.0]), np.array([1.0, 0.25, -0.5])
    hvp = derive(build(function, Type("float64", (3,))), Request("hvp")).graph
    builder = Builder()
    x = builder.input(Type("float64", (3,)))
    product = builder.inline(hvp, [x, builder.constant(v)])[1]
    scalar = builder.build([x], [ops.sum(product * w, axes=(0,))])
    _, (ours,) = run(scalar, Request("hessian"), X)

    def g(*p):
        s = mpmath.fsum(mpmath.sin(a) * mpmath.exp(a) for a in p)
        return s * mpmath.fsum(a * a for a in p)

    with mpmath.workdps(40):
        for i in range(3):
            for j in range(3):
                exact = mpmath.fsum(
                    v[a]
                    * w[b]
                    * mpmath.diff(
                        g,
                        tuple(X),
                        tuple(
                            int(k == i) + int(k == j) + int(k == a) + int(k == b) for k in range(3)
                        ),
                    )
                    for a in range(3)
                    for b in range(3)
                )
                assert ours[i, j] == pytest.approx(float(exact), rel=1e-11)


def test_complex_vjp_is_the_adjoint_and_jacobian_is_holomorphic():
    z = np.array([1.0 + 0.5j, -0.3 + 2j])
    graph = build(lambda z: [ops.exp(z) * z], Type("complex128", (2,)))
    derivative = np.exp(z) * (z + 1)
    _, (dz,) = run(graph, Request("vjp"), z, np.array([1j, 2.0]))
    np.testing.assert_allclose(dz, np.conj(derivative) * np.array([1j, 2.0]), rtol=1e-14)
    _, (J,) = run(graph, Request("jacobian"), z)
    np.testing.assert_allclose(J, np.diag(derivative), rtol=1e-14)
    squared = build(
        lambda z: [ops.sum(ops.real(z * ops.conj(z)), axes=(0,))], Type("complex128", (2,))
    )
    _, (g,) = run(squared, Request("gradient"), z)
    np.testing.assert_allclose(g, 2 * z, rtol=1e-15)
    with pytest.raises(InvalidArgument, match="no complex Jacobian"):
        run(squared, Request("jacobian"), z)


def test_auto_takes_the_cheaper_mode_and_says_so():
    wide = derive(two_by_two(), Request("jacobian", (0,), (1,)))
    tall = derive(two_by_two(), Request("jacobian", (1,), (0,)))
    assert (wide.mode, wide.passes) == ("reverse", 1)
    assert (tall.mode, tall.passes) == ("forward", 1)


@pytest.mark.parametrize(
    ("request_", "field", "text"),
    [
        (Request("jvp", (2,)), "wrt[0]", "there is no input 2"),
        (Request("jvp", (0, 0)), "wrt", "stands twice"),
        (Request("jvp", ()), "wrt", "at least one"),
        (Request("vjp", (0,), (5,)), "of[0]", "there is no output 5"),
        (Request("gradient"), "of", "one real scalar output"),
        (Request("laplacian"), "operator", "unknown operator"),
    ],
)
def test_requests_without_an_answer_are_refused(request_, field, text):
    with pytest.raises(InvalidArgument, match=text) as caught:
        derive(two_by_two(), request_)
    assert caught.value.violations[0].field == field


def test_integer_inputs_have_no_derivative():
    graph = build(lambda i: [i * 2], Type("int64"))
    with pytest.raises(InvalidArgument, match="float or complex"):
        derive(graph, Request("jvp"))


@pytest.mark.parametrize("operator", ["jvp", "vjp"])
def test_cost_and_size_stay_constant_multiples_as_the_graph_grows(operator):
    for length in (10, 100, 1_000, 10_000):
        graph = build(lambda x, n=length: [_chain(x, n)], Type("float64", (8,)))
        prepared = NativeEngine().prepare(graph, Request(operator))
        assert prepared.program_ops <= 4 * prepared.function_ops
        assert len(prepared.program.nodes) <= 5 * len(graph.nodes)
        derivative = prepared.run([START, np.ones(8)])[1]
        np.testing.assert_allclose(derivative, _slope_of_chain(length), rtol=1e-11)


START = np.linspace(0.1, 0.9, 8)


def _slope_of_chain(length):
    """By hand: each link with its derivative."""
    links = (
        lambda x: (np.sin(x), np.cos(x)),
        lambda x: (x * x, 2 * x),
        lambda x: (np.exp(x), np.exp(x)),
        lambda x: (x / 3.0, np.full(8, 1 / 3.0)),
        lambda x: (np.tanh(x), 1 - np.tanh(x) ** 2),
    )
    x, slope = START, np.ones(8)
    for k in range(length):
        x, factor = links[k % len(links)](x)
        slope = slope * factor
    return slope


def _chain(x, length):
    """So many links of one op each; a graph of that depth."""
    links = (ops.sin, lambda x: x * x, ops.exp, lambda x: x / 3.0, ops.tanh)
    for k in range(length):
        x = links[k % len(links)](x)
    return x


def test_reading_n_elements_one_by_one_costs_n():
    """Not n^2: blocks of one array are gathered before they are added."""

    def function(x):
        n = x.shape[0]
        read = [ops.TABLE["slice"](x, start=(i,), stop=(i + 1,), strides=(1,)) for i in range(n)]
        return [ops.sum(ops.TABLE["concat"](*[r * r for r in read], axis=0), axes=(0,))]

    for n in (10, 100, 1_000):
        graph = build(function, Type("float64", (n,)))
        prepared = NativeEngine().prepare(graph, Request("gradient"))
        assert prepared.program_ops <= 4 * prepared.function_ops
        np.testing.assert_allclose(prepared.run([np.arange(float(n))])[1], 2 * np.arange(n))


def test_cost_counts_what_the_table_says():
    graph = build(lambda x: [ops.matmul(A, x) * 2.0], Type("float64", (3,)))
    assert cost(graph) == 2 * 2 * 3 + 2
