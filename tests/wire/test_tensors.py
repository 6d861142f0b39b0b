"""Tensors cross the wire bit by bit, without copies, and never before their size is checked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from adglot.codec.splice import cut
from adglot.codec.tensors import (
    tensor_from_proto,
    tensor_pieces,
    tensor_to_proto,
    tensors_from_views,
)
from adglot.errors import InvalidArgument
from adglot.ir import DTYPES
from adglot.v1.tensor_pb2 import DATA_TYPE_BOOL, DATA_TYPE_FLOAT64, Tensor

FIELD = 4

arrays = hnp.arrays(
    st.sampled_from(list(DTYPES.values())), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0)
)


def _there_and_back(array: np.ndarray) -> np.ndarray:
    message = b"".join(tensor_pieces(FIELD, array))
    (result,) = tensors_from_views(cut(memoryview(message), (FIELD,))[1][FIELD], "inputs")
    return result


@given(arrays)
def test_every_array_comes_back_bit_by_bit(array: np.ndarray) -> None:
    for result in (_there_and_back(array), tensor_from_proto(tensor_to_proto(array), "x")):
        assert (result.dtype, result.shape) == (array.dtype, array.shape)
        assert result.tobytes() == array.tobytes()


@given(arrays)
def test_pieces_are_what_the_protobuf_runtime_writes(array: np.ndarray) -> None:
    message = b"".join(tensor_pieces(FIELD, array))
    (view,) = cut(memoryview(message), (FIELD,))[1][FIELD]
    assert Tensor.FromString(view) == tensor_to_proto(array)


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
    result = _there_and_back(array)
    assert result.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(result, array)


def test_neither_side_copies_the_elements() -> None:
    array = np.arange(1000.0)
    pieces = tensor_pieces(FIELD, array)
    assert any(np.shares_memory(np.frombuffer(p, np.uint8), array) for p in pieces if len(p) > 99)
    message = b"".join(pieces)
    (result,) = tensors_from_views(cut(memoryview(message), (FIELD,))[1][FIELD], "inputs")
    assert np.shares_memory(result, np.frombuffer(message, np.uint8))


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
    with pytest.raises(InvalidArgument, match=reason) as caught:
        tensors_from_views([memoryview(tensor.SerializeToString())], "inputs")
    assert caught.value.violations[0].field == f"inputs[0].{field}"
