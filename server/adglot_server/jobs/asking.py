"""Ask for derivatives of chunks: in this process, reproducibly, or at a server."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from adglot.asking import Session
from adglot.calls import Answer, Call
from adglot.errors import AdglotError, UnknownEngine
from adglot.ir import Graph
from adglot.naming import named_error
from adglot.sending import by_digest, drive
from adglot.tls import TLS
from adglot.transports import embedded
from adglot.transports.base import Transport
from adglot_server.executors.batches import at_most
from adglot_server.executors.tiered import at_once

Ask = Callable[[Call], Answer]
"""Answers a call whose graph is a `Graph`; raises `adglot.errors.AdglotError`."""


@lru_cache(maxsize=4)
def asker(target: str | None) -> Ask:
    """What answers here: one transport a process and target, kept open.

    A server wants what the environment says: ``ADGLOT_TOKEN``, ``ADGLOT_ROOT_CERTIFICATE``.
    """
    transport, session = _transport(target), Session()

    def ask(call: Call) -> Answer:
        assert isinstance(call.graph, Graph)
        plan = by_digest(session, call.graph, lambda graph: replace(call, graph=graph))
        try:
            # One thread, since the pool has a process a core; and the same code at every call,
            # so that two runs give the same bits.
            with at_most(1), at_once():
                answer: Answer = drive(plan, transport.send)
        except AdglotError as error:
            raise named_error(error, call.graph, call) from None
        return answer

    return ask


@lru_cache(maxsize=4)
def _transport(target: str | None) -> Transport:
    if target is None:
        return embedded.connect()
    from adglot.transports import remote

    root = os.environ.get("ADGLOT_ROOT_CERTIFICATE")
    tls = False if root is None else TLS(root)
    return remote.connect(target, token=os.environ.get("ADGLOT_TOKEN"), tls=tls)


def engine_version(target: str | None, name: str) -> str:
    """Of the engine that will answer; UnknownEngine where there is none of this name."""
    for engine in _transport(target).send("engines"):
        if engine.name == name:
            return str(engine.version)
    raise UnknownEngine(f"there is no engine {name!r}")
