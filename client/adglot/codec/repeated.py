"""Calls that differ by small points alone: their messages but for these are written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from adglot.calls import Call
from adglot.codec import messages
from adglot.codec.incoming import SMALL
from adglot.codec.splice import parse
from adglot.codec.tensors import LARGE, tensor_from_proto, tensor_head
from adglot.nesting import scalars
from adglot.v1 import operators_pb2 as pb


class Repeated:
    """The form of a call by digest, and of its answers.

    >>> call = Call("evaluate", "0" * 64, (np.zeros(2),))
    >>> x = np.array([1.0, 2.0])
    >>> Repeated(call).encode([x]) == messages.encode_call(replace(call, values=(x,)))
    True
    """

    __slots__ = ("_fields", "_prefix")

    def __init__(self, call: Call) -> None:
        self._prefix = messages.encode_call(replace(call, values=(), seeds=()))
        fields = [(messages.INPUT_FIELD, x) for x in call.values]
        fields += [(messages.SEED_FIELD, x) for x in call.seeds]
        self._fields = [
            (x.dtype, x.shape, tensor_head(number, x.dtype, x.shape)) for number, x in fields
        ]

    def encode(self, arrays: Sequence[Any]) -> bytes | None:
        """The request at these inputs and seeds; None where one is of another type."""
        if len(arrays) != len(self._fields):
            return None
        pieces: list[bytes | memoryview] = [self._prefix]
        for x, (dtype, shape, head) in zip(arrays, self._fields, strict=True):
            if type(x) is not np.ndarray or x.dtype != dtype or x.shape != shape:
                return None
            if not x.flags.c_contiguous:
                return None
            pieces += head, x.data
        return b"".join(pieces)

    @staticmethod
    def decode(message: bytes) -> list[Any]:
        """The values and derivatives of an answer, those without axes as NumPy scalars."""
        if len(message) > SMALL:
            answer = messages.decode_answer(message)
            return scalars((*answer.values, *answer.derivatives))
        response = parse(pb.StreamResponse, message)
        tensors = [*response.values[:], *response.derivatives[:]]
        return [tensor_from_proto(tensor).copy()[()] for tensor in tensors]


def repeated(call: Call) -> Repeated | None:
    """The form of a call, where it has one."""
    small = all(x.nbytes < LARGE and x.dtype.isnative for x in (*call.values, *call.seeds))
    by_digest = isinstance(call.graph, str) and not (call.batch or call.sparse)
    return Repeated(call) if small and by_digest and call.deadline is None else None
