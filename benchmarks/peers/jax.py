"""JAX: jit of its transforms, in double precision, arguments on its device already.

It computes in the thread that calls: handing work to another one, as it does else, would cost
two switches of threads where there is one core.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.peers.base import Contestant, Namespace, reader, rows_and_columns
from benchmarks.workloads.base import Workload

XP = Namespace(jnp, scan=jax.lax.scan)


class Jax:
    """``jax.jit``; whoever calls waits for the answer."""

    title = "JAX jit"
    version = jax.__version__

    def __init__(self) -> None:
        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_cpu_enable_async_dispatch", False)

    def build(self, workload: Workload) -> Contestant:
        """Compiled at the first call."""
        function = _derivative(workload)
        if workload.batch is not None:
            function = jax.vmap(function)
        compiled = jax.jit(function)
        point = [jnp.asarray(x) for x in (*workload.point, *workload.seeds)]
        return Contestant(lambda: jax.block_until_ready(compiled(*point)), reader(workload))


def _derivative(workload: Workload) -> Callable[..., Any]:
    f = partial(workload.function, XP)
    match workload.operator:
        case "gradient":
            return jax.grad(f, workload.argnums)
        case "hessian":
            return jax.hessian(f)
        case "hvp":
            return lambda x, *rest: jax.jvp(
                lambda x: jax.grad(f)(x, *rest[:-1]), (x,), (rest[-1],)
            )[1]
    rows, columns = rows_and_columns(workload, jax.eval_shape(f, *workload.example))
    return (jax.jacfwd if columns <= rows else jax.jacrev)(f, workload.argnums)
