"""Writes in place: NumPy's views and aliases, at a cost linear in the writes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import adglot
import adglot.numpy as anp

from .agreement import agree

V = np.array([0.5, -1.25, 2.0, 3.5])
M = np.array([[2.0, 0.5, -1.0], [-1.0, 3.0, 0.25]])


def test_fills() -> None:
    def f(x: Any) -> Any:
        y = anp.zeros(len(x) + 1)
        y[0] = x[0]
        for i in range(1, len(x)):
            y[i] = y[i - 1] * x[i]
        return y

    agree(f, V)


def test_n_writes_are_n_nodes() -> None:
    def f(x: Any) -> Any:
        y = anp.empty_like(x)
        for i in range(len(x)):
            y[i] = np.sin(x[i])
        return y

    sizes = [len(agree(f, np.linspace(0, 1, n)).nodes) for n in (100, 200, 400)]
    assert sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0])


def test_reading_a_row_back_costs_nothing() -> None:
    def f(x: Any) -> Any:
        y = anp.zeros((20, 3))
        y[0] = x
        for i in range(1, 20):
            y[i] = np.cos(y[i - 1])
        return y[19]

    assert [node.op for node in agree(f, V[:3]).nodes] == ["cos"] * 19


def test_reading_all_between_writes_stays_linear() -> None:
    def f(x: Any) -> Any:
        y = anp.zeros(len(x))
        for i in range(len(x)):
            y[i] = np.sum(y) + x[i]
        return y

    edges = []
    for n in (50, 100, 200):
        graph = agree(f, np.full(n, 0.01))
        edges.append(sum(len(node.operands) for node in graph.nodes))
    assert edges[2] - edges[1] <= 2.2 * (edges[1] - edges[0])


def test_augmented_assignment_of_arrays_is_seen_by_aliases() -> None:
    def f(x: Any) -> Any:
        y = x * 2
        z = y
        y += 1
        y *= x
        y -= x[0]
        y /= 2
        return y, z

    agree(f, V)


def test_augmented_assignment_of_scalars_rebinds() -> None:
    def f(x: Any) -> Any:
        s = x[0]
        t = s
        s += 1
        s *= x[1]
        return s, t, x

    agree(f, V)


def test_an_argument_is_written() -> None:
    def f(x: Any) -> Any:
        head = x[:2]
        x[0] = 5.0
        x[1:] += x[0]
        return x, head

    agree(f, V)


VIEWS: dict[str, Any] = {
    "slice": lambda a: a[:, 1:],
    "row": lambda a: a[1],
    "reversed": lambda a: a[::-1, ::-1],
    "new axis": lambda a: a[:, None, :],
    "ellipsis": lambda a: a[..., 0],
    "element": lambda a: a[0, 0, ...],
    "transpose": lambda a: a.T,
    "swapaxes": lambda a: np.swapaxes(a, 0, 1),
    "reshape": lambda a: a.reshape(3, 2),
    "by keyword": lambda a: np.transpose(axes=(1, 0), a=a),
    "reshape of a transpose": lambda a: a.T.reshape(6),
    "ravel": np.ravel,
    "flip": np.flip,
    "squeeze": lambda a: np.squeeze(a[:1]),
    "moveaxis": lambda a: np.moveaxis(a, 0, 1),
    "expand_dims": lambda a: np.expand_dims(a, 0),
    "atleast_3d": np.atleast_3d,
    "split": lambda a: np.array_split(a, 3, axis=1)[1],
    "view of a view": lambda a: a[:, 1:].T[::-1],
    "asarray": lambda a: np.asarray(a),  # looked up while tracing
    "real": lambda a: a.real,
    "copy": lambda a: a.copy(),
    "array": lambda a: np.array(a),
    "flatten": lambda a: a.flatten(),
    "fancy": lambda a: a[[0, 1]],
    "astype": lambda a: a.astype(float),
    "sum": lambda a: a.sum(axis=()),
    "clip": lambda a: np.clip(a, -9, 9),
    "positive": lambda a: +a,
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("late", [False, True])
def test_views_share_memory_as_numpy_says(view: Any, late: bool) -> None:
    def f(a: Any) -> Any:
        if late:
            a[0, 1] = 7.0
        b = view(a)
        a[0, 0] = 10.0
        first = b + 0
        b += 1
        a *= 2
        b[...] = b - 3
        return a, b, first, view(b) if b.ndim == 2 else b

    agree(f, M)
    agree(lambda a: f(a * 1.0), M)
    agree(lambda a: f(a.T.copy().T if not late else a.copy()), M.copy())


def test_new_arrays_take_all_that_numpys_do() -> None:
    def f(x: Any) -> Any:
        arrays = [
            anp.zeros(4, float, "C"),
            anp.full(4, 0.5, "float32", "F", device="cpu"),
            anp.zeros_like(x, int, "K", False, (4,)),
            anp.ones_like(x, order="C", shape=4),
            anp.full_like(x, 2, None, "C"),
        ]
        for y in arrays:
            y[0] = x[3]
        return arrays

    agree(f, V)
    with pytest.raises(TypeError, match="dtpye"):
        adglot.trace(lambda x: anp.zeros(3, dtpye=int), V)


def test_copyto_casts_as_numpys() -> None:
    def f(x: Any) -> Any:
        y = anp.zeros(4, int)
        anp.copyto(y, x, casting="unsafe")
        return y

    agree(f, V)
    for source in (lambda x: x, lambda x: 1.5, lambda x: [1.0, 2.0, 3.0, 4.0]):
        with pytest.raises(TypeError, match="Cannot cast"):
            adglot.trace(lambda x, s=source: np.copyto(anp.zeros_like(x, int), s(x)), V)


def test_a_view_that_hangs_on_the_layout_in_memory_is_refused() -> None:
    def f(a: Any, order: str) -> Any:
        b = np.exp(a.T)
        line = b.reshape(-1) if order == "unknown" else b.copy().reshape(-1)
        line[0] = 1.0
        return b, line

    agree(lambda a: f(a, "known"), M)
    with pytest.raises(adglot.TracingError, match=r"line\[0\] = 1\.0\n.*layout in memory"):
        adglot.trace(lambda a: f(a, "unknown"), M)
    with pytest.raises(adglot.TracingError, match="layout in memory"):
        adglot.trace(lambda a: a.reshape(-1).__setitem__(0, 1.0) or a, np.asfortranarray(M))


def test_diagonals_are_read_only() -> None:
    def f(a: Any) -> Any:
        np.diagonal(a)[0] = 1.0
        return a

    for attempt in (lambda: f(M.copy()), lambda: adglot.trace(f, M)):
        with pytest.raises(ValueError, match="read-only"):
            attempt()


def test_parts_of_complex_arrays_cannot_be_written_through() -> None:
    def f(z: Any) -> Any:
        w = z * 1
        w.real[0] = 1.0
        return w

    with pytest.raises(adglot.TracingError, match=r"test_inplace\.py:\d+: w\.real\[0\] = 1\.0"):
        adglot.trace(f, V + 1j)


def test_numpys_functions_that_write() -> None:
    def f(a: Any, x: Any) -> Any:
        b, c, d, e = a.copy(), a.copy(), a.copy(), a.copy()
        np.copyto(b, x[:3])
        np.copyto(c, -1.0, where=a > 0)
        np.fill_diagonal(d, x[0])
        np.put(e, [0, -1], x[:2])
        e.fill(x[1])
        np.put_along_axis(d, np.array([[0], [1]]), x[2], axis=1)
        np.place(c, M < 0, x)
        np.putmask(b, M > 1, x[3])
        return b, c, d, e

    agree(f, M, V)


def test_flat() -> None:
    def f(a: Any) -> Any:
        b = a.copy().T
        b.flat[1] = 7.0
        b.flat[[0, -1]] = a[0, :2]
        c = a * 1
        c.flat = np.arange(6)
        return b, c, a.flat[2:4], sum(a.flat), len(a.flat), a.T.flat[1]

    agree(f, M)
    with pytest.raises(adglot.TracingError, match=r"use x\.ravel\(\)"):
        adglot.trace(lambda a: np.sum(a.flat), M)


def test_add_at() -> None:
    def f(x: Any) -> Any:
        y = np.zeros_like(x)
        np.add.at(y, [0, 0, 2], x[:3])
        np.subtract.at(y, [1, 1], 2.0)
        return y

    agree(f, V)


def test_sort_in_place() -> None:
    def f(a: Any) -> Any:
        b = a.copy()
        b.sort(axis=0)
        a.sort()
        return a, b

    agree(f, M)


def test_stored_values_are_cast() -> None:
    def f(x: Any) -> Any:
        y = anp.zeros(4, dtype=int)
        y[:2] = x[1:3]
        y[2] = 2.75
        z = anp.ones(2, dtype=np.float32)
        z[0] = x[0]
        return y, z

    agree(f, V)
    with pytest.raises(TypeError):
        adglot.trace(lambda x: x.__setitem__(0, 1j) or x, V)
    with pytest.raises(TypeError, match="Cannot cast"):
        adglot.trace(lambda n: n.__iadd__(1.5), np.arange(3))


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        adglot.trace(lambda x: x.__setitem__(slice(2), np.ones(3)), V)
    with pytest.raises(ValueError, match="non-broadcastable"):
        adglot.trace(lambda x: x[:1].__iadd__(x), V)


def test_arrays_of_adglot_numpy() -> None:
    def f(x: Any) -> Any:
        a = anp.ones((2, 2)) * x[0]
        b = anp.full((2,), x[1])
        c = anp.array([1.0, 2.0, 3.0])
        c[1] = x[2]
        d = anp.eye(3)
        d[0, 2] = x[3]
        e = anp.full_like(x, 2)
        e[::2] = x[1]
        return a, b, c, d, e, anp.arange(3), anp.linspace(0, 1, 3), anp.zeros(()), anp.asarray(V)

    agree(f, V)


def test_outside_of_a_trace_adglot_numpy_is_numpy() -> None:
    assert type(anp.zeros(3)) is np.ndarray
    assert type(anp.array([1, 2])) is np.ndarray
    assert anp.sin is np.sin
    assert anp.pi == np.pi
    assert anp.float32 is np.float32
    assert anp.linalg.norm(V) == np.linalg.norm(V)


# ------------------------------------------------------------------ any program

STEPS: list[Any] = [
    lambda arrays, a, b, k: arrays.append(a[k % len(a) :]),
    lambda arrays, a, b, k: arrays.append(a.T),
    lambda arrays, a, b, k: arrays.append(a.copy()),
    lambda arrays, a, b, k: arrays.append(a.reshape(-1)),
    lambda arrays, a, b, k: arrays.append(np.flip(a)),
    lambda arrays, a, b, k: arrays.append(a + 1),
    lambda arrays, a, b, k: arrays.append(a[..., k % a.shape[-1] :]),
    lambda arrays, a, b, k: arrays.append(a[None, k % len(a)]),
    lambda arrays, a, b, k: a.reshape(-1).__setitem__(k % a.size, b.sum()),
    lambda arrays, a, b, k: a.__imul__(1.5),
    lambda arrays, a, b, k: a.__iadd__(b) if a.shape == b.shape else None,
    lambda arrays, a, b, k: a.__setitem__(..., b.max()),
    lambda arrays, a, b, k: a[..., k % a.shape[-1] :].__isub__(0.5),
]
"""What a program may do to a list of arrays: views, copies, writes, reads."""


@given(st.lists(st.tuples(st.sampled_from(STEPS), *[st.integers(0, 6)] * 3), max_size=12))
def test_any_program_does_what_it_does_in_numpy(program: list[Any]) -> None:
    def run(x: Any) -> Any:
        arrays = [x, x * 2]
        for step, i, j, k in program:
            step(arrays, arrays[i % len(arrays)], arrays[j % len(arrays)], k)
        return arrays

    with suppress(LayoutRefused):
        agree_or_refuse(run)


class LayoutRefused(Exception):
    pass


def agree_or_refuse(run: Any) -> None:
    try:
        agree(run, M)
    except adglot.TracingError as error:
        raise (LayoutRefused() if "layout in memory" in str(error) else error) from None
