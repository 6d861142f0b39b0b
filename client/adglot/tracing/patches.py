"""`np.asarray` and its like, which have no protocol: while a trace runs they keep traced arrays.

NumPy asks `__array__` for numbers there, and libraries call them on all that comes in. With no
traced array among the arguments NumPy's own function answers, so other threads see no change.
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

_lock = threading.Lock()
_open = 0


@contextmanager
def applied() -> Iterator[None]:
    """In place from the first trace that enters to the last that leaves."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _open
    with _lock:
        _open += 1
        if _open == 1:
            for name, patched in _PATCHED.items():
                setattr(np, name, patched)


def _leave() -> None:
    global _open
    with _lock:
        _open -= 1
        if _open == 0:
            for name, original in _ORIGINAL.items():
                setattr(np, name, original)


def _asarray(a: Any, dtype: Any = None, *args: Any, copy: bool | None = None, **kwargs: Any) -> Any:
    return arrays.array(a, dtype) if copy else arrays.asarray(a, dtype)


def _array(
    a: Any, dtype: Any = None, *, copy: bool | None = True, ndmin: int = 0, **kwargs: Any
) -> Any:
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


_HANDLERS: dict[str, Callable[..., Any]] = {
    "array": _array,
    "asanyarray": _asarray,
    "asarray": _asarray,
    "ascontiguousarray": _contiguous,
    "asfortranarray": _asarray,
}
_ORIGINAL: dict[str, Callable[..., Any]] = {name: getattr(np, name) for name in _HANDLERS}
_PATCHED = {name: _passing(_ORIGINAL[name], handler) for name, handler in _HANDLERS.items()}
