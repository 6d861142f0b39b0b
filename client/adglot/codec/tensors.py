"""Types and arrays to and from protobuf; the elements themselves are never copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from adglot.calls import Array
from adglot.codec.splice import Buffer, cut, delimited
from adglot.errors import InvalidArgument, Violation
from adglot.ir import DTYPES, Type
from adglot.v1 import tensor_pb2 as pb

MAX_AXES = 32

_TO_WIRE: dict[np.dtype[Any], pb.DataType] = {
    dtype: getattr(pb, f"DATA_TYPE_{name.upper()}") for name, dtype in DTYPES.items()
}
_FROM_WIRE = {number: dtype for dtype, number in _TO_WIRE.items()}
_DATA = pb.Tensor.DESCRIPTOR.fields_by_name["data"].number


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
    if any(length < 0 for length in shape):
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


def tensor_from_proto(message: pb.Tensor, field: str) -> Array:
    return _view(type_from_proto(message, field), message.data, field)


def tensor_pieces(number: int, array: Array) -> list[Buffer]:
    """The tensor as field `number` of a message: pieces to join, the array's memory among them."""
    head = pb.Tensor(dtype=_TO_WIRE[Type.of(array).dtype], shape=array.shape)
    data = little_endian(array).data
    return delimited(number, head.SerializeToString(), *delimited(_DATA, data))


def tensors_from_views(views: Sequence[memoryview], field: str) -> tuple[Array, ...]:
    """The arrays of serialized tensors: read-only views into these buffers."""
    return tuple(_tensor_from_view(view, f"{field}[{i}]") for i, view in enumerate(views))


def _tensor_from_view(view: memoryview, field: str) -> Array:
    try:
        rest, found = cut(view, (_DATA,))
        head = pb.Tensor.FromString(rest)
    except InvalidArgument as error:
        raise error.within(field) from None
    except DecodeError:
        raise InvalidArgument(Violation(field, "not a valid Tensor message")) from None
    data = found[_DATA][-1] if found[_DATA] else memoryview(b"")
    return _view(type_from_proto(head, field), data, field)


def _view(type: Type, data: bytes | memoryview, field: str) -> Array:
    """The array over `data`, whose length must be the type's: checked before anything is made."""
    if len(data) != type.nbytes:
        what = f"{type!r} takes {type.nbytes} bytes, got {len(data)}"
        raise InvalidArgument(Violation(f"{field}.data", what))
    if type.dtype == bool and len(data) and max(data) > 1:
        raise InvalidArgument(Violation(f"{field}.data", "a boolean must be the byte 0 or 1"))
    array: Array = np.frombuffer(data, type.dtype.newbyteorder("<"))
    return np.asarray(array, type.dtype).reshape(type.shape)
