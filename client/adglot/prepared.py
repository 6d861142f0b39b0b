"""What is kept of a function between the calls of one operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adglot import plans
from adglot.calls import OPERATORS
from adglot.errors import InvalidArgument, Violation
from adglot.points import Function, KeepingSource, Source, source
from adglot.reports import listening
from adglot.transports.base import Shortcut

PREPARABLE = (*OPERATORS, *plans.SAME_PROGRAM)


@dataclass(frozen=True, slots=True)
class Way:
    """How arguments of certain types go straight to a program, and its outputs to the user.

    `answer` gives the result of the shortcut's function at arguments, None for those that have to
    go another way. It is None itself where the function takes the arguments and returns the result.
    """

    shortcut: Shortcut
    answer: Callable[[Callable[..., Any], tuple[Any, ...]], Any] | None = None


class _Nowhere:
    """No shortcut."""

    function = None
    outputs = 0


NOWHERE = Way(_Nowhere())


class Prepared:
    """An operator of a function whose graph is kept; made by `Methods.prepare`.

    In the process of the engine, once calls have taken a while, those with plain arrays of the same
    types and shapes go straight to what runs the program. All others go the general way, and so do
    those within `adglot.reports`.
    """

    __slots__ = ("_general", "way")

    def __init__(self, general: Callable[[Prepared, tuple[Any, ...]], Any]) -> None:
        """`general` answers a call of it with any arguments, and may set its `way`."""
        self._general, self.way = general, NOWHERE

    def __call__(self, *args: Any) -> Any:
        way = self.way
        function = way.shortcut.function
        if function is not None and not listening():
            answer = way.answer
            result = function(*args) if answer is None else answer(function, args)
            if result is not None:
                return result
        return self._general(self, args)


def kept(f: Function) -> Source:
    """The function, to be traced once."""
    return KeepingSource(f) if callable(f) else source(f)


def operator_of(name: str) -> str:
    """The name itself; InvalidArgument where no method has it."""
    if name not in PREPARABLE:
        what = f"unknown operator {name!r}; there are {', '.join(PREPARABLE)}"
        raise InvalidArgument(Violation("operator", what))
    return name
