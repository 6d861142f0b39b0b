"""The checks of the op table fail when an entry is wrong: each kind of mistake, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from adglot import ops
from adglot.ops import Op, Sample, Value, rules

from .cases import Case
from .checks import check_adjoint, check_batch, check_jvp

REAL = Sample((np.array([0.5, -1.25, 2.0]),))
COMPLEX = Sample((np.array([0.5 + 0.25j, -1.25 - 1j]),))
Z = COMPLEX.operands[0]


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Case]:
    """A case of an op with some of its parts replaced."""

    def make(name: str, sample: Sample, **parts: Any) -> Case:
        right: Op = ops.TABLE[name]
        monkeypatch.delitem(ops.TABLE, name)
        return Case(replace(right, **parts), 0, sample)

    return make


def tangent(rule: Callable[[Value, Value, Value], Value]) -> Any:
    return rules.jvp_by_partials("exp", (rule,))


def test_right_entries_pass() -> None:
    for name, sample in (("exp", REAL), ("exp", COMPLEX), ("conj", COMPLEX)):
        program = Case(ops.TABLE[name], 0, sample).program
        for p in (program, program.forward, program.backward):
            check_jvp(p)
            check_adjoint(p)


def test_a_slightly_wrong_derivative(wrong: Callable[..., Case]) -> None:
    case = wrong("exp", REAL, jvp=tangent(lambda t, y, x: t * (y * (1 + 1e-13))))
    with pytest.raises(AssertionError, match="Not equal"):
        check_jvp(case.program)
    check_adjoint(case.program)  # which cannot see it


def test_a_derivative_of_the_real_part_only(wrong: Callable[..., Case]) -> None:
    case = wrong("exp", COMPLEX, jvp=tangent(lambda t, y, x: ops.real(t) * y))
    with pytest.raises(AssertionError, match="Not equal"):
        check_jvp(case.program)


def test_a_derivative_that_is_right_at_the_sample_only(wrong: Callable[..., Case]) -> None:
    here = REAL.operands[0]
    case = wrong("exp", REAL, jvp=tangent(lambda t, y, x: t * (y + (x - here) * 1e-9)))
    check_jvp(case.program)
    with pytest.raises(AssertionError, match="Not equal"):
        check_jvp(case.program.near)


def test_a_wrong_second_derivative(wrong: Callable[..., Case]) -> None:
    """The rule's value is right everywhere, but at the sample it is taken for a constant."""
    here = REAL.operands[0]
    frozen = tangent(lambda t, y, x: t * ops.where(ops.equal(x, here), np.exp(here), y))
    case = wrong("exp", REAL, jvp=frozen)
    check_jvp(case.program)
    for derived in (case.program.forward, case.program.backward):
        with pytest.raises(AssertionError, match="jumps"):
            check_jvp(derived)


def test_a_transpose_that_is_no_adjoint(wrong: Callable[..., Case]) -> None:
    """Of the complex product, without the conjugate."""
    adjoints = (lambda ct, x1, x2: ct * x2, lambda ct, x1, x2: ct * x1)
    transpose = rules.transpose_elementwise(*adjoints)
    case = wrong("multiply", Sample((Z, 1j * Z)), transpose=transpose)
    check_jvp(case.program)
    with pytest.raises(AssertionError):
        check_adjoint(case.program)


def test_a_batch_over_the_wrong_axis(wrong: Callable[..., Case]) -> None:
    sample = Sample((np.arange(9.0).reshape(3, 3),), {"axes": (1,)})
    case = wrong("sum", sample, batch=rules.batch_leading("sum", axes=lambda axes, size: axes))
    with pytest.raises(AssertionError):
        check_batch(case.program, (True,))


def test_a_kink_is_no_smooth_point(wrong: Callable[..., Case]) -> None:
    """The quotient does not settle, and that is a failure, not a large tolerance."""
    case = Case(ops.TABLE["sqrt"], 0, Sample((np.array([0.0, 1.0]),)))
    with pytest.raises(AssertionError, match=r"no quotient|too noisy"):
        check_jvp(case.program)
