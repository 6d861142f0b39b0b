"""Build a graph from a call of a composite, evaluate it, and compare it with NumPy's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from adglot import ops
from adglot.ir import Graph, Type
from adglot.ops import Builder, Value
from adglot.ops.composites import ALIASES, COMPOSITES


def numpy_function(name: str) -> Callable[..., Any]:
    """The function of NumPy (or SciPy) behind a dotted name."""
    import scipy

    root: Any = scipy if name.startswith("special.") else np
    for part in name.split("."):
        root = getattr(root, part)
    return root


def composite_function(name: str) -> Callable[..., Any]:
    """Ours of that name."""
    return COMPOSITES.get(name) or ops.TABLE[ALIASES[name]]


def build(function: Callable[..., Any], args: Sequence[Any]) -> tuple[Graph, list[Any], Any]:
    """The graph of ``function(*args)`` with every array among the arguments traced.

    Returns the graph, the arrays that are its inputs, and the structure of the result.
    """
    builder = Builder()
    inputs: list[Value] = []
    arrays: list[Any] = []

    def traced(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            arrays.append(x)
            inputs.append(builder.input(Type.of(x)))
            return inputs[-1]
        return type(x)(map(traced, x)) if type(x) in (list, tuple) else x

    result = function(*map(traced, args))
    return builder.build(inputs, list(value_leaves(result))), arrays, result


def value_leaves(result: Any) -> Iterator[Value]:
    if isinstance(result, Value):
        yield result
    elif isinstance(result, list | tuple):
        for part in result:
            yield from value_leaves(part)


def run(function: Callable[..., Any], *args: Any) -> list[Any]:
    """The outputs of ``function(*args)``, traced and evaluated."""
    graph, arrays, _ = build(function, args)
    return ops.evaluate(ops.check(graph), arrays)


def array_leaves(result: Any) -> list[Any]:
    if isinstance(result, list | tuple):
        return [leaf for part in result for leaf in array_leaves(part)]
    return [np.asarray(result)]


TOLERANCE = {"float32": 2e-6, "complex64": 4e-6, "float64": 1e-13, "complex128": 1e-13}


def assert_same(got: Sequence[Any], expected: Any, slack: float = 1.0) -> None:
    """Equal dtypes and shapes, and values to a few ulp of the greatest."""
    wanted = array_leaves(expected)
    assert len(got) == len(wanted)
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        if theirs.dtype.kind not in "fc":
            np.testing.assert_array_equal(ours, theirs)
            continue
        tolerance = TOLERANCE[theirs.dtype.name] * slack
        finite = np.abs(theirs[np.isfinite(theirs)])
        scale = float(finite.max()) if finite.size else 0.0
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * scale)
