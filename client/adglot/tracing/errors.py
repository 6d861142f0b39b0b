"""Refusals that name the user's line and the way out."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from adglot.errors import InvalidArgument, TracingError, Violation
from adglot.tracing import stack
from adglot.tracing.location import location, source


def error(what: str, way_out: str) -> TracingError:
    """A TracingError: what cannot be traced, where it stands, and what to write instead."""
    return _noted(TracingError(f"{source() or 'while tracing'}\n  {what}: {way_out}"))


def refuse(what: str, way_out: str) -> NoReturn:
    """Raise `error`."""
    raise error(what, way_out)


class MissingAttribute(TracingError, AttributeError):
    """An attribute of NumPy's arrays that traced ones lack; `hasattr` answers False."""


def missing(name: str) -> AttributeError:
    """The error for an attribute that a traced array does not have."""
    if name.startswith("__") or not hasattr(np.ndarray, name):
        return AttributeError(f"a traced array has no attribute {name!r}")
    way_out = "it tells of memory or writes to it, and a traced array has none: leave it out"
    return MissingAttribute(
        f"{source() or 'while tracing'}\n  x.{name} cannot be traced: {way_out}"
    )


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
