"""What goes out beside the messages of the calls that this thread or task makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Metadata = tuple[tuple[str, str], ...]

REQUEST_ID = "x-request-id"
"""The key of the id by which the logs of all servers know a request."""

_EXTRA: ContextVar[Metadata] = ContextVar("adglot_metadata", default=())

extra = _EXTRA.get
"""The metadata that goes out now."""


@contextmanager
def sending(metadata: Metadata) -> Iterator[None]:
    """Have this go out with every call of the block.

    >>> with sending(((REQUEST_ID, "42"),)):
    ...     extra()
    (('x-request-id', '42'),)
    """
    token = _EXTRA.set(metadata)
    try:
        yield
    finally:
        _EXTRA.reset(token)
