"""Who is called next, and who stays, by given times."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from adglot_server.executors.trial import CLEAR, PAIRS, SHARE, Trial


def calls(trial: Trial, number: int, code: Callable[[], float], first: Callable[[], float]) -> str:
    """Which were made: c and f."""
    made = ""
    for _ in range(number):
        if trial.code_is_next:
            made += "c"
            trial.code_took(code(), 1)
        else:
            made += "f"
            trial.first_took(first(), 1, against=True)
    return made


def test_far_less_time_needs_no_more_calls() -> None:
    trial = Trial()
    trial.first_took(1.0, 1, against=False)
    assert calls(trial, 5, lambda: 0.9 / CLEAR, lambda: 1.0) == "ccccc"
    assert trial.won


def test_what_is_somewhat_faster_wins_after_calls_in_turn() -> None:
    trial = Trial()
    trial.first_took(1.0, 1, against=False)
    assert calls(trial, 3 * PAIRS, lambda: 0.9, lambda: 1.0) == "cf" * (PAIRS - 1) + "c" * (
        PAIRS + 2
    )


def test_a_load_that_makes_all_calls_slower_does_not_decide() -> None:
    """Before there was code calls took 1; now all take ten times as long, code a little less."""
    trial = Trial()
    trial.first_took(1.0, 1, against=False)
    calls(trial, 2 * PAIRS, lambda: 9.0, lambda: 10.0)
    assert trial.won


def test_what_is_slower_rests_and_is_tried_again_later_and_later() -> None:
    trial = Trial()
    made = calls(trial, 2000, lambda: 1.1, lambda: 1.0)
    assert not trial.won
    assert made.count("c") < 2.5 / SHARE * len(made)
    assert "c" in made[100:]
    assert calls(trial, 20_000, lambda: 0.5, lambda: 1.0).endswith("c" * PAIRS)


def test_what_is_far_slower_is_called_three_times() -> None:
    trial = Trial()
    assert calls(trial, 60, lambda: 100.0, lambda: 1.0).count("c") == 4
    assert not trial.won


def test_one_slow_call_loses_nothing() -> None:
    trial, turn = Trial(), count()
    calls(trial, 2 * PAIRS, lambda: 50.0 if next(turn) == 0 else 0.9, lambda: 1.0)
    assert trial.won


def test_times_are_those_of_one_unit() -> None:
    trial = Trial()
    trial.first_took(1.0, 10, against=False)
    trial.code_took(1.0, 25)
    assert trial.won
