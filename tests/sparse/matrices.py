"""Patterns as dense arrays of bools, and small matrices whose structure is known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

import adglot
from adglot.calls import Pattern
from adglot_server.transforms.sparse.detect import jacobian_pattern

Array = np.ndarray[Any, Any]


def dense(pattern: Pattern) -> Array:
    """The pattern as bools, checked on the way: columns ascend within a row and lie inside."""
    result = np.zeros(pattern.shape, bool)
    starts = pattern.indptr.tolist()
    assert starts[0] == 0
    assert starts[-1] == len(pattern.indices)
    for i, (a, b) in enumerate(pairwise(starts)):
        columns = pattern.indices[a:b]
        assert np.all(np.diff(columns) > 0)
        result[i, columns] = True
    return result


def sparse(matrix: Any) -> Pattern:
    """The pattern of a SciPy or NumPy matrix."""
    array = sp.csr_array(matrix)
    array.sort_indices()
    return Pattern(array.indptr, array.indices, array.shape[1])


def pattern_of(f: Callable[..., Any], *args: Any, at: bool = False, of: int = 0) -> Array:
    """The pattern of f's Jacobian by argument `of`, at the point itself where `at` is set."""
    graph = adglot.trace(f, *args)
    point = [np.asarray(x) for x in args] if at else None
    return dense(jacobian_pattern(graph, (of,), point))


def banded(n: int, width: int) -> Any:
    """Ones on the diagonal and on so many others on either side of it."""
    offsets = range(-width, width + 1)
    return sp.diags_array([np.ones(n - abs(k)) for k in offsets], offsets=list(offsets))


def arrow(n: int) -> Any:
    """A full first row, a full first column and the diagonal."""
    matrix = sp.lil_array(sp.eye_array(n))
    matrix[0, :] = matrix[:, 0] = 1
    return matrix


def periodic(n: int) -> Any:
    """A ring: every point with itself and both neighbours."""
    matrix = sp.lil_array(banded(n, 1))
    matrix[0, -1] = matrix[-1, 0] = 1
    return matrix


def five_point(line: Any) -> Any:
    """The five-point star on a square grid whose lines are these."""
    n = line.shape[0]
    return sp.kron(line, sp.eye_array(n)) + sp.kron(sp.eye_array(n), line)


def brusselator(n: int) -> Any:
    """Two species on a periodic n by n grid: diffusion within one, reaction between both."""
    return sp.kron(np.eye(2), five_point(periodic(n))) + sp.kron(
        np.ones((2, 2)), sp.eye_array(n * n)
    )
