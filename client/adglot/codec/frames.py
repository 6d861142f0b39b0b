"""Messages that are known but for the elements of small arrays: nothing else of them is read."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from adglot.calls import Array
from adglot.codec.splice import DELIMITED, cut, fields, parse
from adglot.codec.tensors import DATA, Dtype, type_from_proto
from adglot.v1 import tensor_pb2 as pb


@dataclass(frozen=True, slots=True)
class _Elements:
    """Where those of a tensor are in a message."""

    start: int
    stop: int
    dtype: Dtype
    shape: tuple[int, ...]


class Frame:
    """All of a message that was read before but some bytes, and the arrays among these.

    >>> from adglot.calls import Call
    >>> from adglot.codec.messages import INPUT_FIELD, encode_call
    >>> first, second = (Call("evaluate", "0" * 64, (np.full(2, y),)) for y in (1.0, 2.0))
    >>> frame_of(encode_call(first), [INPUT_FIELD]).arrays(encode_call(second))
    [array([2., 2.])]
    """

    __slots__ = ("_elements", "_fixed", "_size")

    def __init__(
        self, message: bytes, elements: Sequence[_Elements], ignored: Sequence[tuple[int, int]]
    ) -> None:
        """The arrays are these `elements`; whatever stands at the `ignored` places is allowed."""
        self._size, self._fixed = len(message), list[tuple[bytes, int]]()
        self._elements = [(one.shape, one.dtype, one.start) for one in elements]
        at = 0
        for start, stop in sorted([*ignored, *((one.start, one.stop) for one in elements)]):
            self._fixed.append((message[at:start], at))
            at = stop
        self._fixed.append((message[at:], at))

    def arrays(self, message: bytes) -> list[Array] | None:
        """The arrays, each of its own; None for a message that differs elsewhere."""
        if len(message) != self._size:
            return None
        for piece, at in self._fixed:
            if not message.startswith(piece, at):
                return None
        return [
            np.ndarray(shape, dtype, message, start).copy()
            for shape, dtype, start in self._elements
        ]


def frame_of(message: bytes, tensors: Sequence[int], ignored: Collection[int] = ()) -> Frame | None:
    """The frame of a valid message with the tensors of these fields, one field after the other.

    The contents of the fields `ignored` may be any of the same length. None where there is a tensor
    of booleans, not all bytes of which are valid, or without elements.
    """
    found: dict[int, list[_Elements | None]] = {number: [] for number in tensors}
    free = []
    for tag, _, at, after in fields(memoryview(message)):
        if tag & 7 == DELIMITED and tag >> 3 in found:
            found[tag >> 3].append(_elements(memoryview(message)[at:after], at))
        elif tag & 7 == DELIMITED and tag >> 3 in ignored:
            free.append((at, after))
    elements = [one for number in tensors for one in found[number]]
    known = [one for one in elements if one is not None]
    return Frame(message, known, free) if len(known) == len(elements) else None


def _elements(tensor: memoryview, start: int) -> _Elements | None:
    """Those of a tensor that begins at `start` of its message."""
    rest, _ = cut(tensor, (DATA,))
    type = type_from_proto(parse(pb.Tensor, rest))
    places = [(at, after) for tag, _, at, after in fields(tensor) if tag >> 3 == DATA]
    if len(places) != 1 or type.dtype.kind == "b" or sys.byteorder != "little":
        return None
    ((at, after),) = places
    return _Elements(start + at, start + after, type.dtype, type.shape)
