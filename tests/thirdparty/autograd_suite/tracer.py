"""What stands for `autograd.tracer`: boxes are traced arrays, primitives are plain calls."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from adglot.tracing import stack
from adglot.tracing.array import Array

from .scipys import traceable

trace_primitives_map: dict[Any, Any] = {}
"""Where upstream's boxes look up functions by NumPy's; here NumPy's own are called."""


class Box:
    """Upstream derives its boxes for tuples, lists and dicts from it; adglot needs none."""

    @classmethod
    def register(cls, value_type: type) -> None:
        pass


class Node:
    """Upstream derives its tapes from it; adglot has graphs."""

    __slots__ = ()


def isbox(x: Any) -> bool:
    return isinstance(x, Array)


def getval(x: Any) -> Any:
    """The numbers behind a traced array; where the trace has none, zeros of its type."""
    if not isbox(x):
        return x
    value, concrete = x.current(), stack.owner(x).concrete
    if concrete.known(value):
        return concrete.numbers(value)[()]
    return np.zeros(x.shape, x.dtype)[()]


def primitive(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself: adglot traces through it, upstream's rules for it are not used."""
    f = traceable(f_raw)

    @functools.wraps(f_raw)
    def f_wrapped(*args: Any, **kwargs: Any) -> Any:
        return f(*args, **kwargs)

    f_wrapped.fun = f_raw  # type: ignore[attr-defined]
    return f_wrapped


def notrace_primitive(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the numbers behind traced arrays."""

    @functools.wraps(f_raw)
    def f_wrapped(*args: Any, **kwargs: Any) -> Any:
        return f_raw(*map(getval, args), **kwargs)

    return f_wrapped


def register_notrace(trace_type: type, primitive_fun: Callable[..., Any]) -> None:
    pass


def trace(start_node: Node, fun: Callable[..., Any], x: Any) -> NoReturn:
    raise NotImplementedError("upstream's tapes do not exist here, only adglot's graphs")


def toposort(end_node: Node) -> NoReturn:
    raise NotImplementedError("upstream's tapes do not exist here, only adglot's graphs")
