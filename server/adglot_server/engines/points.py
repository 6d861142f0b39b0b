"""A request at one point, and at every point of a batch: for engines that loop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adglot.errors import AdglotError
from adglot.ir import Graph, Type
from adglot_server.engines.base import Array, Execute, Request
from adglot_server.executors.batches import at_point
from adglot_server.executors.control import Control
from adglot_server.transforms.operators import check, jacobian_mode, refuse_complex, restrict

TO_INPUTS = ("vjp", "gradient", "hvp")
"""Operators whose derivatives are as their inputs."""


def refuse(graph: Graph, request: Request) -> None:
    """InvalidArgument for a request that has no answer, as the native engine refuses it."""
    check(graph, request)
    if request.operator == "jacobian":
        columns = sum(graph.inputs[i].size for i in request.wrt)
        rows = sum(graph.output_types[k].size for k in request.of)
        jacobian_mode(restrict(graph, request.of), request, columns, rows)
    if request.operator == "hessian":
        refuse_complex(graph, request)


def result_types(graph: Graph, request: Request) -> list[Type]:
    """Of values and derivatives at one point, laid out as `transforms.operators.derive` says."""
    xs = [graph.inputs[i] for i in request.wrt] if request.operator != "evaluate" else []
    ys = [graph.output_types[k] for k in request.of]
    rows, columns = {"jacobian": (ys, xs), "hessian": (xs, xs)}.get(request.operator, ([], []))
    lead = () if request.seeds is None else (request.seeds,)
    return [
        *ys,
        *(a.with_shape((*a.shape, *b.shape)) for a in rows for b in columns),
        *(y.with_shape((*lead, *y.shape)) for y in ys if request.operator == "jvp"),
        *(x.with_shape((*lead, *x.shape)) for x in xs if request.operator in TO_INPUTS),
    ]


def at_each(one: Execute, types: Sequence[Type], batch: int | None) -> Execute:
    """What runs `one`, with results of these types, at each of so many points, if any number."""
    if batch is None:
        return one

    def located(b: int, inputs: list[Array], control: Control) -> list[Array]:
        try:
            return one(inputs, control)
        except AdglotError as error:
            raise at_point(error, b) from error

    def execute(inputs: Sequence[Array], control: Control) -> list[Array]:
        if batch == 0:
            return [np.zeros((0, *type.shape), type.dtype) for type in types]
        results = [located(b, [x[b, ...] for x in inputs], control) for b in range(batch)]
        return [np.stack(parts) for parts in zip(*results, strict=True)]

    return execute
