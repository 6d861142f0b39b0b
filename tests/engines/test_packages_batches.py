"""Every op over a batch of points and several seeds: as point by point, seed by seed."""

import numpy as np
import pytest
from ops.cases import CASES, directions, largest, present

from adglot.ir import Type
from adglot_server.transforms.operators import Request

from .packages import ENGINES, unsupported

POINTS, SEEDS = 2, 3


def first_of_each_op():
    """A smooth sample of each op that has a derivative."""
    found = {}
    for case in CASES:
        if case.differentiable and case.sample.smooth and _request(case).of:
            found.setdefault(case.op.name, case)
    return [pytest.param(case, id=case.op.name) for case in found.values()]


def _request(case, **how):
    program = case.program
    wrt = tuple(i for i, on in enumerate(program.active) if on)
    of = tuple(k for k, t in enumerate(program.graph.output_types) if t.is_differentiable)
    return Request("vjp", wrt=wrt, of=of, **how)


@pytest.mark.parametrize("case", first_of_each_op())
@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_is_a_loop(engine, case):
    if unsupported(engine.name, case.op.name, case.number, "vjp"):
        pytest.skip("test_packages_samples.py holds the list")
    graph = case.program.graph
    seeds = [present(directions(case.program.values, k)) for k in range(SEEDS)]
    single = engine.prepare(graph, _request(case))
    batched = engine.prepare(graph, _request(case, batch=POINTS, seeds=SEEDS))
    values = len(_request(case).of)
    want = [single.run([*case.program.point, *seed]) for seed in seeds]
    point = [np.stack([x] * POINTS) for x in case.program.point]
    many = [np.stack([np.stack(column)] * POINTS) for column in zip(*seeds, strict=True)]
    got = batched.run([*point, *many])
    for k, array in enumerate(got):
        column = [row[k] for row in want]
        expected = np.stack([column[0] if k < values else np.stack(column)] * POINTS)
        assert Type.of(array) == Type.of(expected)
        eps = np.finfo(expected.dtype).eps
        np.testing.assert_allclose(
            array, expected, rtol=0, atol=64 * eps * max(1.0, largest(expected))
        )
