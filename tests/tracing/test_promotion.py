"""dtypes are NumPy 2's: for all pairs, for weak Python scalars, for NumPy scalars."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from adglot.ir import DTYPES

from .agreement import agree

ARRAYS = {name: np.array([1, 0, 2]).astype(dtype) for name, dtype in DTYPES.items()}
PAIRS = list(product(DTYPES, DTYPES))
ARITHMETIC = [np.add, np.multiply, np.maximum, np.equal, np.less]
SCALARS: list[Any] = [True, 2, 2.5, 2 + 1j, np.float32(2.5), np.int64(2), np.float64(0.5), np.True_]


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_pairs_of_arrays(a: str, b: str) -> None:
    for ufunc in ARITHMETIC:
        if not (ufunc in (np.maximum, np.less) and "complex" in a + b):
            agree(ufunc, ARRAYS[a], ARRAYS[b])
    agree(lambda x, y: np.concatenate([x, y]), ARRAYS[a], ARRAYS[b])
    agree(lambda x, y: np.where([True, False, True], x, y), ARRAYS[a], ARRAYS[b])


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_quotients_and_differences(a: str, b: str) -> None:
    y = np.ones(3).astype(b)
    agree(lambda x, y: x / y, ARRAYS[a], y)
    if (a, b) != ("bool", "bool"):
        agree(lambda x, y: x - y, ARRAYS[a], y)


@pytest.mark.parametrize("a", DTYPES)
@pytest.mark.parametrize("scalar", SCALARS, ids=repr)
def test_scalars(a: str, scalar: Any) -> None:
    agree(lambda x: x + scalar, ARRAYS[a])
    agree(lambda x: scalar * x, ARRAYS[a])
    agree(lambda x: np.add(scalar, x), ARRAYS[a])
    agree(lambda x: x[0] * scalar, ARRAYS[a])
    agree(lambda x: x == scalar, ARRAYS[a])


@pytest.mark.parametrize("a", DTYPES)
def test_reductions_and_functions(a: str) -> None:
    x = ARRAYS[a]
    agree(lambda x: (x.sum(), x.prod(), x.mean(), x.cumsum()), x)
    agree(lambda x: (np.sqrt(x), np.exp(x), abs(x)) if a != "bool" else x, x)
    agree(lambda x: x**2 if a != "bool" else x, x)


@pytest.mark.parametrize("a", ["float32", "complex64"])
def test_single_precision_stays(a: str) -> None:
    x = ARRAYS[a]
    graph = agree(lambda x: np.sum(2.0 * x**2 / 3 + 1) * 0.5, x)
    assert {type.dtype.itemsize for type in graph.types} == {x.dtype.itemsize}
