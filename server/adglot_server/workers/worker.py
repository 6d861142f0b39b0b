"""One worker, from the start of its process to its end: is it ready, is it well, is it used up."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from adglot.codec.messages import SERVICE
from adglot.errors import AdglotError
from adglot_server.engines.remote import LISTING_SECONDS, Connection
from adglot_server.executors.control import Control
from adglot_server.workers.command import HUNG, Bounds, WorkerCommand
from adglot_server.workers.process import Process, ending, resident_bytes

LOOK_SECONDS = 1.0
"""Seconds between looks at a worker's health and memory."""

GROWN = 1.2
"""How much more than a fresh one a worker must occupy to be replaced for it."""


class Worker:
    """A process that serves, or will soon. Only one thread watches it; any number asks it."""

    def __init__(self, name: str, command: WorkerCommand, bounds: Bounds, socket: str) -> None:
        address = f"unix:{socket}"
        self.process = Process(name, command.at(address), bounds.environment(command))
        self.connection = Connection(name, address)
        self.name, self.socket = name, socket
        self.started = time.monotonic()
        self.ready_at: float | None = None
        self.in_flight = 0
        self.programs: set[Hashable] = set()
        self.answered: set[Hashable] = set()
        self._command, self._bounds, self._grace = command, bounds, bounds.grace_of(command)
        self._frozen, self._stopped_at = False, 0.0
        self._fresh_memory = self._memory = 0
        self._channel = grpc.insecure_channel(
            address, [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 200)]
        )
        self._probe: Any = None
        self._probed_at = self._well_at = self.started

    def watch(self) -> None:
        """Look after it; to be called again and again, returns at once."""
        now = time.monotonic()
        if self.ready_at is None:
            self._await_start(now)
        else:
            self._look(now)
        if self._stopped_at and now > self._stopped_at:
            self.process.kill()

    def ended(self) -> bool:
        return self.process.code() is not None

    def wait_for_end(self, seconds: float) -> bool:
        """Whether the process has ended by then."""
        until = time.monotonic() + seconds
        while not self.ended():
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def crashed(self) -> bool:
        """Whether what it was asked last may have ended it: neither we did, nor it itself."""
        return not self._frozen and self.process.code() not in (0, HUNG)

    def how(self) -> str:
        """How it ended, or what it does now."""
        code = self.process.code()
        if code is None:
            seconds = time.monotonic() - self.started
            return f"starting for {seconds:.0f} s; {self.process.last_line()}".rstrip("; ")
        if self._frozen:
            return f"it did not answer for {self._grace:g} s and was killed"
        return ending(code)

    def used_up(self) -> str:
        """Why it should be replaced by a fresh one; empty while it should not."""
        # A fresh one that is over the bound already would be replaced for ever.
        if self._memory > max(self._bounds.memory_bytes, GROWN * self._fresh_memory):
            return f"it occupies {self._memory >> 20} MiB"
        if len(self.programs) > self._bounds.compilations:
            return f"it has made {len(self.programs)} programs"
        return ""

    def stop(self, seconds: float) -> None:
        """Ask it to end; after so many seconds of `watch` it is killed."""
        if not self._stopped_at:
            self._stopped_at = time.monotonic() + seconds
            self.process.terminate()

    def close(self) -> None:
        """Free what is left of it here."""
        self.connection.close()
        self._channel.close()

    def _await_start(self, now: float) -> None:
        if self._probe is None:
            self._probe = self._check()
        elif now - self.started > self._command.start_seconds:
            self.process.kill()
        elif self._probe.done():
            if self._probe.exception() is None and self._listed():
                self.ready_at = self._well_at = now
                self._fresh_memory = resident_bytes(self.process.pid)
            self._probe = None

    def _look(self, now: float) -> None:
        if self._probe is not None and self._probe.done():
            if self._probe.exception() is None:
                self._well_at = now
            self._probe = None
        if self._probe is None and now - self._probed_at > LOOK_SECONDS:
            self._probe, self._probed_at = self._check(), now
            self._memory = resident_bytes(self.process.pid)
        if now - self._well_at > self._grace:
            self._frozen = True
            self.process.kill()

    def _listed(self) -> bool:
        try:
            self.connection.listed(Control(time.monotonic() + LISTING_SECONDS), 0.0)
        except AdglotError:
            return False
        return True

    def _check(self) -> Any:
        stub: Any = health_pb2_grpc.HealthStub(self._channel)
        request = health_pb2.HealthCheckRequest(service=SERVICE)
        return stub.Check.future(request, timeout=self._grace)
