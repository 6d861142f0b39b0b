"""Keep one worker alive: start it when it is wanted, watch it, restart it, replace it in time."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Condition, Event, Thread
from typing import TypeVar

from adglot.calls import EngineState
from adglot.errors import AdglotError, EngineCrashed, InternalError, Unavailable, UnknownEngine
from adglot_server.engines.remote import FRESH_SECONDS, LISTING_SECONDS, Connection, Infos, State
from adglot_server.executors.control import Control
from adglot_server.workers.command import Bounds, WorkerCommand
from adglot_server.workers.worker import Worker

T = TypeVar("T")

log = logging.getLogger("adglot.worker")

TICK = 0.05
"""Seconds between looks at the workers, and at whether those who wait should go on."""

STOP_SECONDS = 5.0
"""Time that a worker has to end when it is asked to."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a worker that ended at once is started again: doubled each time."""

SOCKET_BYTES = 90
"""Longest folder for sockets: the system takes about 107 bytes of path."""


class Supervisor:
    """A link to a worker that is there when it is needed; see `engines.remote.Link`.

    - A request waits for a worker that starts until its deadline, or for `Bounds.patience`.
    - A worker that crashes takes along the requests in flight: EngineCrashed. Where it was killed
      for a hang they are sent to the next one, once: the one that hung has left by then.
    - One that is used up goes on to work until a fresh one is ready, which gets the requests from
      then on; the old one ends when it has answered its last.
    """

    def __init__(self, name: str, command: WorkerCommand, bounds: Bounds) -> None:
        self._name, self._command, self._bounds = name, command, bounds
        self._changed, self._wake = Condition(), Event()
        self._current: Worker | None = None
        self._next: Worker | None = None
        self._old: list[Worker] = []
        self._keeper: Thread | None = None
        self._wanted = self._closed = self._was_ready = False
        self._spawned = self._failures = 0
        self._failed, self._retry_at = "", 0.0
        self._known: Infos = command.members

    @property
    def pid(self) -> int | None:
        """The process that gets the requests, None while there is none."""
        worker = self._current
        return None if worker is None else worker.process.pid

    @property
    def starts(self) -> int:
        """How many processes were started up to now."""
        return self._spawned

    def start(self) -> None:
        """Have a worker started where there is none; returns at once."""
        with self._changed:
            if not self._wanted and time.monotonic() >= self._retry_at:
                self._wanted, self._failed = True, ""
            if self._keeper is None and not self._closed and not self._command.missing:
                self._keeper = Thread(target=self._keep, name=f"adglot-{self._name}", daemon=True)
                self._keeper.start()
        self._wake.set()

    def use(self, work: Callable[[Connection], T], control: Control, program: Hashable = None) -> T:
        for last in (False, True):
            worker = self._take(control, program)
            try:
                result = work(worker.connection)
                worker.answered.add(program)
            except (Unavailable, InternalError):
                if not worker.wait_for_end(LISTING_SECONDS):
                    raise
                if last or worker.crashed():
                    raise self._crash(worker, program) from None
            else:
                return result
            finally:
                self._give(worker)
        raise AssertionError("the second attempt returns or raises")

    def look(self) -> tuple[Infos, State]:
        if self._command.missing:
            return self._known, State(False, "absent", self._command.missing)
        with self._changed:
            worker, state = self._current, self._state()
        if worker is not None:
            try:
                soon = Control(time.monotonic() + LISTING_SECONDS)
                self._known = worker.connection.listed(soon, FRESH_SECONDS)
            except AdglotError:
                log.debug("%s: does not list its engines", self._name)
        return self._known, state

    def close(self) -> None:
        """End the workers; those who wait get Unavailable."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._wake.set()
        if self._keeper is not None:
            self._keeper.join(2 * STOP_SECONDS)

    # ------------------------------------------------------------------ those who ask

    def _take(self, control: Control, program: Hashable) -> Worker:
        """The current worker, when it has a turn; the caller gives it back."""
        self.start()
        until = time.monotonic() + self._bounds.patience
        with self._changed:
            while not self._has_turn(until):
                self._changed.wait(TICK)
                control.check()
            assert self._current is not None
            self._current.in_flight += 1
            self._current.programs.add(program)
            return self._current

    def _has_turn(self, until: float) -> bool:
        """Whether a worker would take a request; Unavailable where none will soon."""
        if self._closed:
            raise Unavailable(f"{self._name} stops")
        if self._command.missing:
            what = f"engine {self._name!r} is not available: {self._command.missing}"
            raise UnknownEngine(what)
        # One that has just died is still there until it is looked at.
        if self._current is not None and not self._current.ended():
            return self._command.turns is None or self._current.in_flight < self._command.turns
        if self._failed:
            raise Unavailable(f"engine {self._name}: {self._failed}")
        if time.monotonic() > until:
            state = self._state()
            raise Unavailable(f"engine {self._name}: {state.reason}: try again")
        return False

    def _give(self, worker: Worker) -> None:
        with self._changed:
            worker.in_flight -= 1
            self._changed.notify()

    def _crash(self, worker: Worker, program: Hashable) -> EngineCrashed:
        phase = "run" if program in worker.answered else "prepare"
        what = f"engine {self._name}: its process died on this request ({worker.how()}, {phase})"
        return EngineCrashed(what, phase)

    def _state(self) -> State:
        if self._current is not None:
            return State()
        starting: EngineState = "restarting" if self._was_ready else "starting"
        if self._next is not None:
            return State(True, starting, self._next.how())
        if self._failed:
            return State(False, "absent", self._failed)
        if self._wanted:
            return State(True, starting, "about to start")
        return State(True, "absent", self._command.absent)

    # ------------------------------------------------------------------ the one who keeps

    def _keep(self) -> None:
        with tempfile.TemporaryDirectory(prefix="adglot-", dir=_short_folder()) as folder:
            try:
                while not self._closed:
                    self._step(folder)
                    self._wake.wait(TICK)
                    self._wake.clear()
            finally:
                self._closed = True  # also where a fault of ours ends this: nobody shall wait
                self._stop_all()

    def _step(self, folder: str) -> None:
        """One look at everything."""
        for worker in (self._next, self._current, *self._old):
            if worker is not None:
                worker.watch()
        self._look_at_next()
        self._look_at_current()
        self._look_at_old()
        due = time.monotonic() >= self._retry_at
        if self._next is None and due and self._wants_another():
            self._spawn(folder)

    def _wants_another(self) -> bool:
        if self._current is None:
            return self._wanted
        why = self._current.used_up()
        if why:
            log.warning("%s: replaced by a fresh one: %s", self._name, why)
        return bool(why)

    def _spawn(self, folder: str) -> None:
        self._spawned += 1
        socket = str(Path(folder) / f"{self._spawned}.sock")
        try:
            worker = Worker(self._name, self._command, self._bounds, socket)
        except OSError as error:
            self._start_failed(f"cannot be started: {error}")
            return
        with self._changed:
            self._next = worker

    def _look_at_next(self) -> None:
        worker = self._next
        if worker is None:
            return
        if worker.ended():
            worker.close()
            self._start_failed(f"did not start ({worker.how()}): {worker.process.last_line()}")
        elif worker.ready_at is not None:
            log.info("%s: ready after %.1f s", self._name, worker.ready_at - worker.started)
            with self._changed:
                if self._current is not None:
                    self._old.append(self._current)
                self._current, self._next, self._was_ready = worker, None, True
                self._known = worker.connection.infos
                self._changed.notify_all()

    def _start_failed(self, reason: str) -> None:
        log.error("%s: %s", self._name, reason)
        with self._changed:
            self._next = None
            self._pause(failed=True)
            if self._current is None:
                # Not again and again for nobody: the next request tries.
                self._failed, self._wanted = reason, False
            self._changed.notify_all()

    def _look_at_current(self) -> None:
        worker = self._current
        if worker is None or not worker.ended():
            return
        log.error("%s: its process died: %s", self._name, worker.how())
        worker.close()
        with self._changed:
            self._current = None
            self._pause(failed=not worker.answered)
            self._changed.notify_all()

    def _pause(self, failed: bool) -> None:
        """Before the next start: none where the last worker was of use, else more and more."""
        self._failures = self._failures + 1 if failed else 0
        pause = min(FIRST_PAUSE * 2 ** (self._failures - 1), LONGEST_PAUSE) if failed else 0.0
        self._retry_at = time.monotonic() + pause

    def _look_at_old(self) -> None:
        for worker in list(self._old):
            if worker.ended():
                worker.close()
                self._old.remove(worker)
            elif worker.in_flight == 0:
                worker.stop(STOP_SECONDS)

    def _stop_all(self) -> None:
        with self._changed:
            workers = [w for w in (self._current, self._next, *self._old) if w is not None]
            self._current = self._next = None
        for worker in workers:
            worker.stop(STOP_SECONDS)
        for worker in workers:
            if not worker.wait_for_end(STOP_SECONDS):
                worker.process.kill()
                worker.wait_for_end(STOP_SECONDS)
            worker.close()


def _short_folder() -> str | None:
    """Where sockets can be: the folder of temporary files, unless its name is too long for them."""
    return "/tmp" if len(tempfile.gettempdir()) > SOCKET_BYTES else None
