"""Every kind of NumPy index, with static and with traced indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adglot

from .agreement import agree

A = np.arange(24.0).reshape(2, 3, 4)
V = np.array([0.5, -1.25, 2.0, 3.5])

INDICES: list[Any] = [
    0,
    -1,
    np.int64(1),
    (1, 2, 3),
    (1, 2),
    (0, slice(None), 2),
    slice(1, None),
    (slice(None), slice(None, None, 2)),
    (slice(None), slice(None, None, -1)),
    (slice(None), slice(5, 0, -2), 0),
    slice(2, 2),
    ...,
    (..., 0),
    (0, ...),
    (..., None, 1),
    None,
    (None, 1, None),
    [1, 0, 1],
    np.array([[0, 1], [1, -1]]),
    (0, [0, 2]),
    ([0, 1], [2, 0]),
    (slice(None), [0, 2]),
    (slice(None), [0, 2], slice(None, None, -1)),
    ([0, 1], slice(None), [2, 0]),
    (np.array([[0], [1]]), np.array([[0, 2]])),
    ([], slice(None)),
    np.array([True, False]),
    A > 5,
    (slice(None), np.array([True, False, True])),
    (slice(None), np.array([True, False, True]), 0),
    True,
    (0, True),
    np.ix_([0, 1], [0, 2], [1, 3]),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_reading(index: Any) -> None:
    agree(lambda a: a[index], A)


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_writing(index: Any) -> None:
    def f(a: Any, scale: Any) -> Any:
        b = a.copy()
        b[index] = scale
        b[index] *= 2 * scale
        return b, a

    agree(f, A, np.array(1.5))


def test_iteration_and_unpacking() -> None:
    agree(lambda x: [xi * 2 for xi in x], V)
    agree(lambda x: divmod(*x[:2]), V)
    agree(lambda x: list(x), V)
    agree(lambda a: [row.sum() for row in a[0]], A)
    agree(lambda x: [a * b for a, b in zip(x, x[::-1], strict=True)], V)
    agree(lambda x: list(reversed(x)), V)
    agree(lambda x: max(x) - min(x), V)


def test_traced_integers_index() -> None:
    agree(lambda x, i: x[i], V, np.array(2))
    agree(lambda x, i: x[i], V, np.array([0, -1, 2]))
    agree(lambda a, i: a[:, i], A, np.array(1))
    agree(lambda x: x[np.argmax(x)], V)
    agree(lambda x: x[np.argsort(x)], V)
    agree(lambda a, i: a[0, i, 1:], A, np.array([2, 0]))


@pytest.mark.parametrize("i", [0, 2, -1])
def test_traced_integers_say_where_to_write(i: int) -> None:
    def f(a: Any, i: Any) -> Any:
        b = a.copy()
        b[i] = 1.0
        c = a.copy()
        c[1, i % 3] = np.arange(4)
        c[..., 1:3, i] *= 2
        return b[:, 0], c

    agree(f, np.concatenate([A, A]), np.array(i))


def test_traced_masks_say_where_to_write() -> None:
    def f(x: Any) -> Any:
        y = x.copy()
        y[x < 0] = 0.0
        y[y > 3] = x[0]
        return y

    assert not agree(f, V).guards


def test_out_of_bounds() -> None:
    with pytest.raises(IndexError, match="out of bounds"):
        adglot.trace(lambda x: x[4], V)
    with pytest.raises(IndexError, match="too many indices"):
        adglot.trace(lambda x: x[0, 0], V)

    def f(x: Any, i: Any) -> Any:
        y = x.copy()
        y[i] = 1.0
        return y

    with pytest.raises(IndexError, match="out of bounds"):
        adglot.trace(f, V, np.array(4))


def test_a_traced_mask_cannot_select() -> None:
    with pytest.raises(adglot.TracingError, match=r"test_indexing\.py:\d+: .*\n.*np\.where"):
        adglot.trace(lambda x: x[x > 0], V)
