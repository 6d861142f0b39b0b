"""The nonzeros are those of the dense matrices, whatever passes made them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from ops.cases import Case
from strategies import graphs, point

import adglot
from adglot.calls import Mode
from adglot.errors import InvalidArgument
from adglot.ir import Graph, Type
from adglot_server.executors.interpreter import Interpreter
from adglot_server.transforms.operators import Request, derive
from adglot_server.transforms.simplify import simplify
from adglot_server.transforms.sparse import compress

from .matrices import dense
from .test_patterns import SPARSE, _real, _summed

Array = np.ndarray[Any, Any]
MODES: tuple[Mode, ...] = ("auto", "forward", "reverse", "mixed")


def _check(graph: Graph, request: Request, inputs: list[Array], rtol: float = 1e-11) -> Any:
    """Blocks of the sparse program against those of the dense one; the program's report."""
    derived = compress.derive(graph, request)
    program = simplify(derived.graph)
    results = Interpreter(program).run(inputs)
    whole = derive(graph, Request(request.operator, request.wrt, request.of, batch=request.batch))
    expected = Interpreter(simplify(whole.graph)).run(inputs)
    for y, wanted in zip(results[: derived.values], expected, strict=False):
        assert_allclose(y, wanted)
    blocks = zip(derived.patterns, results[derived.values :], expected[whole.values :], strict=True)
    lead = 0 if request.batch is None else 1
    for pattern, data, wanted in blocks:
        flat = wanted.reshape(*wanted.shape[:lead], *pattern.shape)
        found = np.zeros_like(flat)
        found[..., dense(pattern)] = data
        assert_allclose(found, flat, rtol=rtol, atol=rtol * np.max(np.abs(flat), initial=1.0))
        assert data.dtype == wanted.dtype or derived.mode != whole.mode
    assert derived.passes == derived.colours
    return derived


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", [c for c in SPARSE if c.sample.smooth], ids=repr)
def test_every_op_at_every_sample(case: Case, mode: Mode) -> None:
    graph = case.program.graph
    wrt, of = _real(graph.inputs), _real(graph.output_types)
    single = any(type.dtype.itemsize < 8 for type in graph.types if type.is_differentiable)
    request = Request("jacobian", tuple(wrt), tuple(of), mode, sparse=True)
    _check(graph, request, case.program.point, 1e-4 if single else 1e-10)


@given(graphs(), st.sampled_from(MODES))
def test_any_graph_in_any_mode(graph: Graph, mode: Mode) -> None:
    ports = tuple(range(len(graph.inputs))), tuple(range(len(graph.outputs)))
    _check(graph, Request("jacobian", *ports, mode, sparse=True), point(graph))


@given(graphs())
def test_the_hessian_of_any_graph(graph: Graph) -> None:
    wrt = tuple(range(len(graph.inputs)))
    _check(_summed(graph), Request("hessian", wrt, sparse=True), point(graph), 1e-9)


@given(graphs(), st.integers(1, 3))
def test_batches_of_any_graph(graph: Graph, points: int) -> None:
    inputs = [np.stack(xs) for xs in zip(*(point(graph, k) for k in range(points)), strict=True)]
    ports = tuple(range(len(graph.inputs))), tuple(range(len(graph.outputs)))
    _check(graph, Request("jacobian", *ports, batch=points, sparse=True), inputs)


def _arrow(x: Any) -> Any:
    return np.concatenate([np.sum(x**2, keepdims=True), x[1:] * x[0]])


def _broyden(x: Any) -> Any:
    z = np.zeros(1)
    before, after = np.concatenate([z, x[:-1]]), np.concatenate([x[1:], z])
    return (3.0 - 2.0 * x) * x - before - 2.0 * after + 1.0


@pytest.mark.parametrize(
    ("f", "mode", "passes"),
    [
        (_broyden, "forward", 3),
        (_arrow, "mixed", 3),
        (lambda x: np.sum(x.reshape(5, 10) ** 2, axis=1), "reverse", 1),
        (lambda x: np.sum(x.reshape(5, 10) ** 2), "reverse", 1),
        (lambda x: x**2, "forward", 1),
        (lambda x: np.outer(x[:3], x[3:5]).ravel(), "forward", 2),
        (lambda x: np.floor(x), "forward", 0),
    ],
)
def test_auto_takes_the_cheapest_way(f: Any, mode: str, passes: int) -> None:
    x = np.linspace(0.5, 1.5, 50)
    derived = _check(adglot.trace(f, x), Request("jacobian", sparse=True), [x])
    assert (derived.mode, derived.passes) == (mode, passes)


def test_hessians_take_a_pass_a_star_colour() -> None:
    x = np.linspace(-1.0, 1.0, 40)
    rosenbrock = adglot.trace(
        lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), x
    )
    arrow = adglot.trace(lambda x: np.sum(x[0] * x[1:] ** 2), x)
    linear = adglot.trace(lambda x: np.sum(3.0 * x), x)
    passes = [
        _check(graph, Request("hessian", sparse=True), [x]).passes
        for graph in (rosenbrock, arrow, linear)
    ]
    assert passes == [3, 2, 0]


def test_large_seeds_are_made_of_their_colours(monkeypatch: Any) -> None:
    monkeypatch.setattr(compress, "MOST_SEEDS", 10)
    x = np.linspace(-1.0, 1.0, 40)
    for mode in MODES:
        _check(adglot.trace(_broyden, x), Request("jacobian", mode=mode, sparse=True), [x])
    derived = compress.derive(adglot.trace(_broyden, x), Request("jacobian", sparse=True))
    assert "iota" in str(derived.graph)


def test_complex_numbers_are_refused_with_their_place() -> None:
    z = np.ones(2) + 1j
    graph = adglot.trace(lambda x, z: x * z, np.ones(2), z)
    with pytest.raises(InvalidArgument) as caught:
        compress.derive(graph, Request("jacobian", (0, 1), sparse=True))
    assert [v.field for v in caught.value.violations] == ["wrt[1]", "of[0]"]


def test_nothing_at_all_has_a_sparse_jacobian_too() -> None:
    builder = adglot.ops.Builder()
    x = builder.input(Type("float32", (0, 3)))
    derived = compress.derive(builder.build([x], [x]), Request("jacobian", sparse=True))
    assert derived.patterns[0].shape == (0, 0)
    results = Interpreter(derived.graph).run([np.zeros((0, 3), "float32")])
    assert [(a.shape, a.dtype) for a in results] == [((0, 3), "float32"), ((0,), "float32")]
