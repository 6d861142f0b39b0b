"""Run an operator of a graph with the two modes of HIPS autograd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.builtins import tuple as traced_tuple
from autograd.core import make_jvp, make_vjp

from adglot.ir import Graph, Type
from adglot_server.engines.autograd.lacks import REVERSE_ONLY
from adglot_server.engines.autograd.table import LANGUAGE, cast
from adglot_server.engines.base import Array, Prepared, Request
from adglot_server.engines.composed import Calculus, Composed, Function, Values
from adglot_server.engines.exclusive import Exclusive
from adglot_server.engines.packages import running
from adglot_server.engines.walk import PointCheck, Walk, all_types, nodes
from adglot_server.executors.control import Control

TRACES = Exclusive()
"""autograd counts its traces for the whole process: one thread at a time."""


def prepare(graph: Graph, request: Request) -> Prepared:
    """Make the walk; autograd runs it eagerly."""
    forward = _has_forward_mode(graph)
    plan = Composed(graph, request, forward=forward)
    function = Walk(graph, LANGUAGE)
    check = PointCheck(graph, request)
    calculus = FORWARD if forward else REVERSE

    def execute(inputs: Sequence[Array], control: Control) -> list[Array]:
        if (empty := plan.without_points()) is not None:
            return empty
        check(inputs, control)
        with running("autograd", control), TRACES.held(control), np.errstate(all="ignore"):
            return [np.array(x) for x in plan.run(function, calculus, list(inputs))]

    return plan.prepared(execute, "autograd")


def _has_forward_mode(graph: Graph) -> bool:
    """Whether every op has a rule for it; astype to a narrower dtype, in mixed graphs, has none."""
    precisions = {np.finfo(t.dtype).eps for t in all_types(graph) if t.is_differentiable}
    known = not any(node.op in REVERSE_ONLY for node, _ in nodes(graph))
    return known and len(precisions) < 2


# ------------------------------------------------------------------ calculus


def _boxed(f: Function) -> Any:
    """f on boxed tuples; the first input comes back too, as autograd warns of constants."""
    return lambda xs: traced_tuple([*f([xs[k] for k in range(len(xs))]), xs[0]])


def _pull(f: Function, x: Values) -> tuple[Values, Function]:
    """autograd's pullback is the transpose: the adjoint is that of conjugates, conjugated."""
    back, y = make_vjp(_boxed(f), traced_tuple(x))

    def pull(cts: Values) -> Values:
        dx = back(traced_tuple([*map(anp.conj, cts), np.zeros(x[0].shape, x[0].dtype)]))
        return [cast(anp.conj(dx[k]), a.dtype) for k, a in enumerate(x)]

    return [y[k] for k in range(len(y) - 1)], pull


def _push(f: Function, x: Values, v: Values) -> tuple[Values, Values]:
    y, dy = make_jvp(_boxed(f), traced_tuple(x))(traced_tuple(v))
    outputs = [y[k] for k in range(len(y) - 1)]
    return outputs, [cast(dy[k], a.dtype) for k, a in enumerate(outputs)]


def _one_by_one(f: Function, xs: Values) -> Values:
    results = [f([x[k] for x in xs]) for k in range(len(xs[0]))]
    return [np.stack(parts) for parts in zip(*results, strict=True)]


def _basis(type: Type) -> Array:
    return np.eye(type.size, dtype=type.dtype).reshape((type.size, *type.shape))


FORWARD, REVERSE = (
    Calculus(
        pull=_pull,
        push=push,
        over=_one_by_one,
        ones_like=anp.ones_like,
        zeros=lambda type: np.zeros(type.shape, type.dtype),
        basis=_basis,
        last=lambda a: np.moveaxis(a, 0, -1),
    )
    for push in (_push, None)
)
