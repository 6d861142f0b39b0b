"""Calls, answers and listings come back as they were; bad requests say where they are bad."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from strategies import graphs

from adglot.calls import (
    MODES,
    OPERATORS,
    SEEDS,
    Answer,
    AttributeInfo,
    Call,
    EngineInfo,
    Explanation,
    Operator,
    OpInfo,
    Pattern,
    Report,
    ServerInfo,
)
from adglot.codec import listings, messages
from adglot.codec.splice import delimited
from adglot.errors import InvalidArgument, LimitExceeded
from adglot.ir import Graph
from adglot.v1 import operators_pb2 as pb

DIGEST = "ab" * 32
REPORT = Report("native", "interpreter", "reverse", 3, 4, 5, 0.25, 0.5, DIGEST, (0, 2), (1,), 7)

ports = st.lists(st.integers(0, 2**32 - 1) | st.text(max_size=5), max_size=3).map(tuple)
arrays = st.lists(st.integers(0, 4).map(lambda n: np.arange(float(n))), max_size=3).map(tuple)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    operator = draw(st.sampled_from(OPERATORS))
    call = Call(operator, draw(graphs() | st.just(DIGEST)), draw(arrays), engine="torch")
    call = replace(call, batch=draw(st.booleans()))
    if operator == "evaluate":
        return replace(call, include_values=True)
    call = replace(call, wrt=draw(ports), of=draw(ports), include_values=draw(st.booleans()))
    if operator == "jacobian":
        call = replace(call, mode=draw(st.sampled_from(MODES)))
    if operator in ("jacobian", "hessian"):
        call = replace(call, sparse=draw(st.booleans()))
    if operator in SEEDS:
        call = replace(call, seeds=draw(arrays), seed_axis=draw(st.booleans()))
    return call


def _assert_same(result: Call, call: Call) -> None:
    for field in fields(Call):
        given, expected = getattr(result, field.name), getattr(call, field.name)
        if field.name in ("values", "seeds"):
            assert [a.tolist() for a in given] == [a.tolist() for a in expected]
        else:
            assert given == expected, field.name


@given(calls())
def test_a_call_comes_back(call: Call) -> None:
    _assert_same(messages.decode_call(call.operator, messages.encode_call(call)), call)


@given(calls())
def test_a_request_is_what_the_protobuf_runtime_reads(call: Call) -> None:
    request = messages.RPCS[call.operator].request
    message = request.FromString(messages.encode_call(call))
    _assert_same(messages.decode_call(call.operator, message.SerializeToString()), call)


@given(calls())
def test_a_stream_carries_setup_and_points(call: Call) -> None:
    call = replace(call, include_values=True)
    setup = messages.decode_setup(messages.encode_setup(call))
    assert setup.values == setup.seeds == ()
    _assert_same(messages.decode_point(setup, messages.encode_point(call)), call)


def test_an_answer_comes_back_as_arrays_of_its_own() -> None:
    estimates = (np.full((2, 3), 1e-9), np.zeros(0))
    answer = Answer((np.float64(3.0),), (np.ones((2, 3)), np.zeros(0)), REPORT, estimates)
    message = messages.encode_answer(answer)
    assert pb.StreamResponse.FromString(message).report.passes == 3
    result = messages.decode_answer(message)
    assert result.report == REPORT
    assert [a.shape for a in result.derivatives] == [(2, 3), (0,)]
    for got, estimate in zip(result.error_estimates, estimates, strict=True):
        assert_array_equal(got, estimate)
    assert result.values[0][()] == 3.0
    assert all(a.flags.writeable and a.flags.aligned for a in result.derivatives)


@pytest.mark.parametrize("operator", [o for o in OPERATORS if o != "evaluate"])
def test_every_response_has_the_numbers_of_the_streams(operator: Operator) -> None:
    response = getattr(pb, f"{messages.RPCS[operator].method}Response")
    fields = {f.name: f.number for f in response.DESCRIPTOR.fields}
    stream = {f.name: f.number for f in pb.StreamResponse.DESCRIPTOR.fields}
    sparse = {"indptr", "indices", "columns"} if operator not in ("jacobian", "hessian") else set()
    assert fields == {name: number for name, number in stream.items() if name not in sparse}


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("size", [3, 3000])
def test_sparse_blocks_come_back_as_arrays_of_their_own(dtype: str, size: int) -> None:
    diagonal = Pattern(np.arange(size + 1, dtype=dtype), np.arange(size, dtype=dtype), size)
    empty = Pattern(np.zeros(3, dtype), np.zeros(0, dtype), 5)
    answer = Answer((), (np.ones((2, size)), np.zeros((2, 0))), REPORT, (), (diagonal, empty))
    results = messages.decode_answer(messages.encode_answer(answer)).patterns
    explanation = Explanation("text", REPORT, (diagonal, empty))
    shown = messages.decode_explanation(messages.encode_explanation(explanation)).patterns
    for result, pattern in zip((*results, *shown), (diagonal, empty) * 2, strict=True):
        assert result.shape == pattern.shape
        assert_array_equal(result.indptr, pattern.indptr, strict=True)
        assert_array_equal(result.indices, pattern.indices, strict=True)
        assert result.indices.flags.writeable


def test_listings_come_back() -> None:
    engines = (
        EngineInfo("native", True, version="1", operators=("jvp", "hvp"), sparse=True),
        EngineInfo("jax", False, "pip install jax", ops=("add",)),
        EngineInfo("julia/Zygote", True, "starting for 3 s", state="starting"),
    )
    ops = (
        OpInfo("sum", "The sum.", (AttributeInfo("axes", "ints", True),)),
        OpInfo("any", "", (), False),
    )
    info = ServerInfo("0.1", 1, {"nodes": 10, "memory_bytes": 2**40}, ("sparse",))
    explanation = Explanation("f(%0) {}", REPORT, latex="x^{2}")
    assert listings.decode_engines(listings.encode_engines(engines)) == engines
    assert listings.decode_ops(listings.encode_ops(ops)) == ops
    assert listings.decode_server_info(listings.encode_server_info(info)) == info
    assert messages.decode_explanation(messages.encode_explanation(explanation)) == explanation


@pytest.mark.parametrize(
    ("operator", "request_", "field"),
    [
        ("jvp", pb.JvpRequest(), "function"),
        ("jvp", pb.JvpRequest(digest=DIGEST, wrt=[pb.Port()]), "wrt[0]"),
        ("jvp", pb.JvpRequest(digest=DIGEST, tangents=[{"dtype": 9}]), "tangents[0].dtype"),
        ("vjp", pb.VjpRequest(digest=DIGEST, cotangents=[{"dtype": 9}]), "cotangents[0].dtype"),
        ("jacobian", pb.JacobianRequest(digest=DIGEST, mode=3), "mode"),
        ("jacobian", pb.JacobianRequest(digest=DIGEST, mode=-1), "mode"),
        ("evaluate", pb.EvaluateRequest(graph={"inputs": [{}]}), "graph.inputs[0].dtype"),
    ],
)
def test_a_bad_request_is_refused_with_its_place(operator, request_, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        messages.decode_call(operator, request_.SerializeToString())
    assert caught.value.violations[0].field == field


def test_a_graph_over_the_limit_is_refused_before_it_is_read() -> None:
    message = b"".join(delimited(1, b"\xff" * 1001))
    with pytest.raises(LimitExceeded) as caught:
        messages.decode_call("evaluate", message, graph_bytes=1000)
    assert (caught.value.name, caught.value.limit, caught.value.need) == ("graph_bytes", 1000, 1001)


def test_a_stream_begins_with_its_setup_and_has_one_only() -> None:
    call = Call("evaluate", DIGEST, (np.ones(1),), include_values=True)
    with pytest.raises(InvalidArgument, match="setup: the first"):
        messages.decode_setup(messages.encode_point(call))
    with pytest.raises(InvalidArgument, match="setup: only the first"):
        messages.decode_point(call, messages.encode_setup(call))


@given(graphs())
def test_registration_comes_back(graph: Graph) -> None:
    assert messages.decode_register(messages.encode_register(graph)) == graph
    assert messages.decode_registered(messages.encode_registered(graph)) == graph.digest
