"""Patterns that SparseConnectivityTracer.jl and asdex publish, in their documents and tests.

The functions are theirs, the facts are what they say of them; indices count from 0 here. Where
adglot is sharper than they are, the test says so.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adglot
from adglot_server.transforms.sparse.colouring import colour_columns, count
from adglot_server.transforms.sparse.detect import hessian_pattern, jacobian_pattern

from .matrices import brusselator, dense, pattern_of

Function = Callable[[Any], Any]
NONE4 = [[0] * 4] * 4
ALL4 = [[1] * 4] * 4


def _generic(n: int) -> Any:
    return np.random.default_rng(n).uniform(0.1, 0.9, n)


def _hessian(f: Function, x: Any, at: bool = False) -> Any:
    graph = adglot.trace(f, x)
    return dense(hessian_pattern(graph, (0,), [x] if at else None))


def _clip(x: Any, low: Any, high: Any) -> Any:
    return np.clip(x, low, high)


def _differences(x: Any) -> Any:
    n = len(x)
    rows = [x[i + 1] ** 2 - x[i] ** 2 + x[n - i - 1] ** 2 - x[n - i - 2] ** 2 for i in range(n - 1)]
    return np.stack(rows)


JACOBIANS: list[tuple[Function, int, list[list[int]]]] = [
    (
        lambda x: np.stack([x[0] ** 2, 2 * x[0] * x[1] ** 2, np.sin(x[2])]),
        3,
        [[1, 0, 0], [1, 1, 0], [0, 0, 1]],
    ),
    (
        lambda x: np.stack([x[0] * x[1], np.ceil(x[0] * x[1]), x[0] * np.round(x[1])]),
        2,
        [[1, 1], [0, 0], [1, 0]],
    ),
    (lambda x: np.dot(x[:2], x[3:5]), 5, [[1, 1, 0, 1, 1]]),
    (lambda x: np.where(x[1] < x[2], x[0] + x[1], x[2] * x[3]), 4, [[1, 1, 1, 1]]),
    (lambda x: np.where(x[1] < x[2], x[0] + x[1], 1.0), 4, [[1, 1, 0, 0]]),
    (lambda x: np.where(x[1] < x[2], 1.0, x[2] * x[3]), 4, [[0, 0, 1, 1]]),
    (lambda x: _clip(x[0], x[1], x[2]), 3, [[1, 1, 1]]),
    (lambda x: _clip(x[0], 0.0, x[1]), 2, [[1, 1]]),
    (
        _differences,
        6,
        [
            [1, 1, 0, 0, 1, 1],
            [0, 1, 1, 1, 1, 0],
            [0, 0, 1, 1, 0, 0],
            [0, 1, 1, 1, 1, 0],
            [1, 1, 0, 0, 1, 1],
        ],
    ),
    # They keep the product with a constant zero; its derivative is zero everywhere.
    (lambda x: np.stack([0.0 * x[0], x[0] * 0.0, x[0] * 2.0]), 1, [[0], [0], [1]]),
]


@pytest.mark.parametrize(("f", "n", "expected"), JACOBIANS)
def test_jacobians_everywhere(f: Function, n: int, expected: Any) -> None:
    assert pattern_of(f, _generic(n)).astype(int).tolist() == expected


LOCAL: list[tuple[Function, list[float], list[int]]] = [
    (lambda x: x[0] * x[1], [1, 1], [1, 1]),
    (lambda x: x[0] * x[1], [1, 0], [0, 1]),
    (lambda x: x[0] * x[1], [0, 1], [1, 0]),
    (lambda x: x[0] * x[1], [0, 0], [0, 0]),
    (lambda x: np.maximum(x[0], x[1]), [1, 2], [0, 1]),
    (lambda x: np.maximum(x[0], x[1]), [2, 1], [1, 0]),
    (lambda x: np.maximum(x[0], x[1]), [1, 1], [1, 1]),
    (lambda x: np.minimum(x[0], x[1]), [1, 2], [1, 0]),
    (lambda x: np.minimum(x[0], x[1]), [1, 1], [1, 1]),
    (lambda x: np.where(x[0] > x[1], x[2], x[3]), [1, 2, 3, 4], [0, 0, 0, 1]),
    (lambda x: np.where(x[0] > x[1], x[2], x[3]), [2, 1, 3, 4], [0, 0, 1, 0]),
    (lambda x: max(x[1], x[0]), [1, 2], [0, 1]),
    (lambda x: max(x[1], x[0]), [2, 1], [1, 0]),
    (lambda x: _clip(x[0], 0.0, 1.0), [0.5], [1]),
    (lambda x: _clip(x[0], 0.0, 1.0), [-0.5], [0]),
    (lambda x: _clip(x[0], x[1], x[2]), [0.5, 0.0, 1.0], [1, 0, 0]),
    (lambda x: _clip(x[0], x[1], x[2]), [0.5, 0.6, 1.0], [0, 1, 0]),
    (lambda x: _clip(x[0], x[1], x[2]), [0.5, 0.0, 0.4], [0, 0, 1]),
    (lambda x: x[0] * x[1] + 1.0, [0, 1], [1, 0]),
    (lambda x: 1.0 * x[0] + x[1], [0, 1], [1, 1]),
    (lambda x: x[0] * 0.0 + 0.0, [1], [0]),
]


@pytest.mark.parametrize(("f", "x", "expected"), LOCAL)
def test_jacobians_at_a_point(f: Function, x: list[float], expected: list[int]) -> None:
    assert pattern_of(f, np.array(x, float), at=True).astype(int).tolist() == [expected]


def _sum_and_product(x: Any) -> Any:
    return x[0] + x[1] * x[2] + 1 / x[3] + 1 * x[4]


HESSIANS: list[tuple[Function, int, Any]] = [
    (
        lambda x: x[0] + x[1] * x[2] + 1 / x[3],
        4,
        [[0] * 4, [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]],
    ),
    (lambda x: np.sqrt(x[0]), 1, [[1]]),
    (lambda x: 1 * x[0] + x[0] * 1, 1, [[0]]),
    (
        lambda x: np.sum(np.diff(x) ** 3),
        4,
        [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]],
    ),
    (
        lambda x: x[0] / x[1] + x[2] / 1 + 1 / x[3],
        4,
        [[0, 1, 0, 0], [1, 1, 0, 0], [0] * 4, [0, 0, 0, 1]],
    ),
    (
        lambda x: x[0] * x[1] + x[2] * 1 + 1 * x[3],
        4,
        [[0, 1, 0, 0], [1, 0, 0, 0], [0] * 4, [0] * 4],
    ),
    (lambda x: (x[0] * x[1]) * (x[2] * x[3]), 4, 1 - np.eye(4, dtype=int)),
    (
        lambda x: (x[0] + x[1]) * (x[2] + x[3]),
        4,
        [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]],
    ),
    (lambda x: (x[0] + x[1] + x[2] + x[3]) ** 2, 4, ALL4),
    (lambda x: 1 / (x[0] + x[1] + x[2] + x[3]), 4, ALL4),
    (lambda x: (x[0] - x[1]) + (x[2] - 1) + (1 - x[3]), 4, NONE4),
    (
        lambda x: _sum_and_product(x) + x[1] ** x[4],
        5,
        [[0] * 5, [0, 1, 1, 0, 1], [0, 1, 0, 0, 0], [0, 0, 0, 1, 0], [0, 1, 0, 0, 1]],
    ),
    (lambda x: np.floor(x[0] * x[1] / (x[2] * x[3])), 4, NONE4),
    (lambda x: _clip(x[0], x[1], x[2]), 3, [[0] * 3] * 3),
    (lambda x: x[0] * _clip(x[0], x[1], x[2]), 3, [[1, 1, 1], [1, 0, 0], [1, 0, 0]]),
    (lambda x: x[1] * _clip(x[0], x[1], x[2]), 3, [[0, 1, 0], [1, 1, 1], [0, 1, 0]]),
    (lambda x: x[2] * _clip(x[0], x[1], x[2]), 3, [[0, 0, 1], [0, 0, 1], [1, 1, 1]]),
    (
        lambda x: np.where(x[0] > 0, x[0] ** x[1], x[2] * x[3]),
        4,
        [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]],
    ),
    (
        lambda x: np.where(x[0] > 0, 1.0, x[2] * x[3]),
        4,
        [[0] * 4, [0] * 4, [0, 0, 0, 1], [0, 0, 1, 0]],
    ),
]


@pytest.mark.parametrize(("f", "n", "expected"), HESSIANS)
def test_hessians_everywhere(f: Function, n: int, expected: Any) -> None:
    assert _hessian(f, _generic(n)).astype(int).tolist() == np.asarray(expected).tolist()


def test_hessians_at_a_point() -> None:
    def f(x: Any) -> Any:
        return x[0] + x[1] * x[2] + 1 / x[3] + x[1] * np.maximum(x[0], x[4])

    low = _hessian(f, np.array([1.0, 3.0, 5.0, 1.0, 2.0]), at=True)
    high = _hessian(f, np.array([4.0, 3.0, 5.0, 1.0, 2.0]), at=True)
    assert np.argwhere(low).tolist() == [[1, 2], [1, 4], [2, 1], [3, 3], [4, 1]]
    assert np.argwhere(high).tolist() == [[0, 1], [1, 0], [1, 2], [2, 1], [3, 3]]


def test_a_dead_end_leaves_no_trace() -> None:
    def f(x: Any) -> Any:
        _ = x[0] * x[1]
        return x[2] * x[3]

    assert np.argwhere(_hessian(f, _generic(4))).tolist() == [[2, 3], [3, 2]]


def _laplacian(w: Any) -> Any:
    around = np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1)
    return around - 4 * w


def _brusselator(uv: Any) -> Any:
    n = int((uv.size // 2) ** 0.5)
    u, v = uv[: n * n].reshape(n, n), uv[n * n :].reshape(n, n)
    du = 1.0 + u**2 * v - 4.4 * u + 10.0 * n**2 * _laplacian(u)
    dv = 3.4 * u - u**2 * v + 10.0 * n**2 * _laplacian(v)
    return np.concatenate([du.ravel(), dv.ravel()])


def test_the_brusselator_on_32_by_32_points() -> None:
    """asdex: 2048 by 2048, 12288 nonzeros, 12 colours."""
    graph = adglot.trace(_brusselator, np.ones(2 * 32 * 32))
    pattern = jacobian_pattern(graph, (0,))
    assert pattern.shape == (2048, 2048)
    assert pattern.nonzeros == 12288
    assert np.array_equal(dense(pattern), brusselator(32).toarray() != 0)
    assert count(colour_columns(pattern)) <= 12
