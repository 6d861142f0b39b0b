"""Composites, as graphs of primitives: the packages' derivatives of them are ours."""

import numpy as np
import pytest
from composites.test_derivatives import first_of_each_name, program
from ops.cases import directions, largest

from adglot.errors import Unsupported
from adglot.ir import Type
from adglot_server.engines.native import NativeEngine
from adglot_server.transforms.operators import Request

from .packages import DIFFERENCES, ENGINES, HEAVY, LACKS

NATIVE = NativeEngine()


def differs(engine, graph):
    """Whether an op in it is known to differ somewhere: the samples of the op tell where."""
    known = {d.op for d in DIFFERENCES if d.engine == engine.name}
    return any(node.op in known for node in graph.nodes)


def refused(engine, name, graph):
    """Whether an op is lacking, or of another order than 0 and 1."""
    lacking = {node.op for node in graph.nodes} & set(LACKS[engine.name])
    return lacking or (engine.name in HEAVY and name in ("special.iv", "special.ive"))


@pytest.mark.parametrize("case", list(first_of_each_name()))
@pytest.mark.parametrize("engine", ENGINES)
def test_pullbacks_agree(engine, case):
    composite = program(case, "f")
    graph, point = composite.graph, composite.point
    wrt = tuple(i for i, t in enumerate(graph.inputs) if t.is_differentiable)
    of = tuple(k for k, t in enumerate(graph.output_types) if t.is_differentiable)
    cts = directions([composite.values[k] for k in of], 3)
    request = Request("vjp", wrt=wrt, of=of)
    if refused(engine, case.name, graph):
        with pytest.raises(Unsupported):
            engine.prepare(graph, request)
        return
    if differs(engine, graph):
        pytest.skip("an op in it is known to differ")
    pairs = zip(
        engine.prepare(graph, request).run([*point, *cts]),
        NATIVE.prepare(graph, request).run([*point, *cts]),
        strict=True,
    )
    for got, want in pairs:
        assert Type.of(got) == Type.of(want)
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11 * max(1.0, largest(want)))
