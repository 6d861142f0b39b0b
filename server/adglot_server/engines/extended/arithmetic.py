"""Arrays of mpmath's numbers: object arrays of mpf (real) or mpc (complex); integers stay NumPy's.

Everything here computes at the precision of `CTX`, by one thread at a time: see `computing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import mpmath
import numpy as np

from adglot.ops.core import Array
from adglot_server.executors.control import Control

CTX = mpmath.mp.clone()
"""A context of our own: the precision of the user's stays as it is."""

_BUSY = Lock()


@contextmanager
def computing(control: Control) -> Iterator[None]:
    """Have `CTX` alone: threads wait here, since it and mpmath's caches are one for all.

    Nothing is lost by that: all of mpmath holds the GIL.
    """
    while not _BUSY.acquire(timeout=0.05):
        control.check()
    try:
        yield
    finally:
        _BUSY.release()


# ------------------------------------------------------------------ numbers


def _real(z: Any) -> Any:
    """An mpf; NaN for what is not real, as NumPy's functions of real numbers have it."""
    if isinstance(z, CTX.mpf):
        return z
    z = CTX.convert(z)
    return z if isinstance(z, CTX.mpf) else z.real if z.imag == 0 else CTX.nan


def _complex(z: Any) -> Any:
    return z if isinstance(z, CTX.mpc) else CTX.mpc(z)


def is_complex(z: Any) -> bool:
    """Whether a number of an array is an mpc."""
    return isinstance(z, CTX.mpc)


def parts(z: Any) -> tuple[Any, Any]:
    """Real and imaginary part: the order that NumPy gives complex numbers."""
    return z.real, z.imag


def is_nan(z: Any) -> bool:
    """Whether a number, or a part of it, is NaN."""
    return bool(z != z)


HUGE = CTX.mpf(10) ** 10_000
"""No operand of a transcendental function is larger: e**e**e**20 would take all memory."""


def total(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of numbers, NaN at its poles and where an operand is NaN or larger than `HUGE`.

    Infinite operands are none of these.
    """

    def guarded(*xs: Any) -> Any:
        if any(x != x or HUGE < abs(x) < CTX.inf for x in xs):
            return CTX.nan
        try:
            return function(*xs)
        except (ValueError, ZeroDivisionError, OverflowError):  # mpmath's ways to say: a pole
            return CTX.nan

    return guarded


# ------------------------------------------------------------------ arrays


def each(function: Callable[..., Any], count: int = 1) -> Callable[..., Array]:
    """A function of `count` numbers as one of arrays, which broadcast."""
    mapped = np.frompyfunc(function, count, 1)

    def elementwise(*arrays: Array) -> Array:
        return as_objects(mapped(*arrays))

    return elementwise


def as_objects(x: Any) -> Array:
    """An object array, also of what NumPy's functions of scalars gave back."""
    return np.asarray(x, object)


def is_exact(x: Any) -> bool:
    """Whether an array holds mpmath's numbers, not NumPy's bools or integers."""
    return bool(x.dtype == object)


_as_real, _as_complex = each(_real), each(_complex)


def cast(x: Any, dtype: np.dtype[Any]) -> Array:
    """``x.astype(dtype)`` without rounding: float32 and float64 are both real numbers here."""
    x = np.asarray(x)
    if dtype.kind == "f":
        return _as_real(x)
    if dtype.kind == "c":
        return _as_complex(x)
    if is_exact(x) and dtype.kind == "i":
        return np.asarray(np.frompyfunc(int, 1, 1)(x), dtype)
    return np.asarray(x != 0 if is_exact(x) and dtype.kind == "b" else x, dtype)


def lift(x: Any) -> Array:
    """An array as exact numbers; bools and integers as they are."""
    return np.asarray(x) if x.dtype.kind in "biO" else cast(x, x.dtype)


def narrow(x: Array, dtype: np.dtype[Any]) -> Array:
    """The nearest numbers of a dtype."""
    with np.errstate(all="ignore"):
        return np.asarray(x).astype(dtype)


def magnitude(x: Any) -> Array:
    """|x| in double precision, infinite for NaN."""
    size = narrow(abs(x), np.dtype(float))
    return np.where(np.isnan(size), np.inf, size)


def largest(arrays: list[Any]) -> Any:
    """The largest finite magnitude in these arrays, 0 if there is none."""
    sizes = (abs(z) for x in arrays if is_exact(x) for z in x.ravel())
    return max((size for size in sizes if CTX.isfinite(size)), default=CTX.zero)
