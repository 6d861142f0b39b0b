"""cond: one of two sub-graphs, chosen by a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph, Type
from adglot.ops import rules
from adglot.ops.arithmetic import multiply, where
from adglot.ops.control import bodies, patterns
from adglot.ops.control.reach import either, reach
from adglot.ops.core import Array, Attr, Builder, Linear, Linearized, Op, Sample, Transforms, Value
from adglot.ops.cost import cost
from adglot.ops.elementwise import log, sin


def _infer(predicate: Type, *types: Type, if_true: Graph, if_false: Graph) -> tuple[Type, ...]:
    if predicate != Type("bool"):
        raise InvalidArgument(Violation("operands[0]", f"must be bool[], got {predicate!r}"))
    bodies.expect_inputs("if_true", if_true, types, "the operands")
    bodies.expect_inputs("if_false", if_false, types, "the operands")
    bodies.expect_outputs("if_false", if_false, if_true.output_types, "as if_true")
    return if_true.output_types


def _evaluate(run: Any, predicate: Array, *arrays: Array, if_true: Graph, if_false: Graph) -> Any:
    return tuple(run(if_true if predicate else if_false, arrays))


# ------------------------------------------------------------------ jvp


def _jvp(
    transforms: Transforms,
    primals: Sequence[Value],
    tangents: Sequence[Value | None],
    if_true: Graph,
    if_false: Graph,
) -> Any:
    """Each branch keeps its own residuals; those of the branch not taken are zeros."""
    on = [t is not None for t in tangents[1:]]
    cuts = (transforms.linearize(if_true, on), transforms.linearize(if_false, on))
    kept = [cut.primal.output_types[len(if_true.outputs) :] for cut in cuts]
    outputs = cond.all(
        *primals,
        if_true=_padded(cuts[0].primal, len(if_true.outputs), (), kept[1]),
        if_false=_padded(cuts[1].primal, len(if_true.outputs), kept[0], ()),
    )
    ys, residuals = bodies.split(outputs, len(if_true.outputs))
    active = [a or b for a, b in zip(cuts[0].active, cuts[1].active, strict=True)]
    if not any(active):
        return ys, (None,) * len(ys)
    known = sorted({*cuts[0].known, *cuts[1].known})
    operands = [*(primals[1 + i] for i in known), *residuals, *bodies.present(tangents[1:])]
    types = [x.type for x in operands]
    zeros = bodies.choose(if_true.output_types, active)
    linear = [
        _linear_branch(cut, known, tuple(map(len, kept)), k, active, types, zeros)
        for k, cut in enumerate(cuts)
    ]
    moved = cond.all(primals[0], *operands, if_true=linear[0], if_false=linear[1])
    return ys, bodies.fill(moved, active)


def _padded(primal: Graph, count: int, before: Sequence[Type], after: Sequence[Type]) -> Graph:
    """The branch's outputs, zeros for residuals of the other branch, its own residuals."""

    def function(b: Builder, *xs: Value) -> list[Value]:
        ys, residuals = bodies.split(b.inline(primal, xs), count)
        return [*ys, *_zeros(b, before), *residuals, *_zeros(b, after)]

    return bodies.make(primal.inputs, function, primal.name)


def _zeros(builder: Builder, types: Sequence[Type]) -> list[Value]:
    return [bodies.or_zeros(None, builder, type) for type in types]


def _linear_branch(
    cut: Linearized,
    known: Sequence[int],
    kept: tuple[int, ...],
    which: int,
    active: Sequence[bool],
    types: Sequence[Type],
    results: Sequence[Type],
) -> Graph:
    """One branch's linear part, on what both branches need and with what both give."""

    def function(b: Builder, *xs: Value) -> list[Value]:
        point, *residuals, ts = bodies.split(xs, len(known), *kept)
        mine = [x for i, x in zip(known, point, strict=True) if i in cut.known]
        moved = bodies.fill(b.inline(cut.linear, [*mine, *residuals[which], *ts]), cut.active)
        pairs = zip(bodies.choose(moved, active), results, strict=True)
        return [bodies.or_zeros(t, b, type) for t, type in pairs]

    return bodies.make(types, function, cut.linear.name)


# ------------------------------------------------------------------ transpose, batch


def _transpose(
    transforms: Transforms,
    cts: Sequence[Value | None],
    operands: Sequence[Value | Linear],
    if_true: Graph,
    if_false: Graph,
) -> Any:
    predicate, *rest = operands
    flags = bodies.is_linear(rest)
    given = [ct is not None for ct in cts]
    pulled = cond.all(
        predicate,
        *bodies.known(rest),
        *bodies.present(cts),
        if_true=transforms.transpose(bodies.restrict(if_true, given), flags),
        if_false=transforms.transpose(bodies.restrict(if_false, given), flags),
    )
    return [None, *bodies.fill(pulled, flags)]


def _batch(
    transforms: Transforms,
    size: int,
    operands: Sequence[Value],
    batched: Sequence[bool],
    if_true: Graph,
    if_false: Graph,
) -> Any:
    """One branch for all points where they agree by construction; else both, and a choice."""
    predicate, *xs = operands
    flags = batched[1:]
    if batched[0]:
        sides = [_inlined(transforms, g, operands, flags, size) for g in (if_true, if_false)]
        ys = [_select(predicate, a, b) for a, b in zip(*sides, strict=True)]
        return ys, (True,) * len(ys)
    force = either(reach(if_true, flags), reach(if_false, flags))
    (true, on), (false, _) = (transforms.batch(g, flags, size, force) for g in (if_true, if_false))
    return cond.all(predicate, *xs, if_true=true, if_false=false), on


def _inlined(
    transforms: Transforms,
    graph: Graph,
    operands: Sequence[Value],
    flags: Sequence[bool],
    size: int,
) -> list[Value]:
    predicate, *xs = operands
    force = [True] * len(graph.outputs)
    mapped, _ = transforms.batch(graph, flags, size, force)
    return predicate.builder.inline(mapped, xs)


def _select(predicate: Value, a: Value, b: Value) -> Value:
    """a where the predicate of a point holds: `where` keeps NaN of the other branch out."""
    lined = rules.reshape(predicate, (*predicate.shape, *(1,) * (a.ndim - 1)))
    return where(lined, a, b)


def _samples(dtype: str) -> list[Sample]:
    x, y = np.array([0.5, 2.0], dtype), np.array(3.0, dtype)
    types = [Type.of(x), Type.of(y)]
    graphs = {
        "if_true": bodies.make(types, lambda b, x, y: [multiply(sin(x), y), x], "if_true"),
        "if_false": bodies.make(types, lambda b, x, y: [log(x), multiply(x, y)], "if_false"),
    }
    return [Sample((np.array(taken), x, y), graphs) for taken in (True, False)]


cond: Op = Op(
    name="cond",
    doc="if_true(*operands) where the predicate holds, else if_false(*operands); only the branch "
    "taken is run. Both take the same operands and give the same types. Over a batch of "
    "predicates both branches are run, and the results chosen point by point.",
    operands=("predicate", "*operands"),
    attributes=(
        Attr("if_true", "graph", "(operands) -> outputs, where the predicate holds"),
        Attr("if_false", "graph", "(operands) -> outputs of the same types, where it does not"),
    ),
    evaluate=_evaluate,
    infer=_infer,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    pattern=patterns.branched,
    cost=lambda operands, outputs, if_true, if_false: max(cost(if_true), cost(if_false)),
    samples=lambda: [*_samples("float64"), *_samples("float32"), *_samples("complex128")],
    higher_order=True,
)
