"""Wrong rules are found: the node is named, the wrong engine too, and the right one is cleared."""

import pytest

from adglot.crosscheck import Crosscheck, Finding
from crosscheck.faulty import WAYS, FaultyEngine, service
from crosscheck.long_graphs import PLANTED, long_graph, point


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("op", PLANTED)
def test_a_wrong_rule_is_blamed_at_its_node_forward_and_reverse(op: str, way: str) -> None:
    graph, position = long_graph(op)
    with service(FaultyEngine(op, WAYS[way])) as ad:
        result: Crosscheck = ad.crosscheck(graph, *point(), engines=["native", "faulty"])
    assert not result
    for operator in ("jvp", "vjp"):
        wrong, right = (result.cell(engine, operator) for engine in ("faulty", "native"))
        assert str(wrong.verdict) == f"mismatch(faulty, nodes[{position}])"
        assert right.verdict.kind == "agree"
    assert all(_names(finding, op) for finding in result.findings)


def _names(finding: Finding, op: str) -> bool:
    culprit = finding.culprit
    return culprit.op == op and culprit.confirmed and set(culprit.values) == {"native", "faulty"}


@pytest.mark.parametrize("seed", range(1, 4))
def test_wherever_it_stands(seed: int) -> None:
    graph, position = long_graph("tanh", seed)
    with service(FaultyEngine("tanh", WAYS["factor"])) as ad:
        result = ad.crosscheck(graph, *point(), engines=["native", "faulty"])
    assert {finding.culprit.path for finding in result.findings} == {f"nodes[{position}]"}
    assert len({len(finding.sides) for finding in result.findings}) == 1
