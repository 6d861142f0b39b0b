"""Large matrices are read once for A x and r A, and only where that is the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from adglot import ops
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Value
from adglot_server.executors.compiled import products
from adglot_server.executors.compiled.direct import whole
from adglot_server.executors.compiled.kernel import bounded
from adglot_server.executors.compiled.plan import nests

from .test_executor import agree, build

matmul, total = TABLE["matmul"], TABLE["sum"]
Model = Callable[[Value, Value, Value], list[Value]]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrices of these tests count as large."""
    monkeypatch.setattr(products, "SWEPT", 1)
    monkeypatch.setattr(products, "SHORTEST", 2)


def turned(x: Value) -> Value:
    return TABLE["permute_dims"](x, axes=(1, 0))


def logistic(a: Value, x: Value, y: Value) -> list[Value]:
    """The loss, and its gradient as reverse mode has it."""
    e = ops.exp(-y * matmul(a, x))
    r = ops.reshape(-y * e / (1.0 + e), shape=(*y.shape, 1))
    g = ops.reshape(matmul(turned(a), r), shape=x.shape)
    return [total(ops.log1p(e), axes=(0,)), g + x]


def residuals(a: Value, x: Value, y: Value) -> list[Value]:
    """Least squares, a row vector times the matrix; residuals are asked for, too."""
    r = matmul(a, x) - y
    return [r, matmul(r, a)]


def curvature(a: Value, x: Value, y: Value) -> list[Value]:
    """Two products before: an HVP."""
    w = ops.sin(matmul(a, x)) * matmul(a, ops.cos(x))
    return [matmul(w * y, a)]


def middle(a: Value, x: Value, y: Value) -> list[Value]:
    """Of columns of a matrix, whose rows lie farther apart than they are long."""
    stop, ones = (a.shape[0], a.shape[1] - 1), (1, 1)
    part = TABLE["slice"](a, start=(0, 1), stop=stop, strides=ones)
    short = TABLE["slice"](x, start=(1,), stop=(a.shape[1] - 1,), strides=(1,))
    return [matmul(ops.tanh(matmul(part, short)) * y, part)]


def unlike(a: Value, x: Value, y: Value) -> list[Value]:
    """Weights in another order: they need all of A x."""
    return [matmul(TABLE["flip"](matmul(a, x), axes=(0,)) * y, a)]


def scaled(a: Value, x: Value, y: Value) -> list[Value]:
    """Weights that need a sum of A x."""
    z = matmul(a, x)
    return [matmul(ops.exp(z - TABLE["max"](z, axes=(0,))), a)]


def apart(a: Value, x: Value, y: Value) -> list[Value]:
    """Another vector that needs the first product is in the second one's way."""
    z = matmul(a, x)
    return [matmul(z * y, a), matmul(matmul(z * y, a) * x, turned(a))]


def graph(model: Model, m: int, n: int, dtype: str) -> Graph:
    return build(model, Type(dtype, (m, n)), Type(dtype, (n,)), Type(dtype, (m,)))


def swept(graph: Graph) -> list[tuple[int, int]]:
    """How many products each nest makes on its way, before and behind."""
    region = whole(graph)
    assert region is not None
    found = [(len(nest.before), len(nest.after)) for nest in nests(bounded(region))]
    return [counts for counts in found if any(counts)]


def point(graph: Graph) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(size=t.shape).astype(t.dtype) / 4 for t in graph.inputs]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(8, 8), (16, 40), (33, 7), (47, 65), (2, 9), (9, 130)])
@pytest.mark.parametrize(
    ("model", "counts"),
    [(logistic, (1, 1)), (residuals, (1, 1)), (curvature, (2, 1)), (middle, (1, 1))],
)
def test_products_are_made_together(
    model: Model, counts: tuple[int, int], shape: tuple[int, int], dtype: str
) -> None:
    made = graph(model, *shape, dtype)
    assert swept(made) == [counts]
    agree(made, point(made))


@pytest.mark.parametrize("model", [unlike, scaled])
def test_products_stay_apart_where_weights_need_more_than_their_row(model: Model) -> None:
    made = graph(model, 33, 17, "float64")
    assert swept(made) == []
    agree(made, point(made))


def test_what_needs_the_sum_comes_behind() -> None:
    made = graph(apart, 33, 17, "float64")
    agree(made, point(made))


def test_small_matrices_and_short_rows_are_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    made = graph(logistic, 64, 64, "float64")
    monkeypatch.setattr(products, "SWEPT", 8 * 64 * 64 + 1)
    assert swept(made) == []
    monkeypatch.setattr(products, "SWEPT", 8 * 64 * 64)
    assert swept(made) == [(1, 1)]
    monkeypatch.setattr(products, "SHORTEST", 65)
    assert swept(made) == []
