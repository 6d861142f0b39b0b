"""Time two things side by side, so that the noise of the machine hits both."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from statistics import median


def interleaved(
    ours: Callable[[], object], peer: Callable[[], object], seconds: float = 2.0
) -> tuple[float, float]:
    """Median seconds of each, called in turn for `seconds` (at least 20 times each)."""
    times: tuple[list[float], list[float]] = ([], [])
    for call in (ours, peer) * 3:
        call()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 20:
        for call, taken in zip((ours, peer), times, strict=True):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return median(times[0]), median(times[1])


def rates(
    ours: Callable[[], object], peer: Callable[[], object], clients: int, rounds: int = 8
) -> tuple[float, float]:
    """Calls a second of `clients` threads that all call at once, in rounds in turn; medians."""
    found: tuple[list[float], list[float]] = ([], [])
    with ThreadPoolExecutor(clients) as pool:
        for _ in range(rounds):
            for call, rate in zip((ours, peer), found, strict=True):
                rate.append(_rate(pool, call, clients))
    return median(found[0]), median(found[1])


def _rate(pool: ThreadPoolExecutor, call: Callable[[], object], clients: int) -> float:
    each = 50

    def work() -> None:
        for _ in range(each):
            call()

    start = time.perf_counter()
    for future in [pool.submit(work) for _ in range(clients)]:
        future.result()
    return clients * each / (time.perf_counter() - start)


SHORTEST = 1e-5
"""Seconds: what is quicker is called several times in a turn, since the clock takes time, too."""

COLD = 1e-3
"""Seconds: a first call that took no longer may be followed by ones a hundred times as quick."""

TURNS = 7
"""Of each; in every one it is called once at least."""

SLOW = 1.0
"""Seconds: what takes longer is timed once."""


def in_turn(calls: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Median seconds of each, all called in turn, so that each has `seconds` in the end."""
    once = {name: _each(call, 1) for name, call in calls.items()}
    often = {name: _often(call) if once[name] < COLD else 1 for name, call in calls.items()}
    times = {name: [taken] if taken > SLOW else [] for name, taken in once.items()}
    waiting = [name for name in calls if not times[name]]
    for _ in range(TURNS):
        for name in waiting:
            times[name] += _turn(calls[name], often[name], seconds / TURNS)
    return {name: median(taken) for name, taken in times.items()}


def _often(call: Callable[[], object]) -> int:
    """How often it is called in a turn: the clock's time is then a hundredth of what is timed."""
    taken = min(_each(call, 1) for _ in range(TURNS))
    return max(1, round(SHORTEST / taken))


def _turn(call: Callable[[], object], often: int, seconds: float) -> list[float]:
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        times.append(_each(call, often))
    return times


def _each(call: Callable[[], object], often: int) -> float:
    start = time.perf_counter()
    for _ in range(often):
        call()
    return (time.perf_counter() - start) / often
