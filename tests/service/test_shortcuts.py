"""Calls that are made often go straight to compiled code, and nobody sees a difference."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import adglot
from adglot import prepared
from adglot.client import Client
from adglot.errors import InvalidArgument, Unavailable

Array = np.ndarray[Any, Any]


@pytest.fixture
def ad(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(prepared, "ENOUGH", 0.0)
    with adglot.connect() as client:
        yield client


def shortened(call: Any, *args: Any) -> bool:
    """Call until there is a shortcut; false where there is none to come."""
    call(*args)
    quick = call._quick
    if quick is None:
        return False
    end = time.monotonic() + 60
    while quick.shortcut.function is None:
        assert time.monotonic() < end
        time.sleep(0.001)
    return True


def product(x: Any, a: Any) -> Any:
    return np.sum(np.sin(x) * a) + np.sum(a * a)


X, A = np.linspace(-1, 1, 7), np.array(1.5)


@pytest.mark.parametrize(
    ("operator", "keywords"),
    [
        ("evaluate", {}),
        ("gradient", {}),
        ("gradient", {"argnums": 1}),
        ("gradient", {"argnums": (0, 1)}),
        ("gradient", {"argnums": (1, 0)}),
        ("value_and_gradient", {}),
        ("value_and_gradient", {"argnums": (0, 1)}),
        ("jacobian", {"argnums": (0, 1)}),
        ("value_and_jacobian", {}),
        ("derivative", {"argnums": 1}),
        ("hessian", {}),
        ("hessian", {"argnums": (0, 1)}),
    ],
)
def test_results_are_the_same(ad: Client, operator: str, keywords: dict[str, Any]) -> None:
    call = ad.prepare(product, X, A, operator=operator, **keywords)
    method = getattr(ad, operator)
    shortened(call, X, A)
    for x in (X, 2 * X, X + 0.5):
        same(call(x, A), method(product, x, A, **keywords))


def same(got: Any, wanted: Any) -> None:
    assert type(got) is type(wanted)
    if isinstance(got, tuple):
        assert len(got) == len(wanted)
        for a, b in zip(got, wanted, strict=True):
            same(a, b)
    else:
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got, wanted, rtol=1e-13, atol=1e-15)


def test_most_operators_have_one(ad: Client) -> None:
    for operator in ("evaluate", "gradient", "value_and_gradient", "hessian"):
        call = ad.prepare(product, X, A, operator=operator)
        assert shortened(call, X, A), operator


def test_results_of_several_outputs(ad: Client) -> None:
    def f(x: Any) -> dict[str, Any]:
        return {"b": np.sin(x), "a": (np.sum(x), x * x)}

    call = ad.prepare(f, X, operator="evaluate")
    assert shortened(call, X)
    got, wanted = call(2 * X), ad.evaluate(f, 2 * X)
    assert list(got) == list(wanted) == ["b", "a"]
    same((got["b"], *got["a"]), (wanted["b"], *wanted["a"]))


def test_other_arguments_are_answered_all_the_same(ad: Client) -> None:
    call = ad.prepare(product, X, A)
    assert shortened(call, X, A)
    for x, a in ((X, 1.5), (X[::2], A), (X.astype(np.float32), A)):
        same(call(x, a), ad.gradient(product, x, a))
    with pytest.raises(InvalidArgument):
        call("seven", A)
    with pytest.raises((InvalidArgument, TypeError)):
        call(X)


def test_arguments_are_not_changed_and_results_are_ones_own(ad: Client) -> None:
    call = ad.prepare(product, X, A)
    assert shortened(call, X, A)
    x = X.copy()
    first = call(x, A)
    kept = first.copy()
    call(x + 1.0, A)
    first[:] = 7.0
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(call(x, A), kept)


def test_a_closed_client_answers_no_more() -> None:
    ad = adglot.connect()
    call = ad.prepare(product, X, A)
    call._spent = 1.0
    assert shortened(call, X, A)
    call(X, A)
    ad.close()
    with pytest.raises(Unavailable):
        call(X, A)


def test_reports_come_to_those_who_listen(ad: Client) -> None:
    call = ad.prepare(product, X, A)
    assert shortened(call, X, A)
    with adglot.reports() as reports:
        call(X, A)
    assert [report.engine for report in reports] == ["native"]


def test_a_branch_is_looked_at(ad: Client) -> None:
    def f(x: Any) -> Any:
        return np.sum(x * x) if x[0] > 0 else np.sum(x)

    x = np.ones(3)
    call = ad.prepare(f, x)
    for _ in range(5):
        call(x)
        np.testing.assert_array_equal(call(x), 2 * x)
        np.testing.assert_array_equal(call(-x), x)


@pytest.mark.parametrize("keywords", [{"batch": True}, {"engine": "complex-step"}])
def test_what_has_none(ad: Client, keywords: dict[str, Any]) -> None:
    x = np.ones((4, 3))
    call = ad.prepare(lambda v: np.sum(v * v), x, **keywords)
    assert not shortened(call, x)
    np.testing.assert_allclose(call(x), 2 * x)
