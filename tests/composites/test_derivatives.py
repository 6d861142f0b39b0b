"""Derivatives of composites: against difference quotients, backwards, batched, and at kinks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from ops.cases import Program
from ops.checks import check_adjoint, check_batch, check_jvp
from ops.numerical import is_inexact

from adglot import ops
from composites.cases import CASES, Case
from composites.running import array_leaves, build, composite_function
from composites.test_against_numpy import arguments, expected_of


def program(case: Case, kind: str) -> Program:
    """The graph of a case, at its arrays."""
    args = arguments(case, kind)
    graph, arrays, _ = build(lambda *a: composite_function(case.name)(*a, **case.kwargs), args)
    return Program(ops.check(graph), arrays)


def has_derivative(case: Case, kind: str) -> bool:
    """Whether something moves, and everything is finite."""
    if kind not in case.kinds or not case.smooth:
        return False
    arrays, values = arrays_of(arguments(case, kind)), array_leaves(expected_of(case, kind))
    everything = [*arrays, *values]
    moving = any(map(is_inexact, arrays)) and any(map(is_inexact, values))
    return moving and all(np.isfinite(x).all() for x in everything)


def arrays_of(args: Any) -> list[Any]:
    if isinstance(args, np.ndarray):
        return [args]
    parts = args if isinstance(args, list | tuple) else ()
    return [array for part in parts for array in arrays_of(part)]


def smooth_cases() -> Iterator[Any]:
    for case in CASES:
        for kind in "fc":
            if has_derivative(case, kind):
                yield pytest.param(case, kind, id=f"{case}-{kind}")


def first_of_each_name() -> Iterator[Any]:
    seen = set()
    for case in CASES:
        if case.name not in seen and has_derivative(case, "f"):
            seen.add(case.name)
            yield pytest.param(case, id=str(case))


@pytest.mark.parametrize(("case", "kind"), list(smooth_cases()))
def test_jvp_is_the_quotient_and_vjp_its_adjoint(case: Case, kind: str) -> None:
    one = program(case, kind)
    check_jvp(one)
    check_adjoint(one)


@pytest.mark.parametrize("case", list(first_of_each_name()))
def test_second_derivatives_and_batches(case: Case) -> None:
    one = program(case, "f")
    check_jvp(one.forward)
    check_jvp(one.backward)
    check_batch(one, (True,) * len(one.point))
