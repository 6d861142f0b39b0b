"""A graph cut in two gives the value and the derivative that jvp gives."""

from __future__ import annotations

import numpy as np

from adglot import ops
from adglot.ir import Graph, Type
from adglot.ops import Builder
from adglot.ops.shape import slice_axis
from adglot_server.transforms.jvp import jvp
from adglot_server.transforms.linearize import linearize
from adglot_server.transforms.transpose import transpose, vjp

W = np.arange(12.0).reshape(3, 4) / 10
X = np.array([0.5, -1.0, 2.0, 0.25])


def layer() -> Graph:
    """(tanh(w x) * 3, floor(x)): the second output has no tangent."""
    builder = Builder()
    w, x = builder.input(Type.of(W)), builder.input(Type.of(X))
    return builder.build([w, x], [ops.tanh(ops.matmul(w, x)) * np.full(3, 3.0), ops.floor(x)])


def run(cut, point, tangents):
    """Values, and tangents by the linear part."""
    results = ops.evaluate(cut.primal, point)
    known = [point[i] for i in cut.known]
    return results[:2], ops.evaluate(cut.linear, [*known, *results[2:], *tangents])


def test_both_parts_make_up_the_jvp():
    tangents = [np.cos(W), np.sin(X)]
    for active in ([True, True], [True, False], [False, True]):
        seeds = [t for t, on in zip(tangents, active, strict=True) if on]
        cut = linearize(layer(), active)
        assert cut.active == (True, False)
        values, moved = run(cut, [W, X], seeds)
        for got, want in zip(
            [*values, *moved], ops.evaluate(jvp(layer(), active)[0], [W, X, *seeds]), strict=True
        ):
            np.testing.assert_array_equal(got, want)


def test_linear_part_can_be_transposed():
    cut = linearize(layer(), [True, True])
    results = ops.evaluate(cut.primal, [W, X])
    given = [*([W, X][i] for i in cut.known), *results[2:]]
    flags = [i >= len(given) for i in range(len(cut.linear.inputs))]
    ct = np.array([1.0, -2.0, 0.5])
    got = ops.evaluate(transpose(cut.linear, flags), [*given, ct])
    want = ops.evaluate(vjp(layer(), [True, True]), [W, X, ct, np.zeros(4)])[2:]
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)


def test_residuals_are_few():
    """Inputs are read again and constants made again: only what tanh gave is handed over."""
    cut = linearize(layer(), [True, True])
    assert cut.known == (0, 1)
    assert [t.shape for t in cut.primal.output_types[2:]] == [(3,)]


def test_inputs_that_are_not_shared_are_residuals():
    cut = linearize(layer(), [True, True], shared=[True, False])
    assert cut.known == (0,)
    assert sorted(t.shape for t in cut.primal.output_types[2:]) == [(3,), (4,)]
    _, moved = run(cut, [W, X], [np.cos(W), np.sin(X)])
    want = ops.evaluate(jvp(layer(), [True, True])[0], [W, X, np.cos(W), np.sin(X)])
    np.testing.assert_array_equal(moved[0], want[2])


def gate() -> Graph:
    """1 / (1 + exp(-(w[0] x + w[1])))."""
    builder = Builder()
    w, x = builder.input(Type("float64", (2, 4))), builder.input(Type.of(X))
    weight, bias = (ops.reshape(slice_axis(w, 0, k, k + 1), shape=(4,)) for k in (0, 1))
    return builder.build([w, x], [1.0 / (1.0 + ops.exp(-(weight * x + bias)))])


def test_what_is_cheap_is_made_again():
    """Of a turn of a loop its x, the exp and the quotient are kept: no sum, no part of w."""
    w, tangents = W[:2], [np.cos(W[:2]), np.sin(X)]
    cut = linearize(gate(), [True, True], shared=[True, False])
    assert cut.known == (0,)
    kept = ops.evaluate(cut.primal, [w, X])[1:]
    exp = np.exp(-(w[0] * X + w[1]))
    expected = sorted([X.tolist(), exp.tolist(), (1.0 / (1.0 + exp)).tolist()])
    assert sorted(x.tolist() for x in kept) == expected
    (moved,) = ops.evaluate(cut.linear, [w, *kept, *tangents])
    (_, want) = ops.evaluate(jvp(gate(), [True, True])[0], [w, X, *tangents])
    np.testing.assert_array_equal(moved, want)
