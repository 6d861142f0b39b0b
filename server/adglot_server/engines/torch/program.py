"""Run an operator of a graph with torch.func, on the CPU."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import func

from adglot.ir import Graph, Type
from adglot_server.engines.base import Array, Prepared, Request
from adglot_server.engines.composed import Calculus, Composed, Function, Values
from adglot_server.engines.exclusive import Exclusive
from adglot_server.engines.packages import running
from adglot_server.engines.torch.table import DTYPES, LANGUAGE, constant
from adglot_server.engines.walk import PointCheck, Walk, nodes
from adglot_server.executors.control import Control

ALONE = frozenset(
    ["cond", "while_loop", "dynamic_slice", "dynamic_update_slice", "scatter", "special.log_ndtr"]
)
"""Ops that look at values, or that torch.vmap has no rule for: points and seeds go one by one."""

FORWARD_MODE = Exclusive()
"""torch.func.jvp counts its nesting for the whole process: one thread at a time."""


def prepare(graph: Graph, request: Request) -> Prepared:
    """Make the walk; PyTorch runs it eagerly."""
    plan = Composed(graph, request, forward=True)
    function = Walk(graph, LANGUAGE)
    check = PointCheck(graph, request)
    alone = any(node.op in ALONE for node, _ in nodes(graph))
    calculus = _calculus(_one_by_one if alone else _mapped)
    lock = FORWARD_MODE if "forward" in plan.mode else None
    if lock:
        with lock.held():
            _load_forward_mode()

    def execute(inputs: Sequence[Array], control: Control) -> list[Array]:
        if (empty := plan.without_points()) is not None:
            return empty
        check(inputs, control)
        with running("torch", control), lock.held(control) if lock else nullcontext():
            results = plan.run(function, calculus, list(map(constant, inputs)))
            return [_array(x) for x in results]

    return plan.prepared(execute, "torch")


@cache
def _load_forward_mode() -> None:
    """The first pushforward makes PyTorch compile formulas, and warn that it may not do so again.

    Who makes errors of warnings would lose every answer for that.
    """
    zero = torch.zeros(())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".torch.jit.script.", DeprecationWarning)
        func.jvp(torch.sin, (zero,), (zero,))


def _array(x: Any) -> Array:
    return np.array(x.numpy(force=True))


# ------------------------------------------------------------------ calculus


def _push(f: Function, x: Values, v: Values) -> tuple[Values, Values]:
    y, dy = func.jvp(lambda *xs: tuple(f(list(xs))), tuple(x), tuple(v))
    return list(y), list(dy)


def _pull(f: Function, x: Values) -> tuple[Values, Function]:
    y, pull = func.vjp(lambda *xs: tuple(f(list(xs))), *x)
    return list(y), lambda cts: list(pull(tuple(cts)))


def _mapped(f: Function, xs: Values) -> Values:
    return list(func.vmap(lambda *slices: tuple(f(list(slices))))(*xs))


def _one_by_one(f: Function, xs: Values) -> Values:
    results = [f([x[k] for x in xs]) for k in range(len(xs[0]))]
    return [torch.stack(parts) for parts in zip(*results, strict=True)]


def _basis(type: Type) -> Any:
    unit = torch.eye(type.size, dtype=DTYPES[type.dtype.name])
    return unit.reshape((type.size, *type.shape))


def _calculus(over: Callable[[Function, Values], Values]) -> Calculus:
    return Calculus(
        pull=_pull,
        push=_push,
        over=over,
        ones_like=torch.ones_like,
        zeros=lambda type: torch.zeros(type.shape, dtype=DTYPES[type.dtype.name]),
        basis=_basis,
        last=lambda a: torch.movedim(a, 0, -1),
    )
