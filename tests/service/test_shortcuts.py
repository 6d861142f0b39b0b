"""Calls that are made often go straight to compiled code, and nobody sees a difference."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import BuiltinFunctionType
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import adglot
from adglot import shortcuts
from adglot.calls import Call
from adglot.client import Client
from adglot.errors import InvalidArgument, LimitExceeded, Unavailable
from adglot.ir import flatten
from adglot.prepared import NOWHERE
from adglot_server.executors import shortcut
from adglot_server.executors.compiling import settle
from adglot_server.service.core import Core
from adglot_server.service.limits import Limits
from adglot_server.service.shortcuts import shortcut as make

Array = np.ndarray[Any, Any]


@pytest.fixture
def ad(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(shortcuts, "ENOUGH", 0.0)
    with adglot.connect() as client:
        yield client


def shortened(call: Any, *args: Any) -> bool:
    """Call until there is a shortcut, compiled if it can be; false where there is none to come."""
    call(*args)
    call(*args)
    settle(60)
    return call.way is not NOWHERE


def compiled(call: Any) -> bool:
    return isinstance(call.way.shortcut.function, BuiltinFunctionType)


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
        assert compiled(call)


class Pair(NamedTuple):
    first: Any
    second: Any


POINT = {"b": (X, Pair(A, [2 * X])), "a": None}


def nested(p: Any) -> Pair:
    x, (a, (z,)) = p["b"]
    return Pair({"sum": np.sum(x * a * z), "all": x * z}, a + 1.0)


def scalar(p: Any) -> Any:
    return np.sum(np.sin(nested(p).first["all"])) * p["b"][1].first


COTANGENT = Pair({"sum": np.array(2.0), "all": X}, np.array(-1.0))


@pytest.mark.parametrize(
    ("f", "operator", "args"),
    [
        (nested, "evaluate", (POINT,)),
        (nested, "jacobian", (POINT,)),
        (nested, "jvp", ((POINT,), (POINT,))),
        (nested, "vjp", ((POINT,), COTANGENT)),
        (scalar, "gradient", (POINT,)),
        (scalar, "hvp", ((POINT,), (POINT,))),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_nested_arguments_and_results(ad: Client, f: Any, operator: str, args: Any) -> None:
    call = ad.prepare(f, POINT, operator=operator)
    assert shortened(call, *args)
    with adglot.reports() as reports:
        wanted = call(*args)
    got = call(*args)
    assert len(reports) == 1
    leaves, tree = flatten(got)
    others, other_tree = flatten(wanted)
    assert (tree, tree.looks) == (other_tree, other_tree.looks)
    same(tuple(leaves), tuple(others))


def test_arguments_that_nest_in_another_way_go_another_way(ad: Client) -> None:
    call = ad.prepare(nested, POINT, operator="evaluate")
    assert shortened(call, POINT)
    x, (a, (z,)) = POINT["b"]
    for other in (
        {"a": None, "b": (X, Pair(A, [2 * X]))},
        {"b": (x, (a, [z])), "a": None},
        {"b": [x, Pair(a, (z,))], "a": None},
    ):
        with adglot.reports() as reports:
            wanted = call(other)
        assert call.way.answer(call.way.shortcut.function, (other,)) is None
        same(call(other).first["all"], wanted.first["all"])
        assert len(reports) == 1
    with pytest.raises((InvalidArgument, TypeError, KeyError, ValueError)):
        call({"b": (x, Pair(a, [z, z])), "a": None})


def test_seeds_in_an_axis_and_few_seeds(ad: Client) -> None:
    seeds = np.eye(7)
    call = ad.prepare(product, X, A, operator="jvp", seed_axis=True)
    args = (X, A), (seeds, np.zeros(7))
    assert shortened(call, *args)
    same(call(*args)[1], ad.jvp(product, *args, seed_axis=True)[1])
    same(call((X, A), (seeds[:3], np.zeros(3)))[1], call(*args)[1][:3])
    few = ad.prepare(product, X, A, operator="jvp")
    assert shortened(few, (X, A), (X, None))
    same(few((X, A), (X, None)), ad.jvp(product, (X, A), (X, None)))
    same(few((X, A), (X, A)), ad.jvp(product, (X, A), (X, A)))


def test_a_timeout_holds(ad: Client) -> None:
    call = ad.prepare(product, X, A, timeout=10.0)
    assert not shortened(call, X, A)


def test_it_follows_the_types_that_come(ad: Client) -> None:
    call = ad.prepare(product, X, A)
    assert shortened(call, X, A)
    first = call.way.shortcut
    while call.way.shortcut is first:
        call(np.ones(3), A)
    assert shortened(call, np.ones(3), A)
    assert call.way.shortcut.function(np.ones(3), A) is not None
    same(call(X, A), ad.gradient(product, X, A))


def test_programs_that_are_slower_have_none(ad: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long ones are timed: here the clock says that compiled code takes ever longer."""
    call = ad.prepare(product, np.ones(200_000), A)
    seconds = iter([2.0, 1.0])
    monkeypatch.setattr(shortcut, "_seconds", lambda run: (run(), next(seconds))[1])
    assert shortened(call, np.ones(200_000), A)
    assert not compiled(call)
    assert next(seconds, None) is None


def test_many_threads_share_one(ad: Client) -> None:
    call = ad.prepare(product, X, A)
    assert shortened(call, X, A)

    def work(k: int) -> bool:
        x = X + k
        wanted = np.cos(x) * A
        return all(np.allclose(call(x, A), wanted, rtol=1e-13) for _ in range(2000))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


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


def test_a_closed_client_answers_no_more(ad: Client) -> None:
    call = ad.prepare(product, X, A)
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
    assert shortened(call, x)
    function = call.way.shortcut.function
    np.testing.assert_array_equal(function(x), 2 * x)
    assert function(-x) is None
    for _ in range(5):
        np.testing.assert_array_equal(call(x), 2 * x)
        np.testing.assert_array_equal(call(-x), x)


@pytest.mark.parametrize("operator", ["jacobian", "value_and_jacobian"])
def test_batches_compute_what_is_wanted_alone(ad: Client, operator: str) -> None:
    def f(x: Any) -> Any:
        return np.exp(np.sin(x)) * x[0]

    x = np.random.default_rng(0).normal(size=(21, 3))
    call = ad.prepare(f, x, operator=operator, batch=True)
    wanted = getattr(ad, operator)(f, x, batch=True)
    assert shortened(call, x)
    assert call.way.shortcut.nbytes > 0
    for _ in range(3):
        for a, b in zip(call(x), wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-14)


def test_what_no_compiler_takes_is_run_as_well(ad: Client) -> None:
    a = np.array([[2.0, 1.0], [1.0, 3.0]])

    def f(a: Any, b: Any) -> Any:
        return np.sum(np.sort(np.linalg.solve(a, b)) ** 2), np.sum(b)

    call = ad.prepare(f, a, X[:2], operator="jvp")
    args = (a, X[:2]), (a.T, X[:2])
    assert shortened(call, *args)
    assert not compiled(call)
    way = call.way
    with adglot.reports() as reports:
        wanted = call(*args)
    got = way.answer(way.shortcut.function, args)
    assert reports[0].executor == "interpreter"
    same(got, wanted)
    with pytest.raises(InvalidArgument, match="ingular"):
        call((0 * a, X[:2]), (a, X[:2]))
    assert way.answer(way.shortcut.function, ((a[:1], X[:2]), args[1])) is None


@pytest.mark.parametrize(("size", "dtype"), [(8, float), (1, float), (3, np.float32)])
def test_sparse_results(ad: Client, size: int, dtype: Any) -> None:
    def f(x: Any, y: Any) -> Any:
        return {"b": x * x, "a": np.sum(x) + y, "none": 0.0 * np.cumsum(y)}

    x, y = np.linspace(1.0, 2.0, size).astype(dtype), np.ones(3, dtype)
    call = ad.prepare(f, x, y, operator="jacobian", argnums=(0, 1), sparse=True)
    assert shortened(call, x, y)
    x = 3 * x
    got, wanted = call(x, y), ad.jacobian(f, x, y, argnums=(0, 1), sparse=True)
    assert list(got) == list(wanted)
    for key in wanted:
        for a, b in zip(got[key], wanted[key], strict=True):
            assert (type(a), a.shape, a.dtype) == (type(b), b.shape, b.dtype)
            assert a.has_canonical_format
            np.testing.assert_array_equal(a.toarray(), b.toarray())
    kept = got["b"][0].toarray()
    call(2 * x, y)
    np.testing.assert_array_equal(got["b"][0].toarray(), kept)


@pytest.mark.parametrize("sparse", [False, True])
def test_batches(ad: Client, sparse: bool) -> None:
    x, a = np.arange(12.0).reshape(4, 3), np.array(2.0)
    batch: Any = (True, False)
    call = ad.prepare(lambda x, a: a * x * x, x, a, operator="jacobian", batch=batch, sparse=sparse)
    assert shortened(call, x, a)
    for points in (x, -x, x[:2], x[::2]):
        result = call(points, a)
        dense = [m.toarray() for m in result] if sparse else result
        np.testing.assert_array_equal(dense, [np.diag(4 * row) for row in points])


def test_memory_limits_hold_for_batches() -> None:
    core = Core(Limits(memory_bytes=1 << 26))
    x = np.ones((1 << 20, 8))
    call = Call("gradient", adglot.trace(lambda v: np.sum(v * v), x[0]), (x,), batch=True)
    with pytest.raises(LimitExceeded):
        make(core, call)


def test_time_limits_hold_for_long_programs() -> None:
    def f(x: Any) -> Any:
        for _ in range(30):
            x = np.sin(x @ x)
        return np.sum(x)

    x = np.full((600, 600), 0.1)
    core = Core(Limits(seconds=1))
    found = make(core, Call("gradient", adglot.trace(f, x), (x,)))
    assert found is not None
    control = core.control
    core.control = lambda *args: replace(control(*args), deadline=0.0)  # type: ignore[method-assign]
    assert found.function is not None
    assert found.function(x) is None


def test_what_has_none(ad: Client) -> None:
    x = np.ones((4, 3))
    call = ad.prepare(lambda v: np.sum(v * v), x, engine="complex-step")
    assert not shortened(call, x)
    np.testing.assert_allclose(call(x), 2 * x)
