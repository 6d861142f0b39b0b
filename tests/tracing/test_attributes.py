"""What traced arrays have of NumPy's attributes, and how they say that they lack one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adglot

from .agreement import agree

V = np.array([0.5, -1.25, 2.0])


@pytest.mark.parametrize("name", ["flags", "strides", "tobytes", "partition", "resize", "base"])
def test_attributes_about_memory_are_refused(name: str) -> None:
    with pytest.raises(
        adglot.TracingError, match=rf"test_attributes.*\n  x.{name} cannot be traced"
    ):
        adglot.trace(lambda x: getattr(x, name), V)
    with pytest.raises(AttributeError):
        adglot.trace(lambda x: getattr(x, name), V)


def test_code_may_ask_whether_an_attribute_is_there() -> None:
    agree(lambda x: x * (1 if hasattr(x, "values") else 2), V)
    adglot.trace(lambda x: x * (1 if hasattr(x, "flags") else 2), V)


def test_other_names_are_unknown() -> None:
    with pytest.raises(AttributeError, match="a traced array has no attribute 'valeus'"):
        adglot.trace(lambda x: x.valeus, V)


def test_a_view_shares_memory() -> None:
    def f(x: Any) -> Any:
        y = x.view()
        y[0] = 7.0
        return x * y.view(np.float64) + y.view(np.ndarray)

    agree(f, V)


def test_a_view_of_another_dtype_is_refused() -> None:
    with pytest.raises(adglot.TracingError, match="view of another dtype or class"):
        adglot.trace(lambda x: x.view(np.int64), V)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_masked_arrays_and_matrices_are_refused_on_either_side() -> None:
    square = np.outer(V, V)
    for other in (np.ma.masked_array(square, square > 0), square.view(np.matrix)):
        for f in (lambda x, o: x * o, lambda x, o: o * x):
            with pytest.raises((adglot.InvalidArgument, adglot.TracingError)):
                adglot.trace(lambda x, f=f, o=other: f(x, o), square)


def test_a_constant_that_changes_its_sign_is_another_constant() -> None:
    sign = np.zeros(3)

    def f(x: Any) -> Any:
        sign[:] = 0.0
        y = np.divide(x, sign)
        sign[:] = -0.0
        return y, np.divide(x, sign)

    agree(f, V)


def test_a_constant_with_a_nan_is_kept_once() -> None:
    table = np.array([np.nan, 1.0, 2.0])
    graph = adglot.trace(lambda x: x * table + table, V)
    assert [node.op for node in graph.nodes].count("constant") == 1
