"""Two-point differences of the NumPy function, by SciPy; sparse ones by groups of columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
import scipy.sparse as sp
from scipy.optimize._numdiff import approx_derivative, group_columns

import adglot
from benchmarks.peers.adglot import trace
from benchmarks.peers.base import Absent, Contestant, Namespace, scan
from benchmarks.workloads.base import Array, Workload

XP = Namespace(np, scan=scan(np))


class Differences:
    """`scipy.optimize.approx_derivative`, what SciPy's solvers use; about eight digits."""

    title = "NumPy differences"
    version = scipy.__version__

    def build(self, workload: Workload) -> Contestant:
        """Told the pattern where that is sparse."""
        if workload.operator not in ("gradient", "jacobian"):
            raise Absent("would take differences of differences, which keep four digits")
        if workload.batch is not None:
            raise Absent(f"has no batches: {workload.batch} calls, one after the other")
        start = np.concatenate([x.reshape(-1) for x in workload.wrt])
        function = _flat(workload)
        keywords: dict[str, Any] = {"method": "2-point"}
        if workload.sparse:
            pattern = _pattern(workload)
            keywords["sparsity"] = pattern, group_columns(pattern)
        return Contestant(
            lambda: approx_derivative(function, start, **keywords),
            lambda result: _blocks(workload, result),
        )


def _flat(workload: Workload) -> Callable[[Array], Array]:
    """Of one vector, and to one."""
    point = list(workload.point)
    cuts = np.cumsum([x.size for x in workload.wrt])[:-1]

    def function(x: Array) -> Array:
        for i, part in zip(workload.argnums, np.split(x, cuts), strict=True):
            point[i] = part.reshape(point[i].shape)
        return np.reshape(workload.function(XP, *point), -1)

    return function


def _pattern(workload: Workload) -> Any:
    """As adglot finds it: SciPy must be told."""
    with adglot.connect() as ad:
        explained = ad.explain(trace(workload), *workload.point, operator="jacobian", sparse=True)
    (pattern,) = explained.patterns
    ones = np.ones(pattern.nonzeros)
    return sp.csc_array(sp.csr_array((ones, pattern.indices, pattern.indptr), pattern.shape))


def _blocks(workload: Workload, result: Any) -> list[Any]:
    if workload.sparse:
        return [sp.csr_array(result)]
    matrix = np.atleast_2d(result)
    cuts = np.cumsum([x.size for x in workload.wrt])[:-1]
    return np.split(matrix, cuts, axis=1)
