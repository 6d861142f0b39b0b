"""Functions of NumPy's whose arguments no protocol looks at: in a traced function they keep traces.

`np.asarray` and its like ask `__array__` for numbers, and libraries call them on all that comes
in; `np.sum` and its like do not look into lists. So while a trace runs, `np.asarray` is another
function in the thread that traces; other threads get NumPy's own, and nothing in NumPy's modules is
written. Who imported a function by name (``from numpy import asarray``) gets a TracingError.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import ModuleType
from typing import Any

import numpy as np

from adglot.ops.composites import ALIASES, COMPOSITES
from adglot.tracing import array as arrays
from adglot.tracing import dispatch, queries, stack
from adglot.tracing.brackets import BRACKETS
from adglot.tracing.creation import CREATION

Function = Callable[..., Any]
Members = dict[str, Any]


class _Patch:
    """Gives modules another class from the first trace that enters to the last that leaves."""

    def __init__(self, patched: dict[ModuleType, Members]) -> None:
        self._lock = threading.Lock()
        self._traces = 0
        self._plain = {module: type(module) for module in patched}
        self._tracing = {module: _tracing_class(module, named) for module, named in patched.items()}

    @contextmanager
    def applied(self) -> Iterator[None]:
        """While this is open, a thread that traces finds the patched members."""
        self._count(1, self._tracing)
        try:
            yield
        finally:
            self._count(-1, self._plain)

    def _count(self, change: int, classes: dict[ModuleType, type[ModuleType]]) -> None:
        with self._lock:
            outermost = self._traces + min(change, 0) == 0
            self._traces += change
            if outermost:
                for module, kind in classes.items():
                    module.__class__ = kind


def _tracing_class(module: ModuleType, named: Members) -> type[ModuleType]:
    """The module's class, with other members where a trace runs.

    Not properties: where a class keeps `ModuleType`'s own `__getattribute__`, code that Python has
    specialised reads the module's dict and passes them by. A member that someone else has replaced
    stays theirs.
    """
    replaced = {name: (vars(module)[name], member) for name, member in named.items()}

    class Tracing(type(module)):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if name not in replaced or stack.current() is None:
                return found
            original, member = replaced[name]
            return member if found is original else found

    return Tracing


# ------------------------------------------------------------------ np.asarray and its like


def _asarray(a: Any, dtype: Any = None, *args: Any, copy: Any = None, **kwargs: Any) -> Any:
    return arrays.array(a, dtype) if copy in _ALWAYS else arrays.asarray(a, dtype)


def _array(a: Any, dtype: Any = None, *, copy: Any = True, ndmin: int = 0, **kwargs: Any) -> Any:
    y = _asarray(a, dtype, copy=copy)
    return y if y.ndim >= ndmin else y.reshape((1,) * (ndmin - y.ndim) + y.shape)


def _contiguous(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
    y = _asarray(a, dtype)
    return y if y.ndim else y.reshape(1)


_ALWAYS = (True, np._CopyMode.ALWAYS)
_CONVERSIONS: dict[str, Function] = {
    "array": _array,
    "asanyarray": _asarray,
    "asarray": _asarray,
    "ascontiguousarray": _contiguous,
    "asfortranarray": _asarray,
}


def _converting(original: Function, traced: Function) -> Function:
    @wraps(original)
    def patched(*args: Any, **kwargs: Any) -> Any:
        if args and queries.traced(args[0]):
            return traced(*args, **kwargs)
        return original(*args, **kwargs)

    return patched


# ------------------------------------------------------------------ np.sum and its like


def _of_lists(original: Function) -> Function:
    """For a function that NumPy dispatches on its first argument, but not on what a list holds."""

    @wraps(original)
    def patched(*args: Any, **kwargs: Any) -> Any:
        if args and type(args[0]) in (list, tuple) and queries.traced(args[0]):
            return dispatch.function(original, args, kwargs)
        return original(*args, **kwargs)

    return patched


def _of_anything(original: Function) -> Function:
    """For a function that NumPy does not dispatch, or not on all arguments."""

    @wraps(original)
    def patched(*args: Any, **kwargs: Any) -> Any:
        if queries.traced((args, kwargs)):
            return dispatch.function(original, args, kwargs)
        return original(*args, **kwargs)

    return patched


_CREATING = ("arange", "full", "full_like")


def _dispatched(module: ModuleType, prefix: str) -> Iterator[str]:
    """A module's functions with a dispatcher that can be traced."""
    for path in (*COMPOSITES, *ALIASES, *CREATION):
        part, _, name = path.rpartition(".")
        if part == prefix and hasattr(vars(module).get(name), "_implementation"):
            yield name


_PATCHED: dict[ModuleType, Members] = {
    np.linalg: {n: _of_lists(getattr(np.linalg, n)) for n in _dispatched(np.linalg, "linalg")},
    np: {
        **{name: _of_lists(getattr(np, name)) for name in _dispatched(np, "")},
        **{name: _of_anything(getattr(np, name)) for name in _CREATING},
        **{name: _converting(getattr(np, name), traced) for name, traced in _CONVERSIONS.items()},
        **BRACKETS,
    },
}

applied = _Patch(_PATCHED).applied
