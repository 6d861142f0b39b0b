"""Cutting large fields out of serialized messages agrees with the protobuf runtime."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adglot.codec.splice import MAX_FIELDS, cut, delimited
from adglot.errors import InvalidArgument
from adglot.v1 import operators_pb2 as pb
from adglot.v1.tensor_pb2 import DATA_TYPE_BOOL, Tensor

INPUTS, SEEDS = 4, 5

tensors = st.builds(
    Tensor, dtype=st.just(DATA_TYPE_BOOL), shape=st.lists(st.integers(0, 9)), data=st.binary()
)
requests = st.builds(
    pb.JvpRequest,
    digest=st.text(st.characters(codec="ascii")),
    inputs=st.lists(tensors, max_size=3),
    tangents=st.lists(tensors, max_size=3),
    batch=st.booleans(),
    wrt=st.lists(st.builds(pb.Port, index=st.integers(0, 2**32 - 1)), max_size=3),
)


@given(requests)
def test_cut_and_join_give_the_message_back(request: pb.JvpRequest) -> None:
    rest, found = cut(memoryview(request.SerializeToString()), (INPUTS, SEEDS))
    assert [Tensor.FromString(view) for view in found[INPUTS]] == list(request.inputs)
    assert [Tensor.FromString(view) for view in found[SEEDS]] == list(request.tangents)
    pieces = [rest]
    for number, views in found.items():
        for view in views:
            pieces += delimited(number, view)
    assert pb.JvpRequest.FromString(b"".join(pieces)) == request


@given(requests, st.data())
def test_a_message_cut_short_is_refused_or_still_a_message(
    request: pb.JvpRequest, data: st.DataObject
) -> None:
    message = request.SerializeToString()
    short = memoryview(message)[: data.draw(st.integers(0, len(message)))]
    try:
        rest, found = cut(short, (INPUTS,))
    except InvalidArgument:
        return
    assert len(rest) + sum(map(len, found[INPUTS])) <= len(short)


@given(st.binary(max_size=200))
def test_random_bytes_are_cut_or_refused(data: bytes) -> None:
    with suppress(InvalidArgument):
        rest, found = cut(memoryview(data), (1, 4))
        assert len(rest) + sum(len(view) for views in found.values() for view in views) <= len(data)


def test_views_share_the_memory_of_the_message() -> None:
    message = b"".join(delimited(INPUTS, b"x" * 1000))
    (view,) = cut(memoryview(message), (INPUTS,))[1][INPUTS]
    assert view.obj is message


def test_fields_without_end_are_refused_in_bounded_time() -> None:
    one = pb.JvpRequest(batch=True).SerializeToString()
    with pytest.raises(InvalidArgument, match="more than"):
        cut(memoryview(one * (MAX_FIELDS + 1)), (INPUTS,))
