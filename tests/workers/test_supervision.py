"""Workers are real processes: they are killed, frozen, hung and outgrown here, and come back."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from service.examples import STEP, energy, slow

import adglot
from adglot import DeadlineExceeded, EngineCrashed, Unavailable, UnknownEngine
from adglot.calls import EngineInfo
from adglot_server.engines import remote
from adglot_server.engines.remote import RemoteFamily
from adglot_server.service.core import Core
from adglot_server.service.embedded import EmbeddedTransport
from adglot_server.service.engines import Engines
from adglot_server.workers.command import ADDRESS, Bounds, WorkerCommand
from adglot_server.workers.supervisor import Supervisor

X = np.array([1.0, -2.0, 0.5])
HARMLESS = np.array([-1.0, 2.0, 0.5])
"""Where the engines that die or hang do not."""

STUBBORN = (sys.executable, str(Path(__file__).with_name("stubborn.py")), ADDRESS)


@dataclass
class Box:
    """A client of an embedded service with the family `box`, and the one who keeps its worker."""

    ad: adglot.Client
    supervisor: Supervisor

    def gradient(self, engine: str, x: np.ndarray = X, a: float = 1.0, **options: Any) -> None:
        """Ask, and hold the answer against the closed form."""
        gradient = self.ad.gradient(energy(a), x, engine=f"box/{engine}", **options)
        assert_allclose(gradient, 3 * a * x**2)

    def state(self) -> tuple[str, bool, str]:
        info = next(info for info in self.ad.engines() if info.name.startswith("box"))
        return info.state, info.available, info.reason

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send the signal to the worker."""
        pid = self.supervisor.pid
        assert pid is not None
        os.kill(pid, number)
        return pid

    def freeze(self) -> int:
        """Stop every thread of the worker; between the signal and that it can still answer."""
        pid = self.kill(signal.SIGSTOP)
        threads = Path(f"/proc/{pid}/task")
        _until(lambda: {_state(thread) for thread in threads.iterdir()} == {"T"})
        return pid


@contextmanager
def boxed(command: WorkerCommand | None = None, **bounds: Any) -> Iterator[Box]:
    bounds = {"grace": 2.0, **bounds}
    supervisor = Supervisor("box", command or WorkerCommand(STUBBORN), Bounds(**bounds))
    engines = Engines(attached={"box": RemoteFamily("box", supervisor)})
    with adglot.Client(EmbeddedTransport(Core(engines=engines))) as ad:
        yield Box(ad, supervisor)


@pytest.fixture(scope="module")
def shared() -> Iterator[Box]:
    with boxed() as box:
        yield box


def _until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return _state(Path(f"/proc/{pid}")) == "Z"


def _state(task: Path) -> str:
    """The letter that ps(1) shows for a process or a thread of one."""
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


def test_it_starts_with_the_first_request_and_ends_with_the_service() -> None:
    with boxed() as box:
        assert box.state() == ("absent", False, "the first request starts it")
        assert box.supervisor.pid is None
        box.gradient("native")
        assert box.state() == ("ready", True, "")
        pid = box.supervisor.pid
        assert pid is not None
        box.gradient("native", 2 * X)
        assert box.supervisor.pid == pid
    assert _gone(pid)
    with pytest.raises(Unavailable):
        box.gradient("native")


def test_it_starts_when_it_is_told_to() -> None:
    engines = Engines((), {"box": WorkerCommand(STUBBORN)})
    engines.start("box")
    try:
        assert engines.infos()[0].state == "starting"
        _until(lambda: engines.infos()[0].state == "ready")
        assert "box/native" in {info.name for info in engines.infos()}
    finally:
        engines.close()


def test_its_engines_are_listed_as_they_were_announced_before_it_runs() -> None:
    members = (EngineInfo("box/native", True, operators=("jvp",)),)
    with boxed(WorkerCommand(STUBBORN, members=members)) as box:
        (info,) = (info for info in box.ad.engines() if info.name.startswith("box"))
        assert (info.name, info.operators, info.state) == ("box/native", ("jvp",), "absent")


@pytest.mark.parametrize("engine", ["dies", "dies-preparing"])
def test_a_crash_costs_the_request_that_made_it(shared: Box, engine: str) -> None:
    shared.gradient("native")
    pid = shared.supervisor.pid
    with pytest.raises(EngineCrashed, match="killed by SIGSEGV") as caught:
        shared.gradient(engine)
    assert caught.value.phase == "prepare"
    shared.gradient("native")
    assert shared.supervisor.pid != pid


def test_the_phase_of_a_crash_after_an_answer_is_run(shared: Box) -> None:
    shared.gradient("dies", HARMLESS)
    with pytest.raises(EngineCrashed) as caught:
        shared.gradient("dies")
    assert caught.value.phase == "run"


def test_a_worker_that_is_killed_in_mid_request(shared: Box) -> None:
    with ThreadPoolExecutor(1) as pool:
        shared.gradient("native")
        running = pool.submit(shared.gradient, "hangs")
        time.sleep(0.5)
        shared.kill()
        with pytest.raises(EngineCrashed, match="killed by SIGKILL"):
            running.result(timeout=10.0)
        shared.gradient("native")


def test_a_crash_restarts_it_and_others_wait_for_it(shared: Box) -> None:
    shared.gradient("native")
    pid = shared.kill()
    _until(lambda: shared.supervisor.pid is None)
    assert shared.state()[:2] == ("restarting", True)
    shared.gradient("native")
    assert shared.supervisor.pid != pid


@pytest.mark.parametrize("engine", ["hangs", "hangs-preparing"])
def test_a_hang_is_ended_and_costs_one_request(shared: Box, engine: str) -> None:
    shared.gradient("native")
    pid = shared.supervisor.pid
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        shared.gradient(engine, timeout=0.5)
    assert time.monotonic() - started < 2.0  # the caller does not wait for the grace
    shared.gradient("native")
    _until(lambda: shared.supervisor.pid not in (None, pid))
    assert time.monotonic() - started > 1.5
    shared.gradient("native")


def test_requests_beside_a_hang_are_sent_again(shared: Box) -> None:
    shared.gradient("native")
    pid = shared.supervisor.pid
    with pytest.raises(DeadlineExceeded):
        shared.gradient("hangs", timeout=0.2)
    with ThreadPoolExecutor(2) as pool:
        # They nap in a worker that will be gone before they have answered.
        _until(lambda: _napping(shared, pool, pid))


def _napping(box: Box, pool: ThreadPoolExecutor, pid: int | None) -> bool:
    """Ask again and again; whether the worker has been replaced meanwhile."""
    for future in [pool.submit(box.gradient, "naps", a=a) for a in (1.0, 2.0)]:
        future.result(timeout=20.0)
    return box.supervisor.pid not in (None, pid)


def test_a_frozen_worker_is_killed_and_its_requests_are_sent_again(shared: Box) -> None:
    shared.gradient("native")
    pid = shared.freeze()
    started = time.monotonic()
    shared.gradient("native", 3 * X, timeout=30.0)
    assert time.monotonic() - started > 1.0
    assert shared.supervisor.pid != pid
    assert _gone(pid)


def test_a_deadline_holds_while_the_worker_is_frozen(shared: Box) -> None:
    shared.gradient("native")
    shared.freeze()
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        shared.gradient("native", timeout=0.5)
    assert time.monotonic() - started < 2.0


def test_a_deadline_holds_while_the_worker_starts() -> None:
    with boxed() as box:
        with pytest.raises(DeadlineExceeded):
            box.gradient("native", timeout=0.2)
        assert box.state()[0] == "starting"
        box.gradient("native")


def test_patience_ends_before_the_deadline() -> None:
    with (
        boxed(patience=0.2) as box,
        pytest.raises(Unavailable, match="engine box: starting for 0 s"),
    ):
        box.gradient("native", timeout=30.0)


def test_other_engines_answer_while_one_starts_hangs_and_restarts(shared: Box) -> None:
    with boxed() as box, ThreadPoolExecutor(1) as pool:
        starting = pool.submit(box.gradient, "native")
        _answer_at_once(box, starting)
        hanging = pool.submit(pytest.raises, DeadlineExceeded, box.gradient, "hangs", timeout=3.0)
        _answer_at_once(box, hanging)
        restarting = pool.submit(box.gradient, "native")
        _answer_at_once(box, restarting)


def _answer_at_once(box: Box, meanwhile: Future[Any]) -> None:
    slowest, rounds = 0.0, 0
    while not meanwhile.done() or not rounds:
        started = time.monotonic()
        assert_allclose(box.ad.gradient(energy(), X), 3 * X**2)
        slowest, rounds = max(slowest, time.monotonic() - started), rounds + 1
        time.sleep(0.02)
    meanwhile.result()
    assert slowest < 1.0


def test_a_worker_over_its_programs_is_replaced_and_no_request_is_lost() -> None:
    with boxed(compilations=5) as box, ThreadPoolExecutor(4) as pool:
        pids = set()
        for k in range(15):
            asked = [pool.submit(box.gradient, "naps", a=1.0 + k / 10 + j) for j in range(4)]
            for future in asked:
                future.result(timeout=20.0)
            pids.add(box.supervisor.pid)
        assert len(pids) >= 2
        _until(lambda: sum(not _gone(pid) for pid in pids) == 1)


def test_the_same_program_counts_once() -> None:
    with boxed(compilations=2) as box:
        for _ in range(30):
            box.gradient("native")
        pid = box.supervisor.pid
        time.sleep(1.0)
        box.gradient("native")
        assert box.supervisor.pid == pid


def test_a_worker_over_its_memory_is_replaced_and_no_request_is_lost() -> None:
    with boxed(memory_bytes=200 << 20) as box:
        box.gradient("leaks")
        first, pids = box.supervisor.pid, set()
        end = time.monotonic() + 30.0
        while len(pids) < 2 and time.monotonic() < end:
            for _ in range(4):
                box.gradient("leaks")
            pids.add(box.supervisor.pid)
            time.sleep(0.05)
        assert len(pids) >= 2
        _until(lambda: _gone(first or 0))


def test_a_bound_below_a_fresh_worker_does_not_replace_it_for_ever() -> None:
    with boxed(memory_bytes=1) as box:
        box.gradient("native")
        pid = box.supervisor.pid
        time.sleep(3.0)
        assert box.supervisor.pid == pid


def test_what_is_computed_when_it_is_replaced_is_finished() -> None:
    graph, x = slow(40), np.full(STEP, 0.5)
    with boxed(compilations=1) as box, ThreadPoolExecutor(1) as pool:
        expected = box.ad.evaluate(graph, x)
        assert box.ad.evaluate(graph, x, engine="box/native") == expected
        pid = box.supervisor.pid
        running = pool.submit(box.ad.evaluate, graph, x, engine="box/native")
        time.sleep(0.2)
        box.gradient("native")  # one more than it may have
        _until(lambda: box.supervisor.pid not in (None, pid))
        assert running.result(timeout=60.0) == expected


def test_a_worker_that_cannot_start_says_why() -> None:
    command = WorkerCommand((sys.executable, "-c", "print('no such library'); exit(3)"))
    with boxed(command) as box:
        with pytest.raises(Unavailable, match=r"did not start \(exit code 3\): no such library"):
            box.gradient("native")
        state, available, reason = box.state()
        assert (state, available) == ("absent", False)
        assert "no such library" in reason
        assert_allclose(box.ad.gradient(energy(), X), 3 * X**2)


def test_a_command_that_is_not_there_says_so() -> None:
    with (
        boxed(WorkerCommand(("no-such-program",))) as box,
        pytest.raises(Unavailable, match="cannot run no-such-program: No such file"),
    ):
        box.gradient("native")


def test_a_worker_that_never_answers_is_given_up() -> None:
    command = WorkerCommand((sys.executable, "-c", "import time; time.sleep(60)"),
                            start_seconds=0.5)  # fmt: skip
    with boxed(command) as box, pytest.raises(Unavailable, match="did not start"):
        box.gradient("native")


def test_a_start_is_tried_again_after_a_pause(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    with boxed(WorkerCommand((*STUBBORN, str(starts), "2"))) as box:
        for _ in range(2):
            with pytest.raises(Unavailable, match="I do not want to"):
                box.gradient("native")
            while _refused_at_once(box):
                time.sleep(0.1)
        assert len(starts.read_text().splitlines()) >= 2
        _until(lambda: _answers(box))


def _refused_at_once(box: Box) -> bool:
    return time.monotonic() < box.supervisor._retry_at


def _answers(box: Box) -> bool:
    try:
        box.gradient("native")
    except Unavailable:
        return False
    return True


def test_what_is_missing_is_said_and_nothing_is_started() -> None:
    with boxed(WorkerCommand(STUBBORN, missing="needs a licence: buy one")) as box:
        assert box.state() == ("absent", False, "needs a licence: buy one")
        with pytest.raises(UnknownEngine, match="'box' is not available: needs a licence: buy one"):
            box.gradient("native")
        assert box.supervisor.pid is None


def test_turns_are_the_commands() -> None:
    with boxed(WorkerCommand(STUBBORN, turns=1)) as box, ThreadPoolExecutor(4) as pool:
        box.gradient("naps")
        started = time.monotonic()
        for future in [pool.submit(box.gradient, "naps", a=1.0 + k) for k in range(4)]:
            future.result()
        assert time.monotonic() - started > 1.1  # four naps of 0.3 s, one after the other
        # One turn: a crash takes along nobody else.
        asked = [pool.submit(box.gradient, "naps", a=5.0 + k) for k in range(3)]
        with pytest.raises(EngineCrashed):
            box.gradient("dies")
        for future in asked:
            future.result(timeout=20.0)


def test_too_many_who_wait_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MOST", 4)
    with boxed(WorkerCommand(STUBBORN, turns=1)) as box, ThreadPoolExecutor(8) as pool:
        box.gradient("naps")

        def ask(k: int) -> str:
            try:
                box.gradient("naps", a=1.0 + k)
            except Unavailable as error:
                return str(error)
            return ""

        refused = [outcome for outcome in pool.map(ask, range(8)) if outcome]
        assert refused == ["engine box: 4 requests wait for it: try again"] * 4


def test_an_unknown_member_is_refused(shared: Box) -> None:
    with pytest.raises(UnknownEngine, match="no engine 'box/nothing'; there are box/dies, box/"):
        shared.gradient("nothing")


def test_what_it_prints_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "adglot.worker")
    with boxed() as box:
        box.gradient("native")
    assert "box: a line of the worker" in caplog.messages


PARENT = """
import sys, time
sys.path.insert(0, sys.argv[1])
from workers.test_supervision import boxed
with boxed() as box:
    box.gradient("native")
    print(box.supervisor.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends it")
def test_it_dies_with_its_parent() -> None:
    command = [sys.executable, "-c", PARENT, str(Path(__file__).parents[1])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not _gone(pid)
        parent.kill()
    _until(lambda: _gone(pid), 5.0)


def test_each_service_has_a_worker_of_its_own(shared: Box) -> None:
    with boxed() as other:
        other.gradient("native")
        shared.gradient("native")
        pid = shared.supervisor.pid
        assert other.supervisor.pid != pid
        other.kill()
        _until(lambda: other.supervisor.pid is None)
        shared.gradient("native", 2 * X)
        other.gradient("native")
        assert shared.supervisor.pid == pid


def test_a_process_that_the_system_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with boxed() as box:
        monkeypatch.setattr(subprocess, "Popen", refuse)
        with pytest.raises(Unavailable, match=r"cannot be started: .*temporarily unavailable"):
            box.gradient("native")
        monkeypatch.undo()
        _until(lambda: _answers(box))
