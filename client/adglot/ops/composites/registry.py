"""The registry of composites by NumPy's names, and how they refuse what a graph cannot honour."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

import numpy as np

from adglot.errors import TracingError

F = TypeVar("F", bound=Callable[..., Any])

COMPOSITES: dict[str, Callable[..., Any]] = {}
"""Functions on Values by NumPy's public dotted name (``linalg.norm``; SciPy's ``special.ndtr``)."""


class Refused:
    """Default of a parameter that NumPy has and a trace refuses, unless it changes nothing."""

    def __init__(self, *harmless: Any) -> None:
        self.harmless = harmless

    def allows(self, value: Any) -> bool:
        """Whether the value is as good as leaving the argument out."""
        return value is self or any(value is h for h in (*self.harmless, np._NoValue))


NO_OUT: Final[Any] = Refused(None)
NO_WHERE: Final[Any] = Refused(True)
NO_INITIAL: Final[Any] = Refused()


def composite(*names: str) -> Callable[[F], F]:
    """Register a function under NumPy's names for it; `Refused` arguments raise TracingError.

    >>> @composite("demo.twice")
    ... def twice(x, out=NO_OUT):
    ...     return x + x
    >>> COMPOSITES.pop("demo.twice")(1, out=[0])
    Traceback (most recent call last):
    adglot.errors.TracingError: demo.twice: a graph cannot honour the argument out
    """

    def register(function: F) -> F:
        checked = _refusing(names[0], function)
        for name in names:
            assert name not in COMPOSITES, f"composite {name} is written twice"
            COMPOSITES[name] = checked
        return checked

    return register


def _refusing(name: str, function: F) -> F:
    parameters = inspect.signature(function).parameters.values()
    refused = [
        (sys.maxsize if p.kind is p.KEYWORD_ONLY else place, p.name, p.default)
        for place, p in enumerate(parameters)
        if isinstance(p.default, Refused)
    ]
    if not refused:
        return function

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for place, argument, default in refused:
            value = args[place] if place < len(args) else kwargs.get(argument, default)
            if not default.allows(value):
                raise TracingError(f"{name}: a graph cannot honour the argument {argument}")
        return function(*args, **kwargs)

    return checked  # type: ignore[return-value]
