"""What ``make bench`` says is what was measured: answers are compared, ratios and aims add up."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
from benchmarks import results, tables, timing
from benchmarks.aims import Aim, reached
from benchmarks.measure import Wrong, contest
from benchmarks.peers import Absent, Contestant, load
from benchmarks.workloads import chosen
from benchmarks.workloads.classics import WORKLOADS
from benchmarks.workloads.odes import WORKLOADS as ODES

SMALL = WORKLOADS[0]
PARTS = ("adglot", "engine", "interpreter", "function")


@pytest.fixture(autouse=True)
def _cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits here until programs are compiled."""
    monkeypatch.setattr("benchmarks.peers.adglot.PATIENCE", 0.05)


@dataclass
class Off:
    """A peer that answers wrongly by so much."""

    by: float
    title = "off"
    version = "1"

    def build(self, workload):
        result = np.asarray(load("engine").build(workload).call()[-1]) + self.by
        return Contestant(lambda: result, lambda result: [result])


@pytest.mark.parametrize("workload", [SMALL, *ODES[4:6]], ids=lambda workload: workload.name)
def test_every_part_of_ours_answers_alike(workload) -> None:
    if workload.batch is not None:
        point = tuple(x[:200] for x in workload.point)
        workload = replace(workload, make_point=lambda: point, batch=200)
    found = contest(workload, {name: load(name) for name in PARTS}, 0.01)
    assert all(isinstance(outcome, results.Measured) for outcome in found.values()), found
    assert all(one.seconds > 0 and one.first_seconds > 0 for one in found.values())


def test_a_wrong_answer_is_named_and_not_timed() -> None:
    peers = {"adglot": load("adglot"), "right": Off(0.0), "wrong": Off(1e-3)}
    found = contest(SMALL, peers, 0.0)
    assert isinstance(found["right"], results.Measured)
    assert isinstance(found["wrong"], Wrong)


def test_who_is_absent_says_why() -> None:
    workload = replace(SMALL, lacking={"engine": "is out for lunch"})
    found = contest(workload, {"adglot": load("adglot"), "engine": load("engine")}, 0.0)
    assert str(found["engine"]) == "is out for lunch"


def _row(name: str, ours: float, peer: float | None) -> dict:
    theirs = Absent("gone") if peer is None else results.Measured(peer, 1.0, 0)
    outcomes = {"adglot": results.Measured(ours, 1.0, 0), "jax": theirs}
    return results.Row("family", name, "gradient", outcomes).as_json()


def test_the_worst_workload_decides_on_an_aim() -> None:
    rows = [_row("a 1", 1.0, 20.0), _row("a 2", 1.0, 5.0), _row("a 3", 1.0, None), _row("b", 1, 0)]
    found = reached(Aim("jax", "", 10, ("a *",)), "adglot", rows)
    assert found is not None
    assert (found.ratio, found.workload, found.missed, found.of) == (5.0, "a 2", 1, 2)
    most = reached(Aim("jax", "", 0.1, ("a *",), at_most=True), "adglot", rows)
    assert most is not None
    assert (most.ratio, most.missed) == (0.2, 1)
    assert reached(Aim("jax", "", 10, ("a 3",)), "adglot", rows) is None


def test_rows_have_ratios_and_reasons() -> None:
    peers = {name: {"title": name.upper(), "version": "1"} for name in ("adglot", "jax")}
    found = {"peers": peers, "workloads": [_row("one", 2e-6, 5e-6), _row("two", 0.1, None)]}
    rows = [list(row) for row in tables.steady_rows(found)]
    assert rows == [["one", "2 µs", "2.5×"], ["two", "100 ms", "–"]]
    assert list(tables.reasons(found)) == ["JAX gone (two)"]


def test_calls_are_timed_in_turn() -> None:
    order = []
    calls = {name: lambda name=name: (order.append(name), time.sleep(0.001)) for name in ("a", "b")}
    times = timing.in_turn(calls, 0.0)
    assert all(0.001 <= taken < 1.0 for taken in times.values())
    assert order == ["a", "b"] * (1 + timing.TURNS)


def test_quick_calls_are_timed_together_though_the_first_is_slow(monkeypatch) -> None:
    """Else half of what is timed is the clock: reading it takes a tenth of a microsecond."""
    monkeypatch.setattr(timing, "COLD", 60.0)  # who knows how long a machine sleeps
    taken = []

    def call() -> None:
        if not taken:
            time.sleep(2e-4)
        taken.append(None)

    timing.in_turn({"a": call}, 0.0)
    assert len(taken) > 2 * (1 + 2 * timing.TURNS)


def test_words_choose_workloads() -> None:
    names = [one.name for family in chosen(("rosenbrock", "BROYDEN")).values() for one in family]
    assert names
    assert all("rosenbrock" in name.lower() or "broyden" in name.lower() for name in names)
