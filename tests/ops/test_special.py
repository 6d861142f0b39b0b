"""The special functions against mpmath over their whole range, with SciPy and without."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import numpy as np
import pytest

from adglot import ops
from adglot.errors import Unsupported
from adglot.ops import special_functions as functions
from adglot.ops.core import Array

RNG = np.random.default_rng(20)
EPS = float(np.finfo(np.float64).eps)

BULK, NEGATIVE = RNG.uniform(0.0, 30.0, 60), RNG.uniform(-20.0, 0.0, 60)
TINY, HUGE = 10.0 ** RNG.uniform(-300, 0, 30), 10.0 ** RNG.uniform(0, 300, 30)
BOTH = np.concatenate([BULK, NEGATIVE, TINY, HUGE])


def _log_ndtr(x: Any) -> Any:
    return mpmath.log(mpmath.ncdf(x)) if x < 0 else mpmath.log1p(-mpmath.ncdf(-x))


def _lngamma(x: Any) -> Any:
    return mpmath.log(abs(mpmath.gamma(x)))


def _ndtri(p: Any) -> Any:
    return mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1)


EXACT: dict[str, tuple[Callable[..., Any], Array, float]] = {
    "erf": (mpmath.erf, np.concatenate([RNG.uniform(-6, 6, 100), TINY, -TINY]), 3),
    "erfc": (mpmath.erfc, RNG.uniform(-6.0, 26.5, 150), 3),
    "erfinv": (mpmath.erfinv, np.concatenate([RNG.uniform(-1, 1, 100), TINY]), 5),
    "ndtri": (_ndtri, np.concatenate([RNG.uniform(0, 1, 100), 10 ** RNG.uniform(-15, 0, 50)]), 5),
    "log_ndtr": (_log_ndtr, np.concatenate([RNG.uniform(-40.0, 8.0, 100), -HUGE[HUGE < 1e9]]), 5),
    "gamma": (mpmath.gamma, np.concatenate([NEGATIVE, RNG.uniform(0, 170, 100)]), 8),
    "gammaln": (_lngamma, BOTH, 8),
    "digamma": (mpmath.digamma, BOTH, 30),
}
"""The exact function, where to look, and how many units in the last place may be lost there.

A unit is one of the value, or of 1 where the value is smaller: gammaln and digamma have zeros.
"""

ZEROS = {"gammaln", "digamma"}


def lost(got: Array, exact: list[Any], least: float) -> Array:
    """The error of each value in units in the last place of it (of `least` if that is more)."""
    with mpmath.workdps(60):
        return np.array(
            [
                float(abs(mpmath.mpf(float(g)) - e) / np.spacing(max(abs(float(e)), least)))
                for g, e in zip(got, exact, strict=True)
            ]
        )


def exactly(function: Callable[..., Any], xs: Array) -> list[Any]:
    with mpmath.workdps(60):
        return [function(mpmath.mpf(float(x))) for x in xs]


@pytest.fixture(params=["ours", "installed"])
def which(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "ours":
        monkeypatch.setattr(functions, "_scipy", lambda name: None)


@pytest.mark.usefixtures("which")
@pytest.mark.parametrize("name", EXACT)
def test_accuracy(name: str) -> None:
    function, xs, allowed = EXACT[name]
    least = 1.0 if name in ZEROS else 0.0
    error = lost(getattr(functions, name)(xs), exactly(function, xs), least)
    assert error.max() <= allowed, f"{error.max():.1f} ulp at {xs[error.argmax()]!r}"


@pytest.mark.usefixtures("which")
@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_polygamma(order: int) -> None:
    xs = np.concatenate([NEGATIVE, BULK, 10.0 ** RNG.uniform(-20, 20, 20)])
    got = functions.polygamma(xs, order)
    error = lost(got, exactly(partial(mpmath.polygamma, order), xs), 0.0)
    assert error.max() <= 30, f"{error.max():.1f} ulp at {xs[error.argmax()]!r}"


def test_expit() -> None:
    xs = RNG.uniform(-708.0, 708.0, 300)
    exact = exactly(lambda x: 1 / (1 + mpmath.exp(-x)), xs)
    assert lost(functions.expit(xs), exact, 0.0).max() <= 2
    np.testing.assert_array_equal(functions.expit(np.array([-np.inf, 0.0, np.inf])), [0, 0.5, 1])


@pytest.mark.usefixtures("which")
def test_ends_and_poles() -> None:
    inf, nan = np.inf, np.nan
    expected: dict[str, tuple[list[float], list[float]]] = {
        "erf": ([-inf, inf, nan, -0.0], [-1.0, 1.0, nan, -0.0]),
        "erfc": ([-inf, inf, nan, 30.0], [2.0, 0.0, nan, 0.0]),
        "erfinv": ([-1.0, 1.0, 2.0, nan, 0.0], [-inf, inf, nan, nan, 0.0]),
        "ndtri": ([0.0, 1.0, -1.0, nan, 0.5], [-inf, inf, nan, nan, 0.0]),
        "log_ndtr": ([-inf, inf, nan], [-inf, 0.0, nan]),
        "gamma": ([0.0, -0.0, -1.0, 200.0, inf, nan], [inf, -inf, nan, inf, inf, nan]),
        "gammaln": ([0.0, -1.0, 1e307, inf, nan], [inf, inf, inf, inf, nan]),
        "digamma": ([0.0, -0.0, -1.0, inf, nan], [-inf, inf, nan, inf, nan]),
    }
    for name, (xs, ys) in expected.items():
        got = getattr(functions, name)(np.array(xs))
        np.testing.assert_array_equal(got, ys, err_msg=name)
    np.testing.assert_array_equal(functions.polygamma(np.array([0.0, -2.0]), 1), [inf, inf])


@pytest.mark.usefixtures("which")
def test_precision_and_integers() -> None:
    for name in (*EXACT, "expit"):
        function = getattr(functions, name)
        assert function(np.array([0.5], "float32")).dtype == np.float32
        assert function(np.array([1, 2])).dtype == np.float64
        assert function(np.array([True])).dtype == np.float64
        assert function(np.empty((2, 0))).shape == (2, 0)


# ------------------------------------------------------------------ Bessel functions

BESSEL: dict[str, Callable[..., Any]] = {
    "jv": mpmath.besselj,
    "yv": mpmath.bessely,
    "iv": mpmath.besseli,
    "ive": lambda v, x: mpmath.besseli(v, x) * mpmath.exp(-abs(x)),
    "kv": mpmath.besselk,
}


@pytest.mark.parametrize("order", [-1.0, 0.0, 1.0, 2.5])
@pytest.mark.parametrize("name", BESSEL)
def test_bessel(name: str, order: float) -> None:
    """To SciPy's accuracy at fractional orders; in units of 1 at the zeros of jv and yv."""
    xs = RNG.uniform(0.1, 20.0, 40)
    got = ops.TABLE[f"special.{name}"].evaluate(xs, order=order)
    least = 1.0 if name in ("jv", "yv") else 0.0
    assert lost(got, exactly(partial(BESSEL[name], order), xs), least).max() <= 300


def test_bessel_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "_scipy", lambda name: None)
    with pytest.raises(Unsupported, match=r"special\.jv needs SciPy where it runs"):
        ops.TABLE["special.jv"].evaluate(np.array([1.0]), order=0.0)
