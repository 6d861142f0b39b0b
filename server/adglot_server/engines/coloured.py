"""Sparse answers of an engine that has no sparse mode: its own jvp, vjp or hvp, by coloured seeds.

What `AutoSparse` is to DifferentiationInterface.jl: pattern and colours are ours, every number is
the engine's. The pattern follows our derivative rules, and a rule that forgets a dependence
forgets it here too: so what the engine finds where the pattern has nothing is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from adglot.calls import Operator
from adglot.errors import InternalError, Unsupported
from adglot.ir import Graph
from adglot_server.engines.base import Array, Control, Engine, Prepared, Request
from adglot_server.transforms.operators import restrict
from adglot_server.transforms.sparse.colouring import count
from adglot_server.transforms.sparse.compress import dtypes, plan_of, seeds
from adglot_server.transforms.sparse.plan import Plan

STRAY = 1e-6
"""What may be found outside of the pattern, relative to the largest number within: rounding."""


def prepare(engine: Engine, graph: Graph, request: Request) -> Prepared:
    """The nonzeros as `compress.derive` lays them out, by passes of the engine.

    Raises Unsupported where the engine lacks these passes.
    """
    request = _possible(engine, request)
    plan = plan_of(graph, request)
    passes = _passes(engine, graph, request, plan)
    if request.mode == "auto" and "forward" in _pulled(passes):
        return prepare(engine, graph, replace(request, mode="forward"))
    parts = [part.prepared for part in passes]
    return replace(
        parts[-1],
        execute=_Sparse(graph, request, plan, passes).execute,
        mode=plan.mode if plan.colours else "none",
        passes=sum(part.passes for part in parts),
        program_ops=sum(part.program_ops for part in parts),
        peak_bytes=sum(part.peak_bytes for part in parts),
        patterns=plan.patterns,
        colours=plan.colours,
        program=None,
    )


def _possible(engine: Engine, request: Request) -> Request:
    """In the one direction that the engine has, where any would do."""
    if request.operator == "jacobian" and request.mode == "auto":
        operators = engine.info().operators
        if "vjp" not in operators:
            return replace(request, mode="forward")
        if "jvp" not in operators:
            return replace(request, mode="reverse")
    return request


@dataclass(frozen=True, slots=True)
class _Pass:
    """An operator of the engine, and its seeds."""

    operator: Operator
    prepared: Prepared
    seeds: list[Array]


def _passes(engine: Engine, graph: Graph, request: Request, plan: Plan) -> list[_Pass]:
    inputs = [graph.inputs[i] for i in request.wrt]
    outputs = [graph.output_types[i] for i in request.of]
    over: Operator = "hvp" if request.operator == "hessian" else "jvp"
    passes = []
    if columns := count(plan.columns):
        tangents = [part.array() for part in seeds(inputs, plan.columns)]
        passes.append(_Pass(over, _prepare(engine, graph, request, over, columns), tangents))
    if rows := count(plan.rows):
        cotangents = [part.array() for part in seeds(outputs, plan.rows)]
        passes.append(_Pass("vjp", _prepare(engine, graph, request, "vjp", rows), cotangents))
    if not passes:
        passes.append(_Pass("evaluate", _prepare(engine, graph, request, "evaluate", None), []))
    return passes


def _prepare(
    engine: Engine, graph: Graph, request: Request, operator: Operator, seeds: int | None
) -> Prepared:
    if operator not in engine.info().operators:
        what = f"a sparse {request.operator} takes its {operator}"
        raise Unsupported(f"{engine.name} has no operator {operator}: {what}")
    return engine.prepare(
        graph, Request(operator, request.wrt, request.of, seeds=seeds, batch=request.batch)
    )


def _pulled(passes: Sequence[_Pass]) -> list[str]:
    """How pullbacks run: engines that have none make them of columns, which costs too much."""
    return [part.prepared.mode for part in passes if part.operator == "vjp"]


class _Sparse:
    """Runs the passes, then picks the nonzeros."""

    def __init__(self, graph: Graph, request: Request, plan: Plan, passes: Sequence[_Pass]) -> None:
        self._plan, self._passes = plan, passes
        self._lead = () if request.batch is None else (request.batch,)
        self._dtypes = dtypes(restrict(graph, request.of), request, plan)

    def execute(self, inputs: Sequence[Array], control: Control) -> list[Array]:
        values: Sequence[Array] = ()
        found: list[Array] = []
        errors: list[Array] = []
        for part in self._passes:
            lined = [np.broadcast_to(seed, (*self._lead, *seed.shape)) for seed in part.seeds]
            results = part.prepared.run([*inputs, *lined], control)
            values, derivatives, estimates = part.prepared.split(results)
            found += derivatives
            errors += estimates
        if not errors:
            return [*values, *self._picked(self._checked(self._flat(found)))]
        return [*values, *self._picked(self._flat(found)), *self._picked(self._flat(errors))]

    def _flat(self, results: Sequence[Array]) -> Array:
        parts = [x.reshape(*self._lead, math.prod(x.shape[len(self._lead) :])) for x in results]
        return np.concatenate(parts or [np.zeros((*self._lead, 0))], axis=-1)

    def _picked(self, whole: Array) -> list[Array]:
        pairs = zip(self._plan.positions, self._dtypes, strict=True)
        return [whole[..., positions].astype(dtype) for positions, dtype in pairs]

    def _checked(self, whole: Array) -> Array:
        """The results, if they are zero wherever the pattern says so."""
        outside = np.ones(whole.shape[-1], bool)
        outside[self._plan.reached] = False
        stray = np.max(abs(whole[..., outside]), initial=0.0)
        if stray > STRAY * np.max(abs(whole), initial=0.0):
            raise InternalError(f"the sparsity pattern lacks a derivative of size {stray}")
        return whole
