"""Which arrays hold the results of a job, from the answer at one of its points."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

from adglot.calls import Answer, Operator, Pattern
from adglot.ir import Graph


@dataclass(frozen=True, slots=True)
class Part:
    """One array of results, with a leading axis of points: its place, and the type of a point.

    `labels` says in the store what it is of; a sparse derivative has a `pattern`.
    """

    path: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    dimensions: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    pattern: Pattern | None = None

    @property
    def nbytes(self) -> int:
        """Of one point."""
        return int(self.dtype.itemsize * prod(self.shape))


@dataclass(frozen=True, slots=True)
class Label:
    """What an array is of: an output (`of`), an input, or an input for the second time."""

    kind: str
    name: str
    axes: int

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of its axes: all arrays of one input or output share them."""
        return tuple(f"{PREFIX[self.kind]}{self.name}_{k}" for k in range(self.axes))


PREFIX = {"of": "", "wrt": "d", "wrt2": "d2"}
"""Of dimensions: an axis of y, of a derivative by x, of one by x after another."""


def parts(operator: Operator, graph: Graph, answer: Answer) -> tuple[Part, ...]:
    """An array for each value and each derivative of an answer with a batch of points."""
    outputs = [_output(graph, i) for i in range(len(graph.outputs))]
    values = zip(outputs, answer.values, strict=False)
    return (
        *(_part("value", (label,), array, None) for label, array in values),
        *_derivatives(operator, graph, answer),
    )


def _derivatives(operator: Operator, graph: Graph, answer: Answer) -> Iterator[Part]:
    of = [_output(graph, i) for i in answer.report.of]
    wrt = [_input(graph, i) for i in answer.report.wrt]
    labels = _labels(operator, of, wrt)
    patterns = answer.patterns or (None,) * len(labels)
    for label, array, pattern in zip(labels, answer.derivatives, patterns, strict=True):
        yield _part(operator, label, array, pattern)


def _output(graph: Graph, i: int) -> Label:
    return Label("of", graph.output_names[i], graph.output_types[i].ndim)


def _input(graph: Graph, i: int) -> Label:
    return Label("wrt", graph.input_names[i], graph.inputs[i].ndim)


def _labels(
    operator: Operator, of: Sequence[Label], wrt: Sequence[Label]
) -> list[tuple[Label, ...]]:
    """What each derivative is of and by, in the order of ``operators.proto``."""
    match operator:
        case "evaluate":
            return []
        case "jvp":
            return [(one,) for one in of]
        case "vjp" | "gradient" | "hvp":
            return [(one,) for one in wrt]
        case "jacobian":
            return list(product(of, wrt))
        case "hessian":
            again = [Label("wrt2", one.name, one.axes) for one in wrt]
            return list(product(wrt, again))


def _part(
    what: str, labels: Sequence[Label], array: np.ndarray[Any, Any], pattern: Pattern | None
) -> Part:
    path = re.sub(r"[^\w.\[\]-]", "_", ".".join((what, *(one.name for one in labels))))
    names, shape = tuple((one.kind, one.name) for one in labels), array.shape[1:]
    if pattern is not None:
        dimensions = ("point", f"{path}.nonzero")
        return Part(f"{path}.data", array.dtype, shape, dimensions, names, pattern)
    axes = [axis for one in labels for axis in one.dimensions]
    return Part(path, array.dtype, shape, ("point", *axes), names)
