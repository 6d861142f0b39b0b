"""Every sample of every op: the packages' values and derivatives are ours, but where we know."""

import numpy as np
import pytest
from ops.cases import CASES, directions, largest, present
from ops.checks import tangent_bounds

from adglot.errors import Unsupported
from adglot.ir import Type
from adglot_server.engines.native import NativeEngine
from adglot_server.transforms.operators import Request

from .packages import ENGINES, difference, unsupported

NATIVE = NativeEngine()
OPERATORS = ("evaluate", "jvp", "vjp")


def asked(case, operator):
    """The request and its seeds; None where there is nothing to differentiate."""
    program = case.program
    if operator == "evaluate":
        return Request("evaluate", of=tuple(range(len(program.graph.outputs)))), []
    wrt = tuple(i for i, on in enumerate(program.active) if on)
    of = tuple(k for k, t in enumerate(program.graph.output_types) if t.is_differentiable)
    if not (wrt and of and case.differentiable):
        return None
    arrays = directions(program.point, 2) if operator == "jvp" else directions(program.values, 3)
    return Request(operator, wrt=wrt, of=of), present(arrays)


def answers(engine, case, operator):
    """Its answer and ours, as (array, whether it is the function's value)."""
    request, seeds = asked(case, operator)
    inputs = [*case.program.point, *seeds]
    results = [e.prepare(case.program.graph, request).run(inputs) for e in (engine, NATIVE)]
    derivatives = 0 if operator == "evaluate" else len(request.of)
    return [(got, want) for got, want in zip(*results, strict=True)][derivatives:]


def bounds(case, operator):
    program = case.program
    if operator == "evaluate":
        return program.rounding
    if operator == "jvp":
        return tangent_bounds(program)
    return program.backward.rounding[len(program.values) :]


def agree(engine, case, operator):
    pairs = answers(engine, case, operator)
    # packages have functions and rules of their own, some of which lose a few more digits
    for (got, want), bound in zip(pairs, bounds(case, operator), strict=True):
        assert Type.of(got) == Type.of(want)
        eps = np.finfo(want.dtype).eps if want.dtype.kind in "fc" else 0.0
        atol = 16 * (bound + eps * largest(want))
        np.testing.assert_allclose(got, want, rtol=0, atol=atol, equal_nan=True)


CASES_OF = [
    pytest.param(case, operator, id=f"{case.op.name}-{case.number}-{operator}")
    for case in CASES
    for operator in OPERATORS
    if (operator == "evaluate" or case.sample.smooth) and asked(case, operator)
]


@pytest.mark.parametrize(("case", "operator"), CASES_OF)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_sample_agrees_or_not_as_known(engine, case, operator):
    place = engine.name, case.op.name, case.number, operator
    if unsupported(*place):
        with pytest.raises(Unsupported):
            agree(engine, case, operator)
    elif why := difference(*place):
        with pytest.raises(AssertionError):
            agree(engine, case, operator)
        assert why
    else:
        agree(engine, case, operator)
