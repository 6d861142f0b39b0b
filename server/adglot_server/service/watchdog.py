"""End the process when work goes on for which nobody waits, and which does not stop by itself.

For processes that somebody starts again: a supervisor, a container's restart policy.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from threading import Thread

from adglot_server.workers.command import HUNG

log = logging.getLogger("adglot")

_LOOK_SECONDS = 0.2


def watch(overdue: Callable[[float], bool], seconds: float) -> None:
    """End the process with exit code `HUNG` once `overdue` says that work is, by so many seconds.

    `overdue` tells whether work goes on for which nobody has waited for at least so long.
    """
    Thread(target=_watch, args=(overdue, seconds), name="adglot-watchdog", daemon=True).start()


def _watch(overdue: Callable[[float], bool], seconds: float) -> None:
    while not overdue(seconds):
        time.sleep(_LOOK_SECONDS)
    log.error("work outlived its callers by %g s: this process ends", seconds)
    logging.shutdown()
    os._exit(HUNG)
