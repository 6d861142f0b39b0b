"""The kit sees what an engine can do, and catches one that is wrong."""

from typing import Any

import pytest
from crosscheck.faulty import FaultyEngine, factor, service

import adglot
from adglot.calls import OPERATORS, EngineInfo
from adglot.conformance import Capabilities, examine
from adglot.conformance.examine import exercises
from adglot.conformance.scenarios import SCENARIOS
from adglot.errors import UnknownEngine, Unsupported
from adglot.ir import Graph
from adglot.ops import TABLE
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.native import NativeEngine


class WithoutSin:
    """Native, but it lacks an op, says so, and falls over at another."""

    name = "partial"

    def info(self) -> EngineInfo:
        return EngineInfo(self.name, True, version="2.5", operators=OPERATORS)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        ops = {node.op for node in graph.nodes}
        if "sin" in ops and graph.inputs[0].is_complex:
            raise Unsupported("no sin of complex numbers")
        if "cos" in ops:
            raise RuntimeError("fell over")
        return NativeEngine().prepare(graph, request)


def statuses(found: Capabilities) -> dict[tuple[str, str], str]:
    return {(row.subject, row.operator): row.status for row in found.rows}


def test_what_an_engine_lacks_and_where_it_fails() -> None:
    with service(WithoutSin()) as ad:
        found = examine(ad, "partial", exercises(["sin", "cos", "exp"]))
    assert found.version == "2.5"
    said = statuses(found)
    assert said["sin", "jvp"] == "partial"
    assert said["cos", "evaluate"] == "error"
    assert said["exp", "vjp"] == "supported"
    assert not found
    assert "no sin of complex numbers" in {row.note for row in found.rows}


@pytest.mark.parametrize("subject", ["tanh", "perceptron"])
def test_a_wrong_rule_is_wrong(subject: str) -> None:
    """In an op of its own, and inside of a function that uses it."""
    with service(FaultyEngine("tanh", factor)) as ad:
        found = examine(ad, "faulty", exercises([subject]))
    said = statuses(found)
    assert (said[subject, "evaluate"], said[subject, "jvp"], said[subject, "vjp"]) == (
        "supported", "wrong", "wrong",
    )  # fmt: skip
    assert "faulty" in next(row.note for row in found.rows if row.operator == "jvp")


def test_every_op_and_scenario_is_an_exercise() -> None:
    subjects = {task.subject for task in exercises()}
    assert subjects == set(TABLE) | {scenario.name for scenario in SCENARIOS}


def test_native_is_held_against_extended_precision() -> None:
    with adglot.connect() as ad:
        found = examine(ad, "native", exercises(["exp", "rosenbrock", "gram"]))
    assert set(statuses(found).values()) == {"supported"}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_scenarios_are_right(scenario: Any) -> None:
    """Against an engine that shares no rule with native."""
    with adglot.connect() as ad:
        result = ad.crosscheck(
            scenario.function, *scenario.point, engines=["native", "finite-difference"]
        )
    assert result.ok
    assert {cell.verdict.kind for cell in result.cells if cell.engine != "native"} <= {
        "agree", "evidence",
    }  # fmt: skip


def test_absent_engines_are_named() -> None:
    with adglot.connect() as ad, pytest.raises(UnknownEngine, match="nobody"):
        examine(ad, "nobody")
