"""The cross-check as users meet it: who takes part, what fails, what is asked, sync and async."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import adglot
import adglot.aio
from adglot.calls import OPERATORS, EngineInfo
from adglot.crosscheck import Crosscheck, FreeCheck
from adglot.errors import EngineCrashed, InvalidArgument, UnknownEngine, Unsupported
from adglot.ir import Node
from adglot.ops import TABLE, Builder
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.extended import ExtendedEngine
from adglot_server.engines.native import NativeEngine
from adglot_server.service.core import Core
from adglot_server.service.embedded import EmbeddedTransport
from adglot_server.service.engines import Engines
from adglot_server.service.server import Server
from crosscheck.faulty import WAYS, FaultyEngine, service

X = np.linspace(0.1, 1.0, 4)


def f(x: Any) -> Any:
    return np.sum(np.sin(x) * np.exp(-(x**2)))


class Twin:
    """The native engine under another name; `change` spoils what it prepares."""

    def __init__(self, name: str = "twin", change: Any = None, info: Any = None) -> None:
        self.name, self._change, self._info = name, change, info or {}

    def info(self) -> EngineInfo:
        plain = EngineInfo(self.name, True, version="2.0", operators=OPERATORS)
        return replace(plain, **self._info)

    def prepare(self, graph: Any, request: Request) -> Prepared:
        prepared = NativeEngine().prepare(graph, request)
        return prepared if self._change is None else self._change(prepared, request)


@pytest.fixture
def ad() -> Iterator[adglot.Client]:
    with service(Twin()) as client:
        yield client


ENGINES = ["native", "twin"]


def test_engines_that_agree(ad: adglot.Client) -> None:
    result = ad.crosscheck(f, X, engines=ENGINES)
    assert result
    assert result.operators == ("evaluate", "jvp", "vjp")
    assert [cell.engine for cell in result.cells] == ["native"] * 3 + ["twin"] * 3
    assert {str(cell.verdict) for cell in result.cells} == {"agree"}
    assert result.cell("twin", "vjp").blocks[0].max_ulps == 0
    assert [run.version for run in result.engines][1] == "2.0"


def test_every_operator(ad: adglot.Client) -> None:
    result = ad.crosscheck(f, X, engines=ENGINES, operators=OPERATORS)
    assert result
    assert {cell.operator for cell in result.cells} == set(OPERATORS)


@pytest.mark.parametrize("operator", [o for o in OPERATORS if o != "evaluate"])
@pytest.mark.parametrize("way", ["sign", "factor"])
def test_a_fault_shows_in_every_operator(operator: str, way: str) -> None:
    with service(FaultyEngine("exp", WAYS[way])) as ad:
        result = ad.crosscheck(f, X, engines=["native", "faulty"], operators=[operator])
    (finding,) = result.findings
    assert finding.culprit.op == "exp"
    assert finding.wrong == ("faulty",)
    assert "test_crosscheck.py" in finding.culprit.location


def frozen(op: str, primals: Any, tangents: Any, attributes: Any) -> Any:
    """exp, right at the first order: its slope is taken to be a constant."""
    builder = Builder()
    x, t = (builder.input(primals[0].type) for _ in range(2))
    flat = builder.build([x, t], [TABLE["multiply"](t, 0.0)])
    value = FaultyEngine(op, frozen)._function(Node(op, (0,), {}, ()), [primals[0].type])
    (slope,) = TABLE["custom_derivative"].all(primals[0], function=value, rule=flat, mode="jvp")
    return slope * tangents[0]


@pytest.mark.parametrize("operator", ["hvp", "hessian"])
def test_a_fault_of_the_second_order_only(operator: str) -> None:
    with service(FaultyEngine("exp", frozen)) as ad:
        result = ad.crosscheck(
            f, X, engines=["native", "faulty"], operators=["jvp", "vjp", operator]
        )
    (finding,) = result.findings
    assert finding.operator == operator
    assert (finding.wrong, finding.culprit.op) == (("faulty",), "exp")


def test_of_several_engines_the_wrong_one_is_named() -> None:
    faulty = FaultyEngine("exp", WAYS["factor"])
    with service(Twin(), faulty) as ad:
        result = ad.crosscheck(f, X, engines=["faulty", "native", "twin"])
    assert [str(cell.verdict) for cell in result.cells if cell.engine != "faulty"] == ["agree"] * 6
    assert all(finding.wrong == ("faulty",) for finding in result.findings)


def test_two_faults_are_two_culprits() -> None:
    two = FaultyEngine("sin", WAYS["factor"], "one"), FaultyEngine("exp", WAYS["sign"], "two")
    with service(*two) as ad:
        result = ad.crosscheck(f, X, engines=["native", "one", "two"], operators=["jvp"])
    assert {(find.wrong, find.culprit.op) for find in result.findings} == {
        (("one",), "sin"),
        (("two",), "exp"),
    }


def test_a_wrong_engine_against_the_arbiter_alone() -> None:
    with service(FaultyEngine("exp", WAYS["factor"])) as ad:
        result = ad.crosscheck(f, X, engines=["faulty"])
    assert str(result.cell("faulty", "jvp").verdict).startswith("mismatch(faulty, nodes[")
    assert {finding.culprit.op for finding in result.findings} == {"exp"}


def test_without_an_arbiter_nobody_is_wrong_but_the_node_is_named() -> None:
    attached = {e.name: e for e in (NativeEngine(), FaultyEngine("exp", WAYS["factor"]))}
    with adglot.Client(EmbeddedTransport(Core(engines=Engines((), attached)))) as ad:
        result = ad.crosscheck(f, X, engines=["native", "faulty"], operators=["vjp"])
    (finding,) = result.findings
    assert (finding.wrong, finding.culprit.op) == ((), "exp")
    assert {cell.verdict.kind for cell in result.cells} == {"mismatch"}
    assert not result


# ------------------------------------------------------------------ control flow


def looped(x: Any) -> Any:
    def step(carry: Any, _: Any) -> Any:
        return carry + np.exp(-carry) * x, carry

    return adglot.scan(step, x, None, length=3)[0]


def chosen(x: Any) -> Any:
    return adglot.cond(x > 0, lambda x: x * np.exp(x), lambda x: x, x)


@pytest.mark.parametrize("function", [looped, chosen])
@pytest.mark.parametrize("operator", ["jvp", "vjp"])
def test_the_culprit_is_sought_in_bodies(function: Any, operator: str) -> None:
    with service(FaultyEngine("exp", WAYS["factor"])) as ad:
        result = ad.crosscheck(function, 0.5, engines=["native", "faulty"], operators=[operator])
    (finding,) = result.findings
    assert finding.culprit.op == "exp"
    assert ".attributes." in finding.culprit.path
    assert finding.wrong == ("faulty",)


# ------------------------------------------------------------------ failures


def test_what_one_engine_cannot_do_hides_nothing() -> None:
    def refuse(prepared: Prepared, request: Request) -> Prepared:
        if request.operator == "vjp":
            raise Unsupported("twin has no vjp")
        return prepared

    with service(Twin(change=refuse), Twin("third")) as ad:
        result = ad.crosscheck(f, X, engines=[*ENGINES, "third"])
    assert result
    assert str(result.cell("twin", "vjp").verdict) == "unsupported(twin has no vjp)"
    assert result.cell("twin", "jvp").verdict.kind == "agree"
    assert result.cell("third", "vjp").verdict.kind == "agree"


@pytest.mark.parametrize("error", [EngineCrashed("gone"), ZeroDivisionError("a bug")])
def test_a_crash_hides_nothing(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    def crash(prepared: Prepared, request: Request) -> Prepared:
        raise error

    with service(Twin("broken", change=crash), Twin()) as ad:
        result = ad.crosscheck(f, X, engines=[*ENGINES, "broken"])
    assert not result
    assert {cell.verdict.kind for cell in result.cells if cell.engine != "broken"} == {"agree"}
    assert {cell.verdict.kind for cell in result.cells if cell.engine == "broken"} == {"error"}


def test_an_answer_of_the_wrong_shape_is_an_error() -> None:
    def longer(prepared: Prepared, request: Request) -> Prepared:
        execute = prepared.execute
        return replace(
            prepared, execute=lambda *a: [np.append(y, 0.0) for y in execute(*a)], program=None
        )

    with service(Twin(change=longer)) as ad:
        result = ad.crosscheck(f, X, engines=ENGINES)
    assert "shapes" in str(result.cell("twin", "vjp").verdict)


def test_an_engine_that_is_not_installed_says_how_it_would_be() -> None:
    missing = {"available": False, "reason": "needs twin: pip install twin"}
    with service(Twin(info=missing)) as ad:
        result = ad.crosscheck(f, X)
    (run,) = [run for run in result.engines if run.name == "twin"]
    assert (run.available, run.reason) == (False, "needs twin: pip install twin")
    assert "unavailable: needs twin: pip install twin" in str(result)
    assert not [cell for cell in result.cells if cell.engine == "twin"]


def test_one_engine_alone_is_unchecked() -> None:
    with adglot.Client(
        EmbeddedTransport(Core(engines=Engines((), {"native": NativeEngine()})))
    ) as ad:
        result = ad.crosscheck(f, X)
    assert {cell.verdict.kind for cell in result.cells} == {"unchecked"}
    assert result.cell("native", "vjp").checks[0].passed


def test_numerical_engines_are_evidence() -> None:
    with adglot.connect() as ad:
        result = ad.crosscheck(f, X, engines=["native", "finite-difference"])
    assert result.cell("finite-difference", "vjp").verdict.kind == "agree"
    assert result.cell("native", "vjp").verdict.kind == "agree"  # with the arbiter


def test_at_a_kink_neither_the_arbiter_nor_a_numerical_engine_says_anything() -> None:
    with adglot.connect() as ad:
        result = ad.crosscheck(np.abs, 0.0, engines=["native", "finite-difference"])
    assert result.cell("native", "vjp").verdict.kind == "unchecked"
    assert result.cell("finite-difference", "vjp").verdict.kind in ("evidence", "agree")


@pytest.mark.parametrize(
    ("keywords", "error", "says"),
    [
        ({"engines": ["nativ"]}, UnknownEngine, "did you mean 'native'"),
        ({"operators": ["grad"]}, InvalidArgument, "expected some of evaluate"),
        ({"operators": []}, InvalidArgument, "expected some of evaluate"),
        ({"argnums": 3}, InvalidArgument, "there is no argument 3"),
    ],
)
def test_faults_of_the_question_are_raised(
    ad: adglot.Client, keywords: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        ad.crosscheck(f, X, **keywords)


def test_gradients_need_a_scalar(ad: adglot.Client) -> None:
    with pytest.raises(InvalidArgument, match="needs one real scalar output"):
        ad.crosscheck(np.sin, X, operators=["gradient"])


def test_integers_have_no_derivative(ad: adglot.Client) -> None:
    with pytest.raises(InvalidArgument, match="no float or complex input"):
        ad.crosscheck(lambda x: x + 1, np.arange(3))
    with pytest.raises(InvalidArgument, match="none of its results"):
        ad.crosscheck(lambda x: x > 0, X)


def test_a_digest_is_not_enough(ad: adglot.Client) -> None:
    digest = ad.register(adglot.trace(f, X))
    with pytest.raises(InvalidArgument, match="give the Graph"):
        ad.crosscheck(digest, X)


# ------------------------------------------------------------------ what comes back


def test_identities_hold_for_every_engine(ad: adglot.Client) -> None:
    operators = ["jvp", "vjp", "gradient", "jacobian"]
    result = ad.crosscheck(f, X, engines=ENGINES, operators=operators)
    named = {(c.operator, check.name) for c in result.cells for check in c.checks}
    assert named == {
        ("vjp", "<w,Jv> = <J^T w,v>"),
        ("gradient", "forward = reverse"),
        ("jacobian", "forward = reverse"),
    }


def test_a_broken_identity_shows_without_a_second_engine() -> None:
    def spoil(prepared: Prepared, request: Request) -> Prepared:
        if request.operator != "vjp":
            return prepared
        execute = prepared.execute
        return replace(prepared, execute=lambda *a: [2.0 * y for y in execute(*a)])

    engines = {"twin": Twin(change=spoil)}
    with adglot.Client(EmbeddedTransport(Core(engines=Engines((), engines)))) as ad:
        result = ad.crosscheck(f, X)
    assert not result
    assert "twin breaks <w,Jv> = <J^T w,v>" in str(result)


def test_an_excuse_lets_an_identity_pass() -> None:
    assert not FreeCheck("x", 1.0, 2.0, 0.1).passed
    assert FreeCheck("x", 1.0, 2.0, 0.1, "a kink").passed


def test_non_finite_answers_that_agree(ad: adglot.Client) -> None:
    result = ad.crosscheck(np.sqrt, 0.0, engines=ENGINES)
    assert result
    assert result.cell("twin", "vjp").verdict.kind == "nonfinite"


def test_the_result_is_json() -> None:
    with service(FaultyEngine("exp", WAYS["sign"])) as ad:
        result = ad.crosscheck(f, X, engines=["native", "faulty"])
    data = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert data["ok"] is False
    assert data["findings"][0]["culprit"]["op"] == "exp"
    assert data["graph"]["nodes"][0]["path"] == "nodes[0]"


def test_nested_arguments_and_complex_numbers(ad: adglot.Client) -> None:
    def g(params: Any, z: Any) -> Any:
        return {"y": params["w"] @ params["b"], "z": np.abs(z * z) + params["b"]}

    params = {"w": np.eye(2) + 0.5, "b": np.array([1.0, 2.0])}
    result = ad.crosscheck(g, params, np.array([1 + 2j, 3j]), engines=ENGINES)
    assert result
    names = {block.name for block in result.cell("native", "vjp").blocks}
    assert names == {"params.w", "params.b", "z"}


def test_a_server_gives_the_same() -> None:
    faulty = FaultyEngine("exp", WAYS["factor"])
    attached = {e.name: e for e in (NativeEngine(), ExtendedEngine(), faulty)}
    with (
        Server(["localhost:0"], engines=Engines((), attached)) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        result = ad.crosscheck(f, X, engines=["native", "faulty"])
    assert {(find.wrong, find.culprit.op) for find in result.findings} == {(("faulty",), "exp")}
    assert "test_crosscheck.py" in result.findings[0].culprit.location


def test_asyncio_gives_the_same(ad: adglot.Client) -> None:
    async def main() -> Crosscheck:
        async with adglot.aio.connect() as client:
            return await client.crosscheck(f, X, engines=["native", "autograd"])

    result = asyncio.run(main())
    assert result
    assert {cell.engine for cell in result.cells} == {"native", "autograd"}
