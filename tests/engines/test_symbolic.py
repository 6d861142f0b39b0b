"""The engine `symbolic`: right at every op sample, and it writes its formulas down."""

from __future__ import annotations

from importlib import util
from typing import Any

import numpy as np
import pytest
from ops.cases import CASES, Case, largest
from ops.checks import tangent_rounding
from scipy.optimize import rosen_der, rosen_hess

from adglot import ops
from adglot.errors import GuardFailed, InvalidArgument, Unsupported
from adglot.ir import Graph, Type
from adglot.ops.control import bodies
from adglot.ops.core import Array
from adglot_server.engines.native import NativeEngine
from adglot_server.engines.symbolic import SymbolicEngine
from adglot_server.engines.symbolic.engine import LACKS, MOST_OPERATIONS
from adglot_server.engines.symbolic.functions import LANGUAGE
from adglot_server.engines.symbolic.numbers import LARGEST
from adglot_server.engines.walk import FROM_GRAPH
from adglot_server.transforms.operators import Request

ENGINE = SymbolicEngine()
NO_DERIVATIVE = {"floor", "ceil", "trunc", "round", "floor_divide", "remainder"}
NO_ORDER = {"argmax", "argmin", "argsort", "sort"}
NO_COMPLEX_ORDER = {"max", "min", "maximum", "minimum"}
NO_COMPLEX_SIGN = {"sign", "linalg.slogdet"}


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
    """Why SymPy does not take a sample; empty where it does."""
    op, types = case.op.name, case.program.graph.inputs
    is_complex = any(type.is_complex for type in types)
    if op in LACKS:
        return f"no {op}"
    if op in NO_ORDER and types[0].is_differentiable:
        return "order of symbols"
    if op in NO_COMPLEX_ORDER and is_complex:
        return "orders no complex numbers"
    return ""


def derivative_reason(case: Case) -> str:
    is_complex = any(type.is_complex for type in case.program.graph.inputs)
    none = case.op.name in NO_DERIVATIVE or (case.op.name in NO_COMPLEX_SIGN and is_complex)
    return reason(case) or ("no derivative of" if none else "")


def run(case: Case, operator: str, why: str) -> Any:
    """Values and derivatives, or a refusal for the reason given."""
    graph, types = case.program.graph, case.program.graph.output_types
    of = tuple(k for k, t in enumerate(types) if t.is_differentiable or operator == "evaluate")
    wrt = tuple(i for i, on in enumerate(case.program.active) if on)
    point = case.program.forward.point if operator == "jvp" else case.program.point
    request = Request(operator, wrt, of)
    if why:
        with pytest.raises(Unsupported, match=why):
            ENGINE.prepare(graph, request).run(point)
        return None
    prepared = ENGINE.prepare(graph, request)
    native = NativeEngine().prepare(graph, request)
    return [e.split(e.run(point)) for e in (prepared, native)]


def derived(case: Case) -> bool:
    return case.differentiable and any(
        type.is_differentiable for type in case.program.graph.output_types
    )


DOUBLE = [c for c in CASES if not any(t.dtype.name == "float32" for t in c.program.graph.types)]
"""The formulas of the others are the same."""


@pytest.mark.parametrize("case", [c for c in DOUBLE if not derived(c)], ids=repr)
def test_values_of_every_op(case: Case) -> None:
    both = run(case, "evaluate", reason(case))
    for a, b in zip(both[0][0], both[1][0], strict=True) if both else ():
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("case", [c for c in DOUBLE if derived(c)], ids=repr)
def test_tangents_of_every_op(case: Case) -> None:
    both = run(case, "jvp", derivative_reason(case))
    if not both or not case.sample.smooth:
        return
    (values, ours, _), (expected, native, _) = both
    bounds = [*case.program.rounding, *tangent_rounding(case.program)]
    bounds = [
        b for b, y in zip(bounds, case.program.values * 2, strict=True) if y.dtype.kind in "fc"
    ]
    for a, b, bound in zip([*values, *ours], [*expected, *native], bounds, strict=True):
        assert Type.of(a) == Type.of(b)
        assert np.all(abs(a - b) <= bound), (a, b)


# ------------------------------------------------------------------ requests


def rosenbrock(x: Any) -> Any:
    low, high = (ops.slice(x, start=(k,), stop=(k + 2,), strides=(1,)) for k in (0, 1))
    valley, slope = high - low * low, 1.0 - low
    return ops.sum(100.0 * valley * valley + slope * slope, axes=(0,))


X = np.array([-1.2, 1.0, 0.5])
A = np.array([[1.0, 2.0, -0.5], [0.25, -1.0, 3.0], [0.5, 0.5, 0.5]])


def several(x: Any, s: Any) -> Any:
    y = ops.sin(ops.matmul(A, x)) * s
    return y, ops.sum(ops.exp(y) * x, axes=(0,)) / s


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("operator", ["evaluate", "jvp", "vjp", "gradient", "jacobian", "hvp",
                                      "hessian"])  # fmt: skip
@pytest.mark.parametrize("how", [{"wrt": (0,)}, {"wrt": (1, 0), "seeds": 2}, {"batch": 2},
                                 {"batch": 0}])  # fmt: skip
def test_requests_answer_as_native(operator: str, how: dict[str, Any], dtype: str) -> None:
    if operator not in ("jvp", "vjp", "hvp"):
        how = {key: value for key, value in how.items() if key != "seeds"}
    of = (0, 1) if operator in ("evaluate", "jvp", "vjp", "jacobian") else (1,)
    request = Request(operator, **{"wrt": (0,), "of": of, **how})
    graph = graph_of(several, X.astype(dtype), np.asarray(1.5, dtype))
    inputs = inputs_of(graph, request)
    ours, native = (e.prepare(graph, request) for e in (ENGINE, NativeEngine()))
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


def test_complex_functions() -> None:
    z = np.array([1.0 + 0.5j, -0.3 + 2j])
    exact = np.exp(z) * (1 + z)
    _, (jacobian,) = answer("jacobian", lambda z: ops.exp(z) * z, z)
    np.testing.assert_allclose(jacobian, np.diag(exact), rtol=1e-14)
    ct = np.array([1j, 2.0])
    _, (pulled,) = answer("vjp", lambda z: ops.exp(z) * z, z, seeds=[ct])
    np.testing.assert_allclose(pulled, ct * np.conj(exact), rtol=1e-14)
    _, (gradient,) = answer("gradient", lambda z: ops.sum(ops.abs(z), axes=(0,)), z)
    np.testing.assert_allclose(gradient, z / abs(z), rtol=1e-14)
    with pytest.raises(InvalidArgument, match="no complex Jacobian"):
        answer("jacobian", ops.abs, z)


def test_integers_choose_the_formula() -> None:
    """Each choice of indices has formulas of its own."""
    graph = graph_of(lambda x, k: ops.take(x * x, k, axis=0), X, np.array([0]))
    prepared = ENGINE.prepare(graph, Request("jacobian"))
    for k in (2, 0, -1):
        (jacobian,) = prepared.run([X, np.array([k])])[1:]
        np.testing.assert_array_equal(jacobian, 2 * X * np.eye(3)[[k]])
    with pytest.raises(InvalidArgument, match="out of bounds"):
        prepared.run([X, np.array([3])])


def test_branches_follow_the_point() -> None:
    def function(x: Any) -> Any:
        return ops.where(x > 0.0, ops.log(x), x * x * x)

    for x, slope in ((2.0, 0.5), (-2.0, 12.0)):
        assert answer("jvp", function, x, seeds=[1.0])[1][0] == slope


def test_conditions_follow_the_point() -> None:
    branches = [
        bodies.make([Type("float64")], lambda b, x, f=f: [f(x)], "branch")
        for f in (ops.log, lambda x: x * x * x)
    ]

    def function(x: Any) -> Any:
        cond = ops.TABLE["cond"]
        return cond(x > 0.0, x, if_true=branches[0], if_false=branches[1])

    for x, slope in ((2.0, 0.5), (-2.0, 12.0)):
        assert answer("jvp", function, x, seeds=[1.0])[1][0] == slope


def test_guards_hold() -> None:
    graph = graph_of(lambda x: x * x, 1.0, guard=lambda x: x >= 1.0)
    prepared = ENGINE.prepare(graph, Request("jacobian"))
    assert prepared.run([np.array(1.0)])[1] == 2.0
    with pytest.raises(GuardFailed, match=r"model\.py:3"):
        prepared.run([np.array(0.5)])


def test_what_numpy_refuses_is_refused() -> None:
    """The formula divides by a determinant of 0 and would answer Inf."""
    singular = np.array([[1.0, 2.0], [2.0, 4.0]])
    with pytest.raises(InvalidArgument, match="Singular"):
        answer("jacobian", lambda a: ops.TABLE["linalg.inv"](a), singular)


# ------------------------------------------------------------------ formulas


def test_formulas_as_text_and_latex() -> None:
    def function(x: Any, s: Any) -> Any:
        return ops.sum(ops.sin(x) * ops.pow(s, 2.0), axes=(0,))

    prepared = ENGINE.prepare(
        graph_of(function, np.zeros(2), np.array(1.0)), Request("gradient", (0, 1))
    )
    assert prepared.text.splitlines() == [
        "y0 = x1**2*sin(x0_0) + x1**2*sin(x0_1)",
        "dy0/dx0_0 = x1**2*cos(x0_0)",
        "dy0/dx0_1 = x1**2*cos(x0_1)",
        "dy0/dx1 = 2*x1*sin(x0_0) + 2*x1*sin(x0_1)",
    ]
    assert r"\frac{\partial y_{0}}{\partial x_{0 0}} = x_{1}^{2} \cos{\left(x_{0 0} \right)}" in (
        prepared.latex.splitlines()
    )


def test_formulas_of_second_derivatives() -> None:
    prepared = ENGINE.prepare(graph_of(lambda x: ops.pow(x, 3.0), 1.0), Request("hessian"))
    assert prepared.text.splitlines() == ["y0 = x0**3", "d2y0/dx0dx0 = 6*x0"]


# ------------------------------------------------------------------ bounds


def test_large_graphs_are_refused_with_the_number() -> None:
    graph = graph_of(ops.sin, np.zeros(5000))
    with pytest.raises(
        Unsupported, match=rf"has \d+ scalar operations.* at most {MOST_OPERATIONS}"
    ):
        ENGINE.prepare(graph, Request("evaluate"))


def test_growing_formulas_are_refused_with_the_number() -> None:
    """Every step writes its argument twice: 2**30 operations in 60 nodes."""

    def function(x: Any) -> Any:
        for _ in range(30):
            x = ops.sin(x) * ops.cos(x)
        return x

    with pytest.raises(Unsupported, match=rf"has \d+ operations and operands.* most {LARGEST}"):
        ENGINE.prepare(graph_of(function, 1.0), Request("evaluate"))


def test_absent_sympy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ENGINE.info().available
    assert ENGINE.info().version.startswith("sympy 1.")
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    assert ENGINE.info().reason == "needs sympy: pip install 'adglot[symbolic]'"
    with pytest.raises(Unsupported, match=r"adglot\[symbolic\]"):
        answer("jvp", ops.sin, 1.0, seeds=[1.0])
