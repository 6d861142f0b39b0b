"""What is not the caller's fault: logged in full here, told by an id there."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from adglot.errors import AdglotError, InternalError

log = logging.getLogger("adglot")


def fault_of(error: Exception) -> AdglotError:
    """The error itself where it is meant; InternalError with an id that the log has, where not."""
    if isinstance(error, AdglotError):
        return error
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
