"""What packages really miss: the node is named, and extended precision says what is right."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import adglot
from adglot.crosscheck import Finding

SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
RANK_3 = np.array([[4.0, 2, 8, 4], [2, 5, 8, 4], [2, 3, 6, 3], [0, 2, 2, 5]])
"""Its LU factors are dyadic, so without rounding; the third pivot is 0, the last one 4."""


@pytest.fixture(scope="module")
def ad() -> Iterator[adglot.Client]:
    with adglot.connect() as client:
        yield client


def only(result: Any) -> Finding:
    """The one finding, of one operator."""
    (finding,) = result.findings
    return finding


@pytest.mark.engines
def test_torch_pushes_nothing_through_the_determinant_of_a_singular_matrix(
    ad: adglot.Client,
) -> None:
    f: Callable[..., Any] = np.linalg.det
    finding = only(ad.crosscheck(f, SINGULAR, engines=["native", "torch"], operators=["jvp"]))
    assert str(finding.verdict) == "convention(det-of-singular)"
    assert finding.culprit.op == "linalg.det"
    assert finding.values["torch"] == 0
    _is_true(finding, "native")
    assert finding.conventions[0].limitation


@pytest.mark.engines
def test_jax_has_no_derivative_of_some_determinants_of_singular_matrices(
    ad: adglot.Client,
) -> None:
    """Where a pivot that is not the last one is 0."""
    result = ad.crosscheck(np.linalg.det, RANK_3, engines=["native", "jax"], operators=["vjp"])
    finding = only(result)
    assert str(finding.verdict) == "convention(det-of-singular)"
    assert finding.values["jax"] == 0
    _is_true(finding, "native")


@pytest.mark.engines
def test_the_majority_may_be_wrong(ad: adglot.Client) -> None:
    """A zero of jax and torch jumps away from the point: no measure of the conditioning."""
    engines = ["jax", "torch", "native"]
    finding = only(ad.crosscheck(np.linalg.det, RANK_3, engines=engines, operators=["jvp"]))
    assert str(finding.verdict) == "convention(det-of-singular)"
    assert finding.sides == (("jax", "torch"), ("native",))
    _is_true(finding, "native")


def test_autograd_divides_by_a_factor_of_zero(ad: adglot.Client) -> None:
    x = np.array([0.0, 2.0, 3.0])
    finding = only(ad.crosscheck(np.prod, x, engines=["native", "autograd"], operators=["vjp"]))
    assert str(finding.verdict) == "convention(prod-with-zeros)"
    assert finding.culprit.op == "prod"
    assert np.isnan(finding.values["autograd"])
    _is_true(finding, "native")
    assert finding.conventions[0].limitation


@pytest.mark.engines
def test_jax_has_no_slope_for_the_zeroth_power_of_zero(ad: adglot.Client) -> None:
    result = ad.crosscheck(
        lambda x, y: x**y,
        np.array([0.0, 1.0]),
        np.array([0.0, 0.0]),
        engines=["native", "jax"],
        operators=["vjp"],
        argnums=0,
    )
    finding = only(result)
    assert str(finding.verdict) == "convention(pow-at-0)"
    assert finding.culprit.op == "pow"
    assert finding.component == (0,)
    assert np.isnan(finding.values["jax"])
    assert finding.values["native"] == 0
    _is_true(finding, "native")


@pytest.mark.engines
def test_jax_has_a_slope_for_i0_at_its_minimum(ad: adglot.Client) -> None:
    finding = only(ad.crosscheck(np.i0, 0.0, engines=["native", "jax"], operators=["jvp"]))
    assert str(finding.verdict) == "convention(iv-at-0)"
    assert abs(finding.values["jax"]) > 0.5
    _is_true(finding, "native")


def _is_true(finding: Finding, engine: str) -> None:
    """The engine says what extended precision says of the culprit."""
    said = finding.culprit.arbiter
    assert said is not None
    assert abs(finding.culprit.values[engine] - said.value) <= said.error + 1e-12
