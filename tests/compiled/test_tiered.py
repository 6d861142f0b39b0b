"""Programs go over to compiled code when it has paid, keep to its memory, and come back."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import adglot
from adglot import ops
from adglot.ir import Graph, Type
from adglot.ops import Builder
from adglot_server.executors import kept, tiered
from adglot_server.executors.compiled import machine
from adglot_server.executors.compiled.executor import Compiled
from adglot_server.executors.compiling import settle
from adglot_server.executors.interpreter import Interpreter
from adglot_server.executors.shortcut import Shortcut
from adglot_server.executors.tiered import Tiered


def graph(size: int = 20_000, shift: float = 0.0) -> Graph:
    builder = Builder()
    x = builder.input(Type("float64", (size,)))
    y = ops.exp(ops.sin(x) * 2.0 + shift) + x
    return builder.build([x], [y, ops.TABLE["sum"](y, axes=(0,))])


def until_compiled(program: Tiered, x: np.ndarray[Any, Any], seconds: float = 60.0) -> int:
    """Calls it takes; each gives the interpreter's values."""
    wanted = Interpreter(graph(x.size)).run([x])
    end, calls = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for a, b in zip(program.run([x]), wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)
        if program.name == "compiled":
            return calls
        calls += 1
    raise AssertionError("it was never compiled")


def test_the_interpreter_answers_until_code_is_there() -> None:
    x = np.linspace(-1, 1, 20_000)
    program = Tiered(graph())
    assert program.name == "interpreter"
    assert until_compiled(program, x) >= tiered.CALLS
    assert program.nbytes > 0


def test_the_report_says_who_answered() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.exp(np.sin(x)) * x)

    x = np.linspace(-1, 1, 50_000)
    with adglot.connect() as ad:
        call = ad.prepare(f, x, operator="gradient")
        answers, end = [], time.monotonic() + 60
        with adglot.reports() as reports:
            while not reports or reports[-1].executor == "interpreter":
                answers.append(call(x))
                assert time.monotonic() < end
    assert reports[0].executor == "interpreter"
    assert reports[-1].executor == "compiled"
    np.testing.assert_allclose(answers[-1], answers[0], rtol=1e-13)


def test_a_program_that_compiling_makes_slower_stays_interpreted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = Tiered(graph())
    program.compile()
    slow = program._code
    assert isinstance(slow, Compiled)
    kernel_run, slept = slow._interpreter.run, []

    class Slow:
        def run(self, *given: Any) -> Any:
            slept.append(1)
            time.sleep(0.05)
            return kernel_run(*given)

    monkeypatch.setattr(slow, "_interpreter", Slow())
    x = np.linspace(-1, 1, 20_000)
    for _ in range(40):
        program.run([x])
    settle(60)  # it is optimised, and gets another trial
    for _ in range(40):
        program.run([x])
    assert program.name == "interpreter"
    assert len(slept) < 30


def test_code_is_dropped_when_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = [Tiered(graph(1000, shift)) for shift in (0.0, 0.1, 0.2)]
    programs[0].compile()
    monkeypatch.setattr(kept, "KEPT_BYTES", 2 * programs[0].nbytes + 1000)
    programs[1].compile()
    programs[0].run([np.ones(1000)])
    programs[2].compile()
    assert [one.nbytes > 0 for one in programs] == [True, False, True]
    assert programs[1].name == "interpreter"


def test_shortcuts_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was called since the last look stays, what was not goes first."""
    calls: list[str] = []
    x = np.ones(1000)
    another = Tiered(graph(1000))
    another.compile()
    room = 2 * another.nbytes
    del another

    def meanwhile(*given: Any) -> Any:
        calls.append("meanwhile")

    shortcuts = []
    for shift in (0.0, 0.1, 0.2):
        one = Shortcut(graph(1000, shift), [0], meanwhile)
        settle(60)
        settle(60)
        assert one.nbytes > 0
        shortcuts.append(one)
    (y,) = Interpreter(graph(1000)).run([x])[:1]
    monkeypatch.setattr(kept, "KEPT_BYTES", room + shortcuts[0].nbytes + 1000)
    assert shortcuts[0].function is not None
    np.testing.assert_allclose(shortcuts[0].function(x), y, rtol=1e-14)
    others = [Tiered(graph(1000, shift)) for shift in (0.3, 0.4)]
    for program in others:
        program.compile()
    assert shortcuts[0].nbytes > 0
    assert shortcuts[1].nbytes == 0
    assert not calls
    assert shortcuts[1].function is not None
    shortcuts[1].function(x)
    assert calls


def test_raw_code_is_optimised_when_it_has_run_for_long_enough() -> None:
    x = np.linspace(-1, 1, 20_000)
    program = Tiered(graph())
    until_compiled(program, x)
    code = program._code
    assert isinstance(code, Compiled)
    raw, end = code.nbytes, time.monotonic() + 60
    while code.nbytes == raw:  # the text goes with the raw code
        program.run([x])
        assert time.monotonic() < end
    assert program.name == "compiled"


def test_a_program_that_nobody_has_is_freed() -> None:
    import gc
    import weakref

    program = Tiered(graph(1000))
    program.compile()
    gone = weakref.ref(program)
    del program
    gc.collect()
    assert gone() is None


def test_without_llvmlite_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available", lambda: False)
    program = Tiered(graph())
    x = np.linspace(-1, 1, 20_000)
    end = time.monotonic() + 4 * tiered.SECONDS
    while time.monotonic() < end:
        program.run([x])
    assert program.name == "interpreter"
    assert program.nbytes == 0
