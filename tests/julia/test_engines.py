"""The AD packages of Julia through the whole path: client, server, worker, DI, and back."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from service.examples import positive

import adglot
from adglot import GuardFailed, InvalidArgument, Unsupported
from adglot.calls import EngineInfo
from adglot.conformance import examine
from adglot.conformance.capabilities import notes
from adglot.conformance.examine import exercises
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder
from adglot_julia.command import announced
from julia.scenarios import SCENARIOS, Scenario

pytestmark = pytest.mark.julia

NAMES = [info.name for info in announced()]

ERRORS = {"julia/FiniteDiff": 1e-4, "julia/FiniteDifferences": 1e-7}
"""What difference quotients lose, of the largest component."""


LIMITED = ("julia/ReverseDiff-tape",)
"""Engines that refuse some scenarios: sines on a tape."""


@pytest.fixture(scope="module")
def known(ad: adglot.Client) -> dict[str, EngineInfo]:
    return {info.name: info for info in ad.engines()}


@pytest.fixture(params=NAMES)
def engine(request: Any, known: dict[str, EngineInfo]) -> EngineInfo:
    info = known[request.param]
    if not info.available:
        pytest.skip(info.reason)
    return info


def near(got: Any, want: Any, engine: str) -> None:
    error = ERRORS.get(engine, 1e-10)
    scale = np.abs(want).max(initial=1.0)
    assert np.shape(got) == np.shape(want)
    assert_allclose(got, want, rtol=0, atol=error * scale)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=repr)
def test_the_scenarios_of_differentiation_interface(
    ad: adglot.Client, engine: EngineInfo, scenario: Scenario
) -> None:
    asked = 0
    for operator, answer, want in questions(ad, scenario):
        if operator not in engine.operators:
            continue
        try:
            got = answer(engine.name)
        except Unsupported as error:
            if engine.name not in LIMITED:
                raise
            pytest.skip(f"{operator}: {error}")
        near(got, want, engine.name)
        asked += 1
    if not asked:
        pytest.skip(f"{engine.name} has none of its operators")


Question = tuple[str, Callable[[str], Any], Any]


def questions(ad: adglot.Client, s: Scenario) -> Iterator[Question]:
    y = np.asarray(s.f(s.x))
    yield "evaluate", lambda e: ad.evaluate(s.f, s.x, engine=e), y
    yield "jvp", lambda e: ad.jvp(s.f, (s.x,), (s.dx,), engine=e)[1], s.pushed
    yield "vjp", lambda e: ad.vjp(s.f, (s.x,), s.dy, engine=e)[1][0], s.pulled
    yield "jacobian", lambda e: ad.jacobian(s.f, s.x, engine=e), s.jacobian
    if s.hessian is None:
        return
    along = np.tensordot(s.hessian, s.dx, s.dx.ndim)
    yield "gradient", lambda e: ad.gradient(s.f, s.x, engine=e), s.jacobian
    yield "hessian", lambda e: ad.hessian(s.f, s.x, engine=e), s.hessian
    yield "hvp", lambda e: ad.hvp(s.f, (s.x,), (s.dx,), engine=e)[0], along


KINDS = ("exp", "multiply", "where", "sum", "take", "permute_dims", "concat", "matmul")
"""Ops of every kind; `make conformance` has all of them, at all their samples."""


def test_ops_of_every_kind(ad: adglot.Client, engine: EngineInfo) -> None:
    found = examine(ad, engine.name, exercises(KINDS, most=1), timeout=300.0)
    assert {row.subject for row in found.rows} == set(KINDS)
    assert found, "\n".join(notes(found))


# ------------------------------------------------------------------ layout, dtypes, constants


def test_a_matrix_of_matrices_keeps_its_axes(ad: adglot.Client, engine: EngineInfo) -> None:
    """d (A X)[i, j] / d X[k, l] = A[i, k] (j = l): every axis has another length."""
    if "jacobian" not in engine.operators:
        pytest.skip("no jacobian")
    A, X = np.arange(12.0).reshape(4, 3), np.arange(6.0).reshape(3, 2)
    jacobian = ad.jacobian(lambda X: A @ X, X, engine=engine.name)
    near(jacobian, np.einsum("ik,jl->ijkl", A, np.eye(2)), engine.name)


def test_single_precision_stays_single(ad: adglot.Client) -> None:
    x = np.array([0.5, -1.25], "float32")
    for name in ("julia/ForwardDiff", "julia/ReverseDiff", "julia/Zygote"):
        _, dy = ad.jvp(np.tanh, (x,), (np.ones_like(x),), engine=name)
        assert dy.dtype == np.float32
        assert_allclose(dy, 1 - np.tanh(x) ** 2, rtol=1e-6)


def test_complex_pullbacks_are_adjoint_for_the_real_inner_product(ad: adglot.Client) -> None:
    z, w = np.array([0.5 + 1j, -1.0 - 0.25j]), np.array([1j, 2.0 - 1j])
    for name in ("julia/ForwardDiff", "julia/Zygote"):
        _, (dz,) = ad.vjp(lambda z: z * z, (z,), w, engine=name)
        assert_allclose(dz, np.conj(2 * z) * w, rtol=1e-12)


def _functions_with_short_ways(z: Any) -> Any:
    """Those that Base computes in another way on an axis."""
    own = (np.exp, np.expm1, np.sin, np.cos, np.sinh, np.cosh, np.arctan, np.arctanh)
    return np.stack([*(f(z) for f in own), z**z])


@pytest.mark.parametrize("package", ["ForwardDiff", "Zygote", "Mooncake", "Enzyme"])
def test_on_an_axis_complex_functions_have_both_derivatives(
    ad: adglot.Client, known: dict[str, EngineInfo], package: str
) -> None:
    info = known[f"julia/{package}"]
    if not info.available:
        pytest.skip(info.reason)
    z, dz = np.array([0.5, -0.5, 0.25j, 0.5 + 0.25j]), np.array([1j, 1 - 1j, 1.0, 1 + 2j])
    _, want = ad.jvp(_functions_with_short_ways, (z,), (dz,))
    _, got = ad.jvp(_functions_with_short_ways, (z,), (dz,), engine=info.name)
    near(got, want, info.name)


def test_what_is_constant_may_change_from_call_to_call(
    ad: adglot.Client, engine: EngineInfo
) -> None:
    """Symbolic programs and tapes have recorded it."""
    if "gradient" not in engine.operators:
        pytest.skip("no gradient")
    x = np.array([0.5, 2.0])
    for a in (1.0, 3.0):
        gradient = ad.gradient(lambda x, a: np.sum(a * x * x), x, np.array(a), engine=engine.name)
        near(gradient, 2 * a * x, engine.name)


def test_several_seeds_and_points_at_once(ad: adglot.Client) -> None:
    points, seeds = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    for name in ("julia/ForwardDiff", "julia/ReverseDiff"):
        _, dy = ad.jvp(np.sin, (points,), (seeds,), batch=True, engine=name)
        assert_allclose(dy, np.cos(points))


# ------------------------------------------------------------------ sparse matrices


def _neighbours(x: Any) -> Any:
    """Broyden's tridiagonal function: three colours."""
    y = (3.0 - 2.0 * x) * x + 1.0
    return y - np.concatenate([x[-1:] * 0.0, x[:-1]]) - 2.0 * np.concatenate([x[1:], x[:1] * 0.0])


def _valley(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2) + np.sum(np.sin(x))


def _same(got: Any, want: Any, engine: str) -> None:
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    assert np.isin(want.nonzero(), got.nonzero()).all()
    near(got.toarray(), want.toarray(), engine)


def test_sparse_jacobians_are_those_of_auto_sparse(ad: adglot.Client, engine: EngineInfo) -> None:
    x = np.linspace(0.3, 1.7, 12)
    if "jacobian" not in engine.operators:
        pytest.skip("no jacobian")
    with adglot.reports() as reports:
        jacobian = ad.jacobian(_neighbours, x, sparse=True, engine=engine.name)
    _same(jacobian, ad.jacobian(_neighbours, x, sparse=True), engine.name)
    assert reports[0].colours < 6
    assert reports[0].passes == reports[0].colours


def test_sparse_hessians_are_those_of_auto_sparse(ad: adglot.Client, engine: EngineInfo) -> None:
    x = np.linspace(0.3, 1.7, 12)
    if "hvp" not in engine.operators:
        pytest.skip("no second derivatives")
    with adglot.reports() as reports:
        hessian = ad.hessian(_valley, x, sparse=True, engine=engine.name)
    _same(hessian, ad.hessian(_valley, x, sparse=True), engine.name)
    assert reports[0].colours <= 3


def test_blocks_batches_and_single_precision_of_sparse_jacobians(ad: adglot.Client) -> None:
    def function(x: Any, a: Any) -> Any:
        return a * np.exp(x), x[1:] * x[:-1]

    x, a = np.arange(6.0).reshape(2, 3).astype("float32"), np.ones((2, 3), "float32")
    options: dict[str, Any] = {"argnums": (0, 1), "sparse": True, "batch": True}
    got = ad.jacobian(function, x, a, engine="julia/ForwardDiff", **options)
    want = ad.jacobian(function, x, a, **options)
    for ours, theirs in zip(got, want, strict=True):
        for mine, its in zip(ours, theirs, strict=True):
            assert mine.data.dtype == np.float32
            assert mine.shape == its.shape
            pairs = zip(mine, its, strict=True)
            assert all(np.allclose(a.toarray(), b.toarray(), rtol=1e-6) for a, b in pairs)


def test_where_values_decide_the_colours_are_ours(ad: adglot.Client) -> None:
    """The tracer of Julia has no values to decide by."""
    x = np.linspace(-1.0, 1.0, 6)
    jacobian = ad.jacobian(
        lambda x: np.where(x > 0.0, x**3, x), x, sparse=True, engine="julia/ForwardDiff"
    )
    assert_allclose(jacobian.toarray(), np.diag(np.where(x > 0.0, 3 * x**2, 1.0)))


# ------------------------------------------------------------------ faults

OUTSIDE = [
    (np.sqrt, -1.0),
    (np.log, -1.0),
    (np.log1p, -2.0),
    (np.arcsin, 2.0),
    (np.arccosh, 0.5),
    (np.arctanh, 3.0),
    (np.sin, np.inf),
    (lambda x: x**0.5, -1.0),
]


@pytest.mark.parametrize(("function", "x"), OUTSIDE)
def test_outside_of_its_domain_a_function_is_nan(
    ad: adglot.Client, function: Any, x: float
) -> None:
    point = np.array([x])
    assert np.isnan(ad.evaluate(function, point, engine="julia/ForwardDiff")).all()
    _, dy = ad.jvp(function, (point,), (np.ones(1),), engine="julia/ForwardDiff")
    assert np.isnan(dy).all()


def test_a_guard_is_looked_at(ad: adglot.Client) -> None:
    assert ad.gradient(positive(), np.array(3.0), engine="julia/ForwardDiff") == 6.0
    with pytest.raises(GuardFailed, match=r"x > 0|guards\[0\]"):
        ad.gradient(positive(), np.array(-3.0), engine="julia/ForwardDiff")


def test_a_singular_matrix_is_the_points_fault(ad: adglot.Client) -> None:
    with pytest.raises(InvalidArgument, match=r"linalg\.inv"):
        ad.jacobian(np.linalg.inv, np.zeros((2, 2)), engine="julia/ForwardDiff")


def test_what_a_package_cannot_do_is_said_in_its_words(ad: adglot.Client) -> None:
    def singular(a: Any) -> Any:
        return np.linalg.svd(a)[1]

    with pytest.raises(Unsupported, match=r"ForwardDiff.*svd"):
        ad.jacobian(singular, np.eye(2) + 1.0, engine="julia/ForwardDiff")


def test_an_op_without_a_counterpart_is_refused_by_name(
    ad: adglot.Client, known: dict[str, EngineInfo]
) -> None:
    assert "linalg.adjugate" not in known["julia/ForwardDiff"].ops
    builder = Builder()
    a = builder.input(Type("float64", (2, 2)))
    graph = builder.build([a], [TABLE["linalg.adjugate"](a)])
    with pytest.raises(Unsupported, match=r"linalg\.adjugate"):
        ad.evaluate(graph, np.eye(2), engine="julia/ForwardDiff")


def test_complex_numbers_that_enzyme_has_no_right_derivative_of_are_refused(
    ad: adglot.Client, known: dict[str, EngineInfo]
) -> None:
    if not known["julia/Enzyme"].available:
        pytest.skip(known["julia/Enzyme"].reason)
    a = np.array([[4.0, 1.0 + 0.5j], [1.0 - 0.5j, 3.0]])
    with pytest.raises(Unsupported, match=r"not right for linalg\.cholesky of complex numbers"):
        ad.jvp(np.linalg.cholesky, (a,), (a,), engine="julia/Enzyme")


@pytest.mark.parametrize("package", ["ForwardDiff", "ReverseDiff", "Mooncake", "Enzyme", "Zygote"])
def test_a_diagonal_matrix_has_derivatives_by_its_zeros_or_none(
    ad: adglot.Client, known: dict[str, EngineInfo], package: str
) -> None:
    """LinearAlgebra goes by the diagonal alone, where packages without a rule would follow."""
    engine = f"julia/{package}"
    if not known[engine].available:
        pytest.skip(known[engine].reason)
    a, da = np.diag([1.0, 2.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    if package == "Zygote":
        assert ad.crosscheck(np.linalg.pinv, a, engines=["native", engine], operators=["vjp"])
        return
    for function in (np.linalg.pinv, lambda a: np.linalg.eig(a)[1]):
        with pytest.raises(Unsupported, match=r"has no rule of|not right for complex numbers"):
            ad.jvp(function, (a,), (da,), engine=engine)


SINGULAR = [
    (np.sqrt, [0.0]),
    (np.log1p, [-1.0]),
    (np.arcsin, [1.0]),
    (np.arccosh, [1.0]),
    (np.arctanh, [-1.0]),
    (lambda x: 1.0 / x, [0.0]),
    (lambda x: x**-2, [0.0]),
    (lambda x: x**1.5, [0.0]),
    (lambda x: np.hypot(x[0], x[1]), [0.0, 0.0]),
    (lambda x: np.arctan2(x[:1], x[1:]), [0.0, 0.0]),
]


@pytest.mark.parametrize(("function", "x"), SINGULAR)
def test_where_a_function_has_no_power_series_gtpsa_is_not_asked(
    ad: adglot.Client, known: dict[str, EngineInfo], function: Any, x: list[float]
) -> None:
    """Its library would end the process."""
    if not known["julia/GTPSA"].available:
        pytest.skip(known["julia/GTPSA"].reason)
    with pytest.raises(Unsupported, match="GTPSA has no power series"):
        ad.jacobian(function, np.array(x), engine="julia/GTPSA")


def test_complex_numbers_within_a_branch_are_refused_as_others_are(ad: adglot.Client) -> None:
    def turned(x: Any) -> Any:
        return adglot.cond(x > 0.0, lambda x: np.real(np.exp(1j * x)), lambda x: x, x)

    x = np.array(0.5)
    near(ad.gradient(turned, x, engine="julia/ForwardDiff"), -np.sin(x), "julia/ForwardDiff")
    with pytest.raises(Unsupported, match="not right for complex numbers"):
        ad.gradient(turned, x, engine="julia/ReverseDiff")


# ------------------------------------------------------------------ large graphs


def chain(nodes: int) -> Graph:
    """x -> sum(cos(sin(cos(... x)))): as many nodes as asked for."""
    builder = Builder()
    x = y = builder.input(Type("float64", (4,)))
    for k in range(nodes - 1):
        y = TABLE["sin" if k % 2 else "cos"](y)
    return builder.build([x], [TABLE["sum"](y, axes=(0,))])


@pytest.mark.parametrize("nodes", [10, 500, 5000])
@pytest.mark.parametrize("name", ["julia/ForwardDiff", "julia/ReverseDiff"])
def test_graphs_of_many_nodes(
    ad: adglot.Client, name: str, nodes: int, record_property: Any
) -> None:
    graph, x = chain(nodes), np.linspace(0.1, 1.0, 4)
    want = ad.gradient(graph, x)
    times = []
    for _ in range(2):
        started = time.perf_counter()
        assert_allclose(ad.gradient(graph, x, engine=name), want, rtol=1e-9, atol=1e-300)
        times.append(time.perf_counter() - started)
    record_property("first", times[0])
    record_property("second", times[1])
    print(f"{name}, {nodes} nodes: first {times[0]:.2f} s, second {times[1]:.4f} s")
