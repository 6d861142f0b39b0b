"""The table of conventions: every row is observed on the packages installed, and called by name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import combinations
from typing import Any

import numpy as np
import pytest

import adglot
from adglot.crosscheck import Crosscheck
from adglot.crosscheck.convention_table import ROWS
from adglot.ops import TABLE
from adglot.ops.sampled import sampled
from crosscheck.faulty import WAYS, FaultyEngine, service

NAN, INF = np.nan, np.inf
SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
SYMMETRIC = np.array([[2.0, 1.0], [1.0, 2.0]])
POSITIVE = np.array([[2.0, 0.5], [0.5, 1.0]])
TWINS = 2.0 * np.eye(2)
SPREAD = [[-0.0883883, 0.3535534], [0.3535534, 0.0]]
"""A cotangent of `POSITIVE`, symmetric."""


def a(*numbers: float) -> np.ndarray:
    return np.array(numbers)


@dataclass(frozen=True)
class Case:
    """A function at a point of a row, and the gradient of its sum by the first argument, observed.

    `gradients` is engine -> gradient; where packages agree, no convention shows.
    """

    row: str
    f: Callable[..., Any]
    args: tuple[np.ndarray, ...]
    gradients: dict[str, Any]

    def agree(self, one: str, other: str) -> bool:
        return np.allclose(self.gradients[one], self.gradients[other], equal_nan=True)


ENGINES = ("native", "autograd", "jax", "torch", "casadi", "symbolic")


def same(row: str, f: Callable[..., Any], *args: np.ndarray, gradient: Any) -> Case:
    return Case(row, f, args, dict.fromkeys(ENGINES, gradient))


def but(row: str, f: Callable[..., Any], *args: np.ndarray, native: Any, **others: Any) -> Case:
    """All as native, but for these; None says that the engine has no answer."""
    gradients = dict.fromkeys(ENGINES, native) | others
    return Case(row, f, args, {k: g for k, g in gradients.items() if g is not None})


CASES = [
    but("abs-at-0", np.abs, a(0.0), native=[0.0], jax=[1.0]),
    same("ties", np.maximum, a(1.0), a(1.0), gradient=[0.5]),
    same("ties", np.minimum, a(1.0), a(1.0), gradient=[0.5]),
    same("ties", lambda x: np.clip(x, 0.0, 1.0), a(0.0, 1.0), gradient=[0.5, 0.5]),
    same("ties", np.max, a(1.0, 1.0, 0.0), gradient=[0.5, 0.5, 0.0]),
    same("ties", np.min, a(1.0, 1.0, 2.0), gradient=[0.5, 0.5, 0.0]),
    but("sign-at-0", np.sign, a(0.0), native=[0.0], symbolic=[INF]),
    but(
        "norm-at-0", np.hypot, a(0.0), a(0.0), native=[0.0], autograd=[NAN], jax=[0.5],
        torch=[NAN], casadi=[NAN], symbolic=[NAN],
    ),
    same("sqrt-at-0", np.linalg.norm, a(0.0, 0.0), gradient=[0.0, 0.0]),
    same("sqrt-at-0", np.sqrt, a(0.0), gradient=[INF]),
    but(
        "sqrt-at-0", lambda x: np.where(x > 0, np.sqrt(x), 0.0), a(0.0), native=[0.0],
        autograd=[NAN], jax=[NAN], torch=[NAN],
    ),
    but("remainder-at-integers", np.remainder, a(4.0), a(2.0), native=[1.0], symbolic=None),
    but(
        "remainder-at-integers", lambda y, x: np.remainder(x, y), a(2.0), a(4.0), native=[-2.0],
        symbolic=None,
    ),
    same("pow-at-0", lambda x: x**0.0, a(0.0), gradient=[0.0]),
    but(
        "pow-at-0", lambda x, y: x**y, a(0.0), a(0.0), native=[0.0], jax=[NAN], casadi=[NAN],
        symbolic=[NAN],
    ),
    but(
        "pow-at-0", lambda y, x: x**y, a(2.0, 0.5), a(0.0, 0.0), native=[0.0, 0.0],
        casadi=[NAN, NAN], symbolic=[NAN, NAN],
    ),
    same("pow-of-negatives", lambda y, x: x**y, a(2.0), a(-2.0), gradient=[NAN]),
    but(
        "atan2-at-origin", np.arctan2, a(0.0), a(0.0), native=[0.0], autograd=[NAN], jax=[NAN],
        casadi=[NAN], symbolic=[NAN],
    ),
    but(
        "logaddexp-at-minus-inf", np.logaddexp, a(-INF), a(-INF), native=[0.5], autograd=[NAN],
        jax=[NAN], torch=[NAN], symbolic=[NAN],
    ),
    but("iv-at-0", np.i0, a(0.0), native=[0.0], jax=[1.0], casadi=None),
    but(
        "prod-with-zeros", np.prod, a(0.0, 2.0, 3.0), native=[6.0, 0.0, 0.0],
        autograd=[NAN, 0.0, 0.0],
    ),
    but(
        "eigh-of-equals", lambda x: np.linalg.eigh(x)[1], TWINS,
        native=[[NAN, 0.0], [NAN, NAN]], autograd=np.full((2, 2), NAN),
        jax=np.full((2, 2), NAN), torch=np.full((2, 2), NAN), casadi=None, symbolic=None,
    ),
    but(
        "eigh-of-equals", np.linalg.eigvalsh, TWINS, native=np.eye(2), casadi=None, symbolic=None
    ),
    but(
        "eigh-of-symmetric", lambda x: np.linalg.eigvalsh(x)[1], SYMMETRIC,
        native=[[0.5, 0.0], [1.0, 0.5]], jax=[[0.5, 0.5], [0.5, 0.5]],
        torch=[[0.5, 0.5], [0.5, 0.5]], casadi=None, symbolic=None,
    ),
    but(
        "cholesky-of-symmetric", lambda x: np.linalg.cholesky(x)[1, 0], POSITIVE,
        native=[[-0.0883883, 0.0], [0.7071068, 0.0]],
        autograd=SPREAD, jax=SPREAD, torch=SPREAD,
    ),
    # autograd gives up; what torch and jax miss: see test_real_findings.
    but("det-of-singular", np.linalg.det, SINGULAR, native=[[4, -2], [-2, 1]], autograd=None),
    but(
        "svd-of-equals", lambda x: np.linalg.svd(x)[1], TWINS, native=np.eye(2),
        autograd=np.full((2, 2), NAN), casadi=None, symbolic=None,
    ),
    but(
        "where-untaken", lambda x: np.where(x > 0, np.log(x), x), a(0.0), native=[1.0],
        autograd=[NAN], jax=[NAN], torch=[NAN],
    ),
    same("where-untaken", np.sinc, a(0.0), gradient=[0.0]),
    same("where-at-boundary", lambda x: np.where(x > 0, 3.0 * x, x), a(0.0), gradient=[1.0]),
    # d|z^2| = 2 z by the real inner product; 2 conj(z) by the other convention.
    but(
        "complex-vjp", lambda z: np.abs(z * z), np.array([1.0 + 2.0j]), native=[2.0 + 4.0j],
        casadi=None,
    ),
]  # fmt: skip

SINGULAR_LOG = "slogdet-of-singular"
"""Its row is about packages that answer where adglot's own engine refuses: a test of its own."""

SAMPLES = [
    ("eig-of-equals", "linalg.eig", 5, "autograd"),
    ("ive-at-0", "special.ive", 4, "autograd"),
    ("sign-of-complex", "sign", 3, "autograd"),
    ("sign-of-complex", "sign", 3, "jax"),
    ("cholesky-of-complex", "linalg.cholesky", 3, "autograd"),
    ("cholesky-of-complex", "linalg.cholesky", 3, "torch"),
    ("norm-at-0", "hypot", 5, "jax"),
    ("phases-of-vectors", "linalg.eig", 0, "autograd"),
    ("phases-of-vectors", "linalg.eig", 3, "autograd"),
    ("phases-of-vectors", "linalg.eig", 1, "torch"),
    ("phases-of-vectors", "linalg.eigh", 2, "torch"),
    ("phases-of-vectors", "linalg.svd", 1, "torch"),
    ("slogdet-of-complex", "linalg.slogdet", 2, "autograd"),
    ("svd-of-complex", "linalg.svd", 5, "autograd"),
    ("trigamma", "special.digamma", 0, "torch"),
    ("trigamma", "special.polygamma", 1, "torch"),
    ("unit-diagonal", "linalg.triangular_solve", 3, "autograd"),
    ("zeros-without-sign", "atan2", 5, "extended"),
]
"""Rows that are seen at samples of the op table: row, op, number of the sample, engine."""

MODULES = {"symbolic": "sympy"}
INSTALLED = [name for name in ENGINES if name == "native" or find_spec(MODULES.get(name, name))]
PACKAGES = {"jax", "torch", "casadi"}


def _param(case: Case, *engines: str) -> Any:
    marks = [pytest.mark.engines] if PACKAGES.intersection(engines) else []
    return pytest.param(case, list(engines), id="-".join((case.row, *engines)), marks=marks)


@pytest.fixture(scope="module")
def ad() -> Iterator[adglot.Client]:
    with adglot.connect() as client:
        yield client


@pytest.mark.parametrize(
    ("case", "engines"), [_param(case, engine) for case in CASES for engine in case.gradients]
)
def test_what_the_package_answers(ad: adglot.Client, case: Case, engines: list[str]) -> None:
    (engine,) = engines
    if engine not in INSTALLED:
        pytest.skip(f"{engine} is not installed")
    gradient = ad.gradient(lambda *args: np.sum(case.f(*args)), *case.args, engine=engine)
    np.testing.assert_allclose(gradient, case.gradients[engine], atol=1e-7)


PAIRS = [(case, pair) for case in CASES for pair in combinations(case.gradients, 2)]


@pytest.mark.parametrize(
    ("case", "engines"), [_param(case, *pair) for case, pair in PAIRS if not case.agree(*pair)]
)
def test_a_difference_is_the_rows_convention(
    ad: adglot.Client, case: Case, engines: list[str]
) -> None:
    if not set(engines) <= set(INSTALLED):
        pytest.skip("not installed")
    result: Crosscheck = ad.crosscheck(case.f, *case.args, engines=engines)
    assert result.ok, str(result)
    assert result.findings
    for finding in result.findings:
        assert str(finding.verdict) == f"convention({case.row})"
        assert set(finding.values) == set(finding.culprit.values) == set(engines)
        assert all(row.source for row in finding.conventions if row.engine)


def _alike(case: Case) -> list[str]:
    """The engines that answer as native does."""
    return [engine for engine in case.gradients if case.agree("native", engine)]


@pytest.mark.parametrize(
    ("case", "engines"), [_param(case, *_alike(case)) for case in CASES if len(_alike(case)) > 1]
)
def test_where_packages_agree_nothing_is_found(
    ad: adglot.Client, case: Case, engines: list[str]
) -> None:
    there = [engine for engine in engines if engine in INSTALLED]
    result = ad.crosscheck(case.f, *case.args, engines=there, operators=["evaluate", "vjp"])
    assert result.ok, str(result)
    assert not result.findings
    assert {cell.verdict.kind for cell in result.cells} <= {"agree", "nonfinite"}


@pytest.mark.engines
def test_the_logarithm_of_a_singular_determinant_has_any_derivative(ad: adglot.Client) -> None:
    result = ad.crosscheck(
        lambda x: np.linalg.slogdet(x)[1], SINGULAR, engines=["jax", "torch"], operators=["jvp"]
    )
    assert [str(f.verdict) for f in result.findings] == [f"convention({SINGULAR_LOG})"]


@pytest.mark.parametrize(
    ("row", "op", "number", "engine"),
    [
        pytest.param(*sample, marks=[pytest.mark.engines] if sample[-1] in PACKAGES else [])
        for sample in SAMPLES
    ],
)
def test_a_sample_where_a_package_differs(
    ad: adglot.Client, row: str, op: str, number: int, engine: str
) -> None:
    if engine not in INSTALLED:
        pytest.skip(f"{engine} is not installed")
    case = list(sampled({op: TABLE[op]}))[number]
    result: Crosscheck = ad.crosscheck(case.graph, *case.point, engines=["native", engine])
    assert result.ok, str(result)
    assert f"convention({row})" in [str(finding.verdict) for finding in result.findings]


@pytest.mark.engines
def test_signs_of_eigenvectors_go_on_in_cotangents(ad: adglot.Client) -> None:
    """The cotangent of exp differs, but for its operand alone: the eigenvectors are to blame."""
    if "torch" not in INSTALLED:
        pytest.skip("torch is not installed")
    point = next(sampled({"linalg.eigh": TABLE["linalg.eigh"]})).point
    result: Crosscheck = ad.crosscheck(
        lambda x: np.sum(np.exp(np.linalg.eigh(x)[1])), *point, engines=["native", "torch"]
    )
    assert result.ok, str(result)
    assert {finding.culprit.op for finding in result.findings} == {"linalg.eigh"}


# ------------------------------------------------------------------ no bug is a convention


FAULTS_AT_KINKS: list[tuple[str, Callable[..., Any], tuple[np.ndarray, ...]]] = [
    ("abs", np.abs, (np.array([[0.0, 1.0, -2.0]] * 3),)),
    ("maximum", np.maximum, (np.ones((3, 3)), np.array([[1.0, 2.0, 0.5]] * 3))),
    ("hypot", np.hypot, (np.array([[0.0, 1.0, 2.0]] * 3), np.array([[0.0, 1.0, 3.0]] * 3))),
    ("sqrt", np.sqrt, (np.array([[0.0, 1.0, 2.0]] * 3),)),
    ("remainder", np.remainder, (np.array([[4.0, 5.0, 6.5]] * 3), np.full((3, 3), 2.0))),
    ("linalg.cholesky", np.linalg.cholesky, (np.diag([1.0, 2.0, 3.0]) + 0.25,)),
    ("linalg.det", np.linalg.det, (np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]]),)),
    ("prod", lambda x: np.prod(x, axis=1), (np.array([[0.0, 1.0, 2.0]] * 3),)),
]


KNOWN = {"faulty": "1.0", "autograd": "1.8", "jax": "0.10.2", "torch": "2.13.0", "casadi": "3.8.2"}
"""Whose name the faulty engine bears: what the table excuses in that package is no excuse here."""


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("op", "f", "args"), FAULTS_AT_KINKS, ids=[f[0] for f in FAULTS_AT_KINKS])
def test_a_planted_fault_at_a_kink_is_no_convention(
    op: str, f: Callable[..., Any], args: tuple[np.ndarray, ...], way: str, name: str
) -> None:
    """Some component is smooth, or the values lie outside of the one-sided derivatives."""
    with service(FaultyEngine(op, WAYS[way], name, KNOWN[name])) as ad:
        result: Crosscheck = ad.crosscheck(f, *args, engines=["native", name])
    kinds = {finding.verdict.kind for finding in result.findings}
    assert kinds == {"mismatch"}, str(result)


OF_JULIA = {"zero-times-infinity"}


def test_every_row_is_observed() -> None:
    """Those of Julia's packages alone are observed beside their other answers, in tests/julia."""
    observed = {case.row for case in CASES} | {row for row, *_ in SAMPLES} | {SINGULAR_LOG}
    assert observed == {row.id for row in ROWS} - OF_JULIA
