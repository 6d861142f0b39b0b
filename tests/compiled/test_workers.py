"""Every piece of a batch is done once, whoever does it, and helpers come when they are asked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from adglot_server.executors.compiled import workers, workers_code
from adglot_server.executors.compiled.machine import MachineCode, compile_text
from adglot_server.executors.compiled.workers import Crew, Job

TEXT = """
define i8 @count(i64 %points, ptr %given, i64 %first, i64 %stop) {
entry:
%counts = load ptr, ptr %given
br label %top
top:
%tile = phi i64 [%first, %entry], [%next, %top]
%at = getelementptr i64, ptr %counts, i64 %tile
%old = atomicrmw add ptr %at, i64 1 seq_cst
%next = add i64 %tile, 1
%more = icmp slt i64 %next, %stop
br i1 %more, label %top, label %end
end:
%odd = trunc i64 %first to i8
ret i8 %odd
}

define i8 @meet(i64 %points, ptr %given, i64 %first, i64 %stop) {
entry:
%there = load ptr, ptr %given
%before = atomicrmw add ptr %there, i64 1 seq_cst
br label %wait
wait:
%k = phi i64 [0, %entry], [%next, %wait]
%next = add i64 %k, 1
%now = load atomic i64, ptr %there seq_cst, align 8
%both = icmp eq i64 %now, %points
%late = icmp eq i64 %next, 50000000000
%end = or i1 %both, %late
br i1 %end, label %done, label %wait
done:
%alone = xor i1 %both, true
%byte = zext i1 %alone to i8
ret i8 %byte
}
"""
"""`count` counts the tiles that it is called for; `meet` returns 0 once all are in it at a time."""


@pytest.fixture(scope="module")
def made() -> MachineCode:
    return compile_text(TEXT, ["count", "meet"])


@pytest.fixture
def crew(monkeypatch: pytest.MonkeyPatch) -> Iterator[Crew]:
    """Four helpers, whatever the machine has."""
    crew = Crew(4)
    monkeypatch.setattr(workers, "_crew", lambda: crew)
    yield crew
    crew.close()


def counting(made: MachineCode, tiles: int, piece: int, count: int) -> tuple[Job, Any]:
    counts = np.zeros(tiles, np.int64)
    return Job(made, "count", tiles, tiles, piece, count, [counts.ctypes.data]), counts


def meeting(made: MachineCode, count: int) -> tuple[Job, Any]:
    there = np.zeros(1, np.int64)
    return Job(made, "meet", count, count, 1, count, [there.ctypes.data]), there


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize(("tiles", "piece"), [(1, 1), (7, 1), (1000, 7), (20_001, 1), (64, 100)])
def test_every_tile_is_done_once(
    made: MachineCode, crew: Crew, tiles: int, piece: int, count: int
) -> None:
    for _ in range(20):
        job, counts = counting(made, tiles, piece, count)
        job.run(lambda: None, 3)
        np.testing.assert_array_equal(counts, 1)


def test_without_helpers_all_is_done(made: MachineCode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_crew", lambda: Crew(0))
    job, counts = counting(made, 1000, 7, 4)
    job.run(lambda: None)
    np.testing.assert_array_equal(counts, 1)


def test_all_bits_that_were_returned(made: MachineCode, crew: Crew) -> None:
    job, _ = counting(made, 64, 4, 3)
    job.run(lambda: None)
    assert job.faults == 0b111100


def test_helpers_come_awake_and_asleep(made: MachineCode, crew: Crew) -> None:
    for _ in range(5):
        for _ in range(3):
            job, there = meeting(made, 5)
            job.run(lambda: None)
            assert there[0] == 5
            assert job.faults == 0
        sleep(crew)


def sleep(crew: Crew) -> None:
    """Wait until all helpers do."""
    while not all(helper._words[workers_code.ASLEEP] for helper in crew._idle):
        time.sleep(1e-3)


def test_what_is_raised_ends_it(made: MachineCode, crew: Crew) -> None:
    job, counts = counting(made, 100_000, 1, 3)

    def stop() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        job.run(stop, 10)
    found = counts.copy()
    assert found.max() == 1
    sleep(crew)
    np.testing.assert_array_equal(counts, found)
    assert len(crew._idle) == 2


def test_many_threads_share_the_helpers(made: MachineCode, crew: Crew) -> None:
    def work(k: int) -> None:
        for _ in range(50):
            job, counts = counting(made, 500 + k, 3, 4)
            job.run(lambda: None, 5)
            np.testing.assert_array_equal(counts, 1)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert len(crew._idle) <= 4


def test_no_thread_is_left_when_it_is_closed(made: MachineCode, crew: Crew) -> None:
    job, _ = counting(made, 500, 3, 5)
    job.run(lambda: None)
    threads = [helper._thread for helper in crew._idle]
    assert len(threads) == 4
    crew.close()
    assert not any(thread.is_alive() for thread in threads)
    job, counts = counting(made, 500, 3, 5)
    job.run(lambda: None)
    np.testing.assert_array_equal(counts, 1)


SCRIPT = """
import os, sys
sys.path[:0] = {path}
os.cpu_count = lambda: 2
from tests.compiled.test_workers import TEXT, compile_text, meeting
made = compile_text(TEXT, ["count", "meet"])

def faults():
    job, _ = meeting(made, 2)
    job.run(lambda: None)
    return job.faults

found = faults()
child = os.fork() if {fork} else 0
found |= faults()
sys.exit(found | (os.waitpid(child, 0)[1] if child else 0))
"""


@pytest.mark.parametrize("fork", [False, hasattr(os, "fork")])
def test_processes_end_and_have_helpers_of_their_own(fork: bool) -> None:
    text = SCRIPT.format(path=[x for x in sys.path if x], fork=fork)
    assert subprocess.run([sys.executable, "-c", text], timeout=300, check=False).returncode == 0
