"""A traced function against the same function run by NumPy."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

from adglot import ops, trace
from adglot.ir import Graph, flatten


def agree(f: Callable[..., Any], *args: Any) -> Graph:
    """Trace `f`, evaluate the graph, and hold it against `f` itself: numbers, dtypes, nesting."""
    graph = trace(f, *deepcopy(args))
    inputs = flatten(args)[0]
    with np.errstate(all="ignore"):
        expected, tree = flatten(f(*deepcopy(args)))
    assert graph.output_tree == tree
    results = ops.evaluate(ops.check(graph), inputs)
    for got, wanted in zip(results, expected, strict=True):
        same(got, wanted)
    return graph


def same(got: Any, wanted: Any) -> None:
    """Equal up to a few roundings, with equal dtype and shape."""
    wanted = np.asarray(wanted)
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    exact = wanted.dtype.kind in "bi"
    tolerance = 0 if exact else 16 * np.finfo(wanted.dtype).eps
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)
