"""Every call is made by the thread that owns the queue, and nobody waits longer than they want."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from adglot.errors import Cancelled, DeadlineExceeded
from adglot_julia.thread import JuliaThread
from adglot_server.executors.control import Control


@pytest.fixture
def julia() -> Iterator[JuliaThread]:
    """A queue that a thread of its own works on, as the main thread does in the worker."""
    made: Future[JuliaThread] = Future()

    def own() -> None:
        thread = JuliaThread()
        made.set_result(thread)
        thread.run()

    owner = threading.Thread(target=own)
    owner.start()
    thread = made.result()
    yield thread
    thread.stop()
    owner.join()


def _soon(seconds: float) -> Control:
    return Control(time.monotonic() + seconds)


def test_all_calls_are_made_by_one_thread_in_order(julia: JuliaThread) -> None:
    seen: list[int] = []

    def note(k: int) -> int:
        seen.append(k)
        return threading.get_ident()

    with ThreadPoolExecutor(8) as pool:
        idents = set(pool.map(lambda k: julia.call(lambda: note(k)), range(200)))
    assert len(idents) == 1
    assert idents != {threading.get_ident()}
    assert sorted(seen) == list(range(200))


def test_an_error_arrives_as_it_is(julia: JuliaThread) -> None:
    with pytest.raises(ZeroDivisionError):
        julia.call(lambda: 1 // 0)
    with pytest.raises(DeadlineExceeded, match="theirs"):  # a TimeoutError, and not the queue's
        julia.call(_raise(DeadlineExceeded("theirs")))
    assert julia.call(lambda: 3) == 3


def _raise(error: Exception) -> Callable[[], None]:
    def function() -> None:
        raise error

    return function


def test_an_error_keeps_no_variable_of_the_call_alive(julia: JuliaThread) -> None:
    class Owned:
        """Stands for what Julia owns."""

    kept: list[weakref.ref[Owned]] = []

    def function() -> None:
        owned = Owned()
        kept.append(weakref.ref(owned))
        raise KeyError

    with pytest.raises(KeyError) as caught:
        julia.call(function)
    assert caught.value.__traceback__ is not None
    assert kept[0]() is None


def test_who_waits_leaves_at_its_deadline_and_the_call_goes_on(julia: JuliaThread) -> None:
    ended = threading.Event()
    running: Callable[[], object] = lambda: (time.sleep(0.5), ended.set())  # noqa: E731
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        julia.call(running, _soon(0.1))
    assert time.monotonic() - started < 0.4
    assert not ended.is_set()
    assert julia.call(ended.is_set)


def test_a_call_that_outlives_its_caller_is_told(julia: JuliaThread) -> None:
    assert not julia.overdue(0.0)
    with ThreadPoolExecutor(1) as pool:
        waited_for = pool.submit(julia.call, lambda: time.sleep(0.4))
        time.sleep(0.2)
        assert not julia.overdue(0.0)
        waited_for.result()
    with pytest.raises(DeadlineExceeded):
        julia.call(lambda: time.sleep(0.6), _soon(0.1))
    assert not julia.overdue(0.3)
    time.sleep(0.35)
    assert julia.overdue(0.3)
    julia.call(lambda: None)
    assert not julia.overdue(0.0)


def test_a_call_whose_caller_left_is_never_made(julia: JuliaThread) -> None:
    made: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(julia.call, lambda: time.sleep(0.3))
        time.sleep(0.1)
        with pytest.raises(Cancelled):
            julia.call(lambda: made.append("late"), Control(cancelled=lambda: True))
        running.result()
    julia.call(lambda: None)
    assert made == []


def test_cyclic_garbage_dies_on_the_thread(julia: JuliaThread) -> None:
    died: list[int] = []

    class Owned:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            died.append(threading.get_ident())

    ident = julia.call(threading.get_ident)
    assert not gc.isenabled()
    for _ in range(3):
        Owned()
    julia.call(lambda: None)
    end = time.monotonic() + 10
    while len(died) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    assert died == [ident] * 3


def test_garbage_is_collected_as_before_at_the_end() -> None:
    thread = JuliaThread()
    thread.stop()
    thread.run()
    assert gc.isenabled()
