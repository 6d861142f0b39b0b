"""What is not the caller's fault: logged in full here, told by an id there."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from adglot.errors import AdglotError, InternalError
from adglot_server.service.memory import obtainable, out_of_memory

log = logging.getLogger("adglot")


def fault_of(error: Exception) -> AdglotError:
    """The error itself where it is meant; InternalError with an id that the log has, where not.

    Memory that cannot be had is a limit, of which only the whole is known here.
    """
    if isinstance(error, AdglotError):
        return error
    if isinstance(error, MemoryError):
        return out_of_memory(error, obtainable() + 1)
    fault = uuid.uuid4().hex[:12]
    log.error("internal error %s", fault, exc_info=error)
    return InternalError(f"internal error {fault}: the server's log says more")


@contextmanager
def our_fault() -> Iterator[None]:
    """Anything but AdglotError becomes InternalError."""
    try:
        yield
    except AdglotError:
        raise
    except Exception as error:
        raise fault_of(error) from error
