"""Graphs survive the wire and files, whatever order their fields are written in."""

import random
from pathlib import Path

import numpy as np
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs

from adglot.codec.graphs import dumps, loads
from adglot.errors import InvalidArgument
from adglot.ir import Graph, Guard, Node, Type, flatten
from adglot.ops import TABLE, Builder, check
from adglot.v1 import graph_pb2 as pb

ATTRIBUTES = {
    "boolean": True,
    "integer": -(2**63),
    "real": 0.1,
    "complex": 1.5 - 2j,
    "text": "float32",
    "integers": (3, -1, 0),
    "no integers": (),
    "tensor": np.arange(6, dtype="complex64").reshape(2, 3),
    "empty": np.zeros((0, 3)),
}


def _graph() -> Graph:
    builder = Builder()
    x, y = builder.input(Type("float64", (2, 3))), builder.input(Type("float64"))
    total = TABLE["sum"](x * y + np.array([1.0, 2.0, 3.0]), axes=(0, 1))
    builder.guard(total < y, True, "total < y at model.py:7")
    tree = flatten(({"w": 0, "b": [0]},))[1]
    return builder.build(
        [x, y], [total], input_names=("p.b[0]", "p.w"), input_tree=tree, name="model"
    )


@given(graphs())
def test_a_graph_comes_back_with_its_digest_names_and_text(graph: Graph) -> None:
    result = loads(dumps(graph))
    assert result.digest == graph.digest
    assert str(result) == str(graph)
    assert check(result).digest == graph.digest


def test_metadata_comes_back() -> None:
    graph = _graph()
    result = loads(dumps(graph))
    for name in ("input_names", "output_names", "guards", "name", "input_tree", "output_tree"):
        assert getattr(result, name) == getattr(graph, name)
    assert [node.location for node in result.nodes] == [node.location for node in graph.nodes]


def test_every_kind_of_attribute_comes_back() -> None:
    body = _graph()
    node = Node("sum", (0,), {**ATTRIBUTES, "body": body}, ())
    graph = Graph((Type("float64"),), (node,), (0,), ("x",), ("y",))
    result = loads(dumps(graph)).nodes[0].attributes
    assert result.keys() == node.attributes.keys()
    for name, value in node.attributes.items():
        assert type(result[name]) is type(value)
        np.testing.assert_array_equal(result[name], value)
    assert loads(dumps(graph)).digest == graph.digest


@given(graphs(), st.randoms(use_true_random=False))
def test_the_digest_does_not_hang_on_the_order_of_fields(
    graph: Graph, order: random.Random
) -> None:
    message = pb.Graph.FromString(dumps(graph))
    assert loads(_shuffled(message, order)).digest == graph.digest


def _shuffled(message: Message, order: random.Random) -> bytes:
    """The message serialized field by field in another order; repeated fields keep theirs."""
    parts = []
    for field, value in message.ListFields():
        part = type(message)()
        if field.message_type and not field.message_type.GetOptions().map_entry:
            items = value if field.is_repeated else [value]
            shuffled = [type(item).FromString(_shuffled(item, order)) for item in items]
            if field.is_repeated:
                getattr(part, field.name).extend(shuffled)
            else:
                getattr(part, field.name).CopyFrom(shuffled[0])
        elif field.is_repeated:
            getattr(part, field.name).MergeFrom(value)
        else:
            setattr(part, field.name, value)
        parts.append(part.SerializeToString())
    order.shuffle(parts)
    return b"".join(parts)


def test_names_may_be_left_out() -> None:
    message = pb.Graph.FromString(dumps(_graph()))
    message.ClearField("input_names")
    message.ClearField("output_names")
    graph = loads(message.SerializeToString())
    assert graph.input_names == ("x0", "x1")
    assert graph.output_names == ("y0",)
    assert graph.digest == _graph().digest


def test_output_types_may_be_left_out() -> None:
    message = pb.Graph.FromString(dumps(_graph()))
    for node in message.nodes:
        node.ClearField("outputs")
    assert check(loads(message.SerializeToString())).digest == _graph().digest


def test_a_graph_survives_a_file(tmp_path: Path) -> None:
    path = tmp_path / "model.adglot"
    _graph().save(path)
    result = Graph.load(path)
    assert result == _graph()
    assert result.types == _graph().types


def test_a_damaged_file_says_which(tmp_path: Path) -> None:
    path = tmp_path / "model.adglot"
    path.write_bytes(dumps(_graph())[:-3])
    with pytest.raises(InvalidArgument, match=r"model\.adglot.*cut short"):
        Graph.load(path)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (pb.Graph(inputs=[{"dtype": 77}]), "inputs[0].dtype"),
        (
            pb.Graph(nodes=[pb.Node(outputs=[{"dtype": 5, "shape": [-2]}])]),
            "nodes[0].outputs[0].shape",
        ),
        (pb.Graph(nodes=[pb.Node(attributes={"a": pb.Attribute()})]), "nodes[0].attributes.a"),
        (
            pb.Graph(nodes=[pb.Node(attributes={"a": {"tensor": {"dtype": 5, "shape": [9]}}})]),
            "nodes[0].attributes.a.data",
        ),
        (
            pb.Graph(nodes=[pb.Node(attributes={"b": {"graph": {"guards": [{}]}}})]),
            "nodes[0].attributes.b.guards[0]",
        ),
        (pb.Graph(input_tree="{"), "input_tree"),
    ],
)
def test_an_impossible_graph_is_refused_with_its_place(message: pb.Graph, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        loads(message.SerializeToString())
    assert caught.value.violations[0].field == field


def test_guards_keep_what_they_expect() -> None:
    guards = (Guard(0, True, "a"), Guard(0, False, "b"), Guard(0, -3, "c"), Guard(0, 0, "d"))
    graph = Graph((Type("int64"),), (), (0,), ("x",), ("y",), guards)
    result = loads(dumps(graph)).guards
    assert result == guards
    assert [type(guard.expected) for guard in result] == [bool, bool, int, int]
