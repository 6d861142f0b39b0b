"""The arbiter: right to the last bit, or its error estimates say that it is not."""

from __future__ import annotations

import threading
import time
import tracemalloc
from importlib import util
from typing import Any

import mpmath
import numpy as np
import pytest
from ops.cases import CASES, Case, largest
from ops.checks import tangent_rounding
from scipy.optimize import rosen, rosen_der, rosen_hess

from adglot import ops
from adglot.errors import DeadlineExceeded, GuardFailed, InvalidArgument, Unsupported
from adglot.ir import Graph, Type
from adglot.ops.core import Array
from adglot_server.engines.base import Control, Engine
from adglot_server.engines.extended import ExtendedEngine, OneSidedEngine
from adglot_server.engines.extended.functions import LANGUAGE
from adglot_server.engines.native import NativeEngine
from adglot_server.engines.walk import FROM_GRAPH
from adglot_server.transforms.operators import Request

EXTENDED, ONE_SIDED = ExtendedEngine(), OneSidedEngine()
EPS = float(np.finfo(float).eps)


def graph_of(function: Any, *arrays: Any, guard: Any = None) -> Graph:
    builder = ops.Builder()
    inputs = [builder.input(Type.of(np.asarray(x))) for x in arrays]
    outputs = function(*inputs)
    if guard is not None:
        builder.guard(guard(*inputs), True, "model.py:3")
    return builder.build(inputs, outputs if isinstance(outputs, list | tuple) else [outputs])


def answer(
    operator: str,
    function: Any,
    *arrays: Any,
    engine: Engine = EXTENDED,
    seeds: Any = (),
    **how: Any,
) -> tuple[Any, Any, Any]:
    """Values, derivatives and error estimates."""
    inputs = [np.asarray(x) for x in arrays]
    prepared = engine.prepare(graph_of(function, *inputs), Request(operator, **how))
    return prepared.split(prepared.run([*inputs, *map(np.asarray, seeds)]))


def derivative(function: Any, x: Any, engine: Engine = EXTENDED) -> tuple[float, float]:
    """Of a scalar function, and its error estimate."""
    _, (dy,), (error,) = answer("jvp", function, x, engine=engine, seeds=[1.0])
    return float(dy), float(error)


# ------------------------------------------------------------------ every op


def test_every_op_is_here() -> None:
    assert {*LANGUAGE.table, *FROM_GRAPH} == {*ops.TABLE}


def differentiated(case: Case, operator: str) -> tuple[Any, Any, Any]:
    """Our derivatives and error estimates at a sample, and the native engine's."""
    types = case.program.graph.output_types
    of = tuple(k for k, type in enumerate(types) if type.is_differentiable)
    wrt = tuple(i for i, on in enumerate(case.program.active) if on)
    if not of or not case.differentiable:
        pytest.skip("nothing to differentiate")
    try:
        program = case.program.forward if operator == "jvp" else case.program.backward
        native = NativeEngine().prepare(case.program.graph, Request(operator, wrt, of))
    except Unsupported as error:
        pytest.skip(str(error))
    prepared = EXTENDED.prepare(case.program.graph, Request(operator, wrt, of))
    _, ours, errors = prepared.split(prepared.run(program.point))
    return ours, errors, native.split(native.run(program.point))[1]


LOSES = {"special.jv": 16.0}
"""SciPy's jv(1.5, 12) is 90 ulp off: how often the bound our derivatives by it may be."""


@pytest.mark.parametrize("operator", ["jvp", "vjp"])
@pytest.mark.parametrize("case", [c for c in CASES if c.sample.smooth], ids=repr)
def test_every_op_where_it_is_smooth(case: Case, operator: str) -> None:
    ours, errors, native = differentiated(case, operator)
    program = case.program
    if operator == "jvp":
        pairs = zip(tangent_rounding(program), program.values, strict=True)
        bounds = [bound for bound, y in pairs if y.dtype.kind in "fc"]
    else:
        bounds = program.backward.rounding[len(program.values) :]
    for a, b, error, bound in zip(ours, native, errors, bounds, strict=True):
        assert (a.dtype, a.shape, error.shape) == (b.dtype, b.shape, a.shape)
        assert largest(error) <= np.finfo(a.dtype).eps * largest(a) + 1e-40, "not sure of it"
        assert np.all(abs(a - b) <= bound * LOSES.get(case.op.name, 1.0)), (a, b)


NOT_LINEAR = {"linalg.eig[sample 5]", "sort[sample 5]"}
"""Eigenvalues that cross, three equals: derivatives along each direction exist, no Jacobian."""


@pytest.mark.parametrize("operator", ["jvp", "vjp"])
@pytest.mark.parametrize("case", [c for c in CASES if not c.sample.smooth], ids=repr)
def test_no_confidence_where_it_is_not_smooth(case: Case, operator: str) -> None:
    """Whatever convention the native engine follows lies within the estimates."""
    if repr(case) in NOT_LINEAR and operator == "jvp":
        pytest.skip("directional derivatives exist")
    ours, errors, native = differentiated(case, operator)
    for a, b, error in zip(ours, native, errors, strict=True):
        apart = np.where(np.isfinite(b) & np.isfinite(a), abs(a - b), 1e9)
        assert np.all((apart <= error + 1e-13) | (a == b) | np.isnan(b)), (a, b, error)


# ------------------------------------------------------------------ known derivatives


def rosenbrock(x: Any) -> Any:
    low, high = (ops.slice(x, start=(k,), stop=(k + 4,), strides=(1,)) for k in (0, 1))
    valley, slope = high - low * low, 1.0 - low
    return ops.sum(100.0 * valley * valley + slope * slope, axes=(0,))


X = np.array([-1.2, 1.0, 0.5, 2.0, -0.3])


def test_rosenbrocks_derivatives_are_scipys() -> None:
    for operator, exact in (("gradient", rosen_der(X)), ("hessian", rosen_hess(X))):
        (y,), (ours,), (error,) = answer(operator, rosenbrock, X)
        assert y == pytest.approx(rosen(X), rel=4 * EPS)
        np.testing.assert_allclose(ours, exact, rtol=8 * EPS, atol=8 * EPS * np.abs(exact).max())
        assert largest(error) <= EPS * largest(ours)
    v = np.arange(5.0)
    _, (hv,), _ = answer("hvp", rosenbrock, X, seeds=[v])
    np.testing.assert_allclose(hv, rosen_hess(X) @ v, rtol=1e-13)


@pytest.mark.parametrize("x", [1e-9, 0.3, 20.0, 4e5])
def test_last_bit_of_a_closed_form(x: float) -> None:
    """d/dx exp(sin x) / (1 + x^2), rounded once from 50 digits."""

    def function(x: Any) -> Any:
        return ops.exp(ops.sin(x)) / (1.0 + x * x)

    with mpmath.workdps(50):
        z = mpmath.mpf(x)
        f = mpmath.exp(mpmath.sin(z)) / (1 + z * z)
        exact = f * (mpmath.cos(z) - 2 * z / (1 + z * z))
        y, slope = float(f), float(exact)
    (ours_y,), (ours,), (error,) = answer("jvp", function, x, seeds=[1.0])
    assert ours_y == y
    assert abs(ours - slope) <= error + EPS * abs(slope)
    assert error <= EPS * abs(slope)


@pytest.mark.parametrize(
    ("function", "x", "exact"),
    [
        (lambda x: 1.0 - ops.cos(x), 1e-9, 1e-9),
        (lambda x: (x + 1e100) - 1e100, 0.5, 1.0),
        (lambda x: (x + 2.0**900) - 2.0**900, 0.0, 1.0),
        (lambda x: ops.log(ops.exp(x)), 1e4, 1.0),
        (lambda x: ops.cos(x) + x, 1e-300, 1.0),
        (lambda x: ops.sin(ops.sin(x * 1e9)), 0.0, 1e9),
        (lambda x: ops.sqrt(x), 1e-20, 5e9),
        (lambda x: ops.abs(x - 1e-18), 0.0, -1.0),
        (lambda x: ops.remainder(x, 0.75), 1.1, 1.0),
        (lambda x: ops.floor(x * 8192.0) / 8192.0, 0.1, 0.0),
        (lambda x: ops.sin(x * (2 * np.pi * 8192)), 0.0, 2 * np.pi * 8192),
    ],
)
def test_what_defeats_differences_in_double(function: Any, x: float, exact: float) -> None:
    """Cancellation, far constants, overflow on the way, kinks and periods near the point."""
    slope, error = derivative(function, x)
    assert slope == pytest.approx(exact, rel=2 * EPS)
    assert error <= EPS * max(1.0, abs(exact))


# ------------------------------------------------------------------ kinks


def relu(x: Any) -> Any:
    return ops.where(x > 0.0, x, 0.0)


@pytest.mark.parametrize(
    ("function", "x", "left", "right"),
    [
        (ops.abs, 0.0, -1.0, 1.0),
        (relu, 0.0, 0.0, 1.0),
        (lambda x: ops.maximum(x, 2.0 * x), 0.0, 1.0, 2.0),
        (lambda x: ops.max(x * np.array([1.0, 3.0]), axes=(0,)), 0.0, 1.0, 3.0),
        (lambda x: ops.abs(ops.sin(x)) + x, 0.0, 0.0, 2.0),
    ],
)  # fmt: skip
def test_kinks(function: Any, x: float, left: float, right: float) -> None:
    slope, error = derivative(function, x)
    assert min(left, right) <= slope <= max(left, right)
    assert error >= abs(right - left) / 2
    assert derivative(function, x, ONE_SIDED) == (pytest.approx(right, rel=EPS), pytest.approx(0))
    _, (backwards,), _ = answer("jvp", function, x, engine=ONE_SIDED, seeds=[-1.0])
    assert -backwards == pytest.approx(left, rel=EPS)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (ops.sqrt, 0.0),
        (ops.floor, 2.0),
        (ops.sign, 0.0),
        (ops.log, 0.0),
        (lambda x: ops.sign(x) * ops.pow(ops.abs(x), 1 / 3), 0.0),
        (lambda x: 1.0 / x, 0.0),
        (lambda x: ops.where(ops.equal(x, 0.0), 5.0, x), 0.0),
        (ops.sqrt, -1.0),
        (lambda x: x, np.inf),
    ],
)
def test_no_derivative_no_confidence(function: Any, x: float) -> None:
    _, error = derivative(function, x)
    assert error > 1e9


def test_second_derivatives_at_kinks() -> None:
    _, _, (error,) = answer("hessian", lambda x: ops.abs(x) * x, 0.0)
    assert error >= 2
    _, _, (error,) = answer("hessian", ops.abs, 0.0)
    assert error > 1e9
    _, (smooth,), (error,) = answer("hessian", lambda x: ops.abs(x) * x * x * x, 0.0)
    assert abs(smooth) <= error < 1e-15


def test_one_sided_engine_has_first_derivatives_only() -> None:
    assert ONE_SIDED.info().operators == ("evaluate", "jvp", "vjp", "gradient", "jacobian")
    with pytest.raises(Unsupported, match="one-sided has no operator hvp"):
        answer("hvp", ops.abs, 0.0, engine=ONE_SIDED, seeds=[1.0])
    _, (gradient,), _ = answer("gradient", lambda x: ops.sum(ops.abs(x), axes=(0,)),
                               [0.0, -2.0], engine=ONE_SIDED)  # fmt: skip
    assert gradient.tolist() == [1.0, -1.0]


# ------------------------------------------------------------------ requests


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
    graph = graph_of(several, X[:3].astype(dtype), np.asarray(1.5, dtype))
    native = NativeEngine().prepare(graph, request)
    inputs = inputs_of(graph, request)
    values, derivatives, _ = native.split(native.run(inputs))
    ours = EXTENDED.prepare(graph, request)
    for got, want in zip(ours.split(ours.run(inputs)), (values, derivatives), strict=False):
        for a, b in zip(got, want, strict=True):
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


def test_complex_functions() -> None:
    z = np.array([1.0 + 0.5j, -0.3 + 2j])
    for operator, seeds in (("vjp", [np.array([1j, 2.0])]), ("jacobian", [])):
        _, (ours,), (error,) = answer(operator, lambda z: ops.exp(z) * z, z, seeds=seeds)
        exact = np.exp(z) * (1 + z)
        expected = seeds[0] * np.conj(exact) if seeds else np.diag(exact)
        np.testing.assert_allclose(ours, expected, rtol=1e-14)
        assert largest(error) <= EPS * largest(ours)


def test_what_has_no_complex_derivative_is_refused() -> None:
    z = np.array(1.0 + 2j)
    with pytest.raises(InvalidArgument, match="no complex Jacobian"):
        answer("jacobian", ops.abs, z)
    with pytest.raises(InvalidArgument, match="use hvp"):
        answer("hessian", ops.abs, z)


def test_arrays_in_any_order() -> None:
    """Basis vectors are written in place, which a Fortran array's flat copy would not see."""
    x = np.asfortranarray(A)
    _, (gradient,), _ = answer("gradient", lambda x: ops.sum(x * x, axes=(0, 1)), x)
    np.testing.assert_array_equal(gradient, 2 * A)


def test_values_are_rounded_once() -> None:
    """NumPy's sum loses the one; the exact sum is 1."""
    values = np.array([1e16, 1.0, -1e16])
    assert answer("evaluate", lambda x: ops.sum(x, axes=(0,)), values)[0] == (1.0,)
    assert float(np.add.reduce(values)) == 0.0


def test_guards_hold_at_the_point_only() -> None:
    graph = graph_of(lambda x: x * x, 1.0, guard=lambda x: x >= 1.0)
    prepared = EXTENDED.prepare(graph, Request("jacobian"))
    assert prepared.run([np.array(1.0)])[1] == 2.0
    with pytest.raises(GuardFailed, match=r"model\.py:3"):
        prepared.run([np.array(0.5)])


def test_what_numpy_refuses_is_refused() -> None:
    singular = np.array([[1.0, 2.0], [2.0, 4.0]])
    with pytest.raises(InvalidArgument, match="Singular"):
        answer("jacobian", lambda a: ops.TABLE["linalg.inv"](a), singular)


# ------------------------------------------------------------------ as a citizen of a server


def slow(x: Any) -> Any:
    for _ in range(400):
        x = ops.TABLE["special.gamma"](x) + 0.5
    return x


def test_deadlines_stop_it() -> None:
    prepared = EXTENDED.prepare(graph_of(slow, 0.7 * np.ones(200)), Request("jacobian"))
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        prepared.run([0.7 * np.ones(200)], Control(deadline=started + 0.2))
    assert time.monotonic() - started < 20  # a whole Jacobian takes minutes


def test_threads_take_turns() -> None:
    """The precision is one for all threads, so one alone computes; the user's is not touched."""
    points = np.linspace(0.5, 3.0, 6)
    alone = [derivative(lambda x: ops.TABLE["special.gamma"](x), x) for x in points]
    together: dict[float, Any] = {}

    def work(x: float) -> None:
        together[x] = derivative(lambda x: ops.TABLE["special.gamma"](x), x)

    threads = [threading.Thread(target=work, args=(x,)) for x in points]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[x] for x in points] == alone
    assert mpmath.mp.dps == 15


@pytest.mark.parametrize("engine", [EXTENDED, ONE_SIDED], ids=lambda e: e.name)
def test_absent_mpmath_is_said(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.info().available
    assert engine.info().version.startswith("mpmath 1.")
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    assert engine.info().reason == "needs mpmath: pip install 'adglot[extended]'"
    with pytest.raises(Unsupported, match=r"adglot\[extended\]"):
        answer("jvp", ops.sin, 1.0, engine=engine, seeds=[1.0])


@pytest.mark.parametrize(("operator", "n"), [("jvp", 3000), ("gradient", 60), ("jacobian", 60)])
def test_peak_bounds_what_a_run_takes(operator: str, n: int) -> None:
    def function(x: Any) -> Any:
        y = ops.TABLE["special.erf"](x) * x  # NumPy has no long double for it
        return ops.sum(y, axes=(0,)) if operator == "gradient" else y

    x = np.linspace(0.5, 1.0, n)
    prepared = EXTENDED.prepare(graph_of(function, x), Request(operator))
    arrays = [x, x] if operator == "jvp" else [x]
    prepared.run(arrays)
    tracemalloc.start()
    prepared.run(arrays)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken <= prepared.peak_bytes
