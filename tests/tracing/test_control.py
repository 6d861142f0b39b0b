"""cond, scan, while_loop, shared, custom_derivative: traced from Python, or simply run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adglot
from adglot.ir import Type

from .agreement import agree

V = np.array([0.5, -1.25, 2.0])
W = np.array([1.5, 0.75, -3.0])


@pytest.fixture(scope="module")
def ad() -> Any:
    with adglot.connect() as client:
        yield client


def ops_of(graph: Any) -> list[str]:
    return [node.op for node in graph.nodes]


# ------------------------------------------------------------------ cond


@pytest.mark.parametrize("x", [V, -V])
def test_cond(x: Any) -> None:
    def f(x: Any, scale: Any) -> Any:
        return adglot.cond(
            x.sum() > 0,
            lambda y: {"a": np.sin(y) * scale, "b": 1},
            lambda y: {"a": y, "b": y[0] * scale},
            x,
        )["a"]

    graph = agree(f, x, 3.0)
    assert graph.guards == ()
    assert "cond" in ops_of(graph)


def test_cond_promotes_and_checks_results() -> None:
    graph = adglot.trace(lambda x: adglot.cond(x > 0, lambda: 1, lambda: x), 2.0)
    assert graph.output_types == (Type("float64"),)
    with pytest.raises(adglot.TracingError, match=r"test_control\.py:\d+: .*\n.*one nesting"):
        adglot.trace(lambda x: adglot.cond(x > 0, lambda: (1, x), lambda: x), 2.0)
    with pytest.raises(adglot.TracingError, match="one truth value"):
        adglot.trace(lambda x: adglot.cond(x > 0, np.sin, np.cos, x), V)


def test_cond_of_a_static_predicate_is_a_branch() -> None:
    assert ops_of(adglot.trace(lambda x: adglot.cond(True, np.sin, np.cos, x), V)) == ["sin"]


def test_gradient_of_cond(ad: Any) -> None:
    def f(x: Any) -> Any:
        return adglot.cond(x > 1, lambda x: x**3, lambda x: 2 * x, x)

    assert ad.gradient(f, 2.0) == 12.0
    assert ad.gradient(f, 0.5) == 2.0


# ------------------------------------------------------------------ scan


def sums(x: Any, weight: Any) -> Any:
    def step(carry: Any, row: Any) -> Any:
        total, count = carry
        total = total + row["x"] * weight
        return (total, count + 1), {"mean": total / (count + 1), "last": row["y"]}

    return adglot.scan(step, (0.0, 0), {"x": x, "y": W})


@pytest.mark.parametrize("reverse", [False, True])
def test_scan(reverse: bool) -> None:
    graph = agree(sums, V, 2.0)
    assert ops_of(graph).count("scan") == 1
    agree(lambda x: adglot.scan(lambda c, xi: (c * xi, c), 1.0, x, reverse=reverse), V)


def test_scan_promotes_its_carry() -> None:
    graph = adglot.trace(lambda x: adglot.scan(lambda c, y: (c + y, c), 0, x)[0], V)
    assert graph.output_types == (Type("float64"),)
    agree(lambda x: adglot.scan(lambda c, _: (c / 2 + x[1], None), x[0] * 0, length=4)[0], V)


def test_scan_without_xs() -> None:
    agree(lambda x: adglot.scan(lambda c, _: (np.cos(c), c), x, length=5), V)
    agree(lambda x: adglot.scan(lambda c, _: (np.cos(c), None), x, length=0)[0], V)


def test_a_body_writes_in_place() -> None:
    def step(carry: Any, x: Any) -> Any:
        carry = carry.copy()
        carry[1:] += carry[:-1] * x
        return carry, carry[0]

    agree(lambda x: adglot.scan(step, x, W), V)


def test_bodies_do_not_write_outside() -> None:
    def f(x: Any) -> Any:
        y = np.zeros_like(x)

        def step(carry: Any, xi: Any) -> Any:
            y[0] = xi
            return carry, None

        return adglot.scan(step, 0.0, x)[0] + y

    with pytest.raises(adglot.TracingError, match=r"y\[0\] = xi\n.*from outside"):
        adglot.trace(f, V)


def test_bodies_have_no_values_to_branch_on() -> None:
    def f(x: Any) -> Any:
        return adglot.scan(lambda c, xi: (c + xi if xi > 0 else c, None), 0.0, x)[0]

    with pytest.raises(adglot.TracingError, match=r"if xi > 0 else c.*\n.*adglot\.cond"):
        adglot.trace(f, V)


def test_carries_must_keep_their_shape() -> None:
    for step in (lambda c, x: (np.stack([c, c]), None), lambda c, x: ((c, c), None)):
        with pytest.raises(adglot.TracingError, match="must give a carry like"):
            adglot.trace(lambda x, step=step: adglot.scan(step, 0.0, x), V)
    with pytest.raises(adglot.InvalidArgument, match="one leading axis"):
        adglot.trace(lambda x: adglot.scan(lambda c, x: (c, None), 0.0, (x, x[1:])), V)
    with pytest.raises(adglot.InvalidArgument, match="one leading axis"):
        adglot.scan(lambda c, x: (c, None), 0.0)


def test_gradient_of_scan(ad: Any) -> None:
    def loop(x: Any) -> Any:
        return adglot.scan(lambda c, xi: (np.sin(c * xi) + x[0], None), 1.0, x)[0]

    def unrolled(x: Any) -> Any:
        c = 1.0
        for xi in x:
            c = np.sin(c * xi) + x[0]
        return c

    np.testing.assert_allclose(ad.gradient(loop, V), ad.gradient(unrolled, V), rtol=1e-14)
    np.testing.assert_allclose(ad.hessian(loop, V), ad.hessian(unrolled, V), rtol=1e-13)


# ------------------------------------------------------------------ while_loop


def newton(a: Any) -> Any:
    def body(state: Any) -> Any:
        x, _ = state
        return x - (x * x - a) / (2 * x), x

    return adglot.while_loop(lambda s: abs(s[0] - s[1]) > 1e-12, body, (a, a + 1), max_steps=50)[0]


def test_while_loop(ad: Any) -> None:
    agree(newton, 2.0)
    np.testing.assert_allclose(ad.gradient(newton, 2.0), 0.5 / np.sqrt(2.0), rtol=1e-12)
    agree(lambda x: adglot.while_loop(lambda c: c < 100, lambda c: c * 2, x), 3)


# ------------------------------------------------------------------ shared


def test_shared_functions_stand_once() -> None:
    traced = 0

    @adglot.shared
    def step(x: Any, scale: Any) -> Any:
        nonlocal traced
        traced += isinstance(x, adglot.tracing.Array)
        return np.sin(x) * scale, x

    def f(x: Any) -> Any:
        for _ in range(5):
            x, _ = step(x, 2.0)
        return x

    graph = agree(f, V)
    assert ops_of(graph).count("call") == 5
    assert traced == 1


# ------------------------------------------------------------------ custom_derivative


def make(mode: str) -> Any:
    @adglot.custom_derivative
    def softplus(x: Any, n: Any) -> Any:
        return np.log1p(np.exp(x)) * n

    if mode == "jvp":

        @softplus.def_jvp
        def rule(primals: Any, tangents: Any) -> Any:
            (x, n), (dx, dn) = primals, tangents
            assert dn is None
            return softplus(x, n), 3 * n * dx / (1 + np.exp(-x))

    else:

        @softplus.def_vjp
        def rule(primals: Any, cotangents: Any) -> Any:
            x, n = primals
            return 3 * n * cotangents / (1 + np.exp(-x)), None

    return softplus


@pytest.mark.parametrize("mode", ["jvp", "vjp"])
def test_the_rule_is_used(ad: Any, mode: str) -> None:
    f = make(mode)
    graph = agree(f, V, 2)
    assert ops_of(graph) == ["custom_derivative"]
    expected = 6 / (1 + np.exp(-V))
    np.testing.assert_allclose(ad.gradient(lambda x: np.sum(f(x, 2)), V), expected, rtol=1e-14)
    _, dy = ad.jvp(lambda x: f(x, 2), (V,), (np.ones(3),))
    np.testing.assert_allclose(dy, expected, rtol=1e-14)
    assert ad.gradient(lambda x: np.sum(f(x * 2, 2)), V).shape == (3,)


def test_a_rule_must_be_given_and_must_fit() -> None:
    @adglot.custom_derivative
    def f(x: Any) -> Any:
        return x * 2

    with pytest.raises(adglot.TracingError, match="has no rule"):
        adglot.trace(f, 1.0)
    f.def_jvp(lambda primals, tangents: tangents[0])
    with pytest.raises(adglot.TracingError, match="return y, dy"):
        adglot.trace(f, 1.0)
    f.def_vjp(lambda primals, ct: (ct, ct))
    with pytest.raises(adglot.TracingError, match="must nest as"):
        adglot.trace(f, 1.0)
    assert f(2.0) == 4.0


def test_functions_with_rules_take_all_they_need() -> None:
    def outer(x: Any) -> Any:
        @adglot.custom_derivative
        def f(y: Any) -> Any:
            return x * y

        f.def_jvp(lambda primals, tangents: (f(*primals), tangents[0]))
        return f(x)

    with pytest.raises(adglot.TracingError, match="as arguments"):
        adglot.trace(outer, 1.0)


# ------------------------------------------------------------------ nested


def test_bodies_within_bodies(ad: Any) -> None:
    def f(x: Any) -> Any:
        def outer(c: Any, xi: Any) -> Any:
            def inner(d: Any, xj: Any) -> Any:
                return d + adglot.cond(xj > xi, lambda: xj * xi, lambda: c), None

            return adglot.scan(inner, c, x)[0], None

        return adglot.scan(outer, x[0], x)[0]

    graph = agree(f, V)
    assert ops_of(graph).count("scan") == 1
    assert ad.gradient(f, V).shape == (3,)


def test_without_a_trace_they_simply_run() -> None:
    assert adglot.cond(True, lambda x: x + 1, lambda x: x, 1) == 2
    carry, ys = adglot.scan(lambda c, x: (c + x, c * x), 0, np.arange(4), reverse=True)
    assert carry == 6
    np.testing.assert_array_equal(ys, [0, 5, 6, 0])
    assert adglot.while_loop(lambda x: True, lambda x: x + 1, 0, max_steps=3) == 3
