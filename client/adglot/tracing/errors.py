"""Refusals that name the user's line and the way out."""

from __future__ import annotations

from typing import NoReturn

from adglot.errors import InvalidArgument, TracingError, Violation
from adglot.tracing import stack
from adglot.tracing.location import location, source


def error(what: str, way_out: str) -> TracingError:
    """A TracingError: what cannot be traced, where it stands, and what to write instead."""
    return _noted(TracingError(f"{source() or 'while tracing'}\n  {what}: {way_out}"))


def refuse(what: str, way_out: str) -> NoReturn:
    """Raise `error`."""
    raise error(what, way_out)


def located(fault: TracingError | InvalidArgument) -> TracingError | InvalidArgument:
    """The same error, with the user's line where it does not name it yet."""
    if location() in str(fault):
        return fault
    if isinstance(fault, InvalidArgument):
        return InvalidArgument(Violation(source(), str(fault)))
    return _noted(TracingError(f"{source()}\n  {fault}"))


def _noted(refusal: TracingError) -> TracingError:
    """The same; the traces that run will raise it again, should the function catch it."""
    for trace in stack.running():
        trace.refusal = trace.refusal or refusal
    return refusal
