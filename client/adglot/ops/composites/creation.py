"""New arrays between traced ends, in another dtype, of static indices; lengths are static."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from adglot import ops
from adglot.errors import TracingError
from adglot.ops import rules
from adglot.ops.composites.elementwise import power, weak
from adglot.ops.composites.registry import composite
from adglot.ops.composites.shapes import moveaxis
from adglot.ops.composites.support import (
    astype,
    constant,
    inexact,
    is_traced,
    lift,
    lift_one,
    static,
)
from adglot.ops.core import Value


@composite("astype")
def as_dtype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Value:
    """In another dtype; dropping an imaginary part is refused."""
    return astype(lift_one(x), dtype)


# ------------------------------------------------------------------ ranges


@composite("linspace")
def linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Value | tuple[Value, Value]:
    """So many evenly spaced numbers from start to stop."""
    a, b = (inexact(v) for v in weak(start, stop))
    count = operator.index(static(num, "num"))
    if count < 0:
        raise ValueError(f"Number of samples, {count}, must be non-negative.")
    steps = count - 1 if endpoint else count
    delta = b - a
    step = delta / steps if steps > 0 else delta * float("nan")
    y = a + _ramp(delta, count) * step if steps > 0 else a + _ramp(delta, count) * delta
    if endpoint and count > 1:
        last = rules.broadcast_to(b, (1, *y.shape[1:]))
        y = ops.concat(ops.shape.slice_axis(y, 0, 0, count - 1), rules.convert(last, y.dtype))
    y = astype(moveaxis(y, 0, axis), dtype)
    return (y, step) if retstep else y


def _ramp(like: Value, count: int) -> Value:
    """0, 1, ... along a new first axis."""
    kind = rules.real_dtype(like.dtype)
    return constant(like, np.arange(count, dtype=kind).reshape(count, *(1,) * like.ndim))


@composite("logspace")
def logspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Value:
    """``base ** linspace(start, stop)``."""
    if not isinstance(base, Value) and np.ndim(base):
        raise TracingError("logspace: only one base is supported")
    first, last = weak(start, stop) if is_traced([start, stop]) else lift(start, stop, base)[:2]
    exponents = linspace(first, last, num, endpoint, axis=axis)
    assert isinstance(exponents, Value)
    return astype(power(base, exponents), dtype)


@composite("arange")
def arange(*args: Any, **kwargs: Any) -> Value:
    """Refused with traced arguments: they would decide how many elements there are."""
    raise TracingError("arange: its length must not depend on traced values; use linspace")


# ------------------------------------------------------------------ static indices

Indices = tuple[Any, ...]


@composite("diag_indices_from")
def diag_indices_from(arr: Any) -> Indices:
    """The static indices of the main diagonal."""
    x = lift_one(arr)
    if x.ndim < 2 or len(set(x.shape)) != 1:
        raise ValueError("input array must be at least 2-d, all its dimensions of equal length")
    return np.diag_indices(x.shape[0], x.ndim)


@composite("tril_indices_from")
def tril_indices_from(arr: Any, k: int = 0) -> Indices:
    """The static indices of the lower triangle."""
    return np.tril_indices(_matrix(arr)[0], k, _matrix(arr)[1])


@composite("triu_indices_from")
def triu_indices_from(arr: Any, k: int = 0) -> Indices:
    """The static indices of the upper triangle."""
    return np.triu_indices(_matrix(arr)[0], k, _matrix(arr)[1])


def _matrix(arr: Any) -> tuple[int, int]:
    """The shape of a matrix."""
    x = lift_one(arr)
    if x.ndim != 2:
        raise ValueError("input array must be 2-d")
    return x.shape[0], x.shape[1]
