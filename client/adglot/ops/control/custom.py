"""custom_derivative: a sub-graph whose derivative is another sub-graph, given by the user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph, Type
from adglot.ops import rules
from adglot.ops.arithmetic import add, divide, multiply
from adglot.ops.control import bodies
from adglot.ops.core import Array, Attr, Builder, Linear, Op, Sample, Transforms, Value
from adglot.ops.cost import cost
from adglot.ops.elementwise import exp, log
from adglot.ops.rules import NOT_LINEAR

MODES = ("jvp", "vjp")


def _infer(*types: Type, function: Graph, rule: Graph, mode: str) -> tuple[Type, ...]:
    if mode not in MODES:
        raise InvalidArgument(Violation("attributes.mode", f"must be jvp or vjp, got {mode!r}"))
    bodies.expect_inputs("function", function, types, "the operands")
    takes, gives = rule_types(function, mode)
    bodies.expect_inputs("rule", rule, takes, f"x, then {MEANING[mode][0]}")
    bodies.expect_outputs("rule", rule, gives, MEANING[mode][1])
    return function.output_types


MEANING = {
    "jvp": ("a tangent for each float x", "a tangent for each float y"),
    "vjp": ("a cotangent for each float y", "a cotangent for each float x"),
}


def rule_types(function: Graph, mode: str) -> tuple[list[Type], list[Type]]:
    """What a rule of this mode takes and gives."""
    xs, ys = (
        [t for t in ts if t.is_differentiable] for ts in (function.inputs, function.output_types)
    )
    return ([*function.inputs, *xs], ys) if mode == "jvp" else ([*function.inputs, *ys], xs)


def _evaluate(run: Any, *arrays: Array, function: Graph, rule: Graph, mode: str) -> Any:
    return tuple(run(function, arrays))


# ------------------------------------------------------------------ rules


def _jvp(
    transforms: Transforms,
    primals: Sequence[Value],
    tangents: Sequence[Value | None],
    function: Graph,
    rule: Graph,
    mode: str,
) -> Any:
    """The user's rule, cut to its part that is linear in the seeds; a vjp rule is transposed."""
    ys = custom_derivative.all(*primals, function=function, rule=rule, mode=mode)
    pairs = [(x, t) for x, t in zip(primals, tangents, strict=True) if x.type.is_differentiable]
    given = [t is not None for _, t in pairs]
    seeds = bodies.present(t for _, t in pairs)
    takes, _ = rule_types(function, mode)
    operands: list[Value | Linear] = [*primals, *map(Linear, takes[len(primals) :])]
    linear = [False] * len(primals)
    if mode == "jvp":
        moved = bodies.push_forward(transforms, rule, [*linear, *given], operands, seeds)
    else:
        part = bodies.restrict(rule, given)
        flags = bodies.is_linear(operands)
        moved = bodies.pull_back(transforms, part, flags, operands, seeds)[len(primals) :]
    return ys, bodies.fill(moved, [y.type.is_differentiable for y in ys])


def _batch(
    transforms: Transforms,
    size: int,
    operands: Sequence[Value],
    batched: Sequence[bool],
    function: Graph,
    rule: Graph,
    mode: str,
) -> Any:
    mapped, _ = transforms.batch(function, batched, size, [True] * len(function.outputs))
    return custom_derivative.all(
        *operands,
        function=mapped,
        rule=_batched_rule(transforms, function, rule, mode, batched, size),
        mode=mode,
    ), (True,) * len(function.outputs)


def _batched_rule(
    transforms: Transforms,
    function: Graph,
    rule: Graph,
    mode: str,
    batched: Sequence[bool],
    size: int,
) -> Graph:
    """The rule over the batch; what reaches an operand that all points share is summed."""
    moving = bodies.choose(batched, [type.is_differentiable for type in function.inputs])
    seeds = moving if mode == "jvp" else [True] * (len(rule.inputs) - len(batched))
    whole, _ = transforms.batch(rule, [*batched, *seeds], size, [True] * len(rule.outputs))
    if mode == "jvp" or all(moving):
        return whole

    def summed(b: Builder, *xs: Value) -> list[Value]:
        parts = zip(b.inline(whole, xs), moving, strict=True)
        return [part if apart else rules.entry("sum")(part, axes=(0,)) for part, apart in parts]

    return bodies.make(whole.inputs, summed, whole.name)


# ------------------------------------------------------------------ entry


def _samples(dtype: str) -> list[Sample]:
    """log(1 + exp(x)) * a with the derivative that does not overflow, by either rule."""
    x, a = np.array([0.5, -2.0, 5.0], dtype), np.array(1.5, dtype)
    types = [Type.of(x), Type.of(a)]

    def softplus(b: Builder, x: Value, a: Value) -> list[Value]:
        return [multiply(a, log(add(exp(x), 1.0)))]

    def slope(x: Value, a: Value) -> Value:
        return divide(a, add(exp(-x), 1.0))

    def push(b: Builder, x: Value, a: Value, tx: Value, ta: Value) -> list[Value]:
        return [add(multiply(slope(x, a), tx), multiply(log(add(exp(x), 1.0)), ta))]

    def pull(b: Builder, x: Value, a: Value, ct: Value) -> list[Value]:
        whole = multiply(rules.conj(log(add(exp(x), 1.0))), ct)
        return [multiply(rules.conj(slope(x, a)), ct), rules.entry("sum")(whole, axes=(0,))]

    function = bodies.make(types, softplus, "softplus")
    takes = {mode: rule_types(function, mode)[0] for mode in MODES}
    rule = {
        "jvp": bodies.make(takes["jvp"], push, "push"),
        "vjp": bodies.make(takes["vjp"], pull, "pull"),
    }
    return [
        Sample((x, a), {"function": function, "rule": rule[mode], "mode": mode}) for mode in MODES
    ]


custom_derivative: Op = Op(
    name="custom_derivative",
    doc="function(*operands), with a derivative that is given and not derived. In mode jvp the "
    "rule takes the operands and a tangent for each float operand, and gives a tangent for each "
    "float output. In mode vjp it takes the operands and a cotangent for each float output, and "
    "gives a cotangent for each float operand (the adjoint for the real inner product: complex "
    "factors conjugated). Either rule serves forward and reverse mode, since it is linear in its "
    "seeds and can be transposed; higher derivatives differentiate the rule. "
    "`adglot.testing.check_custom_derivative` compares it with the function.",
    operands=("*operands",),
    attributes=(
        Attr("function", "graph", "(operands) -> outputs"),
        Attr("rule", "graph", "(operands, seeds) -> derivatives, linear in the seeds"),
        Attr("mode", "str", "which rule it is: jvp or vjp"),
    ),
    evaluate=_evaluate,
    infer=_infer,
    jvp=_jvp,
    transpose=NOT_LINEAR,
    batch=_batch,
    cost=lambda operands, outputs, function, rule, mode: cost(function),
    samples=lambda: [*_samples("float64"), *_samples("float32"), *_samples("complex128")],
    higher_order=True,
)
