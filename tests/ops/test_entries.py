"""What every entry of the op table must satisfy at every one of its samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adglot import ops
from adglot.codec import graphs
from adglot.errors import InvalidArgument, Unsupported
from adglot.ir import Type
from adglot.ops import Absent, Op
from adglot.ops.check import KINDS
from adglot.ops.core import REQUIRED, Array
from adglot_server.transforms.batch import batch
from adglot_server.transforms.jvp import jvp
from adglot_server.transforms.transpose import vjp

from .cases import CASES, Case, Program, directions, largest, nearby, present, subsets
from .numerical import derivative, epsilon, is_inexact

every_case = pytest.mark.parametrize("case", CASES, ids=repr)
every_op = pytest.mark.parametrize("op", ops.TABLE.values(), ids=lambda op: op.name)

BATCH = 3


def first_order(case: Case) -> list[Program]:
    """The function and, where they exist, its JVP and VJP."""
    if not case.differentiable:
        return [case.program]
    return [case.program, case.program.forward, *reverse(case, case.program)]


def second_order(case: Case) -> list[Program]:
    """Every derivative program of every first derivative program."""
    if not case.differentiable:
        return []
    return [q for p in first_order(case)[1:] for q in (p.forward, *reverse(case, p))]


def reverse(case: Case, program: Program) -> list[Program]:
    """The VJP; none if the entry says that the op cannot run backwards."""
    try:
        return [program.backward]
    except Unsupported as error:
        if isinstance(case.op.transpose, Absent) and case.op.transpose.reason in str(error):
            return []
        raise


# ------------------------------------------------------------------ the entry itself


@every_op
def test_documentation(op: Op) -> None:
    assert op.doc.endswith("."), "a doc is made of sentences"
    assert len(set(op.operands)) == len(op.operands)
    assert not any("*" in name for name in op.operands[:-1])
    for attribute in op.attributes:
        assert attribute.doc, attribute.name
        assert attribute.kind in KINDS, attribute.name
        if attribute.default is not REQUIRED:
            assert KINDS[attribute.kind](attribute.default), attribute.name
    for rule in (op.jvp, op.transpose, op.batch):
        assert callable(rule) or (isinstance(rule, Absent) and len(rule.reason) > 10)
    for kink in op.nonsmooth:
        assert kink.where, "where is the derivative a convention?"
        assert kink.convention, "and which?"


@every_op
def test_samples_cover_what_the_op_takes(op: Op) -> None:
    dtypes = {x.dtype.name for case in of(op) for x in case.program.point}
    assert of(op), "an entry needs samples"
    if op.operands and "complex128" not in dtypes:
        assert not any(map(takes_complex, of(op))), "it takes complex operands: sample them"


def of(op: Op) -> list[Case]:
    return [case for case in CASES if case.op is op]


def takes_complex(case: Case) -> bool:
    """Whether the op has complex results for complex operands in place of the real ones."""
    types = [
        t.with_dtype("complex128") if t.is_differentiable else t for t in case.program.graph.inputs
    ]
    attributes = case.op.complete(case.sample.attributes)
    try:
        return any(t.is_complex for t in case.op.output_types(types, attributes))
    except InvalidArgument:
        return False


@every_case
def test_nonsmooth_set(case: Case) -> None:
    for kink in case.op.nonsmooth:
        inside = np.asarray(kink.contains(*case.program.point, **case.sample.attributes))
        assert inside.dtype == bool
        np.broadcast_shapes(inside.shape, case.program.values[0].shape)
        assert not (case.sample.smooth and inside.any()), kink.where


# ------------------------------------------------------------------ types


@every_case
def test_inference_is_evaluation(case: Case) -> None:
    for program in (*first_order(case), *second_order(case)):
        assert program.graph.output_types == tuple(Type.of(y) for y in program.values)


@every_case
def test_graphs_are_valid_and_cross_the_wire(case: Case) -> None:
    for program in (*first_order(case), *second_order(case)):
        assert ops.check(program.graph).types == program.graph.types
        again = graphs.loads(graphs.dumps(program.graph))
        assert again.types == program.graph.types
        assert again.digest == program.graph.digest


@every_case
def test_single_precision_stays_single(case: Case) -> None:
    """Nothing on the way to a float32 derivative is computed in float64."""
    if case.op.higher_order and wide(case.program):
        pytest.skip("its sub-graphs are made for float64")
    single = case.single
    if not single.differentiable:
        pytest.skip("nothing to differentiate")
    if wide(single.program):
        integers = any(not t.is_differentiable for t in single.program.graph.inputs)
        assert integers or any(a.kind == "dtype" for a in case.op.attributes), "widened"
        return
    for program in (*first_order(single), *second_order(single)):
        assert not wide(program), program.graph
        assert program.graph.output_types == tuple(Type.of(y) for y in program.values)


def wide(program: Program) -> bool:
    return any(t.dtype.name in ("float64", "complex128") for t in program.graph.types)


# ------------------------------------------------------------------ derivatives


@every_case
def test_jvp(case: Case) -> None:
    for program in smooth(case, first_order(case)[:1]):
        check_jvp(program)


@every_case
def test_jvp_of_derivatives(case: Case) -> None:
    for program in smooth(case, first_order(case)[1:]):
        check_jvp(program)


@every_case
def test_adjoint(case: Case) -> None:
    for program in smooth(case, first_order(case)):
        for _ in reverse(case, program):
            check_adjoint(program)


@every_case
def test_zero_tangents(case: Case) -> None:
    """A symbolic zero is the same as a tangent of zeros, whichever operands have one."""
    (program,) = smooth(case, first_order(case)[:1])
    positions = [i for i, on in enumerate(program.active) if on]
    for flags in subsets(len(positions)):
        chosen = {i for i, on in zip(positions, flags, strict=True) if on}
        active = [i in chosen for i in range(len(program.active))]
        check_some_tangents(program, active)
        for _ in reverse(case, program):
            check_some_cotangents(program, active)


@every_op
def test_absent_derivative_is_refused_with_its_reason(op: Op) -> None:
    for case in of(op):
        if isinstance(op.jvp, Absent) and any(case.program.active):
            with pytest.raises(Unsupported, match=op.name) as error:
                _ = case.program.forward
            assert op.jvp.reason in str(error.value)


def smooth(case: Case, programs: list[Program]) -> list[Program]:
    if not case.differentiable:
        pytest.skip("nothing to differentiate")
    if not case.sample.smooth:
        pytest.skip("the derivative is a convention here")
    return programs


def check_jvp(program: Program) -> None:
    """Against the extrapolated difference quotient along the same direction."""
    direction = iter(program.forward.point[len(program.point) :])
    moving = [next(direction) if on else None for on in program.active]
    estimate = derivative(program.graph, program.point, moving)
    bounds = tangent_rounding(program)
    eps = epsilon([type.dtype for type in program.graph.types])
    for t, value, error, bound in zip(
        program.tangents, estimate.values, estimate.errors, bounds, strict=True
    ):
        assert np.isfinite(error).all(), "no quotient"
        assert largest(error) <= np.sqrt(eps) * np.maximum(1.0, largest(value)), (
            "quotient too noisy"
        )
        atol = float(8 * largest(error) + bound + TINY)
        np.testing.assert_allclose(t, value, rtol=0, atol=atol, equal_nan=False)


TINY = np.finfo(np.float32).tiny


def tangent_rounding(program: Program) -> list[Any]:
    bounds = iter(program.forward.rounding[len(program.values) :])
    return [next(bounds) if on else 0.0 for on in program.forward.moved]


def check_adjoint(program: Program) -> None:
    """<w, J v> = <J^T w, v> for the real inner product."""
    n = len(program.point)
    v = program.forward.point[n:]
    w = program.backward.point[n:]
    Jv = [t for t in program.tangents if is_inexact(t)]
    Jw = program.backward.values[len(program.values) :]
    assert [Type.of(a) for a in Jw] == [Type.of(a) for a in v]
    bounds = [*zip(w, tangent_bounds(program), strict=True)]
    bounds += [*zip(v, program.backward.rounding[len(program.values) :], strict=True)]
    tolerance = sum(np.abs(a).sum() * bound for a, bound in bounds)
    assert abs(inner(w, Jv) - inner(Jw, v)) <= tolerance + TINY


def tangent_bounds(program: Program) -> list[Any]:
    return [
        bound
        for bound, y in zip(tangent_rounding(program), program.values, strict=True)
        if is_inexact(y)
    ]


def inner(xs: list[Array], ys: list[Array]) -> Any:
    return sum(np.sum((np.conj(x) * y).real) for x, y in zip(xs, ys, strict=True))


def check_some_tangents(program: Program, active: list[bool]) -> None:
    zeroed = [
        t if on else None if t is None else np.zeros_like(t)
        for t, on in zip(directions(program.point, 2), active, strict=True)
    ]
    full = Program(program.forward.graph, [*program.point, *present(zeroed)], program.forward.moved)
    graph, moved = jvp(program.graph, active)
    some = [t for t, on in zip(zeroed, active, strict=True) if on]
    partly = Program(graph, [*program.point, *present(some)], moved)
    expected = dense(full, len(program.values))
    for got, want, bound in zip(
        dense(partly, len(program.values)), expected, tangent_rounding(program), strict=True
    ):
        assert_near(got, want, bound)


def dense(program: Program, count: int) -> list[Array]:
    """The tangents among a JVP's results, zeros where symbolic."""
    moved = iter(program.values[count:])
    return [
        next(moved) if on else np.zeros_like(y)
        for y, on in zip(program.values, program.moved, strict=False)
    ]


def check_some_cotangents(program: Program, active: list[bool]) -> None:
    n = len(program.values)
    partly = ops.evaluate(vjp(program.graph, active), program.backward.point)[n:]
    among = [on for on, a in zip(active, program.active, strict=True) if a]
    full = zip(program.backward.values[n:], program.backward.rounding[n:], among, strict=True)
    chosen = [(want, bound) for want, bound, on in full if on]
    for got, (want, bound) in zip(partly, chosen, strict=True):
        assert_near(got, want, bound)


def assert_near(got: Array, want: Array, bound: Any) -> None:
    """Equal but for rounding; NaN and Inf in the same places."""
    assert Type.of(got) == Type.of(want)
    np.testing.assert_allclose(got, want, rtol=0, atol=float(bound + TINY))


# ------------------------------------------------------------------ batches


@every_case
def test_batch_is_a_loop(case: Case) -> None:
    if isinstance(case.op.batch, Absent) or not case.program.point:
        pytest.skip("no batching rule")
    for batched in subsets(len(case.program.point)):
        check_batch(case.program, batched)


@every_case
def test_batched_derivatives_are_a_loop(case: Case) -> None:
    if isinstance(case.op.batch, Absent) or not case.differentiable:
        pytest.skip("no batching rule, or nothing to differentiate")
    n = len(case.program.point)
    for program in first_order(case)[1:]:
        seeds = len(program.point) - n
        for batched in ((True, True), (True, False), (False, True)):
            check_batch(program, (batched[0],) * n + (batched[1],) * seeds)


def check_batch(program: Program, batched: tuple[bool, ...]) -> None:
    points = [
        [nearby(x, seed) if on else x for x, on in zip(program.point, batched, strict=True)]
        for seed in range(BATCH)
    ]
    stacked = [
        np.stack([p[i] for p in points]) if on else program.point[i] for i, on in enumerate(batched)
    ]
    graph, _ = batch(program.graph, batched, BATCH, (True,) * len(program.graph.outputs))
    assert ops.check(graph).types == graph.types
    looped = [Program(program.graph, point) for point in points]
    for k, got in enumerate(ops.evaluate(graph, stacked)):
        want = np.stack([one.values[k] for one in looped])
        assert_near(got, want, max(one.rounding[k] for one in looped))
