"""What every entry of the op table must satisfy at every one of its samples."""

from __future__ import annotations

import numpy as np
import pytest

from adglot import ops
from adglot.codec import graphs
from adglot.errors import InvalidArgument, Unsupported
from adglot.ir import Type
from adglot.ops import Absent, Op
from adglot.ops.check import KINDS
from adglot.ops.core import REQUIRED

from .cases import CASES, Case, Program, subsets
from .checks import (
    check_adjoint,
    check_batch,
    check_jvp,
    check_some_cotangents,
    check_some_tangents,
)

every_case = pytest.mark.parametrize("case", CASES, ids=repr)
every_op = pytest.mark.parametrize("op", ops.TABLE.values(), ids=lambda op: op.name)


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


@every_case
def test_finite_operands_give_finite_results(case: Case) -> None:
    if case.op.finite and all(map(all_finite, case.program.point)):
        assert all(map(all_finite, case.program.values))


def all_finite(array: np.ndarray) -> bool:
    return bool(np.all(np.isfinite(array)))


@every_case
def test_only_views_share_memory_with_an_operand(case: Case) -> None:
    if case.op.higher_order:
        return
    point = case.program.point
    results = ops.evaluation.evaluate_op(case.op, point, case.op.complete(case.sample.attributes))
    shared = [np.shares_memory(x, y) for x in point for y in results]
    assert not any(shared[1:])
    assert case.op.view or not any(shared)


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
    """At a point nearby too: a rule may be right at the sample by chance."""
    for program in smooth(case, first_order(case)[:1]):
        check_jvp(program)
        check_jvp(program.near)


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
