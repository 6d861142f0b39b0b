"""Types and arrays to and from protobuf; the elements themselves are never copied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from adglot.calls import Array
from adglot.codec.splice import DELIMITED, Buffer, delimited, nbytes, varint
from adglot.errors import InvalidArgument, Violation
from adglot.ir import DTYPES, Type
from adglot.v1 import tensor_pb2 as pb

MAX_AXES = 32
ALIGNMENT = 16
LARGE = 1 << 12
"""Bytes from which a tensor is padded; smaller ones are copied anyway, or at no cost."""

KEPT = 4096
"""Types that are remembered: those of repeated calls need not be looked at again."""

Dtype = np.dtype[Any]

_TO_WIRE: dict[Dtype, pb.DataType] = {
    dtype: getattr(pb, f"DATA_TYPE_{name.upper()}") for name, dtype in DTYPES.items()
}
_FROM_WIRE = {number: dtype for dtype, number in _TO_WIRE.items()}
_PADDING = pb.Tensor.DESCRIPTOR.fields_by_name["padding"].number
DATA = pb.Tensor.DESCRIPTOR.fields_by_name["data"].number


def type_to_proto(type: Type) -> pb.TensorType:
    return pb.TensorType(dtype=_TO_WIRE[type.dtype], shape=type.shape)


def type_from_proto(message: pb.TensorType | pb.Tensor) -> Type:
    """The type; InvalidArgument for an unknown dtype or an impossible shape."""
    return _layout(message.dtype, tuple(message.shape[:])).type


@dataclass(frozen=True, slots=True)
class _Layout:
    """A type, and how its elements travel."""

    type: Type
    nbytes: int
    travels_as: Dtype


@lru_cache(KEPT)
def _layout(number: pb.DataType, shape: tuple[int, ...]) -> _Layout:
    dtype = _FROM_WIRE.get(number)
    if dtype is None:
        raise InvalidArgument(Violation("dtype", f"unknown data type {number}"))
    if len(shape) > MAX_AXES:
        raise InvalidArgument(Violation("shape", f"at most {MAX_AXES} axes, got {len(shape)}"))
    if shape and min(shape) < 0:
        what = f"lengths must not be negative, got {list(shape)}"
        raise InvalidArgument(Violation("shape", what))
    type = Type(dtype, shape)
    return _Layout(type, type.nbytes, dtype.newbyteorder("<"))


def little_endian(array: Array) -> Array:
    """The array as it travels: little-endian, contiguous; itself where it is so already."""
    array = np.asarray(array)
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C")


def tensor_to_proto(array: Array) -> pb.Tensor:
    """A small tensor, e.g. a constant within a graph; the elements are copied."""
    dtype, array = _TO_WIRE[Type.of(array).dtype], little_endian(array)
    return pb.Tensor(dtype=dtype, shape=array.shape, data=array.tobytes())


def tensor_from_proto(message: pb.Tensor, data: bytes | memoryview | None = None) -> Array:
    """A read-only array over the tensor's elements, or over `data` where they were cut out.

    Their number is checked before anything is made.
    """
    layout = _layout(message.dtype, tuple(message.shape[:]))
    if data is None:
        data = message.data
    if len(data) != layout.nbytes:
        what = f"{layout.type!r} takes {layout.nbytes} bytes, got {len(data)}"
        raise InvalidArgument(Violation("data", what))
    dtype = layout.type.dtype
    if dtype.kind == "b" and np.any(np.frombuffer(data, np.uint8) > 1):
        raise InvalidArgument(Violation("data", "a boolean must be the byte 0 or 1"))
    array: Array = np.ndarray(layout.type.shape, layout.travels_as, data)
    array = np.asarray(array, dtype)
    return array if array.flags.aligned else array.copy()


def add_tensors(pieces: list[Buffer], number: int, arrays: Iterable[Array]) -> None:
    """Add the tensors of field `number` to the pieces of a whole message.

    The arrays' own memory is among the pieces. Large tensors are padded to begin at a multiple
    of 16 bytes of the message.
    """
    for array in map(little_endian, arrays):
        head = tensor_head(number, array.dtype, array.shape)
        if array.nbytes >= LARGE:
            # Lengths as they are without padding: where that adds a byte, the receiver copies.
            padding = -(sum(map(nbytes, pieces)) + len(head) + 2) % ALIGNMENT
            head = tensor_head(number, array.dtype, array.shape, padding)
        pieces += head, array.data


@lru_cache(KEPT)
def tensor_head(
    number: int, dtype: Dtype, shape: tuple[int, ...], padding: int | None = None
) -> bytes:
    """All that stands before the elements of a tensor that is field `number` of a message."""
    type = Type(dtype, shape)
    head = pb.Tensor(dtype=_TO_WIRE[type.dtype], shape=shape).SerializeToString()
    if padding is not None:
        head += b"".join(delimited(_PADDING, bytes(padding)))
    start = varint(DATA << 3 | DELIMITED) + varint(type.nbytes)
    length = len(head) + len(start) + type.nbytes
    return varint(number << 3 | DELIMITED) + varint(length) + head + start
