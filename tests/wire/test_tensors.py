"""Tensors cross the wire bit by bit, without copies, and never before their size is checked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from adglot.codec.incoming import SMALL, read
from adglot.codec.tensors import add_tensors, tensor_from_proto, tensor_to_proto
from adglot.errors import InvalidArgument
from adglot.ir import DTYPES
from adglot.v1 import operators_pb2 as pb
from adglot.v1.operators_pb2 import StreamRequest
from adglot.v1.tensor_pb2 import DATA_TYPE_BOOL, DATA_TYPE_FLOAT64, Tensor

INPUTS = StreamRequest.DESCRIPTOR.fields_by_name["inputs"].number
LARGE = np.arange(float(SMALL))

arrays = hnp.arrays(
    st.sampled_from(list(DTYPES.values())), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0)
)


def _message(*arrays: np.ndarray) -> bytes:
    pieces: list = []
    add_tensors(pieces, INPUTS, arrays)
    return b"".join(pieces)


def _inputs(message: bytes) -> tuple[np.ndarray, ...]:
    return read(StreamRequest, message, 1 << 20).tensors("inputs", "inputs")


@given(arrays)
def test_every_array_comes_back_bit_by_bit(array: np.ndarray) -> None:
    alone = _inputs(_message(array))[0]
    _, beside_large, again = _inputs(_message(LARGE, array, array))
    for result in (alone, beside_large, again, tensor_from_proto(tensor_to_proto(array))):
        assert (result.dtype, result.shape) == (array.dtype, array.shape)
        assert result.tobytes() == array.tobytes()


@given(arrays)
def test_a_message_is_what_the_protobuf_runtime_writes(array: np.ndarray) -> None:
    tensors = StreamRequest.FromString(_message(array, LARGE)).inputs
    for tensor in tensors:
        tensor.ClearField("padding")
    assert list(tensors) == [tensor_to_proto(array), tensor_to_proto(LARGE)]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3).T,
        np.arange(10)[::2],
        np.broadcast_to(np.float32(2), (3, 2)),
        np.arange(3, dtype=">f8"),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
    ],
    ids=["transposed", "strided", "broadcast", "big-endian", "column-major"],
)
def test_any_memory_layout_travels_as_little_endian_rows(array: np.ndarray) -> None:
    (result,) = _inputs(_message(array))
    assert result.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(result, array)


@given(st.integers(0, 40), st.sampled_from(["float32", "float64", "complex128"]))
def test_neither_side_copies_the_elements(shift: int, dtype: str) -> None:
    """Whatever comes before in the message, the elements begin at an aligned address."""
    large = LARGE.astype(dtype)
    before = [pb.StreamRequest(setup={"engine": "x" * shift}).SerializeToString()]
    add_tensors(before, INPUTS, [large, large])
    assert sum(np.shares_memory(np.frombuffer(p, np.uint8), large) for p in before) == 2
    message = b"".join(before)
    for result in _inputs(message):
        assert np.shares_memory(result, np.frombuffer(message, np.uint8))
        assert result.ctypes.data % 16 == 0


def test_elements_that_are_not_aligned_are_copied() -> None:
    for shift in range(8):
        large = tensor_to_proto(LARGE)
        message = StreamRequest(setup={"engine": "x" * shift}, inputs=[large]).SerializeToString()
        (result,) = _inputs(message)
        assert result.flags.aligned
        np.testing.assert_array_equal(result, LARGE)


@pytest.mark.parametrize(
    ("tensor", "field", "reason"),
    [
        (Tensor(dtype=DATA_TYPE_FLOAT64, shape=[3], data=b"x" * 23), "data", "24 bytes, got 23"),
        (Tensor(dtype=DATA_TYPE_FLOAT64, shape=[1 << 62, 1 << 62]), "data", "got 0"),
        (Tensor(dtype=DATA_TYPE_FLOAT64, shape=[-1]), "shape", "negative"),
        (Tensor(dtype=DATA_TYPE_FLOAT64, shape=[1] * 33, data=b"x" * 8), "shape", "32 axes"),
        (Tensor(shape=[1], data=b"x"), "dtype", "unknown data type 0"),
        (Tensor(dtype=99, shape=[1], data=b"x"), "dtype", "unknown data type 99"),
        (Tensor(dtype=DATA_TYPE_BOOL, shape=[2], data=b"\x01\x02"), "data", "0 or 1"),
    ],
)
def test_an_impossible_tensor_is_refused_with_its_place(
    tensor: Tensor, field: str, reason: str
) -> None:
    for before in ([], [tensor_to_proto(LARGE)]):
        message = StreamRequest(inputs=[*before, tensor]).SerializeToString()
        with pytest.raises(InvalidArgument, match=reason) as caught:
            _inputs(message)
        assert caught.value.violations[0].field == f"inputs[{len(before)}].{field}"


def test_a_large_tensor_without_elements_takes_nobody_elses() -> None:
    empty = Tensor(dtype=DATA_TYPE_FLOAT64, shape=LARGE.shape)
    message = StreamRequest(inputs=[empty, tensor_to_proto(LARGE)]).SerializeToString()
    with pytest.raises(InvalidArgument, match=r"inputs\[0\]\.data: .* got 0"):
        _inputs(message)
