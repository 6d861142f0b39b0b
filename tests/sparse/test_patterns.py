"""Patterns hold every derivative that is not zero, at every sample of every op, and little more."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from ops.cases import CASES, Case
from strategies import graphs, point

import adglot
from adglot.errors import LimitExceeded
from adglot.ir import Graph
from adglot.ops.index_sets import IndexSets, limited_to
from adglot_server.executors.interpreter import Interpreter
from adglot_server.transforms.operators import Request, derive, restrict
from adglot_server.transforms.sparse.detect import hessian_pattern, jacobian_pattern

from .matrices import dense, pattern_of

Array = np.ndarray[Any, Any]


def _real(types: Any) -> list[int]:
    return [i for i, type in enumerate(types) if type.is_differentiable and not type.is_complex]


def _reduced(case: Case) -> Graph:
    """The case's real outputs; inputs that are complex stay as they are."""
    return restrict(case.program.graph, _real(case.program.graph.output_types))


def jacobian(graph: Graph, inputs: Any, values: list[Array]) -> Array:
    """The dense Jacobian as one matrix: all outputs by these inputs."""
    wrt = tuple(inputs)
    derived = derive(graph, Request("jacobian", wrt, tuple(range(len(graph.outputs))), "forward"))
    blocks = iter(Interpreter(derived.graph).run(values)[derived.values :])
    rows = [
        np.hstack([next(blocks).reshape(y.size, graph.inputs[i].size) for i in wrt])
        for y in graph.output_types
    ]
    return np.vstack(rows)


SPARSE = [
    case
    for case in CASES
    if case.differentiable
    and _real(case.program.graph.inputs)
    and _real(case.program.graph.output_types)
]


@pytest.mark.parametrize("case", SPARSE, ids=repr)
def test_patterns_hold_all_that_is_not_zero(case: Case) -> None:
    graph = _reduced(case)
    inputs = _real(graph.inputs)
    everywhere = dense(jacobian_pattern(graph, inputs))
    for values in (case.program.point, case.program.near.point):
        J = jacobian(graph, inputs, values)
        there = dense(jacobian_pattern(graph, inputs, values))
        nonzero = ~np.isnan(J) & (J != 0)
        assert not np.any(nonzero & ~there)
        assert not np.any(nonzero & ~everywhere)


LOOSE = {
    # The values at a sample decide what these answer; elsewhere everything can happen.
    *("where", "maximum", "minimum", "max", "min", "prod", "sort", "cond", "abs"),
    *("remainder", "hypot", "atan2", "logaddexp", "pow", "cumulative_prod", "linear_recurrence"),
    # Indices that are operands may point anywhere.
    *("take", "scatter", "scatter_add", "dynamic_slice", "dynamic_update_slice"),
    # Zeros within a sample's matrices, and what cancels in them.
    *("matmul", "linalg.solve", "linalg.triangular_solve", "linalg.adjugate", "linalg.qr"),
    *("linalg.cholesky", "linalg.eigh", "linalg.svd", "linalg.pinv", "special.ive"),
}


@pytest.mark.parametrize("case", [c for c in SPARSE if c.op.name not in LOOSE], ids=repr)
def test_patterns_have_no_more_than_that(case: Case) -> None:
    graph = _reduced(case)
    inputs = _real(graph.inputs)
    found = [jacobian(graph, inputs, p) for p in (case.program.point, case.program.near.point)]
    _assert_equal(dense(jacobian_pattern(graph, inputs)), found)


def _assert_equal(pattern: Array, found: list[Array]) -> None:
    """Wherever there is a number: 0 * inf is NaN, in dense passes too."""
    nonzero = np.any([J != 0 for J in found], axis=0)
    number = ~np.any([np.isnan(J) for J in found], axis=0)
    assert np.array_equal(pattern & number, nonzero & number)


EXACT_AT_A_POINT = LOOSE - {"linalg.solve", "linalg.adjugate", "linalg.qr", "linalg.svd"}


@pytest.mark.parametrize("case", [c for c in SPARSE if c.op.name in EXACT_AT_A_POINT], ids=repr)
def test_patterns_at_a_point_have_no_more_than_that(case: Case) -> None:
    graph = _reduced(case)
    inputs = _real(graph.inputs)
    values = case.program.point
    _assert_equal(dense(jacobian_pattern(graph, inputs, values)), [jacobian(graph, inputs, values)])


@given(graphs())
def test_any_graph_has_a_pattern_that_holds(graph: Graph) -> None:
    inputs = range(len(graph.inputs))
    J = jacobian(graph, inputs, point(graph))
    assert not np.any((J != 0) & ~dense(jacobian_pattern(graph, inputs)))
    assert not np.any((J != 0) & ~dense(jacobian_pattern(graph, inputs, point(graph))))


# ------------------------------------------------------------------ what constants allow

x = np.arange(1.0, 7.0)
BAND = np.diag(np.ones(6)) + np.diag(np.ones(5), 1)


def _tree(x: Any) -> Any:
    return np.cumsum(x)[::2]


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: BAND @ x, BAND),
        (lambda x: x @ BAND, BAND.T),
        (lambda x: (BAND @ np.outer(x, [1.0, 2.0]))[:, 0], BAND),
        (lambda x: (np.outer([1.0, 0.0], x) @ BAND)[0], BAND.T),
        (lambda x: np.stack([BAND, 2 * BAND]) @ x, np.vstack([BAND, BAND])),
        (lambda x: x * np.array([1.0, 0, 0, 1, 0, 1]), np.diag([1, 0, 0, 1, 0, 1])),
        (lambda x: np.where(np.arange(6) % 2 == 0, x, x[::-1]), None),
        (lambda x: x[np.array([5, 0, 0])] ** 2, np.eye(6)[[5, 0, 0]]),
        (lambda x: np.tril(np.outer(x, x))[0], np.vstack([np.eye(1, 6), np.zeros((5, 6))])),
        (_tree, np.tril(np.ones((6, 6)))[::2]),
        (lambda x: np.linalg.solve(3 * np.eye(6) + BAND, x), np.ones((6, 6))),
        (lambda x: np.sort(x), np.ones((6, 6))),
        (lambda x: np.sum(x.reshape(2, 3), axis=0), np.hstack([np.eye(3), np.eye(3)])),
        (lambda x: np.convolve(x, [1.0, 2.0], "same"), np.eye(6) + np.eye(6, k=-1)),
        (lambda x: np.zeros(3), np.zeros((3, 6))),
    ],
)
def test_exact_patterns(f: Any, expected: Any) -> None:
    if expected is None:
        even = (np.arange(6) % 2 == 0)[:, None]
        expected = np.where(even, np.eye(6), np.eye(6)[::-1])
    assert np.array_equal(pattern_of(f, x), np.asarray(expected) != 0)


def test_loops_are_followed_step_by_step() -> None:
    def f(x: Any) -> Any:
        return adglot.scan(lambda c, t: (c * 0.5 + t, c * t), 0.0, x)[1]

    assert np.array_equal(pattern_of(f, x), np.tril(np.ones((6, 6))) > 0)


def test_loops_without_an_end_take_all_that_can_come() -> None:
    def f(x: Any) -> Any:
        def shift(c: Any) -> Any:
            return np.concatenate([c[1:], c[:1]]) * 0.5

        return adglot.while_loop(lambda c: np.sum(c) > 1, shift, x)

    assert pattern_of(f, x).all()


def test_branches_are_taken_together_or_at_a_point() -> None:
    def f(x: Any) -> Any:
        return adglot.cond(x[0] > 0, lambda x: x[:2] ** 2, lambda x: x[1:3], x)

    both = np.array([[1, 1, 0], [0, 1, 1]], bool)
    assert np.array_equal(pattern_of(f, x[:3]), both)
    assert np.array_equal(pattern_of(f, x[:3], at=True), np.eye(2, 3, dtype=bool))
    assert np.array_equal(pattern_of(f, -x[:3], at=True), np.eye(2, 3, 1, dtype=bool))


# ------------------------------------------------------------------ second order


@given(graphs())
def test_hessian_patterns_hold_and_are_symmetric(graph: Graph) -> None:
    scalar = _summed(graph)
    wrt = tuple(range(len(graph.inputs)))
    derived = derive(scalar, Request("hessian", wrt))
    blocks = iter(Interpreter(derived.graph).run(point(graph))[1:])
    sizes = [type.size for type in graph.inputs]
    H = np.vstack([np.hstack([next(blocks).reshape(m, n) for n in sizes]) for m in sizes])
    pattern = dense(hessian_pattern(scalar, wrt))
    assert np.array_equal(pattern, pattern.T)
    assert not np.any((H != 0) & ~pattern)


def _summed(graph: Graph) -> Graph:
    builder = adglot.ops.Builder()
    inputs = [builder.input(type) for type in graph.inputs]
    outputs = builder.inline(graph, inputs)
    total = builder.constant(0.0)
    for y in outputs:
        total = total + adglot.ops.sum(y, axes=tuple(range(y.ndim)))
    return builder.build(inputs, [total])


# ------------------------------------------------------------------ sets


def test_sets_are_shared_where_they_are_equal() -> None:
    sets = IndexSets(1000)
    x = sets.singletons(0, 1000)
    whole = sets.reduce(x, (0,))
    everywhere = np.broadcast_to(whole, (1000, 1000))
    before = len(sets)
    assert np.array_equal(sets.union([everywhere, x]), everywhere)
    assert len(sets) <= before + 1000  # and none of them kept twice the members
    assert sets.reduce(np.array(everywhere[:, :3]), (0, 1)) == whole


def test_too_many_nonzeros_are_refused_before_they_are_made() -> None:
    n = 200
    outer = partial(np.multiply.outer, np.ones(n))
    whole = adglot.trace(lambda x: outer(np.sum(x)), np.ones(n))
    with limited_to(16 * 10_000):
        with pytest.raises(LimitExceeded, match="memory_bytes"):
            jacobian_pattern(adglot.trace(np.cumsum, np.ones(n)), (0,))
        with pytest.raises(LimitExceeded, match=str(16 * n * n)):
            jacobian_pattern(whole, (0,))
        assert jacobian_pattern(adglot.trace(np.sum, np.ones(n)), (0,)).nonzeros == n
