"""Nested arguments and results, the names of inputs and outputs, the text of a graph."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import adglot
from adglot import ops
from adglot.ir import Type, unflatten

from .agreement import agree

V = np.array([0.5, -1.25, 2.0])


def loss(params: Any, x: Any, *more: Any) -> Any:
    hidden = np.tanh(params["w"][0] @ x + params["b"])
    return {"loss": np.sum(hidden * params["w"][1]), "extra": (hidden, list(more))}


PARAMS = {"w": [np.ones((2, 3)), np.array([1.0, 2.0])], "b": np.zeros(2), "none": None}


def test_names_are_paths() -> None:
    graph = agree(loss, PARAMS, V, 1.0, (2.0, 3))
    assert graph.name == "loss"
    assert graph.input_names == (
        *("params.b", "params.w[0]", "params.w[1]", "x"),
        *("more[0]", "more[1][0]", "more[1][1]"),
    )
    assert graph.output_names == (
        *("y.extra[0]", "y.extra[1][0]", "y.extra[1][1][0]", "y.extra[1][1][1]"),
        "y.loss",
    )


def test_results_nest_as_the_function_nests_them() -> None:
    graph = adglot.trace(loss, PARAMS, V)
    leaves = ops.evaluate(graph, [PARAMS["b"], *PARAMS["w"], V])
    result = unflatten(graph.output_tree, leaves)
    assert result["loss"] == loss(PARAMS, V)["loss"]
    assert result["extra"][1] == []


def test_functions_without_names() -> None:
    assert adglot.trace(lambda x: x, 1.0).name == "f"
    assert adglot.trace(partial(loss, PARAMS), V).input_names == ("x",)
    assert adglot.trace(np.sin, 1.0).output_names == ("y",)
    assert adglot.trace(loss, PARAMS, V, name="mine").name == "mine"


def test_arguments_of_the_wrong_number() -> None:
    with pytest.raises(TypeError):
        adglot.trace(loss, PARAMS)


def test_python_numbers_become_scalars() -> None:
    graph = adglot.trace(lambda *xs: xs, True, 2, 2.5, 1j, np.float32(1))
    names = ["bool", "int64", "float64", "complex128", "float32"]
    assert graph.inputs == tuple(Type(name) for name in names)


def test_types_stand_for_arrays() -> None:
    types = {"w": [Type("float64", (2, 3)), Type("float64", (2,))], "b": Type("float64", (2,))}
    assert adglot.trace(loss, types, Type("float64", (3,))) == adglot.trace(loss, PARAMS, V)


def test_the_point_is_no_part_of_the_graph() -> None:
    x = V.copy()
    graph = adglot.trace(np.sin, x)
    x[:] = 0
    assert graph == adglot.trace(np.sin, V + 1)


def test_constants_are_copies() -> None:
    table = np.array([1.0, 2.0, 3.0])

    def f(x: Any) -> Any:
        y = x * table
        table[0] = 5.0
        return y + x * table

    graph = adglot.trace(f, V)
    table[:] = np.nan
    assert (ops.evaluate(graph, [V])[0] == V * [6.0, 4.0, 6.0]).all()


def model(x: Any, n: Any) -> Any:
    y = np.sum(x[1:] ** 2)
    if y > 1:
        y = y / n
    return {"y": y, "mean": np.mean(x)}


TEXT = """\
model(%0 x: float64[3], %1 n: int64[]) {
  %2 = slice(%0, start=[1], stop=[3], strides=[1]) : float64[2]  # test_trees.py:LINE
  %3 = multiply(%2, %2) : float64[2]  # test_trees.py:LINE
  %4 = sum(%3, axes=[0]) : float64[]  # test_trees.py:LINE
  %5 = constant(value=1.) : float64[]  # test_trees.py:LINE
  %6 = greater(%4, %5) : bool[]  # test_trees.py:LINE
  %7 = divide(%4, %1) : float64[]  # test_trees.py:LINE
  %8 = sum(%0, axes=[0]) : float64[]  # test_trees.py:LINE
  %9 = constant(value=3.) : float64[]  # test_trees.py:LINE
  %10 = divide(%8, %9) : float64[]  # test_trees.py:LINE
  guard %6 == True  # test_trees.py:LINE: if y > 1:
  return y.mean=%10, y.y=%7
}"""


def test_the_text_of_a_graph() -> None:
    first = model.__code__.co_firstlineno
    text = str(adglot.trace(model, V, 2))
    lines = iter([1, 1, 1, 2, 2, 3, 4, 4, 4, 2])
    expected = "".join(
        part + (str(first + next(lines)) if i < TEXT.count("LINE") else "")
        for i, part in enumerate(TEXT.split("LINE"))
    )
    assert text == expected
