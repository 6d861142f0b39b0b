"""What Julia's packages answer in the table of conventions: observed, and called by name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

import adglot
from adglot.crosscheck import Crosscheck
from adglot.crosscheck.julia_answers import CHAINS, DUALS, JULIA, RULED, SYMBOLS, TAPES
from adglot.ops import TABLE
from adglot.ops.sampled import sampled

pytestmark = pytest.mark.julia

NAN, INF = np.nan, np.inf
PATIENCE = 300.0
"""Seconds for an answer: a package is loaded, and compiled for the function, at its first one."""

SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """A function at a point of a row, and packages with the gradient by its first argument."""

    row: str
    f: Callable[..., Any]
    args: tuple[Array, ...]
    packages: tuple[str, ...]
    gradient: Any


def case(
    row: str, f: Callable[..., Any], *args: Any, packages: tuple[str, ...], gradient: Any
) -> Case:
    return Case(row, f, tuple(np.array(x) for x in args), packages, np.asarray(gradient))


def exponent(y: Any, x: Any) -> Any:
    return x**y


def rooted(x: Any) -> Any:
    return np.where(x > 0, np.sqrt(x), 0.0)


def logarithmic(x: Any) -> Any:
    return np.where(x > 0, np.log(x), x)


CASES = [
    case("abs-at-0", np.abs, [0.0], packages=(*DUALS, *TAPES, "Symbolics"), gradient=[1.0]),
    case("abs-at-0", np.abs, [0.0], packages=RULED, gradient=[0.0]),
    case("abs-at-0", np.abs, [0.0], packages=("FastDifferentiation",), gradient=[NAN]),
    case("abs-at-0", np.abs, [0.0], packages=("Enzyme",), gradient=[1.0]),
    case(
        "ties", np.maximum, [1.0], [1.0],
        packages=(*DUALS, *TAPES, *RULED, "Symbolics"), gradient=[0.0],
    ),
    case("ties", np.maximum, [1.0], [1.0], packages=("Enzyme",), gradient=[1.0]),
    case(
        "norm-at-0", np.hypot, [0.0], [0.0], packages=(*DUALS, *TAPES, *CHAINS, *SYMBOLS),
        gradient=[NAN],
    ),
    case("norm-at-0", np.hypot, 0.0, 0.0, packages=RULED, gradient=0.0),
    case("norm-at-0", np.hypot, [0.0], [0.0], packages=("Enzyme",), gradient=[1.0]),
    case("sqrt-at-0", rooted, [0.0], packages=(*TAPES, *CHAINS), gradient=[NAN]),
    case("sqrt-at-0", np.sqrt, [0.0], packages=("Enzyme",), gradient=[0.0]),
    case(
        "remainder-at-integers", np.remainder, [4.0], [2.0],
        packages=(*DUALS, *TAPES, *RULED), gradient=[NAN],
    ),
    case(
        "remainder-at-integers", np.remainder, [-1.5], [0.5], packages=("Enzyme",),
        gradient=[-1.0],
    ),
    case(
        "pow-at-0", exponent, 0.0, 0.0, packages=(*DUALS, "ReverseDiff", "Symbolics"),
        gradient=-INF,
    ),
    case(
        "pow-at-0", exponent, 0.0, 0.0,
        packages=("Tracker", *RULED, "FastDifferentiation"), gradient=NAN,
    ),
    case("pow-at-0", lambda x, y: x**y, 0.0, 0.0, packages=("Enzyme",), gradient=NAN),
    case(
        "pow-of-negatives", exponent, 2.0, -2.0, packages=(*DUALS, *TAPES, *RULED, "Enzyme"),
        gradient=4 * np.log(2),
    ),
    case(
        "atan2-at-origin", np.arctan2, [0.0], [0.0],
        packages=(*DUALS, *TAPES, *RULED, "FastDifferentiation", "Enzyme"), gradient=[NAN],
    ),
    case(
        "prod-with-zeros", np.prod, [0.0, 2.0, 3.0], packages=("Tracker",), gradient=[NAN, 0.0, 0.0]
    ),
    case(
        "det-of-singular", np.linalg.det, SINGULAR, packages=("ReverseDiff",),
        gradient=np.zeros((2, 2)),
    ),
    case(
        "where-untaken", logarithmic, [0.0], packages=(*TAPES, *CHAINS, "Enzyme"), gradient=[NAN]
    ),
]  # fmt: skip

SAMPLES = [
    *[("eigh-of-equals", "linalg.eigh", 5, name) for name in (*DUALS, *CHAINS)],
    *[("eig-of-equals", "linalg.eig", 5, name) for name in CHAINS],
    *[("svd-of-equals", "linalg.svd", 6, name) for name in CHAINS],
    *[("phases-of-vectors", "linalg.eigh", 4, name) for name in CHAINS],
    ("phases-of-vectors", "linalg.eig", 4, "ForwardDiff"),
    ("logaddexp-at-minus-inf", "logaddexp", 6, "Mooncake"),
    *[("zero-times-infinity", "sqrt", 4, name) for name in (*DUALS, *TAPES, *CHAINS)],
]
"""Rows that are seen at samples of the op table: row, op, number of the sample, package."""

SLOGDETS = (*DUALS, "ReverseDiff")
"""They answer where adglot's own engine refuses, and each other way: a test of its own."""


@cache
def _missing(ad: adglot.Client) -> dict[str, str]:
    return {info.name: info.reason for info in ad.engines() if not info.available}


def _there(ad: adglot.Client, package: str) -> str:
    """The engine's name; skips where the package is not installed."""
    name = f"julia/{package}"
    if name in _missing(ad):
        pytest.skip(_missing(ad)[name])
    return name


def test_the_first_question_already_knows_the_versions(
    first: tuple[adglot.Client, Crosscheck],
) -> None:
    _, result = first
    assert "ForwardDiff" in result.engines[1].version
    assert {str(f.verdict) for f in result.findings} == {"convention(norm-at-0)"}


@pytest.mark.parametrize(
    ("case", "package"),
    [
        pytest.param(case, package, id=f"{case.row}-{package}")
        for case in CASES
        for package in case.packages
    ],
)
def test_what_a_package_answers(ad: adglot.Client, case: Case, package: str) -> None:
    engine = _there(ad, package)
    result: Crosscheck = ad.crosscheck(
        lambda *args: np.sum(case.f(*args)),
        *case.args,
        engines=["native", engine],
        operators=["gradient"],
        argnums=0,
        timeout=PATIENCE,
    )
    cell = result.cell(engine, "gradient")
    assert cell is not None
    assert cell.blocks, str(result)
    np.testing.assert_allclose(cell.blocks[0].value, case.gradient, atol=1e-7)
    assert result.ok, str(result)
    assert {str(f.verdict) for f in result.findings} <= {f"convention({case.row})"}


@pytest.mark.parametrize(("row", "op", "number", "package"), SAMPLES)
def test_a_sample_where_a_package_differs(
    ad: adglot.Client, row: str, op: str, number: int, package: str
) -> None:
    engine = _there(ad, package)
    case = list(sampled({op: TABLE[op]}))[number]
    result: Crosscheck = ad.crosscheck(
        case.graph, *case.point, engines=["native", engine], timeout=PATIENCE
    )
    assert result.ok, str(result)
    assert f"convention({row})" in [str(finding.verdict) for finding in result.findings]


def test_the_logarithm_of_a_singular_determinant_has_any_derivative(ad: adglot.Client) -> None:
    for package in DUALS:
        engines = [_there(ad, package), "julia/ReverseDiff"]
        result: Crosscheck = ad.crosscheck(
            lambda x: np.linalg.slogdet(x)[1], SINGULAR, engines=engines, operators=["jvp"]
        )
        assert [str(f.verdict) for f in result.findings] == ["convention(slogdet-of-singular)"]


def test_the_determinant_of_a_singular_matrix_is_a_plain_zero(ad: adglot.Client) -> None:
    """Backwards Mooncake solves with the matrix, and says that it cannot."""
    engines = ["native", _there(ad, "Mooncake")]
    result: Crosscheck = ad.crosscheck(
        np.linalg.det, SINGULAR, engines=engines, operators=["jvp"], timeout=PATIENCE
    )
    assert [str(f.verdict) for f in result.findings] == ["convention(det-of-singular)"]


def test_every_answer_is_observed() -> None:
    observed = {(case.row, package) for case in CASES for package in case.packages}
    observed |= {(row, package) for row, _, _, package in SAMPLES}
    observed |= {("slogdet-of-singular", package) for package in SLOGDETS}
    observed.add(("det-of-singular", "Mooncake"))
    said = {
        (row, answer.engine.removeprefix("julia/"))
        for row, all_ in JULIA.items()
        for answer in all_
    }
    assert observed == {(row, "ForwardDiff" if name == "*" else name) for row, name in said}
