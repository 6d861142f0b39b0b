"""Learn that a process is to end: by SIGINT or SIGTERM."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def told_to_end() -> Iterator[socket.socket]:
    """Something that has a byte to read once the process is told to end; for the main thread.

    What handles a signal in C writes it. Python's own handler waits for the main thread, which may
    wait itself, and is not woken where the system gave the signal to another thread.
    """
    with ExitStack() as held:
        told, tell = (held.enter_context(end) for end in socket.socketpair())
        tell.setblocking(False)
        for number in (signal.SIGINT, signal.SIGTERM):
            held.callback(signal.signal, number, signal.signal(number, lambda *_: None))
        held.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(tell.fileno()))
        yield told
