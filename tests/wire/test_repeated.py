"""Messages of repeated calls are the messages of single calls; and a prepared call takes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from service.examples import cubes, energy, positive

import adglot
from adglot import Client, GuardFailed, InvalidArgument
from adglot.calls import Answer, Call, Report
from adglot.codec import messages
from adglot.codec.repeated import Repeated, repeated
from adglot_server.service.server import Server

X = np.array([1.0, -2.0, 0.5])
CALL = Call("jvp", "f" * 64, (X, np.arange(4)), (X,), wrt=(0,), include_values=True)


def test_messages_are_those_of_single_calls() -> None:
    form = repeated(CALL)
    assert form is not None
    values, seeds = (2 * X, np.arange(4) - 7), (-X,)
    message = messages.encode_call(replace(CALL, values=values, seeds=seeds))
    assert form.encode([*values, *seeds]) == message


@pytest.mark.parametrize(
    "values",
    [
        (X, np.arange(4)),
        (X, X, X),
        (X.astype("float32"), np.arange(4), X),
        (X[:2], np.arange(4), X),
        (X, np.arange(8)[::2], X),
        (X, np.arange(4), [1.0, 2.0, 3.0]),
    ],
)
def test_other_types_and_layouts_go_the_long_way(values: tuple[Any, ...]) -> None:
    assert Repeated(CALL).encode(values) is None


@pytest.mark.parametrize(
    "how",
    [
        {"graph": energy()},
        {"batch": True},
        {"sparse": True},
        {"deadline": 1.0},
        {"values": (np.zeros(4096),)},
    ],
)
def test_calls_that_have_no_form(how: dict[str, Any]) -> None:
    assert repeated(replace(CALL, **how)) is None


@pytest.mark.parametrize("size", [3, 5000])
def test_answers(size: int) -> None:
    y, g = np.float64(3.0) * np.ones(()), np.arange(float(size))
    message = messages.encode_answer(Answer((y,), (g,), Report("native", mode="reverse")))
    found = Repeated(CALL).decode(message)
    assert_array_equal(found[0], y)
    assert_array_equal(found[1], g)
    assert isinstance(found[0], np.float64)
    assert found[1].flags.writeable


@pytest.fixture
def ad(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client whose prepared functions go the short way at once."""
    monkeypatch.setattr("adglot.shortcuts.ENOUGH", 0.0)
    with Server(["localhost:0"]) as server, adglot.connect(server.addresses[0]) as client:
        yield client


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts calls of the short way."""
    seen: list[int] = []
    encode = Repeated.encode
    monkeypatch.setattr(Repeated, "encode", lambda *args: (seen.append(1), encode(*args))[1])
    return seen


def test_a_prepared_function_goes_the_short_way(ad: Client, taken: list[int]) -> None:
    gradient = ad.prepare(energy(), X, operator="value_and_gradient")
    for k in range(5):
        y, g = gradient(k * X)
        assert_allclose(y, np.sum((k * X) ** 3))
        assert_allclose(g, 3 * (k * X) ** 2)
    assert len(taken) >= 3
    push = ad.prepare(cubes(), X, operator="jvp")
    for k in range(4):
        assert_allclose(push((X,), (k * X,))[1], 3 * k * X**3)
    with adglot.reports() as reports:
        gradient(X)
    assert reports[0].mode == "reverse"


def test_what_is_wrong_is_told_as_ever(ad: Client, taken: list[int]) -> None:
    slope = ad.prepare(positive(), np.array(1.0), operator="derivative")
    for _ in range(4):
        assert_allclose(slope(np.array(2.0)), 4.0)
    with pytest.raises(GuardFailed, match=r"x > 0 at model\.py:7"):
        slope(np.array(-1.0))
    gradient = ad.prepare(energy(), X)
    for _ in range(4):
        gradient(X)
    with pytest.raises(InvalidArgument, match=r"expected float64\[3\]"):
        gradient(X[:2])
    assert len(taken) >= 5


def test_a_server_that_has_forgotten_is_told_again(ad: Client, taken: list[int]) -> None:
    gradient = ad.prepare(energy(), X)
    for _ in range(4):
        gradient(X)
    assert ad._transport.shortcut(Call("gradient", "0" * 64, (X,))).function is None
    assert_allclose(gradient(X), 3 * X**2)
