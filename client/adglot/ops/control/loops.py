"""while_loop: a loop that ends when a condition no longer holds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np

from adglot.errors import Unsupported
from adglot.ir import Graph, Type
from adglot.ops import rules
from adglot.ops.arithmetic import add, greater, less, multiply, where
from adglot.ops.control import bodies, dead, patterns
from adglot.ops.control.branches import cond
from adglot.ops.control.reach import reach, reach_around
from adglot.ops.control.scan import MOST_STEPS, scan
from adglot.ops.core import Array, Attr, Builder, Linear, Op, Sample, Transforms, Value
from adglot.ops.cost import cost

BOOL = Type("bool")


# ------------------------------------------------------------------ types and values


def _infer(
    *types: Type, condition: Graph, body: Graph, consts: int, max_steps: int
) -> tuple[Type, ...]:
    bodies.expect_count("consts", consts, 0, len(types))
    bodies.expect_count("max_steps", max_steps, 0, MOST_STEPS)
    bodies.expect_inputs("condition", condition, types, "the operands")
    bodies.expect_outputs("condition", condition, [BOOL], "whether to go on")
    bodies.expect_inputs("body", body, types, "the operands")
    bodies.expect_outputs("body", body, types[consts:], "the carries")
    return types[consts:]


def _evaluate(
    run: Any, *arrays: Array, condition: Graph, body: Graph, consts: int, max_steps: int
) -> Any:
    fixed, state = bodies.split(arrays, consts)
    for _ in repeat(None, max_steps) if max_steps else repeat(None):
        (more,) = run(condition, [*fixed, *state])
        if not more:
            break
        state = run(body, [*fixed, *state])
    return tuple(state)


# ------------------------------------------------------------------ jvp


def _jvp(
    transforms: Transforms,
    primals: Sequence[Value],
    tangents: Sequence[Value | None],
    condition: Graph,
    body: Graph,
    consts: int,
    max_steps: int,
) -> Any:
    """The loop, and apart from it a loop that carries values and tangents together."""
    how = {"max_steps": max_steps}
    ys = while_loop.all(*primals, condition=condition, body=body, consts=consts, **how)
    flags = reach_around(body, [t is not None for t in tangents], consts, len(ys))
    on = bodies.differentiable(flags, body.inputs)
    if not any(on[consts:]):
        return ys, (None,) * len(ys)
    seeds = [
        bodies.or_zeros(t, x.builder, x.type)
        for x, t in bodies.choose(zip(primals, tangents, strict=True), on)
    ]
    fixed = sum(on[:consts])
    operands = [*primals[:consts], *seeds[:fixed], *primals[consts:], *seeds[fixed:]]
    counts = (consts, fixed, len(ys))
    together = {
        "condition": _condition_together(condition, counts, operands),
        "body": _body_together(transforms, body, on, counts, operands),
        "consts": consts + fixed,
        **how,
    }
    moved = _last(operands, together, sum(on[consts:]))
    return ys, bodies.fill(moved, on[consts:])


def _last(operands: Sequence[Value], attributes: dict[str, Any], count: int) -> Sequence[Value]:
    """The last outputs of a loop that carries no more than they need.

    A derivative of a derivative would otherwise carry every tangent of the first along.
    """
    used = [i >= len(operands) - count for i in range(attributes["consts"], len(operands))]
    pruned = dead.prune("while_loop", attributes, used)
    if pruned is None:
        return while_loop.all(*operands, **attributes)[-count:]
    kept = bodies.choose(operands, pruned.operands)
    return while_loop.all(*kept, **pruned.attributes)[-count:]


Counts = tuple[int, int, int]
"""How many constants, tangents of constants and carries stand before the tangents of carries."""


def _condition_together(condition: Graph, counts: Counts, operands: Sequence[Value]) -> Graph:
    def function(b: Builder, *xs: Value) -> list[Value]:
        fixed, _, state, _ = bodies.split(xs, *counts)
        return b.inline(condition, [*fixed, *state])

    return bodies.make([x.type for x in operands], function, condition.name)


def _body_together(
    transforms: Transforms,
    body: Graph,
    on: Sequence[bool],
    counts: Counts,
    operands: Sequence[Value],
) -> Graph:
    pushed, active = transforms.jvp(body, on)

    def function(b: Builder, *xs: Value) -> list[Value]:
        fixed, t_fixed, state, t_state = bodies.split(xs, *counts)
        outputs = b.inline(pushed, [*fixed, *state, *t_fixed, *t_state])
        after, moved = bodies.split(outputs, len(state))
        pairs = zip(bodies.fill(moved, active), body.output_types, strict=True)
        ts = [bodies.or_zeros(t, b, type) for t, type in bodies.choose(pairs, on[counts[0] :])]
        return [*after, *ts]

    return bodies.make([x.type for x in operands], function, pushed.name)


# ------------------------------------------------------------------ transpose


def _transpose(
    transforms: Transforms,
    cts: Sequence[Value | None],
    operands: Sequence[Value | Linear],
    condition: Graph,
    body: Graph,
    consts: int,
    max_steps: int,
) -> Any:
    """A bounded loop is a scan of `max_steps` steps, the last of which do nothing."""
    if not max_steps:
        raise Unsupported(
            "reverse mode has to keep every step, and the number of steps has no bound: "
            "give while_loop max_steps, write a scan, or use forward mode (jvp)"
        )
    flags = bodies.is_linear(operands)
    types = [x.type for x in operands]
    given = [ct is not None for ct in cts]
    loop = bodies.make(
        types,
        lambda b, *xs: bodies.choose(_as_scan(condition, body, consts, max_steps, xs), given),
        body.name,
    )
    return bodies.pull_back(transforms, loop, flags, operands, bodies.present(cts))


def _as_scan(
    condition: Graph, body: Graph, consts: int, max_steps: int, operands: Sequence[Value]
) -> Sequence[Value]:
    """The same loop with a fixed number of steps, for reverse mode."""

    def step(b: Builder, *xs: Value) -> Sequence[Value]:
        (more,) = b.inline(condition, xs)
        stay = bodies.make([x.type for x in xs], lambda b, *xs: xs[consts:], "stay")
        return cond.all(more, *xs, if_true=body, if_false=stay)

    stepped = bodies.make([x.type for x in operands], step, "step")
    carries = len(operands) - consts
    return scan.all(*operands, body=stepped, length=max_steps, consts=consts, carries=carries)


# ------------------------------------------------------------------ batch


def _batch(
    transforms: Transforms,
    size: int,
    operands: Sequence[Value],
    batched: Sequence[bool],
    condition: Graph,
    body: Graph,
    consts: int,
    max_steps: int,
) -> Any:
    """Where points end at different steps, all run until the last ends, and keep their values."""
    flags = reach_around(body, batched, consts, len(operands) - consts)
    (apart,) = reach(condition, flags)
    if apart:
        flags[consts:] = [True] * len(flags[consts:])
    inner = [
        x if i < consts else bodies.spread(x, batched[i], flags[i], size)
        for i, x in enumerate(operands)
    ]
    mapped, _ = transforms.batch(body, flags, size, flags[consts:])
    asked, _ = transforms.batch(condition, flags, size, [apart])
    types = [x.type for x in inner]
    if apart:
        mapped = bodies.make(types, lambda b, *xs: _masked(b, asked, mapped, consts, xs), "step")
        asked = bodies.make(types, lambda b, *xs: [_any(*b.inline(asked, xs))], "condition")
    outputs = while_loop.all(
        *inner, condition=asked, body=mapped, consts=consts, max_steps=max_steps
    )
    return outputs, flags[consts:]


def _masked(
    b: Builder, asked: Graph, mapped: Graph, consts: int, xs: Sequence[Value]
) -> list[Value]:
    """One step of the points that go on; `where` keeps the others as they are."""
    (more,) = b.inline(asked, xs)
    after = b.inline(mapped, xs)
    return [
        where(rules.reshape(more, (more.size, *(1,) * (y.ndim - 1))), y, x)
        for y, x in zip(after, xs[consts:], strict=True)
    ]


def _any(flags: Value) -> Value:
    return greater(rules.entry("sum")(flags, axes=(0,)), 0)


# ------------------------------------------------------------------ entry


def _sample(dtype: str) -> Sample:
    a, x, n = np.array(0.5, dtype), np.array([0.25, 1.0], dtype), np.array(0)
    types = [Type.of(value) for value in (a, x, n)]

    def ahead(b: Builder, a: Value, x: Value, n: Value) -> list[Value]:
        return [less(rules.entry("sum")(x, axes=(0,)), 4.0)]

    def step(b: Builder, a: Value, x: Value, n: Value) -> list[Value]:
        return [add(multiply(a, multiply(x, x)), x), add(n, 1)]

    graphs = {
        "condition": bodies.make(types, ahead, "condition"),
        "body": bodies.make(types, step, "body"),
    }
    return Sample((a, x, n), {**graphs, "consts": 1, "max_steps": 12})


while_loop: Op = Op(
    name="while_loop",
    doc="carry = body(*consts, *carry) as long as condition(*consts, *carry) holds, and at most "
    "`max_steps` times if that is not 0. Operands are `consts` constants, then the first values "
    "of the carries; outputs are the last ones. Forward mode always works. Reverse mode needs "
    "max_steps, and takes time and memory for that many steps. The cost counts one step.",
    operands=("*operands",),
    attributes=(
        Attr("condition", "graph", "(consts, carries) -> bool[]: whether to take a step"),
        Attr("body", "graph", "(consts, carries) -> carries, of the same types"),
        Attr("consts", "int", "how many operands are the same at every step", 0),
        Attr("max_steps", "int", "the most steps, 0 for no bound", 0),
    ),
    evaluate=_evaluate,
    infer=_infer,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    pattern=patterns.repeated,
    cost=lambda operands, outputs, condition, body, **rest: cost(condition) + cost(body),
    samples=lambda: [_sample("float64"), _sample("float32")],
    higher_order=True,
)
