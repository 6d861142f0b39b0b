"""The derivative operators: from a graph and a request to the graph that answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from adglot.calls import Mode, Pattern
from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder, Value, rules
from adglot.ops.indexing import move_axis
from adglot_server.transforms.batch import batch, repeat, spread
from adglot_server.transforms.jvp import jvp
from adglot_server.transforms.transpose import gradient, vjp

ANY = -1
"""Any number of points."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a graph.

    - `wrt`: indices of the inputs to differentiate; `of`: indices of the outputs.
    - `seeds`: K when tangents (jvp, hvp) or cotangents (vjp) come with a leading axis of K.
    - `batch`: B when all values and seeds come with a leading axis of B points (before K);
      `ANY` for programs that take any number of points.
    - `shared`: indices of the inputs that have no such axis, and hold for all points; with `ANY`.
    - `sparse`: nonzeros of the matrices only (jacobian, hessian); mode "mixed" is for these.
    - `values`: indices of the outputs whose values are wanted; None for those of `of`.
    """

    operator: str
    wrt: tuple[int, ...] = (0,)
    of: tuple[int, ...] = (0,)
    mode: Mode = "auto"
    seeds: int | None = None
    batch: int | None = None
    sparse: bool = False
    shared: tuple[int, ...] = ()
    values: tuple[int, ...] | None = None

    @property
    def points(self) -> int:
        """How many points it is asked at."""
        return 1 if self.batch is None else self.batch


@dataclass(frozen=True, slots=True)
class Derived:
    """A derivative program: inputs are the graph's and the seeds', outputs y and derivatives.

    `values` says how many of the outputs are y; `passes` how many pushforwards or pullbacks run.
    Sparse derivatives [nonzeros] have a pattern each, and took so many colours.
    """

    graph: Graph
    values: int
    mode: str
    passes: int
    patterns: tuple[Pattern, ...] = ()
    colours: int = 0


def derive(graph: Graph, request: Request) -> Derived:
    """The program of one operator.

    After the inputs of the graph come the seeds: a tangent for each `wrt` input (jvp, hvp), a
    cotangent for each `of` output (vjp). After the `of` outputs come the derivatives: one an
    output (jvp), one an input (vjp, gradient, hvp), output by input (jacobian), input by input
    (hessian), with shape(output) + shape(input). Sparse requests: `sparse.compress.derive`.
    """
    if request.operator not in OPERATORS:
        known = ", ".join(OPERATORS)
        raise InvalidArgument(
            Violation("operator", f"unknown operator {request.operator!r}; there are {known}")
        )
    check(graph, request)
    return over_points(OPERATORS[request.operator](restrict(graph, request.of), request), request)


def over_points(derived: Derived, request: Request) -> Derived:
    """The program over the leading axis of points, where the request has one."""
    if request.batch is None:
        return derived
    everything = [True] * len(derived.graph.inputs)
    outputs = [True] * len(derived.graph.outputs)
    return replace(derived, graph=batch(derived.graph, everything, request.batch, outputs)[0])


def with_values(
    derived: Derived, graph: Graph, values: Sequence[int], of: Sequence[int]
) -> Derived:
    """A program of these outputs `of` of a graph with `values` instead of theirs."""
    if tuple(values) == tuple(of):
        return derived
    with Builder() as builder:
        inputs = [builder.input(type) for type in derived.graph.inputs]
        outputs = builder.inline(derived.graph, inputs)
        known = dict(zip(of, outputs, strict=False))
        others = [i for i in values if i not in known]
        if others:
            xs = inputs[: len(graph.inputs)]
            known.update(zip(others, builder.inline(restrict(graph, others), xs), strict=True))
        ys, derivatives = [known[i] for i in values], outputs[derived.values :]
        program = builder.build(inputs, [*ys, *derivatives], name=derived.graph.name)
        return replace(derived, graph=program, values=len(ys))


def check(graph: Graph, request: Request) -> None:
    """Refuse a request that the graph has no answer to; fields are those of `Request`."""
    faults = _index_faults("of", request.of, len(graph.outputs))
    if request.operator != "evaluate":
        faults += _index_faults("wrt", request.wrt, len(graph.inputs))
    if faults:
        raise InvalidArgument(faults)
    if request.operator != "evaluate":
        faults += _differentiable_faults(graph, request)
    if request.operator in ("gradient", "hessian", "hvp"):
        faults += _scalar_faults(graph, request)
    if faults:
        raise InvalidArgument(faults)


def _index_faults(field: str, indices: Sequence[int], count: int) -> list[Violation]:
    kind = "input" if field == "wrt" else "output"
    faults = [
        Violation(f"{field}[{k}]", f"there is no {kind} {i}, the graph has {count}")
        for k, i in enumerate(indices)
        if not 0 <= i < count
    ]
    if len(set(indices)) != len(indices):
        faults.append(Violation(field, f"an {kind} stands twice in {list(indices)}"))
    return faults or ([] if indices else [Violation(field, f"needs at least one {kind}")])


def _differentiable_faults(graph: Graph, request: Request) -> list[Violation]:
    named = [
        *(("wrt", k, graph.input_names[i], graph.inputs[i]) for k, i in enumerate(request.wrt)),
        *(
            ("of", k, graph.output_names[i], graph.output_types[i])
            for k, i in enumerate(request.of)
        ),
    ]
    return [
        Violation(f"{field}[{k}]", f"{name} is {type!r}: derivatives need float or complex")
        for field, k, name, type in named
        if not type.is_differentiable
    ]


def _scalar_faults(graph: Graph, request: Request) -> list[Violation]:
    types = [graph.output_types[i] for i in request.of]
    if len(types) == 1 and types[0].shape == () and not types[0].is_complex:
        return []
    return [
        Violation(
            "of", f"{request.operator} needs one real scalar output, got {types}; use jacobian"
        )
    ]


def restrict(graph: Graph, of: Sequence[int]) -> Graph:
    """The graph with only these outputs."""
    if tuple(of) == tuple(range(len(graph.outputs))):
        return graph
    with Builder() as builder:
        inputs = [builder.input(type) for type in graph.inputs]
        outputs = builder.inline(graph, inputs)
        return builder.build(inputs, [outputs[i] for i in of], name=graph.name)


def _active(graph: Graph, wrt: Sequence[int]) -> list[bool]:
    return [i in wrt for i in range(len(graph.inputs))]


# ------------------------------------------------------------------ first order


def _evaluate(graph: Graph, request: Request) -> Derived:
    return Derived(graph, len(graph.outputs), "none", 0)


def _jvp(graph: Graph, request: Request) -> Derived:
    program = _over_seeds(ordered_jvp(graph, request.wrt), len(graph.outputs), request)
    return Derived(program, len(graph.outputs), "forward", request.seeds or 1)


def _vjp(graph: Graph, request: Request) -> Derived:
    program = ordered_vjp(graph, request.wrt)
    program = _over_seeds(program, len(graph.outputs), request, len(graph.inputs))
    return Derived(program, len(graph.outputs), "reverse", request.seeds or 1)


def ordered_jvp(graph: Graph, wrt: Sequence[int]) -> Graph:
    """(x, a tangent for each wrt) -> (y, a tangent for each y), zeros spelled out."""
    program, active = jvp(graph, _active(graph, wrt))
    with Builder() as builder:
        xs = [builder.input(type) for type in graph.inputs]
        ts = {i: builder.input(graph.inputs[i]) for i in wrt}
        outputs = builder.inline(program, [*xs, *(ts[i] for i in sorted(ts))])
        ys, moved = outputs[: len(active)], iter(outputs[len(active) :])
        dys = [
            next(moved) if on else _zeros(builder, y.type) for y, on in zip(ys, active, strict=True)
        ]
        return builder.build([*xs, *ts.values()], [*ys, *dys], name=program.name)


def ordered_vjp(graph: Graph, wrt: Sequence[int]) -> Graph:
    """(x, a cotangent for each y) -> (y, a cotangent for each wrt)."""
    program = vjp(graph, _active(graph, wrt))
    m, ranks = len(graph.outputs), sorted(wrt)
    order = [*range(m), *(m + ranks.index(i) for i in wrt)]
    return restrict(program, order)


def _zeros(builder: Builder, type: Type) -> Value:
    zero = builder.constant(np.zeros((), type.dtype))
    return rules.broadcast_to(zero, type.shape)


def _over_seeds(program: Graph, values: int, request: Request, inputs: int | None = None) -> Graph:
    """The program over a leading axis of its seeds, if there is one; y is computed once."""
    if request.seeds is None:
        return program
    seeded = len(request.wrt) if inputs is None else len(program.inputs) - inputs
    first = len(program.inputs) - seeded
    flags = [i >= first for i in range(len(program.inputs))]
    force = [i >= values for i in range(len(program.outputs))]
    return batch(program, flags, request.seeds, force)[0]


def _gradient(graph: Graph, request: Request) -> Derived:
    return Derived(gradient_graph(graph, request.wrt), 1, "reverse", 1)


def gradient_graph(graph: Graph, wrt: Sequence[int]) -> Graph:
    """x -> (y, gradient with respect to each wrt)."""
    program, ranks = gradient(graph, _active(graph, wrt)), sorted(wrt)
    return restrict(program, [0, *(1 + ranks.index(i) for i in wrt)])


# ------------------------------------------------------------------ whole matrices


def _jacobian(graph: Graph, request: Request) -> Derived:
    columns = sum(graph.inputs[i].size for i in request.wrt)
    rows = sum(type.size for type in graph.output_types)
    mode = jacobian_mode(graph, request, columns, rows)
    with Builder() as builder:
        xs = [builder.input(type) for type in graph.inputs]
        blocks = _columns if mode == "forward" else _rows
        ys, jacobians = blocks(builder, graph, xs, request.wrt)
        program = builder.build(xs, [*ys, *jacobians], name=f"jacobian_{graph.name}")
        return Derived(program, len(ys), mode, columns if mode == "forward" else rows)


def jacobian_mode(graph: Graph, request: Request, columns: int, rows: int) -> str:
    complex_in = any(graph.inputs[i].is_complex for i in request.wrt)
    complex_out = [type.is_complex for type in graph.output_types]
    if complex_in and not all(complex_out):
        raise InvalidArgument(
            "a real function of complex inputs has no complex Jacobian: use jvp or vjp"
        )
    if complex_in or any(complex_out):
        if request.mode == "reverse":
            raise InvalidArgument(Violation("mode", "complex Jacobians go forward"))
        return "forward"
    if request.mode == "auto":
        return "forward" if columns <= rows else "reverse"
    return request.mode


def _columns(
    builder: Builder, graph: Graph, xs: Sequence[Value], wrt: Sequence[int]
) -> tuple[list[Value], list[Value]]:
    """Forward mode: outputs, and their Jacobians output by output, input by input."""
    by_input = []
    ys: list[Value] = []
    for i in wrt:
        size = graph.inputs[i].size
        program = ordered_jvp(graph, (i,))
        seeds = _basis(builder, graph.inputs[i])
        flags = [False] * len(xs) + [True]
        outputs, moved = spread(builder, program, [*xs, seeds], flags, size)
        ys, dys = outputs[: len(graph.outputs)], outputs[len(graph.outputs) :]
        on = moved[len(graph.outputs) :]
        whole = [dy if b else repeat(dy, size) for dy, b in zip(dys, on, strict=True)]
        by_input.append([_columns_last(dy, graph.inputs[i]) for dy in whole])
    return ys, [column for row in zip(*by_input, strict=True) for column in row]


def _columns_last(dy: Value, x: Type) -> Value:
    """[size(x), *shape(y)] to [*shape(y), *shape(x)]."""
    last = move_axis(dy, 0, dy.ndim - 1)
    return rules.reshape(last, (*last.shape[:-1], *x.shape))


def _rows(
    builder: Builder, graph: Graph, xs: Sequence[Value], wrt: Sequence[int]
) -> tuple[list[Value], list[Value]]:
    """Reverse mode: the same by pullbacks of the basis of each output."""
    ys: list[Value] = []
    jacobians = []
    for k, type in enumerate(graph.output_types):
        one = restrict(graph, (k,))
        flags = [False] * len(xs) + [True]
        seeds = _basis(builder, type)
        outputs, on = spread(builder, ordered_vjp(one, wrt), [*xs, seeds], flags, type.size)
        ys.append(outputs[0])
        for i, dx, b in zip(wrt, outputs[1:], on[1:], strict=True):
            whole = dx if b else repeat(dx, type.size)
            jacobians.append(rules.reshape(whole, (*type.shape, *graph.inputs[i].shape)))
    return ys, jacobians


def _basis(builder: Builder, type: Type) -> Value:
    """The unit vectors of a type: [size, *shape]."""
    ramp = builder.emit(TABLE["iota"], (), {"size": type.size, "dtype": "int64"})[0]
    unit = TABLE["equal"](rules.reshape(ramp, (type.size, 1)), ramp)
    return rules.reshape(rules.convert(unit, type.dtype), (type.size, *type.shape))


# ------------------------------------------------------------------ second order


def _hvp(graph: Graph, request: Request) -> Derived:
    program = ordered_jvp(gradient_graph(graph, request.wrt), request.wrt)
    n = len(request.wrt)
    picked = restrict(program, (0, *range(n + 2, 2 * n + 2)))
    over = _over_seeds(picked, 1, request)
    return Derived(over, 1, "forward over reverse", request.seeds or 1)


def _hessian(graph: Graph, request: Request) -> Derived:
    refuse_complex(graph, request)
    gradient = gradient_graph(graph, request.wrt)
    with Builder() as builder:
        xs = [builder.input(type) for type in graph.inputs]
        ys, blocks = _columns(builder, gradient, xs, request.wrt)
        hessians = blocks[len(request.wrt) :]
        program = builder.build(xs, [ys[0], *hessians], name=f"hessian_{graph.name}")
        passes = sum(graph.inputs[i].size for i in request.wrt)
        return Derived(program, 1, "forward over reverse", passes)


def refuse_complex(graph: Graph, request: Request) -> None:
    if any(graph.inputs[i].is_complex for i in request.wrt):
        raise InvalidArgument("the Hessian of complex inputs is not defined: use hvp")


OPERATORS: dict[str, Callable[[Graph, Request], Derived]] = {
    "evaluate": _evaluate,
    "jvp": _jvp,
    "vjp": _vjp,
    "gradient": _gradient,
    "jacobian": _jacobian,
    "hessian": _hessian,
    "hvp": _hvp,
}
"""Every operator the native engine answers, by name."""
