"""Sparse derivatives, first and later calls, against SciPy's sparse differences and CasADi."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import casadi
import numpy as np
import scipy.sparse as sp
from scipy.optimize._numdiff import approx_derivative, group_columns

import adglot
from adglot.ir import Graph
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.native import NativeEngine
from benchmarks.rows import Row
from benchmarks.timing import interleaved

Array = np.ndarray[Any, Any]

SCIPY, CASADI = "SciPy differences", "CasADi"
COUNT = 16
"""Rows: four a case."""

FIRSTS = 3
"""How often a first call is made anew: the median counts."""


def broyden(x: Any) -> Any:
    """Broyden's tridiagonal function (More, Garbow, Hillstrom 1981, problem 30)."""
    z = np.zeros(1)
    before, after = np.concatenate([z, x[:-1]]), np.concatenate([x[1:], z])
    return (3.0 - 2.0 * x) * x - before - 2.0 * after + 1.0


def brusselator(uv: Any) -> Any:
    """Two species on a periodic square grid, five-point differences."""
    n = int((uv.size // 2) ** 0.5)
    u, v = uv[: n * n].reshape(n, n), uv[n * n :].reshape(n, n)
    du = 1.0 + u**2 * v - 4.4 * u + 10.0 * n**2 * _laplacian(u)
    dv = 3.4 * u - u**2 * v + 10.0 * n**2 * _laplacian(v)
    return np.concatenate([du.ravel(), dv.ravel()])


def _laplacian(w: Any) -> Any:
    around = np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1)
    return around - 4 * w


def casadi_broyden(x: Any) -> Any:
    """The same in CasADi's expressions."""
    before, after = casadi.vertcat(0, x[:-1]), casadi.vertcat(x[1:], 0)
    return (3.0 - 2.0 * x) * x - before - 2.0 * after + 1.0


def casadi_brusselator(uv: Any) -> Any:
    """The same in CasADi's expressions; `reshape` runs down columns on both ways."""
    n = int((uv.numel() // 2) ** 0.5)
    u, v = casadi.reshape(uv[: n * n], n, n), casadi.reshape(uv[n * n :], n, n)
    du = 1.0 + u**2 * v - 4.4 * u + 10.0 * n**2 * _casadi_laplacian(u)
    dv = 3.4 * u - u**2 * v + 10.0 * n**2 * _casadi_laplacian(v)
    return casadi.vertcat(casadi.vec(du), casadi.vec(dv))


def _casadi_laplacian(w: Any) -> Any:
    rows = casadi.vertcat(w[-1, :], w[:-1, :]) + casadi.vertcat(w[1:, :], w[0, :])
    columns = casadi.horzcat(w[:, -1], w[:, :-1]) + casadi.horzcat(w[:, 1:], w[:, 0])
    return rows + columns - 4 * w


@dataclass(frozen=True)
class Case:
    """One function, ours and CasADi's, at one point."""

    name: str
    function: Callable[..., Any]
    in_casadi: Callable[..., Any]
    point: Array


def cases() -> list[Case]:
    """Small ones, and a hundred thousand unknowns."""
    return [
        Case(f"{name} J, n = {n}", f, g, np.linspace(0.5, 1.5, n))
        for name, f, g, n in (
            ("Broyden", broyden, casadi_broyden, 1_000),
            ("Broyden", broyden, casadi_broyden, 100_000),
            ("Brusselator", brusselator, casadi_brusselator, 2 * 32**2),
            ("Brusselator", brusselator, casadi_brusselator, 2 * 224**2),
        )
    ]


def rows(seconds: float) -> Iterator[Row]:
    """Later calls, first calls and the memory of a first call."""
    for case in cases():
        yield from _rows(case, seconds)


def _rows(case: Case, seconds: float) -> Iterator[Row]:
    ours, prepared = _first(lambda: _prepare(case))
    in_casadi, compiled = _first(lambda: _in_casadi(case))
    structure = _structure(prepared)
    groups = group_columns(structure)
    _check(case, prepared, structure, compiled)
    peers: dict[str, Callable[[], object]] = {
        SCIPY: lambda: _differences(case, structure, groups),
        CASADI: lambda: compiled(case.point),
    }
    for against, peer in peers.items():
        a, b = interleaved(lambda: prepared.run([case.point]), peer, seconds)
        yield Row(f"{case.name}, a call", a * 1e3, b * 1e3, "ms", a / b, "", against)
    name = f"{case.name}, before the first call"
    yield Row(name, ours * 1e3, in_casadi * 1e3, "ms", ours / in_casadi, "", CASADI)
    yield _memory(case, structure, groups)


def _prepare(case: Case) -> Prepared:
    """Trace, find the pattern, colour it, derive and make ready."""
    graph: Graph = adglot.trace(case.function, case.point)
    return NativeEngine().prepare(graph, Request("jacobian", sparse=True))


def _in_casadi(case: Case) -> Any:
    x = casadi.SX.sym("x", len(case.point))
    y = case.in_casadi(x)
    return casadi.Function("J", [x], [casadi.jacobian(y, x)])


def _first(make: Callable[[], Any]) -> tuple[float, Any]:
    times, made = [], None
    for _ in range(FIRSTS):
        start = time.perf_counter()
        made = make()
        times.append(time.perf_counter() - start)
    return median(times), made


def _structure(prepared: Prepared) -> Any:
    (pattern,) = prepared.patterns
    ones = np.ones(pattern.nonzeros)
    return sp.csc_array(sp.csr_array((ones, pattern.indices, pattern.indptr), pattern.shape))


def _differences(case: Case, structure: Any, groups: Array) -> Any:
    """SciPy's sparse two-point differences; it is told the pattern and the groups."""
    sparsity = (structure, groups)
    return approx_derivative(case.function, case.point, method="2-point", sparsity=sparsity)


def _check(case: Case, prepared: Prepared, structure: Any, compiled: Any) -> None:
    """Peers compute the same numbers."""
    (pattern,) = prepared.patterns
    data = prepared.run([case.point])[1]
    found = sp.csr_array((data, pattern.indices, pattern.indptr), pattern.shape)
    theirs = sp.csr_array(sp.csc_array(compiled(case.point).sparse()))
    assert abs(found - theirs).max() <= 1e-9 * abs(found).max(), case.name
    assert structure.nnz == pattern.nonzeros


def _memory(case: Case, structure: Any, groups: Array) -> Row:
    """The most that Python and NumPy hold at one time, results included."""
    ours = _peak(lambda: _prepare(case).run([case.point]))
    theirs = _peak(lambda: _differences(case, structure, groups))
    name = f"{case.name}, memory of a first call"
    return Row(name, ours / 1e6, theirs / 1e6, "MB", ours / theirs, "", SCIPY)


def _peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
