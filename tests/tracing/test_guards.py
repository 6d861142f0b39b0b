"""Python branches on traced values: taken at the point, recorded as guards."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import adglot
from adglot import ops
from adglot.ir import Guard, Type

from .agreement import agree

V = np.array([0.5, -1.25, 2.0])


def absolute(x: Any) -> Any:
    return x if x > 0 else -x


@pytest.mark.parametrize("x", [2.0, -2.0])
def test_the_branch_of_the_point_is_taken(x: float) -> None:
    graph = agree(absolute, x)
    (guard,) = graph.guards
    assert guard.expected is (x > 0)
    assert re.fullmatch(r"test_guards\.py:\d+: return x if x > 0 else -x", guard.name)
    assert graph.types[guard.value] == Type("bool")


def test_a_point_of_another_branch_fails_the_guard() -> None:
    with adglot.connect() as ad:
        graph = adglot.trace(absolute, 2.0)
        assert ad.gradient(graph, 3.0) == 1.0
        with pytest.raises(adglot.GuardFailed, match=r"test_guards\.py:\d+"):
            ad.gradient(graph, -3.0)
        assert ad.gradient(absolute, -3.0) == -1.0


def test_loops_are_guarded_at_every_step() -> None:
    def halve(x: Any) -> Any:
        steps = 0
        while x > 1:
            x, steps = x / 2, steps + 1
        return x, steps

    graph = agree(halve, 10.0)
    assert [guard.expected for guard in graph.guards] == [True] * 4 + [False]


def test_the_same_question_is_asked_once() -> None:
    def f(x: Any) -> Any:
        positive = x > 0
        return sum(x * i for i in range(5) if positive)

    assert len(agree(f, 2.0).guards) == 1


def test_integers_are_guarded() -> None:
    def f(x: Any, n: Any) -> Any:
        return sum(x**k for k in range(n)) + [10.0, 20.0, 30.0][n - 2] + x * int(x)

    graph = agree(f, 2.5, 3)
    assert [guard.expected for guard in graph.guards] == [3, 1, 2]
    assert all(type(guard.expected) is int for guard in graph.guards)


def test_numbers_count_as_their_truth() -> None:
    def f(x: Any) -> Any:
        return (x if x[0] else 0 * x), (1 if x[:1] and not x[1] * 0 else 2)

    agree(f, V)


def test_questions_of_the_standard_library() -> None:
    agree(lambda x: (max(x), min(x), sorted(x), 2.0 in x, any(x > 1), all(x > 1)), V)
    agree(lambda x: x[0] if (x == x).all() and not np.any(np.iscomplex(x)) else 0.0, V)


def test_what_no_input_reaches_needs_no_guard() -> None:
    def f(x: Any) -> Any:
        y = np.zeros_like(x)
        y[0] = 2.0
        if y[0] > 1 and int(y[0]) == 2 and float(y[0]) == y[0].item() and y.tolist():
            return x * np.asarray(y).sum()
        return x

    assert agree(f, V).guards == ()


def test_only_what_the_question_needs_is_computed() -> None:
    def f(x: Any) -> Any:
        y = np.linalg.inv(x)
        return y if x[0, 0] > 0 else x

    assert len(agree(f, np.eye(2)).guards) == 1
    singular = adglot.trace(f, np.array([[1.0, 1.0], [1.0, 1.0]]))
    assert len(singular.guards) == 1


def test_guards_stay_where_their_values_are_otherwise_dead() -> None:
    def f(x: Any) -> Any:
        if np.sum(np.exp(x)) > 0:
            return x[0]
        return x[1]

    graph = agree(f, V)
    assert "exp" in [node.op for node in graph.nodes]
    assert graph.guards == (Guard(graph.guards[0].value, True, graph.guards[0].name),)
    assert ops.evaluate(graph, [V])[0] == 0.5


def test_a_type_has_no_value_to_branch_on() -> None:
    assert adglot.trace(lambda x: x * 2, Type("float64")).inputs == (Type("float64"),)
    with pytest.raises(adglot.TracingError, match=r"x > 0 else -x\n.*np\.where"):
        adglot.trace(absolute, Type("float64"))


def test_many_elements_have_no_truth() -> None:
    with pytest.raises(ValueError, match="ambiguous"):
        adglot.trace(lambda x: x if x > 0 else -x, V)
    with pytest.raises(TypeError, match="length-1"):
        adglot.trace(lambda x: int(x), V)
    with pytest.raises(TypeError, match="integer scalar"):
        adglot.trace(lambda x: range(x), 3.0)
