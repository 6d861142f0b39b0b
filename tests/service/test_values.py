"""An answer brings the values that are asked for, and nothing else is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adglot
from adglot import GuardFailed
from adglot.calls import Answer, Call
from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder, rules
from adglot_server.engines.base import Prepared
from adglot_server.service.core import Core
from adglot_server.service.server import Server
from service.examples import positive

X = np.array([1.0, -2.0, 0.5])


def three() -> Graph:
    """x -> (x^3, a count, sum(sin(x)^2)): an integer between two that have derivatives."""
    builder = Builder()
    x = builder.input(Type("float64", (3,)))
    count = TABLE["sum"](rules.convert(x > 0.0, np.dtype("int64")), axes=(0,))
    square = TABLE["sin"](x) * TABLE["sin"](x)
    return builder.build([x], [x * x * x, count, TABLE["sum"](square, axes=(0,))])


def values(x: Any = X) -> tuple[Any, ...]:
    """Of `three`."""
    return x**3, np.array(np.sum(x > 0, axis=-1)), np.array(np.sum(np.sin(x) ** 2, axis=-1))


CUBE, SUM = 3 * np.diag(X**2), 2 * np.sin(X) * np.cos(X)
ASKED: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "jvp": ({"seeds": (np.ones(3),), "of": (0,)}, [3 * X**2]),
    "vjp": ({"seeds": (np.array(2.0),), "of": (2,)}, [2 * SUM]),
    "gradient": ({"of": (2,)}, [SUM]),
    "jacobian": ({"of": (2, 0)}, [SUM, CUBE]),
    "hessian": ({"of": (2,)}, [np.diag(2 * np.cos(2 * X))]),
    "hvp": ({"of": (2,), "seeds": (np.ones(3),)}, [2 * np.cos(2 * X)]),
}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Prepared]:
    """The programs that were run."""
    seen: list[Prepared] = []
    run = Prepared.run

    def noted(self: Prepared, *args: Any) -> Any:
        seen.append(self)
        return run(self, *args)

    monkeypatch.setattr(Prepared, "run", noted)
    return seen


def close(found: tuple[Any, ...], wanted: tuple[Any, ...] | list[Any], rtol: float) -> None:
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype
        assert_allclose(a, b, rtol=rtol, atol=rtol)


def asked(core: Core, operator: Any, **how: Any) -> Answer:
    options = ASKED[operator][0] | how
    return core.call(Call(operator, three(), **{"values": (X,), **options}))


@pytest.mark.parametrize("operator", ASKED)
def test_nothing_is_computed_that_nobody_wants(operator: str, runs: list[Prepared]) -> None:
    answer = asked(Core(), operator)
    close(answer.derivatives, ASKED[operator][1], rtol=1e-12)
    assert answer.values == ()
    (prepared,) = runs
    assert prepared.program is not None
    assert len(prepared.program.outputs) == len(answer.derivatives)
    assert not any(node.op == "greater" for node in prepared.program.nodes)


@pytest.mark.parametrize("engine", ["native", "finite-difference"])
@pytest.mark.parametrize("operator", ASKED)
def test_all_values(operator: str, engine: str, runs: list[Prepared]) -> None:
    """Of outputs that have no derivatives here, too; our own engine runs one program for them."""
    core = Core()
    for _ in range(3):
        answer = asked(core, operator, include_values=True, engine=engine)
        close(answer.derivatives, ASKED[operator][1], rtol=1e-12 if engine == "native" else 1e-4)
        close(answer.values, values(), rtol=1e-12)
    assert len(runs) == 3 if engine == "native" else len(runs) > 3


@pytest.mark.parametrize("engine", ["native", "finite-difference"])
def test_values_are_in_the_order_of_the_graph(engine: str) -> None:
    builder = Builder()
    x = builder.input(Type("float64", (3,)))
    graph, core = builder.build([x], [x * x, x * x * x]), Core()
    core.register(graph)
    for _ in range(3):
        call = Call("jacobian", graph.digest, (X,), of=(1, 0), include_values=True, engine=engine)
        assert_allclose(core.call(call).values, (X**2, X**3))


def test_values_of_nonzeros_and_of_batches(runs: list[Prepared]) -> None:
    core, xs = Core(), np.stack([X, 2 * X, -X])
    sparse = asked(core, "jacobian", of=(0,), sparse=True, include_values=True)
    close((sparse.derivatives[0], *sparse.values), (3 * X**2, *values()), rtol=1e-12)
    assert asked(core, "jacobian", of=(0,), sparse=True).values == ()
    batch = asked(core, "gradient", values=(xs,), batch=True, include_values=True)
    close(batch.derivatives, [2 * np.sin(xs) * np.cos(xs)], rtol=1e-12)
    close(batch.values, values(xs), rtol=1e-12)
    assert asked(core, "gradient", values=(xs,), batch=True).values == ()
    assert len(runs) == 4


def test_values_cost_what_they_take() -> None:
    core = Core()
    without, with_them = (
        asked(core, "gradient", include_values=wanted).report for wanted in (False, True)
    )
    assert 0 < without.program_ops < with_them.program_ops
    assert without.function_ops == with_them.function_ops


def test_guards_are_looked_at_whoever_wants_the_value() -> None:
    with pytest.raises(GuardFailed):
        Core().call(Call("gradient", positive(), (np.array(-1.0),)))


def test_over_the_wire_and_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adglot.shortcuts.ENOUGH", 0.0)
    with (
        Server(["localhost:0"]) as server,
        adglot.connect(server.addresses[0]) as there,
        adglot.connect() as here,
    ):
        for ad in (here, there):
            pull = ad.prepare(three(), X, operator="vjp")
            for k in range(1, 5):
                y, (dx,) = pull((k * X,), (None, None, np.array(1.0)))
                assert_allclose(dx, 2 * np.sin(k * X) * np.cos(k * X))
                for a, b in zip(y, values(k * X), strict=True):
                    assert_allclose(a, b)
            push = ad.prepare(three(), X, operator="jvp")
            for _ in range(4):
                (cube, count, _), (dy, nothing, _) = push((X,), (np.ones(3),))
                assert_array_equal(cube, X**3)
                assert_allclose(dy, 3 * X**2)
                assert (count, nothing) == (2, None)
