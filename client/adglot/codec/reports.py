"""How an answer came about, to and from protobuf: all but the times is remembered."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from adglot.calls import Report
from adglot.codec.tensors import KEPT
from adglot.v1 import operators_pb2 as pb

RUN_SECONDS: int = pb.Report.DESCRIPTOR.fields_by_name["run_seconds"].number

_TO_WIRE: dict[str, pb.Mode] = {
    "none": pb.MODE_UNSPECIFIED,
    "forward": pb.MODE_FORWARD,
    "reverse": pb.MODE_REVERSE,
    "mixed": pb.MODE_MIXED,
    "forward over reverse": pb.MODE_FORWARD_OVER_REVERSE,
}
_FROM_WIRE = {number: mode for mode, number in _TO_WIRE.items()}

_TIMELESS = (
    "engine",
    "executor",
    "mode",
    "passes",
    "function_ops",
    "program_ops",
    "digest",
    "wrt",
    "of",
    "colours",
)
"""Fields of a ``Report`` that are the same at every call of a form."""


def report_to_bytes(report: Report) -> bytes:
    """A serialized ``Report``; all but the times is remembered from call to call."""
    times = pb.Report(prepare_seconds=report.prepare_seconds, run_seconds=report.run_seconds)
    return timeless(report) + times.SerializeToString()


def timeless(report: Report) -> bytes:
    """All of a serialized ``Report`` but the times."""
    return _timeless(
        report.engine,
        report.executor,
        _TO_WIRE[report.mode],
        report.passes,
        report.function_ops,
        report.program_ops,
        report.digest,
        report.wrt,
        report.of,
        report.colours,
    )


@lru_cache(KEPT)
def _timeless(*fields: Any) -> bytes:
    return pb.Report(**dict(zip(_TIMELESS, fields, strict=True))).SerializeToString()


def report_from_proto(message: pb.Report) -> Report:
    seconds = message.prepare_seconds, message.run_seconds
    message.ClearField("prepare_seconds")
    message.ClearField("run_seconds")
    return _timeless_from(message.SerializeToString()).timed(*seconds)


@lru_cache(KEPT)
def _timeless_from(report: bytes) -> Report:
    """A report but for its times; those of repeated calls are the same."""
    message = pb.Report.FromString(report)
    return Report(
        engine=message.engine,
        executor=message.executor,
        mode=_FROM_WIRE.get(message.mode, "none"),
        passes=message.passes,
        function_ops=message.function_ops,
        program_ops=message.program_ops,
        digest=message.digest,
        wrt=tuple(message.wrt[:]),
        of=tuple(message.of[:]),
        colours=message.colours,
    )
