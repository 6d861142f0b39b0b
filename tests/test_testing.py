"""The checker of users' rules passes right ones, and names wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adglot
from adglot.errors import InvalidArgument
from adglot.testing import assert_gradients_agree, check_custom_derivative

X = np.array([0.5, -1.5, 30.0])


def softplus(factor: float, mode: str) -> Any:
    """log(1 + exp(a x)) with a derivative that is right for factor 1."""

    @adglot.custom_derivative
    def function(x: Any, a: Any) -> Any:
        return np.logaddexp(0.0, a * x)

    def slope(x: Any, a: Any) -> Any:
        return factor / (1 + np.exp(-a * x))

    if mode == "jvp":

        @function.def_jvp
        def push(primals: Any, tangents: Any) -> Any:
            (x, a), (dx, da) = primals, tangents
            return function(x, a), slope(x, a) * (a * dx + x * da)

    else:

        @function.def_vjp
        def pull(primals: Any, ct: Any) -> Any:
            x, a = primals
            return slope(x, a) * a * ct, np.sum(slope(x, a) * x * ct)

    return function


@pytest.mark.parametrize("mode", ["jvp", "vjp"])
def test_right_rule(mode: str) -> None:
    (check,) = check_custom_derivative(softplus(1.0, mode), X, 2.0)
    assert check.passed
    assert check.mode == mode
    assert check.bound < 1e-6 * abs(check.measured)


@pytest.mark.parametrize("mode", ["jvp", "vjp"])
def test_slightly_wrong_rule(mode: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"nodes\[0\].attributes.rule.*by its {mode} rule"):
        check_custom_derivative(softplus(1.0001, mode), X, 2.0)


def test_single_precision() -> None:
    (check,) = check_custom_derivative(softplus(1.0, "vjp"), X.astype("f4"), np.float32(2.0))
    assert check.bound < 0.1 * abs(check.measured)
    with pytest.raises(InvalidArgument):
        check_custom_derivative(softplus(2.0, "vjp"), X.astype("f4"), np.float32(2.0))


def square(pull: Any) -> Any:
    @adglot.custom_derivative
    def function(z: Any) -> Any:
        return z * z

    function.def_vjp(lambda primals, ct: (pull(primals[0], ct),))
    return function


def test_complex_rules_conjugate() -> None:
    z = np.array([1.0 + 2.0j, -0.5j])
    assert check_custom_derivative(square(lambda z, ct: 2 * np.conj(z) * ct), z)
    with pytest.raises(InvalidArgument, match="by its vjp rule"):
        check_custom_derivative(square(lambda z, ct: 2 * z * ct), z)


def test_rule_must_be_linear_in_its_seed() -> None:
    with pytest.raises(InvalidArgument, match="is not linear in its seeds"):
        check_custom_derivative(square(lambda z, ct: 2 * z * ct * ct), X)


def test_rule_in_a_loop_is_found_at_its_place() -> None:
    wrong = square(lambda z, ct: z * ct)

    def model(x: Any) -> Any:
        return adglot.scan(lambda c, _: (np.sin(wrong(c)), None), x, length=3)[0]

    with pytest.raises(
        InvalidArgument, match=r"nodes\[\d\].attributes.body.nodes\[\d\].attributes"
    ):
        check_custom_derivative(model, X)
    right = square(lambda z, ct: 2 * z * ct)
    (check,) = check_custom_derivative(lambda x: np.sum(np.exp(-right(x))), X)
    assert check.passed


def test_a_derivative_may_be_zero() -> None:
    @adglot.custom_derivative
    def nothing(x: Any) -> Any:
        return x * 0.0

    nothing.def_jvp(lambda primals, tangents: (nothing(*primals), tangents[0] * 0.0))
    (check,) = check_custom_derivative(nothing, np.zeros(2))
    assert check.given == check.measured == 0.0
    nothing.def_jvp(lambda primals, tangents: (nothing(*primals), tangents[0] * np.nan))
    with pytest.raises(InvalidArgument, match="nan by its jvp rule"):
        check_custom_derivative(nothing, np.zeros(2))


def test_nothing_to_check() -> None:
    with pytest.raises(InvalidArgument, match="no custom_derivative"):
        check_custom_derivative(np.sin, X)


def test_engines_agree() -> None:
    result = assert_gradients_agree(np.tanh, X, engines=["native", "autograd"])
    assert [run.name for run in result.engines] == ["native", "autograd"]


def test_engines_differ() -> None:
    """What native takes from a wrong rule is not what autograd finds."""
    with pytest.raises(AssertionError, match=r"mismatch\(native, nodes\[0\]"):
        assert_gradients_agree(softplus(1.01, "jvp"), X, 2.0, engines=["native", "autograd"])


def test_an_engine_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adglot_server.engines.finite_difference._available", lambda: False)
    with pytest.raises(AssertionError, match=r"finite-difference is not available: .*pip install"):
        assert_gradients_agree(np.tanh, X, engines=["native", "autograd", "finite-difference"])
