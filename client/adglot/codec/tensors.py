"""Types and arrays to and from protobuf; the elements themselves are never copied."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from adglot.calls import Array
from adglot.codec.splice import Buffer, delimited, nbytes
from adglot.errors import InvalidArgument, Violation
from adglot.ir import DTYPES, Type
from adglot.v1 import tensor_pb2 as pb

MAX_AXES = 32
ALIGNMENT = 16
LARGE = 1 << 12
"""Bytes from which a tensor is padded; smaller ones are copied anyway, or at no cost."""

_TO_WIRE: dict[np.dtype[Any], pb.DataType] = {
    dtype: getattr(pb, f"DATA_TYPE_{name.upper()}") for name, dtype in DTYPES.items()
}
_FROM_WIRE = {number: dtype for dtype, number in _TO_WIRE.items()}
_PADDING = pb.Tensor.DESCRIPTOR.fields_by_name["padding"].number
DATA = pb.Tensor.DESCRIPTOR.fields_by_name["data"].number


def type_to_proto(type: Type) -> pb.TensorType:
    return pb.TensorType(dtype=_TO_WIRE[type.dtype], shape=type.shape)


def type_from_proto(message: pb.TensorType | pb.Tensor, field: str) -> Type:
    """The type; InvalidArgument at `field` for an unknown dtype or an impossible shape."""
    dtype = _FROM_WIRE.get(message.dtype)
    if dtype is None:
        raise InvalidArgument(Violation(f"{field}.dtype", f"unknown data type {message.dtype}"))
    if len(message.shape) > MAX_AXES:
        what = f"at most {MAX_AXES} axes, got {len(message.shape)}"
        raise InvalidArgument(Violation(f"{field}.shape", what))
    shape = tuple(message.shape)
    if shape and min(shape) < 0:
        what = f"lengths must not be negative, got {list(shape)}"
        raise InvalidArgument(Violation(f"{field}.shape", what))
    return Type(dtype, shape)


def little_endian(array: Array) -> Array:
    """The array as it travels: little-endian, contiguous; itself where it is so already."""
    array = np.asarray(array)
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C")


def tensor_to_proto(array: Array) -> pb.Tensor:
    """A small tensor, e.g. a constant within a graph; the elements are copied."""
    dtype, array = _TO_WIRE[Type.of(array).dtype], little_endian(array)
    return pb.Tensor(dtype=dtype, shape=array.shape, data=array.tobytes())


def tensor_from_proto(
    message: pb.Tensor, field: str, data: bytes | memoryview | None = None
) -> Array:
    """A read-only array over the tensor's elements, or over `data` where they were cut out."""
    return _view(type_from_proto(message, field), message.data if data is None else data, field)


def tensor_pieces(number: int, array: Array, offset: int = 0) -> list[Buffer]:
    """The tensor as field `number` of a message: pieces to join, the array's memory among them.

    `offset` bytes of the message come before; a large tensor is padded to begin at a multiple of
    16 there.
    """
    head = pb.Tensor(dtype=_TO_WIRE[Type.of(array).dtype], shape=array.shape).SerializeToString()
    data = delimited(DATA, little_endian(array).data)
    if array.nbytes >= LARGE:
        # Lengths as they are without padding: where that adds a byte, the receiver copies.
        before = offset + sum(map(nbytes, delimited(number, head, *data)[:-1]))
        head += b"".join(delimited(_PADDING, bytes(-(before + 2) % ALIGNMENT)))
    return delimited(number, head, *data)


def add_tensors(pieces: list[Buffer], number: int, arrays: Iterable[Array]) -> None:
    """Add the tensors of field `number` to the pieces of a whole message."""
    offset = sum(map(nbytes, pieces))
    for array in arrays:
        tensor = tensor_pieces(number, array, offset)
        offset += sum(map(nbytes, tensor))
        pieces += tensor


def _view(type: Type, data: bytes | memoryview, field: str) -> Array:
    """The array over `data`, whose length must be the type's: checked before anything is made."""
    if len(data) != type.nbytes:
        what = f"{type!r} takes {type.nbytes} bytes, got {len(data)}"
        raise InvalidArgument(Violation(f"{field}.data", what))
    if type.dtype == bool and len(data) and max(data) > 1:
        raise InvalidArgument(Violation(f"{field}.data", "a boolean must be the byte 0 or 1"))
    array: Array = np.frombuffer(data, type.dtype.newbyteorder("<"))
    array = np.asarray(array, type.dtype).reshape(type.shape)
    return array if array.flags.aligned else array.copy()
