"""`np.asarray` and its like, which have no protocol: while a trace runs they keep traced arrays.

NumPy asks `__array__` for numbers there, and libraries call them on all that comes in. With no
traced array among the arguments NumPy's own function answers, so other threads see no change.
Who imported the functions by name (``from numpy import asarray``) gets a TracingError.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np

from adglot.tracing import array as arrays
from adglot.tracing import queries
from adglot.tracing.brackets import BRACKETS


class _Patch:
    """In place from the first trace that enters to the last that leaves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces = 0

    @contextmanager
    def applied(self) -> Iterator[None]:
        self._count(1, _PATCHED)
        try:
            yield
        finally:
            self._count(-1, _ORIGINAL)

    def _count(self, change: int, functions: dict[str, Any]) -> None:
        with self._lock:
            outermost = self._traces + min(change, 0) == 0
            self._traces += change
            if outermost:
                for name, function in functions.items():
                    setattr(np, name, function)


def _asarray(a: Any, dtype: Any = None, *args: Any, copy: Any = None, **kwargs: Any) -> Any:
    return arrays.array(a, dtype) if copy in _ALWAYS else arrays.asarray(a, dtype)


def _array(a: Any, dtype: Any = None, *, copy: Any = True, ndmin: int = 0, **kwargs: Any) -> Any:
    y = _asarray(a, dtype, copy=copy)
    return y if y.ndim >= ndmin else y.reshape((1,) * (ndmin - y.ndim) + y.shape)


def _contiguous(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
    y = _asarray(a, dtype)
    return y if y.ndim else y.reshape(1)


def _passing(original: Callable[..., Any], traced: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def patched(*args: Any, **kwargs: Any) -> Any:
        if args and queries.traced(args[0]):
            return traced(*args, **kwargs)
        return original(*args, **kwargs)

    return patched


def _isscalar(element: Any) -> bool:
    """Whether it would be one of NumPy's scalars, which are no arrays."""
    return isinstance(element, arrays.Array) and not element.ndim and element.view is None


_HANDLERS: dict[str, Callable[..., Any]] = {
    "array": _array,
    "asanyarray": _asarray,
    "asarray": _asarray,
    "ascontiguousarray": _contiguous,
    "asfortranarray": _asarray,
    "isscalar": _isscalar,
}
_ORIGINAL: dict[str, Any] = {name: getattr(np, name) for name in (*_HANDLERS, *BRACKETS)}
_ALWAYS = (True, np._CopyMode.ALWAYS)
_PATCHED: dict[str, Any] = BRACKETS | {
    name: _passing(_ORIGINAL[name], handler) for name, handler in _HANDLERS.items()
}

applied = _Patch().applied
