"""What is kept of a function between the calls of one operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adglot import plans
from adglot.calls import OPERATORS
from adglot.errors import InvalidArgument, Violation
from adglot.points import Function, KeepingSource, Source, source

PREPARABLE = (*OPERATORS, *plans.SAME_PROGRAM)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operator of a function whose graph is kept; made by `Methods.prepare`."""

    method: Callable[..., Any]

    def __call__(self, *args: Any) -> Any:
        return self.method(*args)


def kept(f: Function) -> Source:
    """The function, to be traced once."""
    return KeepingSource(f) if callable(f) else source(f)


def operator_of(name: str) -> str:
    """The name itself; InvalidArgument where no method has it."""
    if name not in PREPARABLE:
        what = f"unknown operator {name!r}; there are {', '.join(PREPARABLE)}"
        raise InvalidArgument(Violation("operator", what))
    return name
