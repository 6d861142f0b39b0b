"""Sparse answers of engines that only have products: every number theirs, in the fewest passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose

import adglot
from adglot.calls import EngineInfo, Operator
from adglot.errors import InternalError, Unsupported
from adglot.ir import Graph
from adglot_server.engines import coloured
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.native import NativeEngine
from adglot_server.executors.control import FREELY

X = np.linspace(-1.0, 1.0, 12)


class Products(NativeEngine):
    """The native engine with some of its operators, and no sparse mode."""

    def __init__(self, *operators: Operator) -> None:
        self.operators = operators
        self.asked: list[tuple[str, int | None]] = []

    def info(self) -> EngineInfo:
        return replace(super().info(), operators=self.operators, sparse=False)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        assert not request.sparse
        self.asked.append((request.operator, request.seeds))
        return super().prepare(graph, request)


def arrow(x: Any) -> Any:
    return np.concatenate([np.sum(x**2, keepdims=True), x[1:] * x[0]])


def groups(x: Any) -> Any:
    return np.sum(x.reshape(3, 4) ** 2, axis=1)


def _matrix(prepared: Prepared) -> Any:
    (pattern,), data = prepared.patterns, prepared.run([X], FREELY)[1]
    return sp.csr_array((data, pattern.indices, pattern.indptr), pattern.shape).toarray()


@pytest.mark.parametrize(
    ("f", "operators", "asked"),
    [
        (groups, ("jvp", "vjp"), [("vjp", 1)]),
        (groups, ("jvp",), [("jvp", 4)]),
        (arrow, ("jvp", "vjp"), [("jvp", 2), ("vjp", 1)]),
        (arrow, ("vjp",), [("vjp", 12)]),
        (np.floor, ("jvp", "evaluate"), [("evaluate", None)]),
    ],
)
def test_the_fewest_passes_that_the_engine_has(f: Any, operators: Any, asked: Any) -> None:
    engine, graph = Products(*operators), adglot.trace(f, X)
    prepared = coloured.prepare(engine, graph, Request("jacobian", sparse=True))
    assert engine.asked == asked
    assert prepared.passes == prepared.colours
    with adglot.connect() as ad:
        assert_allclose(_matrix(prepared), ad.jacobian(f, X))


def test_hessians_take_products() -> None:
    engine = Products("hvp")
    graph = adglot.trace(lambda x: np.sum(x[1:] * x[:-1] ** 2), X)
    prepared = coloured.prepare(engine, graph, Request("hessian", sparse=True))
    assert engine.asked == [("hvp", 3)]
    with adglot.connect() as ad:
        assert_allclose(_matrix(prepared), ad.hessian(graph, X))


def test_what_the_engine_lacks_is_said() -> None:
    graph = adglot.trace(groups, X)
    with pytest.raises(Unsupported, match=r"native has no operator jvp: a sparse jacobian takes"):
        coloured.prepare(Products("vjp"), graph, Request("jacobian", mode="forward", sparse=True))


class Denser(Products):
    """An engine for which every element of y depends on all of x."""

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        return super().prepare(adglot.trace(lambda x: x**2 + np.sum(x), X), request)


def test_a_derivative_that_the_pattern_lacks_is_an_error() -> None:
    block = adglot.trace(lambda x: np.concatenate([x[:6] ** 2, np.zeros(6)]), X)
    prepared = coloured.prepare(Denser("jvp"), block, Request("jacobian", sparse=True))
    with pytest.raises(InternalError, match="pattern lacks a derivative"):
        prepared.run([X], FREELY)
