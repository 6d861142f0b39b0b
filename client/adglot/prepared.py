"""What is kept of a function between the calls of one operator."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from adglot import plans
from adglot.calls import OPERATORS
from adglot.errors import InvalidArgument, Violation
from adglot.points import Function, KeepingSource, Source, source
from adglot.reports import listening
from adglot.shortcuts import Quick

PREPARABLE = (*OPERATORS, *plans.SAME_PROGRAM)


ENOUGH = 0.05
"""Seconds spent on calls before a shortcut is asked for: about what it takes to compile one."""


class Prepared:
    """An operator of a function whose graph is kept; made by `Methods.prepare`.

    In this process, calls that are made often become calls of one compiled function.
    """

    __slots__ = ("_enough", "_method", "_quick", "_shorten", "_spent")

    def __init__(
        self, method: Callable[..., Any], shorten: Callable[[tuple[Any, ...]], Quick | None] | None
    ) -> None:
        self._method, self._shorten = method, shorten
        self._quick: Quick | None = None
        self._spent, self._enough = 0.0, ENOUGH

    def __call__(self, *args: Any) -> Any:
        quick = self._quick
        if quick is not None:
            function = quick.shortcut.function
            if function is not None and not listening():
                result = function(*args)
                if result is not None:
                    return result if quick.shape is None else quick.shape(result)
        return self._asked(args)

    def _asked(self, args: tuple[Any, ...]) -> Any:
        """Asks the service, and for a shortcut when that has taken long, and again much later."""
        if self._shorten is None:
            return self._method(*args)
        start = perf_counter()
        result = self._method(*args)
        self._spent += perf_counter() - start
        if self._spent > self._enough:
            self._spent, self._enough = 0.0, 4 * self._enough
            self._quick = self._shorten(args) or self._quick
        return result


def kept(f: Function) -> Source:
    """The function, to be traced once."""
    return KeepingSource(f) if callable(f) else source(f)


def operator_of(name: str) -> str:
    """The name itself; InvalidArgument where no method has it."""
    if name not in PREPARABLE:
        what = f"unknown operator {name!r}; there are {', '.join(PREPARABLE)}"
        raise InvalidArgument(Violation("operator", what))
    return name
