"""The program that answers the nonzeros of a sparse matrix: few passes, then one gather."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from adglot.calls import Array
from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder, Value, rules
from adglot_server.transforms.batch import repeat, spread
from adglot_server.transforms.operators import (
    Derived,
    Request,
    check,
    gradient_graph,
    ordered_jvp,
    ordered_vjp,
    over_points,
    restrict,
)
from adglot_server.transforms.sparse.colouring import count
from adglot_server.transforms.sparse.detect import hessian_pattern, jacobian_pattern
from adglot_server.transforms.sparse.plan import Plan, plan_hessian, plan_jacobian

Dtype = np.dtype[Any]

MOST_SEEDS = 1 << 20
"""Elements of seeds that are kept as a constant; more are made of their colours at every run."""


def derive(graph: Graph, request: Request) -> Derived:
    """The program of a sparse Jacobian or Hessian.

    Its outputs are the `of` outputs, then for each block of `operators.derive` the nonzeros, row
    by row. Raises InvalidArgument for complex numbers.
    """
    plan = plan_of(graph, request)
    program = _hessian if request.operator == "hessian" else _jacobian
    return over_points(program(restrict(graph, request.of), request, plan), request)


def plan_of(graph: Graph, request: Request) -> Plan:
    """Find the pattern of the request's matrix and colour it."""
    check(graph, request)
    _refuse_complex(graph, request)
    function = restrict(graph, request.of)
    sizes = [graph.inputs[i].size for i in request.wrt]
    if request.operator == "hessian":
        return plan_hessian(hessian_pattern(function, request.wrt), sizes)
    pattern = jacobian_pattern(function, request.wrt)
    rows = [type.size for type in function.output_types]
    return plan_jacobian(pattern, rows, sizes, request.mode)


def dtypes(graph: Graph, request: Request, plan: Plan) -> list[Dtype]:
    """Of every block, as it would be were it dense; `graph` has the request's outputs only."""
    inputs = [graph.inputs[i].dtype for i in request.wrt]
    if request.operator == "hessian":
        return [x for x in inputs for _ in inputs]
    pairs = [(y.dtype, x) for y in graph.output_types for x in inputs]
    if plan.mode == "mixed":
        return [np.result_type(*pair) for pair in pairs]
    return [y if plan.mode == "forward" else x for y, x in pairs]


def _refuse_complex(graph: Graph, request: Request) -> None:
    inputs = [("wrt", k, graph.inputs[i]) for k, i in enumerate(request.wrt)]
    outputs = [("of", k, graph.output_types[i]) for k, i in enumerate(request.of)]
    faults = [
        Violation(f"{field}[{k}]", f"is {type!r}: sparse matrices are of real numbers")
        for field, k, type in (*inputs, *outputs)
        if type.is_complex
    ]
    if faults:
        raise InvalidArgument(faults)


def _jacobian(graph: Graph, request: Request, plan: Plan) -> Derived:
    with Builder() as builder:
        xs = [builder.input(type) for type in graph.inputs]
        inputs = [graph.inputs[i] for i in request.wrt]
        ys: Sequence[Value] = ()
        results: list[Value] = []
        if count(plan.columns):
            program = ordered_jvp(graph, request.wrt)
            moving = seeds(inputs, plan.columns)
            ys, moved = _passes(builder, program, xs, moving, len(graph.outputs))
            results += moved
        if count(plan.rows):
            program = ordered_vjp(graph, request.wrt)
            moving = seeds(graph.output_types, plan.rows)
            ys, moved = _passes(builder, program, xs, moving, len(graph.outputs))
            results += moved
        blocks = _gathered(builder, results, plan, dtypes(graph, request, plan))
        ys = ys or builder.inline(graph, xs)
        program = builder.build(xs, [*ys, *blocks], name=f"sparse_jacobian_{graph.name}")
        return _derived(program, len(ys), plan)


def _hessian(graph: Graph, request: Request, plan: Plan) -> Derived:
    with Builder() as builder:
        xs = [builder.input(type) for type in graph.inputs]
        inputs = [graph.inputs[i] for i in request.wrt]
        if plan.colours:
            program = ordered_jvp(gradient_graph(graph, request.wrt), request.wrt)
            moving = seeds(inputs, plan.columns)
            (y, *_), (_, *results) = _passes(builder, program, xs, moving, 1 + len(inputs))
        else:
            (y,), results = builder.inline(graph, xs), []
        blocks = _gathered(builder, results, plan, dtypes(graph, request, plan))
        program = builder.build(xs, [y, *blocks], name=f"sparse_hessian_{graph.name}")
        return _derived(program, 1, plan)


def _derived(program: Graph, values: int, plan: Plan) -> Derived:
    return Derived(program, values, plan.mode, plan.colours, plan.patterns, plan.colours)


# ------------------------------------------------------------------ passes


@dataclass(frozen=True, slots=True)
class Seeds:
    """The sums of unit vectors of one colour: for each type an array [colours, *shape] of 0, 1."""

    type: Type
    colours: Array
    count: int

    def array(self) -> Array:
        """As an array."""
        unit: Array = np.arange(self.count)[:, None] == self.colours
        return unit.astype(self.type.dtype).reshape(self.count, *self.type.shape)

    def value(self, builder: Builder) -> Value:
        """As a value of a graph: a constant, or made of the colours where that would be large."""
        if self.count * self.type.size <= MOST_SEEDS:
            return builder.constant(self.array())
        ramp = builder.emit(TABLE["iota"], (), {"size": self.count, "dtype": "int64"})[0]
        colours = builder.constant(self.colours)
        unit = TABLE["equal"](rules.reshape(ramp, (self.count, 1)), colours)
        return rules.reshape(rules.convert(unit, self.type.dtype), (self.count, *self.type.shape))


def seeds(types: Sequence[Type], colours: Array) -> list[Seeds]:
    """Seeds of passes by colours of all elements of these types."""
    ends = list(accumulate(type.size for type in types))
    parts = np.split(colours, ends[:-1])
    return [Seeds(type, part, count(colours)) for type, part in zip(types, parts, strict=True)]


def _passes(
    builder: Builder, program: Graph, xs: Sequence[Value], moving: Sequence[Seeds], values: int
) -> tuple[list[Value], list[Value]]:
    """The program's first outputs, its values, and [colours, *shape] of the others."""
    size = moving[0].count
    inputs = [*xs, *(part.value(builder) for part in moving)]
    flags = [i >= len(xs) for i in range(len(inputs))]
    outputs, on = spread(builder, program, inputs, flags, size)
    moved = [y if b else repeat(y, size) for y, b in zip(outputs, on, strict=True)]
    return outputs[:values], moved[values:]


def _gathered(
    builder: Builder, results: Sequence[Value], plan: Plan, dtypes: Sequence[Dtype]
) -> list[Value]:
    """The nonzeros of every block."""
    flat = [rules.reshape(x, (x.size,)) for x in results if x.size]
    if not flat:
        return [builder.constant(np.zeros(0, dtype)) for dtype in dtypes]
    whole = TABLE["concat"](*flat, axis=0) if len(flat) > 1 else flat[0]
    return [
        rules.convert(_picked(whole, positions), dtype)
        for positions, dtype in zip(plan.positions, dtypes, strict=True)
    ]


def _picked(whole: Value, positions: Array) -> Value:
    if np.array_equal(positions, np.arange(whole.size)):
        return whole
    return TABLE["take"](whole, positions, axis=0)
