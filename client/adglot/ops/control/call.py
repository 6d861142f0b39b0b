"""call: a sub-graph used as an op, so that many nodes can share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot.ir import Graph, Type
from adglot.ops.arithmetic import multiply
from adglot.ops.control import bodies, patterns
from adglot.ops.core import Attr, Linear, Op, Sample, Transforms, Value
from adglot.ops.cost import cost
from adglot.ops.elementwise import sin

Run = Callable[..., list[Any]]


def _infer(*types: Type, function: Graph) -> tuple[Type, ...]:
    bodies.expect_inputs("function", function, types, "the operands")
    return function.output_types


def _jvp(
    transforms: Transforms,
    primals: Sequence[Value],
    tangents: Sequence[Value | None],
    function: Graph,
) -> Any:
    cut = transforms.linearize(function, [t is not None for t in tangents])
    outputs = call.all(*primals, function=cut.primal)
    ys, residuals = bodies.split(outputs, len(function.outputs))
    if not any(cut.active):
        return ys, (None,) * len(ys)
    operands = [*(primals[i] for i in cut.known), *residuals, *bodies.present(tangents)]
    return ys, bodies.fill(call.all(*operands, function=cut.linear), cut.active)


def _transpose(
    transforms: Transforms,
    cts: Sequence[Value | None],
    operands: Sequence[Value | Linear],
    function: Graph,
) -> Any:
    flags = bodies.is_linear(operands)
    part = bodies.restrict(function, [ct is not None for ct in cts])
    pulled = call.all(
        *bodies.known(operands), *bodies.present(cts), function=transforms.transpose(part, flags)
    )
    return bodies.fill(pulled, flags)


def _batch(
    transforms: Transforms,
    size: int,
    operands: Sequence[Value],
    batched: Sequence[bool],
    function: Graph,
) -> Any:
    mapped, flags = transforms.batch(function, batched, size)
    return call.all(*operands, function=mapped), flags


def _sample(dtype: str) -> Sample:
    x, y = np.array([0.5, -1.0], dtype), np.array(2.0, dtype)
    types = [Type.of(x), Type.of(y)]
    function = bodies.make(types, lambda b, x, y: [sin(multiply(x, y)), x], "body")
    return Sample((x, y), {"function": function})


call: Op = Op(
    name="call",
    doc="function(*operands): one output for each output of the sub-graph.",
    operands=("*operands",),
    attributes=(Attr("function", "graph", "(operands) -> outputs"),),
    evaluate=lambda run, *arrays, function: tuple(run(function, arrays)),
    infer=_infer,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    pattern=patterns.called,
    cost=lambda operands, outputs, function: cost(function),
    samples=lambda: [_sample(d) for d in ("float64", "float32", "complex128")],
    higher_order=True,
)
