"""`make_vjp` and `make_jvp` with adglot's traces, transforms and service.

At the top a function is traced and sent to the embedded service. Inside of another trace
(check_grads differentiates its own derivatives) the derivative program is inlined there instead,
and what the function closes over becomes inputs of its graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

import adglot
from adglot.ir import Graph, Tree, Type, flatten, unflatten
from adglot.tracing import stack
from adglot.tracing.trace import trace_closed
from adglot_server.transforms.operators import Request, derive

from .tracer import isbox

Function = Callable[[Any], Any]


def make_vjp(fun: Function, x: Any) -> tuple[Function, Any]:
    """A function of cotangents, in autograd's convention for complex numbers, and ``fun(x)``."""
    recorded = Recorded.of(fun, x)

    def vjp(g: Any) -> Any:
        cts = recorded.seeds(g, recorded.graph.output_types)
        return unflatten(recorded.tree, [_conj(dx) for dx in recorded.vjp([_conj(c) for c in cts])])

    return vjp, unflatten(recorded.graph.output_tree, recorded.evaluate())


def make_jvp(fun: Function, x: Any) -> Function:
    """A function of tangents that gives ``fun(x)`` and its tangent."""
    recorded = Recorded.of(fun, x)

    def jvp(g: Any) -> tuple[Any, Any]:
        ys, dys = recorded.jvp(recorded.seeds(g, recorded.graph.inputs))
        tree = recorded.graph.output_tree
        return unflatten(tree, ys), unflatten(tree, dys)

    return jvp


@dataclass(frozen=True, eq=False)
class Recorded:
    """A function's graph, and the point: the leaves of `x`, then the outer values it uses."""

    graph: Graph
    tree: Any
    leaves: list[Any]
    captured: tuple[Any, ...]

    @classmethod
    def of(cls, fun: Function, x: Any) -> Recorded:
        closed = trace_closed(fun, (x,))
        leaves, tree = flatten(x)
        return cls(closed.graph, tree, leaves, closed.captured)

    @property
    def wrt(self) -> tuple[int, ...]:
        """The leaves that have derivatives."""
        types = self.graph.inputs[: len(self.leaves)]
        return tuple(i for i, type in enumerate(types) if type.is_differentiable)

    @property
    def of_outputs(self) -> tuple[int, ...]:
        return tuple(i for i, t in enumerate(self.graph.output_types) if t.is_differentiable)

    def seeds(self, g: Any, types: Sequence[Type]) -> list[Any]:
        """The leaves of `g` with the dtypes of what they are seeds of."""
        return [_cast(leaf, type) for leaf, type in zip(flatten(g)[0], types, strict=False)]

    def evaluate(self) -> list[Any]:
        return self._run(self.graph, [])

    def vjp(self, cotangents: Sequence[Any]) -> list[Any]:
        """One cotangent a leaf, None where it has no derivative."""
        of = self.of_outputs
        if not of or not self.wrt:
            return [np.zeros(t.shape, t.dtype)[()] for t in self.graph.inputs[: len(self.leaves)]]
        outputs = self._derivative("vjp", [cotangents[i] for i in of])
        found = dict(zip(self.wrt, outputs[len(of) :], strict=True))
        return [found.get(i) for i in range(len(self.leaves))]

    def jvp(self, tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Outputs and their tangents, None where there is none."""
        of = self.of_outputs
        outputs = self._derivative("jvp", [tangents[i] for i in self.wrt])
        found = dict(zip(of, outputs[len(of) :], strict=True))
        dys = [found.get(i) for i in range(len(self.graph.outputs))]
        return outputs[: len(of)] if all(dy is not None for dy in dys) else self.evaluate(), dys

    def _derivative(self, operator: str, seeds: Sequence[Any]) -> list[Any]:
        request = Request(operator, wrt=self.wrt, of=self.of_outputs)
        return self._run(derive(self.graph, request).graph, seeds)

    def _run(self, program: Graph, seeds: Sequence[Any]) -> list[Any]:
        """Inline the program where a trace is running, else let the service run it."""
        inputs = [*self.leaves, *self.captured, *seeds]
        trace = stack.current()
        if trace is not None and any(map(isbox, inputs)):
            lifted = trace.lift([x if isbox(x) else _number(x) for x in inputs])
            return list(trace.inline(program, lifted))
        return flatten(_client().evaluate(_flat(program), *inputs))[0]


def _flat(program: Graph) -> Graph:
    """The program without the nesting of its arguments and results."""
    ins = Tree("tuple", (Tree(),) * len(program.inputs))
    outs = Tree("tuple", (Tree(),) * len(program.outputs))
    return replace(program, input_tree=ins, output_tree=outs)


@cache
def _client() -> adglot.Client:
    return adglot.connect()


def _conj(x: Any) -> Any:
    return np.conj(x) if x is not None and x.dtype.kind == "c" else x


def _number(x: Any) -> Any:
    return np.asarray(x)


def _cast(g: Any, type: Type) -> Any:
    """A seed of this type: weak Python numbers, and real parts of seeds of real values."""
    if not isbox(g):
        g = np.asarray(g)
    if g.dtype.kind == "c" and not type.is_complex:
        g = np.real(g)
    return g if g.dtype == type.dtype else g.astype(type.dtype)
