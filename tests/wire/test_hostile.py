"""Whatever bytes arrive, the answer is a located refusal: never a fault of ours, never a hang."""

import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs, point

from adglot.calls import OPERATORS, SEEDS, Call, Operator
from adglot.codec import messages
from adglot.codec.graphs import dumps
from adglot.codec.incoming import SMALL
from adglot.errors import (
    GuardFailed,
    InvalidArgument,
    LimitExceeded,
    NotFound,
    Unsupported,
)
from adglot.ir import Graph, Guard, Node, Type
from adglot.ops import check
from adglot.v1 import graph_pb2 as pb
from adglot_server.service.core import Core
from adglot_server.service.faults import our_fault
from adglot_server.service.limits import Limits

CORE = Core(Limits(nodes=10_000, memory_bytes=1 << 28, seconds=5))
REFUSED = (InvalidArgument, LimitExceeded)
F64 = Type("float64", (3,))


def _serve(operator: Operator, message: bytes) -> None:
    with our_fault():
        CORE.call(messages.decode_call(operator, message))


@given(st.sampled_from(OPERATORS), st.binary(max_size=300))
def test_random_bytes(operator: Operator, data: bytes) -> None:
    with pytest.raises((*REFUSED, NotFound)):
        _serve(operator, data)


@given(st.binary(max_size=300))
def test_random_bytes_as_a_graph(data: bytes) -> None:
    with pytest.raises(REFUSED), our_fault():
        CORE.register(messages.decode_register(b"".join(messages.delimited(1, data))))


@given(graphs(), st.sampled_from(OPERATORS), st.data())
def test_flipped_bytes_of_a_good_request(
    graph: Graph, operator: Operator, data: st.DataObject
) -> None:
    inputs = tuple(point(graph))
    seeds = inputs if operator in SEEDS else ()
    message = bytearray(messages.encode_call(Call(operator, graph, inputs, seeds)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at] = data.draw(st.integers(0, 255))
    with suppress(*REFUSED, NotFound, Unsupported, GuardFailed):
        _serve(operator, bytes(message))


@given(st.data())
def test_flipped_bytes_of_a_large_request(data: st.DataObject) -> None:
    """Large messages are taken apart by hand: whatever that meets, it must not fall over."""
    node = Node("sin", (0,), {}, ())
    graph = Graph((Type("float64", (4000,)),), (node,), (1,), ("x",), ("y",))
    message = bytearray(messages.encode_call(Call("evaluate", graph, (np.ones(4000),))))
    assert len(message) > SMALL
    head = len(message) - 8 * 4000
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, head - 1))] = data.draw(st.integers(0, 255))
    with suppress(*REFUSED, NotFound, Unsupported, GuardFailed):
        _serve("evaluate", bytes(message))


def _cyclic() -> Graph:
    nodes = (Node("add", (0, 2), {}, (F64,)), Node("add", (0, 1), {}, (F64,)))
    return Graph((F64,), nodes, (1,), ("x",), ("y",))


def _with(*nodes: Node, outputs: tuple[int, ...] = (1,), **fields: object) -> Graph:
    return Graph((F64,), nodes, outputs, ("x",), ("y",), **fields)  # type: ignore[arg-type]


def _hostile_graphs() -> Iterator[tuple[str, Graph, str]]:
    sin = Node("sin", (0,), {}, ())
    yield "cyclic", _cyclic(), "graph.nodes[0].operands[1]"
    yield "itself", _with(Node("sin", (1,), {}, ())), "graph.nodes[0].operands[0]"
    yield "unknown op", _with(Node("snh", (0,), {}, ())), "graph.nodes[0].op"
    yield "too many operands", _with(Node("sin", (0, 0), {}, ())), "graph.nodes[0].operands"
    yield "no such output", _with(sin, outputs=(7,)), "graph.outputs[0]"
    yield "no output", Graph((F64,), (sin,), (), ("x",), ()), "graph.outputs"
    yield "wrong type", _with(Node("sin", (0,), {}, (Type("int32"),))), "graph.nodes[0].outputs"
    yield "attribute", _with(Node("sin", (0,), {"a": 1}, ())), "graph.nodes[0].attributes.a"
    yield "guard", _with(sin, guards=(Guard(9, True, ""),)), "graph.guards[0].value"
    yield "opset", _with(sin, opset=99), "graph.opset"
    yield (
        "rank",
        Graph((Type("int32", (1,) * 33),), (), (0,), ("x",), ("y",)),
        "graph.inputs[0].shape",
    )
    yield "twice", Graph((F64, F64), (), (0,), ("x", "x"), ("y",)), "graph.input_names"


@pytest.mark.parametrize(
    ("graph", "field"),
    [pytest.param(graph, field, id=name) for name, graph, field in _hostile_graphs()],
)
def test_a_bad_graph_is_refused_with_its_place(graph: Graph, field: str) -> None:
    message = messages.encode_call(Call("evaluate", graph, (np.ones(3),)))
    with pytest.raises(InvalidArgument) as caught:
        _serve("evaluate", message)
    assert caught.value.violations[0].field.startswith(field)


def test_a_graph_cut_short_anywhere_is_refused_or_smaller() -> None:
    whole = dumps(_with(Node("sin", (0,), {}, ()), Node("sin", (1,), {}, ()), outputs=(2,)))
    for length in range(len(whole)):
        message = b"".join(messages.delimited(1, whole[:length]))
        try:
            CORE.register(messages.decode_register(message))
        except REFUSED:
            continue
        assert pb.Graph.FromString(whole[:length]).outputs


@pytest.mark.parametrize("levels", [17, 24, 40, 400])
def test_nesting_too_deep_is_refused(levels: int) -> None:
    with pytest.raises(REFUSED):
        _serve("evaluate", _nested_message(levels))


def _nested_message(levels: int) -> bytes:
    """Built from the inside by bytes: the runtime itself writes no more than 100 levels."""
    graph = pb.Graph(inputs=[{"dtype": 5, "shape": [3]}], outputs=[0], opset=1).SerializeToString()
    for _ in range(levels):
        attribute = b"".join(messages.delimited(8, graph))
        entry = b"\x0a\x04body" + b"".join(messages.delimited(2, attribute))
        node = pb.Node(op="call", operands=[0]).SerializeToString()
        node += b"".join(messages.delimited(3, entry))
        head = pb.Graph(inputs=[{"dtype": 5, "shape": [3]}], outputs=[1], opset=1)
        graph = head.SerializeToString() + b"".join(messages.delimited(2, node))
    return b"".join(messages.delimited(1, graph))


def _broadcast_to(length: int) -> Graph:
    """Two arrays of `length` rows that live at one time, although the input is small."""
    wide = Node("broadcast_to", (0,), {"shape": (length, 3)}, ())
    sines, cosines = Node("sin", (1,), {}, ()), Node("cos", (1,), {}, ())
    total = Node("sum", (4,), {"axes": (0, 1)}, ())
    return _with(wide, sines, cosines, Node("add", (2, 3), {}, ()), total, outputs=(5,))


@pytest.mark.parametrize(
    ("operator", "graph", "name"),
    [
        ("evaluate", _broadcast_to(1 << 60), "value_bytes"),
        ("evaluate", _broadcast_to(1 << 30), "value_bytes"),
        ("evaluate", _broadcast_to(10_000_000), "memory_bytes"),
        ("gradient", _broadcast_to(10_000_000), "memory_bytes"),
        ("evaluate", _with(*[Node("sin", (i,), {}, ()) for i in range(10_001)]), "nodes"),
    ],
    ids=["2^60 rows", "2^30 rows", "10^7 rows", "10^7 rows, gradient", "10001 nodes"],
)
def test_a_request_over_a_limit_is_refused_at_once(
    operator: Operator, graph: Graph, name: str
) -> None:
    message = messages.encode_call(Call(operator, graph, (np.ones(3),)))
    started = time.thread_time()
    with pytest.raises(LimitExceeded) as caught:
        _serve(operator, message)
    assert caught.value.name == name
    assert caught.value.need > caught.value.limit
    assert time.thread_time() - started < 0.5


def test_names_of_many_inputs_are_checked_in_time() -> None:
    count = 200_000
    names = (*(f"x{i}" for i in range(count - 1)), "x0")
    started = time.perf_counter()
    with pytest.raises(InvalidArgument, match="'x0' stands twice"):
        check(Graph((Type("float64"),) * count, (), (0,), names, ("y",)))
    assert time.perf_counter() - started < 10
