"""The type of a value: dtype and static shape."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument

DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(name)
    for name in ("bool", "int32", "int64", "float32", "float64", "complex64", "complex128")
}


@dataclass(frozen=True, slots=True)
class Type:
    """dtype and shape of a value.

    >>> Type.of(np.ones((2, 3)))
    float64[2,3]
    >>> Type("int32", ()).nbytes
    4
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...] = ()

    def __init__(self, dtype: Any, shape: tuple[int, ...] = ()) -> None:
        object.__setattr__(self, "dtype", supported_dtype(dtype))
        object.__setattr__(self, "shape", shape)

    @classmethod
    def of(cls, array: Any) -> Type:
        """The type of a NumPy array or scalar."""
        array = np.asarray(array)
        return cls(array.dtype, array.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def is_complex(self) -> bool:
        return self.dtype.kind == "c"

    @property
    def is_differentiable(self) -> bool:
        """Whether the value has a tangent space: real or complex floats, not integers or bools."""
        return self.dtype.kind in "fc"

    def with_shape(self, shape: tuple[int, ...]) -> Type:
        return Type(self.dtype, shape)

    def with_dtype(self, dtype: Any) -> Type:
        return Type(dtype, self.shape)

    def __repr__(self) -> str:
        return f"{self.dtype.name}[{','.join(map(str, self.shape))}]"


_PLAIN = (np.ndarray, np.memmap)


def as_array(value: Any) -> np.ndarray[Any, Any]:
    """The value as a plain array in native byte order.

    InvalidArgument for what is no array, and for subclasses, whose numbers alone mean something
    else: masked arrays, matrices (of which ``*`` is the matrix product), arrays with units.

    >>> as_array(np.array([1, 2], ">i4")).dtype
    dtype('int32')
    """
    if isinstance(value, np.ndarray) and type(value) not in _PLAIN:
        masked = isinstance(value, np.ma.MaskedArray)
        way_out = "its data and mask as two" if masked else "np.asarray(x), if that is meant"
        raise InvalidArgument(f"a {type(value).__name__} is no plain array: pass {way_out}")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InvalidArgument(str(error)) from None
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


_BY_DTYPE = {dtype: dtype for dtype in DTYPES.values()}


def supported_dtype(dtype: Any) -> np.dtype[Any]:
    """The dtype itself if a graph can hold it, native byte order; InvalidArgument if it cannot."""
    if isinstance(dtype, np.dtype) and (known := _BY_DTYPE.get(dtype)) is not None:
        return known
    found = DTYPES.get(np.dtype(dtype).name)
    if found is None:
        raise InvalidArgument(
            f"dtype {np.dtype(dtype).name} is not supported; use one of {', '.join(DTYPES)}"
        )
    return found
