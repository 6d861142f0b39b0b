"""What people pass without thinking: each gives the right answer, or says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adglot
from adglot import Client, InvalidArgument, TracingError

X = np.array([1.0, 2.0, 3.0])


def squares(x: Any) -> Any:
    return np.sum(x**2)


@pytest.mark.parametrize(
    "x",
    [X.astype(">f8"), X[::-1], np.asfortranarray(np.outer(X, X)), np.broadcast_to(X, (2, 3))],
    ids=["big-endian", "reversed", "fortran", "read-only"],
)
def test_arrays_of_every_layout_are_taken(ad: Client, x: np.ndarray) -> None:
    assert_allclose(ad.gradient(squares, x), 2 * x)
    y, dy = ad.jvp(squares, (x,), (x,))
    assert_allclose(dy, 2 * y)
    assert_allclose(ad.evaluate(lambda v: v + x, np.zeros(x.shape)), x)


class Doubled(np.ndarray):
    """An array with arithmetic of its own."""

    def __mul__(self, other: Any) -> Any:
        return 2.0 * np.asarray(self) * other


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (X.view(Doubled), "Doubled"),
        (np.ma.masked_array(X, [0, 1, 0]), "MaskedArray"),
        (np.outer(X, X).view(np.matrix), "matrix"),
    ],
)
def test_arrays_that_are_more_than_their_numbers_are_refused(
    ad: Client, x: np.ndarray, kind: str
) -> None:
    plain = np.zeros(x.shape)
    for call in (
        lambda: ad.gradient(squares, x),
        lambda: ad.jvp(squares, (plain,), (x,)),
        lambda: ad.evaluate(lambda v: v * x, plain),
        lambda: adglot.trace(squares, x),
    ):
        with pytest.raises(InvalidArgument, match=f"a {kind} is no plain array"):
            call()


def test_ragged_lists_are_refused(ad: Client) -> None:
    with pytest.raises(InvalidArgument, match="inhomogeneous"):
        ad.jvp(squares, (X,), ([[1.0], [1.0, 2.0]],))


def test_arguments_that_contain_themselves_are_refused(ad: Client) -> None:
    endless: list[Any] = [1.0]
    endless.append(endless)
    with pytest.raises(InvalidArgument, match="contain themselves"):
        ad.evaluate(lambda x: x[0], endless)


def through(layers: dict[str, Any], x: Any) -> Any:
    for matrix in layers.values():
        x = np.tanh(matrix @ x)
    return np.sum(x)


def test_a_function_may_loop_over_a_dict(ad: Client) -> None:
    first, second = np.diag(X), np.ones((3, 3))
    prepared = ad.prepare(through, {"in": first, "out": second}, X, operator="evaluate")
    for layers in ({"out": first, "in": second}, {"in": second, "out": first}):
        assert ad.evaluate(through, layers, X) == pytest.approx(through(layers, X), rel=1e-14)
        assert prepared(layers, X) == pytest.approx(through(layers, X), rel=1e-14)
        gradient = ad.gradient(through, layers, X)
        in_turn = ad.gradient(
            lambda one, two: np.sum(np.tanh(two @ np.tanh(one @ X))),
            *layers.values(),
            argnums=(0, 1),
        )
        assert list(gradient) == list(layers)
        assert_allclose([*gradient.values()], in_turn)


@pytest.mark.parametrize(
    ("argnums", "message"),
    [
        ("a", "argnums: expected the number"),
        (0.0, "argnums: expected the number"),
        ((), r"argnums: there is no array in arguments \(\)"),
        (1, "argnums: there is no array in arguments 1"),
        (2, "argnums: there is no argument 2"),
    ],
)
def test_argnums_that_name_nothing_are_refused(ad: Client, argnums: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ad.gradient(lambda x, nothing: squares(x), X, None, argnums=argnums)


def test_argnums_may_be_numpy_integers(ad: Client) -> None:
    assert_allclose(ad.gradient(squares, X, argnums=np.int64(0)), 2 * X)


def test_a_client_is_not_asked_about_traced_values(ad: Client) -> None:
    with pytest.raises(TracingError, match="ask for a derivative of higher order"):
        ad.gradient(lambda x: squares(ad.gradient(squares, x)), X)
    assert_allclose(ad.gradient(lambda x: x @ ad.gradient(squares, X), X), 2 * X)


def by_float(x: Any) -> Any:
    try:
        factor = float(x[0])
    except TypeError:
        factor = 0.0
    return factor * np.sum(x)


def by_fill(x: Any) -> Any:
    y = np.zeros(3)
    with suppress(TypeError, ValueError):
        y[0] = x[0]
    return np.sum(y) + np.sum(x)


def by_inner(x: Any) -> Any:
    try:
        return np.sum(np.unique(x))
    except TypeError:
        return np.sum(x)


@pytest.mark.parametrize("f", [by_float, by_fill, by_inner])
def test_a_refusal_that_the_function_catches_still_stands(
    ad: Client, f: Callable[[Any], Any]
) -> None:
    with pytest.raises(TracingError):
        ad.gradient(f, X)
    assert_allclose(ad.gradient(squares, X), 2 * X)


class Pair(NamedTuple):
    a: Any
    b: Any


def test_named_tuples_stay_what_they_are(ad: Client) -> None:
    def swapped(p: Pair) -> Pair:
        return Pair(np.sum(p.b) * p.a, p.a)

    result = ad.evaluate(swapped, Pair(2.0, X))
    assert result == Pair(12.0, 2.0)
    assert isinstance(result, Pair)
    gradient = ad.gradient(lambda p: np.sum(p.a * p.b), Pair(2.0, X))
    assert isinstance(gradient, Pair)
    assert_allclose(gradient.b, [2.0, 2.0, 2.0])


def test_seeds_that_are_all_none_are_refused(ad: Client) -> None:
    with pytest.raises(InvalidArgument, match="tangents: needs one"):
        ad.jvp(squares, (X,), (None,))
    with pytest.raises(InvalidArgument, match="cotangents: needs one"):
        ad.vjp(squares, (X,), None)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"batch": "yes"}, InvalidArgument, "batch: is True or False, or .* got 'yes'"),
        (
            {"batch": (True, True)},
            InvalidArgument,
            "batch: says it of 2 arguments",
        ),
        ({"timeout": "a"}, InvalidArgument, "timeout: is in seconds or None, got 'a'"),
        ({"engin": "native"}, TypeError, "unknown keywords engin; every operator has engine"),
    ],
)
def test_keywords_of_the_wrong_kind_are_refused(
    ad: Client, keywords: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ad.gradient(squares, X, **keywords)
