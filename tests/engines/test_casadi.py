"""The engine `casadi`: right at every op sample of real numbers, in both of its modes."""

from __future__ import annotations

import threading
from importlib import util
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from ops.cases import CASES, Case, directions, largest
from ops.checks import tangent_rounding
from scipy.optimize import rosen_der, rosen_hess

from adglot import ops
from adglot.calls import Pattern
from adglot.errors import GuardFailed, InvalidArgument, Unsupported
from adglot.ir import Graph, Type
from adglot.ops.core import Array
from adglot_server.engines.native import NativeEngine
from adglot_server.engines.walk import FROM_GRAPH
from adglot_server.transforms.operators import Request

pytest.importorskip("casadi")

from adglot_server.engines.casadi import CasadiEngine
from adglot_server.engines.casadi.engine import LACKS, MOST_OPERATIONS
from adglot_server.engines.casadi.functions import LANGUAGE, NEED_NUMBERS

pytestmark = pytest.mark.engines

ENGINE, NATIVE = CasadiEngine(), NativeEngine()


def graph_of(function: Any, *arrays: Any, guard: Any = None) -> Graph:
    builder = ops.Builder()
    inputs = [builder.input(Type.of(np.asarray(x))) for x in arrays]
    outputs = function(*inputs)
    if guard is not None:
        builder.guard(guard(*inputs), True, "model.py:3")
    return builder.build(inputs, outputs if isinstance(outputs, list | tuple) else [outputs])


def answer(operator: str, function: Any, *arrays: Any, seeds: Any = (), **how: Any) -> Any:
    inputs = [np.asarray(x) for x in arrays]
    prepared = ENGINE.prepare(graph_of(function, *inputs), Request(operator, **how))
    return prepared.split(prepared.run([*inputs, *map(np.asarray, seeds)]))[:2]


# ------------------------------------------------------------------ every op


def test_what_it_lacks() -> None:
    listed = {*ops.TABLE} - {*LACKS}
    assert {*ENGINE.info().ops} == listed
    assert {*LANGUAGE.table, *FROM_GRAPH} == listed


def reason(case: Case) -> str:
    """Why CasADi does not take a sample; empty where it does."""
    op, types = case.op.name, case.program.graph.inputs
    if op in LACKS:
        return f"no {op}"
    if op in NEED_NUMBERS and types[0].is_differentiable:
        return "knows no order of expressions"
    if any(type.is_complex for type in case.program.graph.types):
        return "no complex numbers"
    return ""


def requests(case: Case) -> list[tuple[Request, list[Array], list[Any]]]:
    """Values, and where there are derivatives both modes; inputs and bounds."""
    program, types = case.program, case.program.graph.output_types
    asked = [(Request("evaluate", (), tuple(range(len(types)))), program.point, program.rounding)]
    of = tuple(k for k, type in enumerate(types) if type.is_differentiable)
    wrt = tuple(i for i, on in enumerate(program.active) if on)
    if not of or not case.differentiable:
        return asked
    forward = [bound for k, bound in enumerate(tangent_rounding(program)) if k in of]
    values = [program.rounding[k] for k in of]
    cts = directions([program.values[k] for k in of], 3)
    backward = [np.inf] * len(wrt)
    try:
        backward = program.backward.rounding[len(types) :]
    except Unsupported:  # a loop without a bound
        return [*asked, (Request("jvp", wrt, of), program.forward.point, [*values, *forward])]
    return [
        *asked,
        (Request("jvp", wrt, of), program.forward.point, [*values, *forward]),
        (Request("vjp", wrt, of), [*program.point, *cts], [*values, *backward]),
    ]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_every_op(case: Case) -> None:
    why = reason(case)
    for request, inputs, bounds in requests(case):
        if why:
            with pytest.raises(Unsupported, match=why):
                ENGINE.prepare(case.program.graph, request).run(inputs)
            continue
        ours, native = (e.prepare(case.program.graph, request) for e in (ENGINE, NATIVE))
        pairs = zip(ours.run(inputs), native.run(inputs), bounds, strict=True)
        for a, b, bound in pairs if case.sample.smooth else ():
            assert Type.of(a) == Type.of(b)
            near = abs(a - b) <= bound if a.dtype.kind == "f" else a == b
            assert np.all(near | (a == b)), (request, a, b)


# ------------------------------------------------------------------ requests


def rosenbrock(x: Any) -> Any:
    low, high = (ops.slice(x, start=(k,), stop=(k + 4,), strides=(1,)) for k in (0, 1))
    valley, slope = high - low * low, 1.0 - low
    return ops.sum(100.0 * valley * valley + slope * slope, axes=(0,))


X = np.array([-1.2, 1.0, 0.5, 2.0, -0.3])
A = np.array([[1.0, 2.0, -0.5], [0.25, -1.0, 3.0], [0.5, 0.5, 0.5]])


def several(x: Any, s: Any) -> Any:
    y = ops.sin(ops.matmul(A.astype(x.dtype), x)) * s
    return y, ops.sum(ops.exp(y) * x, axes=(0,)) / s


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("operator", ["evaluate", "jvp", "vjp", "gradient", "jacobian", "hvp",
                                      "hessian"])  # fmt: skip
@pytest.mark.parametrize("how", [
    {"wrt": (0,)}, {"wrt": (1, 0), "seeds": 2}, {"batch": 2}, {"batch": 0}, {"mode": "forward"},
    {"mode": "reverse"}, {"seeds": 0},
])  # fmt: skip
def test_requests_answer_as_native(operator: str, how: dict[str, Any], dtype: str) -> None:
    if operator not in ("jvp", "vjp", "hvp"):
        how = {key: value for key, value in how.items() if key != "seeds"}
    of = (0, 1) if operator in ("evaluate", "jvp", "vjp", "jacobian") else (1,)
    request = Request(operator, **{"wrt": (0,), "of": of, **how})
    graph = graph_of(several, X[:3].astype(dtype), np.asarray(1.5, dtype))
    inputs = inputs_of(graph, request)
    ours, native = (e.prepare(graph, request) for e in (ENGINE, NATIVE))
    assert ours.mode == native.mode
    for a, b in zip(ours.run(inputs), native.run(inputs), strict=True):
        assert Type.of(a) == Type.of(b)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e3 * np.finfo(dtype).eps * largest(b))


def inputs_of(graph: Graph, request: Request) -> list[Array]:
    rng = np.random.default_rng(0)
    types = list(graph.inputs)
    lead = () if request.seeds is None else (request.seeds,)
    seeded = {"jvp": [types[i] for i in request.wrt], "hvp": [types[i] for i in request.wrt],
              "vjp": [graph.output_types[k] for k in request.of]}  # fmt: skip
    types += [t.with_shape((*lead, *t.shape)) for t in seeded.get(request.operator, [])]
    points = () if request.batch is None else (request.batch,)
    return [rng.uniform(0.5, 1.5, (*points, *t.shape)).astype(t.dtype) for t in types]


def test_rosenbrocks_derivatives_are_scipys() -> None:
    np.testing.assert_allclose(answer("gradient", rosenbrock, X)[1][0], rosen_der(X), rtol=1e-14)
    np.testing.assert_allclose(answer("hessian", rosenbrock, X)[1][0], rosen_hess(X), rtol=1e-14)


def test_arrays_of_four_axes() -> None:
    x = np.arange(24.0).reshape(1, 2, 3, 4) / 7

    def function(x: Any) -> Any:
        y = ops.permute_dims(ops.sin(x), axes=(3, 1, 0, 2)) * np.arange(3.0)
        return ops.max(y, axes=(0, 3))

    graph = graph_of(function, x)
    ours, native = (e.prepare(graph, Request("jacobian")).run([x]) for e in (ENGINE, NATIVE))
    for a, b in zip(ours, native, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-15)


def test_integers_choose_the_function() -> None:
    graph = graph_of(lambda x, k: ops.take(x * x, k, axis=0), X, np.array([0]))
    prepared = ENGINE.prepare(graph, Request("jacobian"))
    for k in (2, 0, -1):
        (jacobian,) = prepared.run([X, np.array([k])])[1:]
        np.testing.assert_array_equal(jacobian, 2 * X * np.eye(5)[[k]])
    with pytest.raises(InvalidArgument, match="out of bounds"):
        prepared.run([X, np.array([5])])


def test_branches_follow_the_point() -> None:
    def function(x: Any) -> Any:
        return ops.where(x > 0.0, ops.log(x), x * x * x)

    for x, slope in ((2.0, 0.5), (-2.0, 12.0)):
        assert answer("jvp", function, x, seeds=[1.0])[1][0] == slope


def test_guards_hold() -> None:
    graph = graph_of(lambda x: x * x, 1.0, guard=lambda x: x >= 1.0)
    prepared = ENGINE.prepare(graph, Request("jacobian"))
    assert prepared.run([np.array(1.0)])[1] == 2.0
    with pytest.raises(GuardFailed, match=r"model\.py:3"):
        prepared.run([np.array(0.5)])


@pytest.mark.parametrize("operator", ["evaluate", "jacobian"])
def test_what_numpy_refuses_is_refused(operator: str) -> None:
    """CasADi's own inverse divides by a determinant of 0 and answers Inf."""
    singular = np.array([[1.0, 2.0], [2.0, 4.0]])
    with pytest.raises(InvalidArgument, match="Singular"):
        answer(operator, lambda a: ops.TABLE["linalg.inv"](a), singular)


def chain(x: Any) -> Any:
    """Each element with its neighbour, and all of them in the last one: an arrow."""
    neighbours = ops.slice(x, start=(0,), stop=(4,), strides=(1,)) * ops.slice(
        x, start=(1,), stop=(5,), strides=(1,)
    )
    return ops.concat(neighbours, ops.reshape(ops.sum(x * x, axes=(0,)), shape=(1,)), axis=0)


def dense_of(pattern: Pattern, nonzeros: Array) -> Array:
    return scipy.sparse.csr_array(
        (nonzeros, pattern.indices, pattern.indptr), pattern.shape
    ).toarray()


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse", "mixed"])
@pytest.mark.parametrize("operator", ["jacobian", "hessian"])
def test_sparse_matrices(operator: str, mode: Any) -> None:
    function = chain if operator == "jacobian" else rosenbrock
    if operator == "hessian" and mode != "auto":
        pytest.skip("modes are of Jacobians")
    graph = graph_of(function, X)
    prepared = ENGINE.prepare(graph, Request(operator, mode=mode, sparse=True))
    (pattern,) = prepared.patterns
    assert pattern.nonzeros == 13
    assert prepared.colours == {"auto": 3, "mixed": 3, "forward": 5, "reverse": 3}[mode]
    dense = ENGINE.prepare(graph, Request(operator)).run([X])[1]
    np.testing.assert_allclose(dense_of(pattern, prepared.run([X])[1]), dense, rtol=1e-15)
    batched = ENGINE.prepare(graph, Request(operator, mode=mode, sparse=True, batch=2))
    nonzeros = batched.run([np.stack([X, X])])[1]
    np.testing.assert_allclose(nonzeros, [prepared.run([X])[1]] * 2, rtol=1e-15)


def test_sparse_blocks_of_several_inputs() -> None:
    s = np.array(1.5)
    request = Request("jacobian", (0, 1), (0, 1), sparse=True)
    graph = graph_of(lambda x, s: (ops.sin(x) * s, ops.exp(s)), X, s)
    prepared = ENGINE.prepare(graph, request)
    assert [p.shape for p in prepared.patterns] == [(5, 5), (5, 1), (1, 5), (1, 1)]
    assert [p.nonzeros for p in prepared.patterns] == [5, 5, 0, 1]
    _, derivatives, _ = prepared.split(prepared.run([X, s]))
    np.testing.assert_allclose(derivatives[0], np.cos(X) * s, rtol=1e-15)
    assert [d.shape for d in derivatives] == [(5,), (5,), (0,), (1,)]


def test_threads_share_a_program() -> None:
    prepared = ENGINE.prepare(graph_of(rosenbrock, X), Request("gradient"))
    points = [X * k for k in range(1, 9)]
    found: dict[int, Array] = {}

    def work(k: int) -> None:
        for _ in range(20):
            found[k] = prepared.run([points[k]])[1]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(points))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, x in enumerate(points):
        np.testing.assert_allclose(found[k], rosen_der(x), rtol=1e-13)


# ------------------------------------------------------------------ bounds


def test_large_graphs_are_refused_with_the_number() -> None:
    graph = graph_of(ops.sin, np.zeros(500_000))
    with pytest.raises(
        Unsupported, match=rf"has \d+ scalar operations.* at most {MOST_OPERATIONS}"
    ):
        ENGINE.prepare(graph, Request("evaluate"))


def test_absent_casadi_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ENGINE.info().available
    assert ENGINE.info().version.startswith("casadi 3.")
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    assert ENGINE.info().reason == "needs casadi: pip install 'adglot[casadi]'"
    with pytest.raises(Unsupported, match=r"adglot\[casadi\]"):
        answer("jvp", ops.sin, 1.0, seeds=[1.0])
