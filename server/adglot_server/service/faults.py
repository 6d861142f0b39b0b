"""What is not the caller's fault: logged in full here, told by an id there."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from adglot.errors import AdglotError, InternalError

log = logging.getLogger("adglot")


@contextmanager
def our_fault() -> Iterator[None]:
    """Anything but AdglotError becomes InternalError with an id that the log has too."""
    try:
        yield
    except AdglotError:
        raise
    except Exception as error:
        fault = uuid.uuid4().hex[:12]
        log.exception("internal error %s", fault)
        raise InternalError(f"internal error {fault}: the server's log says more") from error
