"""Compile an operator of a graph with JAX's own transforms, in double precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from adglot.ir import Graph, Type
from adglot_server.engines.base import Array, Prepared, Request
from adglot_server.engines.composed import Calculus, Composed, Function, Values
from adglot_server.engines.jax.lacks import SILENT
from adglot_server.engines.jax.table import FORWARD, REVERSE
from adglot_server.engines.packages import giving_up
from adglot_server.engines.walk import PointCheck, Walk
from adglot_server.executors.control import Control


@contextmanager
def in_double() -> Iterator[None]:
    """64-bit types on the processor, for this thread and block only."""
    with ExitStack() as stack:
        stack.enter_context(jax.enable_x64(True))
        stack.enter_context(jax.default_device(jax.local_devices(backend="cpu")[0]))
        yield


def prepare(graph: Graph, request: Request) -> Prepared:
    """Trace, differentiate and compile; JAX compiles once, for these shapes."""
    plan = Composed(graph, request, forward=True)
    check = PointCheck(graph, request, indexing=SILENT)
    with in_double():
        compiled = None if plan.without_points() is not None else _compiled(plan)

    def execute(inputs: Sequence[Array], control: Control) -> list[Array]:
        if compiled is None:
            return plan.without_points() or []
        check(inputs, control)
        control.check()
        with jax.enable_x64(True), giving_up("jax"):
            return [np.array(a) for a in compiled(*inputs)]

    return plan.prepared(execute, "xla")


def _compiled(plan: Composed) -> Any:
    function = Walk(plan.graph, REVERSE if "reverse" in plan.mode else FORWARD)
    types = [jax.ShapeDtypeStruct(t.shape, t.dtype) for t in plan.argument_types()]
    program = jax.jit(lambda *inputs: plan.run(function, CALCULUS, list(inputs)))
    with giving_up("jax"):
        return program.lower(*types).compile()


# ------------------------------------------------------------------ calculus


def _push(f: Function, x: Values, v: Values) -> tuple[Values, Values]:
    y, dy = jax.jvp(lambda *xs: f(list(xs)), tuple(x), tuple(v))
    return y, dy


def _pull(f: Function, x: Values) -> tuple[Values, Function]:
    """JAX's pullback is the transpose: the adjoint is that of conjugates, conjugated."""
    y, pull = jax.vjp(lambda *xs: f(list(xs)), *x)
    return y, lambda cts: [jnp.conj(dx) for dx in pull([jnp.conj(ct) for ct in cts])]


def _over(f: Function, xs: Values) -> Values:
    return list(jax.vmap(lambda *slices: f(list(slices)))(*xs))


def _basis(type: Type) -> Any:
    return jnp.eye(type.size, dtype=type.dtype).reshape((type.size, *type.shape))


CALCULUS = Calculus(
    pull=_pull,
    push=_push,
    over=_over,
    ones_like=jnp.ones_like,
    zeros=lambda type: jnp.zeros(type.shape, type.dtype),
    basis=_basis,
    last=lambda a: jnp.moveaxis(a, 0, -1),
)
