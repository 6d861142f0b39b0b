"""What a frame reads is what the runtime reads, and it takes no message for another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adglot.calls import Answer, Call, Report
from adglot.codec import messages
from adglot.codec.frames import Frame, frame_of
from adglot.codec.messages import (
    DERIVATIVE_FIELD,
    ESTIMATE_FIELD,
    INPUT_FIELD,
    REPORT_FIELD,
    SEED_FIELD,
    VALUE_FIELD,
)

DTYPES = ("int32", "int64", "float32", "float64", "complex64", "complex128")
POINT = INPUT_FIELD, SEED_FIELD

types = st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 3), max_size=3))


def arrays(kinds: Sequence[tuple[str, list[int]]], seed: int) -> tuple[Any, ...]:
    """Of these types, of any bits."""
    random = np.random.default_rng(seed)
    made = []
    for dtype, shape in kinds:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        made.append(np.frombuffer(random.bytes(size), dtype).reshape(shape))
    return tuple(made)


def framed(call: Call) -> Frame:
    frame = frame_of(messages.encode_call(call), POINT)
    assert frame is not None
    return frame


def same(found: Sequence[Any] | None, wanted: Sequence[Any]) -> bool:
    """Whether they are the same bits."""
    return found is not None and [(x.dtype, x.shape, x.tobytes()) for x in found] == [
        (x.dtype, x.shape, x.tobytes()) for x in wanted
    ]


@given(st.lists(types, max_size=3), st.lists(types, max_size=2), st.integers(0, 9))
def test_the_arrays_of_another_point(values: Any, seeds: Any, seed: int) -> None:
    call = Call("jvp", "f" * 64, arrays(values, seed), arrays(seeds, seed), wrt=(0,))
    other = replace(call, values=arrays(values, seed + 1), seeds=arrays(seeds, seed + 1))
    found = framed(call).arrays(messages.encode_call(other))
    assert same(found, (*other.values, *other.seeds))
    assert found is not None
    assert all(x.flags.writeable and x.flags.aligned and x.flags.c_contiguous for x in found)


@given(st.data())
def test_any_other_byte_makes_another_message(data: st.DataObject) -> None:
    """Either it is elsewhere than in the arrays, and refused, or the runtime reads the same."""
    call = Call("jvp", "f" * 64, (np.ones(2), np.arange(3)), (np.ones(2),), wrt=(0,))
    message = bytearray(messages.encode_call(call))
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] ^= data.draw(st.integers(1, 255))
    found = framed(call).arrays(bytes(message))
    if found is not None:
        read = messages.decode_call("jvp", bytes(message))
        assert (read.digest, read.wrt, read.engine) == (call.digest, call.wrt, call.engine)
        assert same(found, (*read.values, *read.seeds))


def test_messages_of_other_lengths() -> None:
    call = Call("evaluate", "f" * 64, (np.ones(2),))
    message = messages.encode_call(call)
    assert framed(call).arrays(message + b"\x00") is None
    assert framed(call).arrays(message[:-1]) is None
    assert framed(call).arrays(b"") is None


def test_booleans_are_looked_at() -> None:
    message = messages.encode_call(Call("evaluate", "f" * 64, (np.array([True]),)))
    assert frame_of(message, POINT) is None


@pytest.mark.parametrize("estimates", [(), (np.ones(2),)])
def test_answers_differ_by_their_reports_too(estimates: tuple[Any, ...]) -> None:
    def message(y: float, seconds: float) -> bytes:
        report = Report("native", "compiled", run_seconds=seconds)
        errors = tuple(y * x for x in estimates)
        return messages.encode_answer(Answer((np.array(y),), (np.full(2, y),), report, errors))

    results = VALUE_FIELD, DERIVATIVE_FIELD
    frame = frame_of(message(1.0, 0.5), results, (REPORT_FIELD, ESTIMATE_FIELD))
    assert frame is not None
    assert same(frame.arrays(message(2.0, 0.25)), (np.array(2.0), np.full(2, 2.0)))
    whole = frame_of(message(1.0, 0.5), results)
    assert whole is not None
    assert whole.arrays(message(2.0, 0.25)) is None
