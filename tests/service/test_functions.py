"""Python functions through the client: traced where they are called, again where they branch."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adglot
from adglot import Client, GuardFailed, InvalidArgument

X = np.array([1.0, -2.0, 0.5])


def kinked(x: np.ndarray) -> np.ndarray:
    if x[0] > 0:
        return np.sum(x**2)
    return np.sum(np.sin(x))


def test_a_function_is_differentiated_as_it_stands(ad: Client) -> None:
    gradient = ad.gradient(lambda p, k: k * np.sum(p["w"] ** 2) + p["b"], {"w": X, "b": 1.0}, 3.0)
    assert_allclose(gradient["w"], 6 * X)
    assert gradient["b"] == 1.0


def test_what_a_function_closes_over_may_change_between_calls(ad: Client) -> None:
    factor = 2.0

    def f(x: np.ndarray) -> np.ndarray:
        return np.sum(factor * x)

    assert_allclose(ad.gradient(f, X), [2.0] * 3)
    factor = 5.0
    assert_allclose(ad.gradient(f, X), [5.0] * 3)


def test_a_branch_on_a_value_is_taken_afresh_at_every_point(ad: Client) -> None:
    for point in (X, -X, X):
        expected = 2 * point if point[0] > 0 else np.cos(point)
        assert_allclose(ad.gradient(kinked, point), expected)


def test_a_prepared_function_is_traced_again_where_a_guard_fails(ad: Client) -> None:
    gradient = ad.prepare(kinked, X, operator="gradient")
    for point in (X, -X, 2 * X, -3 * X):
        expected = 2 * point if point[0] > 0 else np.cos(point)
        assert_allclose(gradient(point), expected)


def test_a_prepared_function_is_traced_once_for_each_type(ad: Client) -> None:
    traces = 0

    def f(x: np.ndarray) -> np.ndarray:
        nonlocal traces
        traces += 1
        return np.sum(x**3)

    gradient = ad.prepare(f, X, operator="gradient")
    for point in (X, 2 * X, np.ones(5), np.zeros(5), X):
        assert_allclose(gradient(point), 3 * point**2)
    assert traces == 2


def test_a_batch_across_a_branch_is_refused_with_the_users_line(ad: Client) -> None:
    assert_allclose(ad.gradient(kinked, np.stack([X, 2 * X]), batch=True)[1], 4 * X)
    with pytest.raises(GuardFailed, match=r"test_functions\.py:\d+"):
        ad.gradient(kinked, np.stack([X, -X]), batch=True)


def test_an_error_names_the_argument(ad: Client) -> None:
    with pytest.raises(InvalidArgument, match=r"wrt\[0\].*int64.*\(x\)"):
        ad.gradient(lambda x: np.sum(x * 2), np.array([1, 2]))


def test_explain_shows_the_users_lines(ad: Client) -> None:
    text = str(ad.explain(kinked, X, operator="gradient"))
    assert "test_functions.py:" in text
    assert "graph.nodes" not in text


def test_what_is_no_function_is_refused(ad: Client) -> None:
    with pytest.raises(InvalidArgument, match="a callable, a Graph or a digest, got int"):
        ad.evaluate(3, X)  # type: ignore[arg-type]


def test_reports_are_collected_where_they_are_asked_for(ad: Client) -> None:
    with adglot.reports() as outer:
        ad.evaluate(np.sin, 1.0)
        with adglot.reports() as inner:
            ad.derivative(np.sin, 1.0)
    ad.evaluate(np.sin, 1.0)
    assert [report.mode for report in outer] == ["none", "forward"]
    assert [report.mode for report in inner] == ["forward"]
