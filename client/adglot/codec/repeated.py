"""Calls that differ by small points alone: their messages but for these are written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from struct import Struct
from typing import Any

import numpy as np

from adglot.calls import Answer, Call
from adglot.codec import messages
from adglot.codec.frames import Frame, frame_of
from adglot.codec.incoming import SMALL
from adglot.codec.reports import RUN_SECONDS, timeless
from adglot.codec.splice import DELIMITED, FIXED64, varint
from adglot.codec.tensors import LARGE, tensor_head
from adglot.nesting import scalars


class Repeated:
    """The form of a call by digest, and of its answers.

    >>> call = Call("evaluate", "0" * 64, (np.zeros(2),))
    >>> x = np.array([1.0, 2.0])
    >>> Repeated(call).encode([x]) == messages.encode_call(replace(call, values=(x,)))
    True
    """

    __slots__ = ("_fields", "_prefix", "_reply")

    def __init__(self, call: Call) -> None:
        self._prefix = messages.encode_call(replace(call, values=(), seeds=()))
        fields = [(messages.INPUT_FIELD, x) for x in call.values]
        fields += [(messages.SEED_FIELD, x) for x in call.seeds]
        self._fields = [
            (x.dtype, x.shape, tensor_head(number, x.dtype, x.shape)) for number, x in fields
        ]
        self._reply: Frame | None = None
        """That of the last answer that was read as a whole."""

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

    def decode(self, message: bytes) -> list[Any]:
        """The values and derivatives of an answer, those without axes as NumPy scalars."""
        known = None if self._reply is None else self._reply.arrays(message)
        if known is not None:
            return scalars(known)
        answer = messages.decode_answer(message)
        if len(message) <= SMALL:
            self._reply = frame_of(message, _RESULTS, _BESIDE)
        return scalars((*answer.values, *answer.derivatives))


_RESULTS = messages.VALUE_FIELD, messages.DERIVATIVE_FIELD
_BESIDE = messages.REPORT_FIELD, messages.ESTIMATE_FIELD
_SECONDS = varint(RUN_SECONDS << 3 | FIXED64)
_DOUBLE = Struct("<d")


class Replies:
    """The form of small answers that differ by their arrays, and by the seconds of their runs.

    >>> from adglot.calls import Report
    >>> y, g = np.float64(3.0), np.array([1.0, 2.0])
    >>> answer = Answer((np.array(y),), (g,), Report("native", run_seconds=0.5))
    >>> encoded = messages.encode_answer(answer)
    >>> Replies(answer).encode([y, g], 0.5) == encoded
    True
    """

    __slots__ = ("_heads", "_start")

    def __init__(self, answer: Answer) -> None:
        report = timeless(answer.report) + _SECONDS
        size = varint(len(report) + _DOUBLE.size)
        self._start = varint(messages.REPORT_FIELD << 3 | DELIMITED) + size + report
        fields = [(messages.VALUE_FIELD, x) for x in answer.values]
        fields += [(messages.DERIVATIVE_FIELD, x) for x in answer.derivatives]
        self._heads = [tensor_head(number, x.dtype, x.shape) for number, x in fields]

    def encode(self, arrays: Sequence[Any], seconds: float) -> bytes:
        """The answer with these values and derivatives, plain arrays of its types or scalars."""
        pieces: list[Any] = [self._start, _DOUBLE.pack(seconds)]
        for head, x in zip(self._heads, arrays, strict=True):
            pieces += head, x
        return b"".join(pieces)


def repeated(call: Call) -> Repeated | None:
    """The form of a call, where it has one."""
    small = all(x.nbytes < LARGE and x.dtype.isnative for x in (*call.values, *call.seeds))
    by_digest = isinstance(call.graph, str) and not (call.batch or call.sparse)
    return Repeated(call) if small and by_digest and call.deadline is None else None
