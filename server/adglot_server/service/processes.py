"""Several processes that serve the same ports: started, watched and ended together.

The system gives every new connection to one of them (SO_REUSEPORT), and they share nothing: a
client that comes to another process sends its graphs again when that does not know them.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any

from adglot.errors import InvalidArgument, Unavailable
from adglot_server.service.ending import told_to_end

log = logging.getLogger("adglot")

Work = Callable[[Sequence[str], Callable[[], None], dict[str, Any]], None]
"""Serves these addresses with these options until SIGTERM, and says when it is ready."""


@dataclass(frozen=True, slots=True)
class _Child:
    process: BaseProcess
    ready: Connection


def serve_together(
    count: int,
    addresses: Sequence[str],
    work: Work,
    options: dict[str, Any],
    announce: Callable[[Sequence[str]], None],
) -> None:
    """Run `work` in so many processes until SIGINT or SIGTERM; for the main thread.

    One that ends by itself is started again. `work` and `options` are pickled; to these comes
    `number`, which counts the processes from 0 and stays when one is started again. Raises
    InvalidArgument for addresses that cannot be shared, Unavailable where one cannot start.
    """
    with ExitStack() as held:
        named = [_reserve(address, held) for address in addresses]
        ended = held.enter_context(told_to_end())
        children: list[_Child] = []
        held.callback(lambda: _end(children))
        children += [_start(work, named, options | {"number": k}) for k in range(count)]
        for child in children:
            _await_ready(child, ended)
        announce(named)
        while not _over(ended, children):
            for k, child in enumerate(children):
                if not child.process.is_alive():
                    log.error("a process has ended with code %s: again", child.process.exitcode)
                    children[k] = _start(work, named, options | {"number": k})
                    _await_ready(children[k], ended)


def _reserve(address: str, held: ExitStack) -> str:
    """The address with its port, which nobody else gets while the socket is held."""
    if address.startswith("unix:"):
        raise InvalidArgument(f"several processes share ports, and no socket file: {address!r}")
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        # One family is enough to hold the port, and a machine may know the other by name alone.
        family, *_, place = min(found, key=lambda one: one[0] != socket.AF_INET)
        with socket.socket(family) as alone:  # Without SO_REUSEPORT: is anybody there?
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(place)
        shared = held.enter_context(socket.socket(family))
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind(place)
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"cannot listen on {address!r}: {error}") from None
    return f"{host}:{shared.getsockname()[1]}"


def _start(work: Work, addresses: Sequence[str], options: dict[str, Any]) -> _Child:
    ready, tell = multiprocessing.Pipe(duplex=False)
    # Spawned, since gRPC and Julia do not survive a fork.
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(work, addresses, tell, options), name="adglot-serve"
    )
    process.start()
    tell.close()
    return _Child(process, ready)


def _serve(work: Work, addresses: Sequence[str], tell: Connection, options: dict[str, Any]) -> None:
    """What a child runs: it ends with its parent, however that ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    Thread(target=_end_with, args=(parent.sentinel,), name="adglot-parent", daemon=True).start()
    work(addresses, lambda: tell.send(None), options)


def _end_with(parent: int) -> None:
    wait([parent])
    os.kill(os.getpid(), signal.SIGTERM)


def _await_ready(child: _Child, ended: socket.socket) -> None:
    """Return when the child serves, or all are to end."""
    if child.ready in wait([child.ready, ended]):
        try:
            child.ready.recv()
        except EOFError:
            child.process.join()
            code = child.process.exitcode
            raise Unavailable(f"a process ended with code {code} before it served") from None


def _over(ended: socket.socket, children: Sequence[_Child]) -> bool:
    """Whether all are to end; waits for that, or for one to end by itself."""
    return ended in wait([ended, *(child.process.sentinel for child in children)])


def _end(children: Sequence[_Child]) -> None:
    """Have all finish what they run."""
    for child in children:
        if child.process.is_alive():
            child.process.terminate()
    for child in children:
        child.process.join()
