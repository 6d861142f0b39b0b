"""The engine `jax`: XLA's functions, differentiated by JAX and compiled when prepared."""

from __future__ import annotations

from adglot.calls import OPERATORS, EngineInfo
from adglot.ir import Graph
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.jax.lacks import LACKS
from adglot_server.engines.packages import Package

PACKAGE = Package("jax", "jax", LACKS)


class JaxEngine:
    """Every operator by jax.jvp, jax.vjp and jax.vmap, in 64 bits on the CPU.

    JAX's settings in this process are left alone. A run is one compiled call, which a deadline or
    a cancellation ends before or after it, not within.
    """

    name = "jax"

    def info(self) -> EngineInfo:
        """Available where JAX is installed; it is not imported to find out."""
        return PACKAGE.info(OPERATORS)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Trace, differentiate and compile."""
        PACKAGE.require()
        from adglot_server.engines.jax.program import prepare

        return prepare(graph, request)
