"""scan: a loop of known length that carries state and maps over leading axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument, Unsupported, Violation
from adglot.ir import Graph, Type
from adglot.ops.arithmetic import add, multiply
from adglot.ops.control import bodies, patterns
from adglot.ops.control.reach import reach_around
from adglot.ops.core import Array, Attr, Builder, Linear, Linearized, Op, Sample, Transforms, Value
from adglot.ops.cost import cost
from adglot.ops.elementwise import sin
from adglot.ops.indexing import move_axis
from adglot.ops.linalg import matmul

MOST_STEPS = 1 << 31


# ------------------------------------------------------------------ types and values


def _infer(
    *types: Type, body: Graph, length: int, reverse: bool, consts: int, carries: int
) -> tuple[Type, ...]:
    bodies.expect_count("length", length, 0, MOST_STEPS)
    bodies.expect_count("consts", consts, 0, len(types))
    bodies.expect_count("carries", carries, 0, len(types) - consts)
    fixed, state, xs = bodies.split(types, consts, carries)
    slices = [_slice_type(x, length, consts + carries + k) for k, x in enumerate(xs)]
    bodies.expect_inputs("body", body, [*fixed, *state, *slices], "consts, carries, slices of xs")
    results = body.output_types
    if len(results) < carries:
        raise InvalidArgument(
            Violation("attributes.body.outputs", f"needs {carries} carries, got {len(results)}")
        )
    part = bodies.restrict(body, [k < carries for k in range(len(results))])
    bodies.expect_outputs("body", part, state, "carries")
    return (*state, *(y.with_shape((length, *y.shape)) for y in results[carries:]))


def _slice_type(x: Type, length: int, k: int) -> Type:
    if not x.ndim or x.shape[0] != length:
        raise InvalidArgument(
            Violation(f"operands[{k}]", f"its first axis must have length {length}, got {x!r}")
        )
    return x.with_shape(x.shape[1:])


def _evaluate(
    run: Any, *arrays: Array, body: Graph, length: int, reverse: bool, consts: int, carries: int
) -> Any:
    fixed, state, xs = bodies.split(arrays, consts, carries)
    stacks = [np.empty((length, *y.shape), y.dtype) for y in body.output_types[carries:]]
    for i in reversed(range(length)) if reverse else range(length):
        state, ys = bodies.split(run(body, [*fixed, *state, *(x[i, ...] for x in xs)]), carries)
        for stack, y in zip(stacks, ys, strict=True):
            stack[i] = y
    return (*state, *stacks)


def _loop_body(
    whole: Sequence[Value],
    rows: Sequence[Value],
    step: Callable[..., Sequence[Value]],
    name: str,
) -> Graph:
    """The body of a loop on constants and carries, which it sees whole, and on slices of rows."""
    types = [*(x.type for x in whole), *(x.type.with_shape(x.shape[1:]) for x in rows)]
    return bodies.make(types, step, name)


# ------------------------------------------------------------------ jvp


def _jvp(
    transforms: Transforms,
    primals: Sequence[Value],
    tangents: Sequence[Value | None],
    body: Graph,
    consts: int,
    carries: int,
    **how: Any,
) -> Any:
    """The loop that also stacks its residuals, then a loop that is linear in the tangents."""
    flags = [t is not None for t in tangents]
    flags = reach_around(body, flags, consts, carries)
    on = bodies.differentiable(flags, body.inputs)
    shared = [not consts <= i < consts + carries for i in range(len(on))]
    cut = transforms.linearize(body, on, shared)
    outputs = scan.all(*primals, body=cut.primal, consts=consts, carries=carries, **how)
    ys, residuals = bodies.split(outputs, len(body.outputs))
    moving = _Moving(cut, body, on, consts, carries)
    dys = moving.emit(primals, residuals, tangents, how)
    return ys, bodies.fill(dys, moving.active)


class _Moving:
    """The loop over tangents: which carries and outputs it has, and its body."""

    def __init__(
        self, cut: Linearized, body: Graph, on: Sequence[bool], consts: int, carries: int
    ) -> None:
        self._cut, self._body, self._on = cut, body, on
        self._consts, self._carries = consts, carries
        self._moving = list(on[consts : consts + carries])
        self.active = [*self._moving, *cut.active[carries:]]
        self._fixed = sum(i < consts for i in cut.known)

    def emit(
        self,
        primals: Sequence[Value],
        residuals: Sequence[Value],
        tangents: Sequence[Value | None],
        how: dict[str, Any],
    ) -> Sequence[Value]:
        """Emit the loop; outputs are the tangents of the active outputs."""
        if not any(self.active):
            return ()
        point = [primals[i] for i in self._cut.known]
        seeds = [
            bodies.or_zeros(t, x.builder, x.type)
            for x, t in bodies.choose(zip(primals, tangents, strict=True), self._on)
        ]
        t_consts, t_carries, t_xs = bodies.split(seeds, *self._counts())
        fixed, mapped = bodies.split(point, self._fixed)
        whole = [*fixed, *t_consts, *t_carries]
        rows = [*mapped, *residuals, *t_xs]
        counts = {"consts": len(fixed) + len(t_consts), "carries": len(t_carries)}
        body = _loop_body(whole, rows, self._step, self._cut.linear.name)
        return scan.all(*whole, *rows, body=body, **counts, **how)

    def _counts(self) -> tuple[int, int]:
        """How many constants and carries have tangents."""
        return sum(self._on[: self._consts]), sum(self._moving)

    def _step(self, b: Builder, *xs: Value) -> list[Value]:
        consts, carries = self._counts()
        mapped = len(self._cut.known) - self._fixed
        fixed, t_consts, t_carries, rest = bodies.split(xs, self._fixed, consts, carries)
        point, seeds = rest[:mapped], rest[mapped:]
        kept = len(self._cut.primal.outputs) - len(self._body.outputs)
        residuals, t_xs = bodies.split(seeds, kept)
        operands = [*fixed, *point, *residuals, *t_consts, *t_carries, *t_xs]
        moved = bodies.fill(b.inline(self._cut.linear, operands), self._cut.active)
        pairs = zip(moved, self._body.output_types, strict=True)
        return [bodies.or_zeros(t, b, type) for t, type in bodies.choose(pairs, self.active)]


# ------------------------------------------------------------------ transpose


def _transpose(
    transforms: Transforms,
    cts: Sequence[Value | None],
    operands: Sequence[Value | Linear],
    body: Graph,
    length: int,
    reverse: bool,
    consts: int,
    carries: int,
) -> Any:
    """The loop run from its other end: cotangents of constants are summed in carries."""
    if not all(type.is_differentiable for type in body.output_types):
        raise Unsupported("a scan that carries bools or integers is not linear")
    fixed, starts, xs = bodies.split(operands, consts, carries)
    pulled = _pulled(transforms, body, cts, operands, consts, carries)
    builder = bodies.present(cts)[0].builder
    ends = zip(cts[:carries], body.output_types[:carries], strict=True)
    state = [bodies.or_zeros(ct, builder, type) for ct, type in ends]
    sums = [bodies.or_zeros(None, builder, x.type) for x in fixed if isinstance(x, Linear)]
    point, mapped = bodies.known(fixed), bodies.known(xs)
    counts = (len(point), carries, len(sums), len(mapped))
    whole = [*point, *state, *sums]
    rows = [*mapped, *bodies.present(cts[carries:])]
    back = scan.all(
        *whole,
        *rows,
        body=_loop_body(whole, rows, lambda b, *xs: _step_back(b, pulled, counts, xs), pulled.name),
        length=length,
        reverse=not reverse,
        consts=len(point),
        carries=carries + len(sums),
    )
    state, sums, stacks = bodies.split(back, carries, len(sums))
    return [
        *bodies.fill(sums, bodies.is_linear(fixed)),
        *(ct if isinstance(x, Linear) else None for x, ct in zip(starts, state, strict=True)),
        *bodies.fill(stacks, bodies.is_linear(xs)),
    ]


def _pulled(
    transforms: Transforms,
    body: Graph,
    cts: Sequence[Value | None],
    operands: Sequence[Value | Linear],
    consts: int,
    carries: int,
) -> Graph:
    """One step's transpose: every carry has a cotangent, of the ys those that are given."""
    flags = bodies.is_linear(operands)
    flags[consts : consts + carries] = [True] * carries
    given = [ct is not None for ct in cts[carries:]]
    return transforms.transpose(bodies.restrict(body, [True] * carries + given), flags)


def _step_back(
    b: Builder, pulled: Graph, counts: tuple[int, int, int, int], xs: Sequence[Value]
) -> list[Value]:
    """(consts, cotangents of carries, sums so far, xs, cotangents of ys) -> the same, one on."""
    point, state, sums, mapped, cts = bodies.split(xs, *counts)
    parts = b.inline(pulled, [*point, *mapped, *state, *cts])
    shares, before, slices = bodies.split(parts, len(sums), len(state))
    more = [add(total, share) for total, share in zip(sums, shares, strict=True)]
    return [*before, *more, *slices]


# ------------------------------------------------------------------ batch


def _batch(
    transforms: Transforms,
    size: int,
    operands: Sequence[Value],
    batched: Sequence[bool],
    body: Graph,
    consts: int,
    carries: int,
    **how: Any,
) -> Any:
    """The batch axis of what is mapped over moves behind the axis of the loop."""
    flags = reach_around(body, batched, consts, carries)
    force = flags[consts : consts + carries] + [False] * (len(body.outputs) - carries)
    mapped, on = transforms.batch(body, flags, size, force)
    inner = [
        x if i < consts or not had else move_axis(x, 0, 1)
        for i, (x, had) in enumerate(zip(operands, batched, strict=True))
    ]
    for i in range(consts, consts + carries):
        inner[i] = bodies.spread(operands[i], batched[i], flags[i], size)
    outputs = scan.all(*inner, body=mapped, consts=consts, carries=carries, **how)
    ys = [
        y if k < carries or not has else move_axis(y, 1, 0)
        for k, (y, has) in enumerate(zip(outputs, on, strict=True))
    ]
    return ys, on


# ------------------------------------------------------------------ entry


def _samples(dtype: str) -> list[Sample]:
    w = np.array([[0.5, -0.25], [0.75, 0.1]], dtype)
    h = np.array([0.3, -0.4], dtype)
    xs = np.array([[1.0, 2.0], [-0.5, 0.25], [0.1, -1.0]], dtype)
    types = [Type.of(w), Type.of(h), Type(dtype, (2,))]

    def step(b: Builder, w: Value, h: Value, x: Value) -> list[Value]:
        after = sin(add(matmul(w, h), x))
        return [after, multiply(after, x)]

    body = bodies.make(types, step, "body")
    counts = {"length": 3, "consts": 1, "carries": 1}
    return [
        Sample((w, h, xs), {"body": body, "reverse": False, **counts}),
        Sample((w, h, xs), {"body": body, "reverse": True, **counts}),
    ]


scan: Op = Op(
    name="scan",
    doc="A loop of `length` steps. Operands are `consts` constants, then `carries` first values "
    "of the carries, then arrays xs with a leading axis of `length`. Step i runs "
    "body(*consts, *carry, *(x[i] for x in xs)) -> (*carry, *ys[i]). Outputs are the last "
    "carries, then the ys stacked on a leading axis. Carries keep their types. Reverse mode keeps "
    "what it needs of every step.",
    operands=("*operands",),
    attributes=(
        Attr("body", "graph", "(consts, carries, slices of xs) -> (carries, ys of one step)"),
        Attr("length", "int", "the number of steps"),
        Attr("reverse", "bool", "run from the last index to the first", False),
        Attr("consts", "int", "how many operands are the same at every step", 0),
        Attr("carries", "int", "how many operands after those start a carry", 0),
    ),
    evaluate=_evaluate,
    infer=_infer,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    pattern=patterns.scanned,
    cost=lambda operands, outputs, body, length, **rest: length * cost(body),
    samples=lambda: [*_samples("float64"), *_samples("float32")],
    higher_order=True,
)
