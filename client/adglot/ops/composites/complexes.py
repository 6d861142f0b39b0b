"""What kind of numbers there are: complex parts, angles, tests of realness."""

from __future__ import annotations

from typing import Any

import numpy as np

from adglot import ops
from adglot.errors import TracingError
from adglot.ops import rules
from adglot.ops.composites.calculus import cumsum, diff
from adglot.ops.composites.registry import composite
from adglot.ops.composites.support import constant, cut, inexact, lift_one, one_axis
from adglot.ops.core import Value


@composite("angle")
def angle(z: Any, deg: bool = False) -> Value:
    """The argument of a complex number, in radians or degrees."""
    x = inexact(lift_one(z))
    zero = rules.zeros(x, x.type)
    a = ops.atan2(ops.imag(x), ops.real(x)) if x.dtype.kind == "c" else ops.atan2(zero, x)
    return a * (180 / float(np.pi)) if deg else a


@composite("iscomplex")
def iscomplex(x: Any) -> Value:
    """Whether there is an imaginary part: for real dtypes statically not."""
    v = lift_one(x)
    if v.dtype.kind != "c":
        return constant(v, np.zeros(v.shape, bool))
    return ops.not_equal(ops.imag(v), 0.0)


@composite("isreal")
def isreal(x: Any) -> Value:
    """Whether there is no imaginary part: for real dtypes statically so."""
    v = lift_one(x)
    if v.dtype.kind != "c":
        return constant(v, np.ones(v.shape, bool))
    return ops.equal(ops.imag(v), 0.0)


@composite("real_if_close")
def real_if_close(a: Any, tol: Any = 100) -> Value:
    """A real array as it is; a complex one is refused, its dtype would depend on values."""
    x = lift_one(a)
    if x.dtype.kind == "c":
        raise TracingError("real_if_close: the dtype would depend on values: take x.real")
    return x


@composite("unwrap")
def unwrap(
    p: Any, discont: Any = None, axis: int = -1, *, period: Any = 6.283185307179586
) -> Value:
    """Jumps of more than half a period between neighbours taken out."""
    x = lift_one(p)
    place = one_axis(axis, x.ndim)
    step = diff(x, axis=place)
    x, step = (inexact(v) if isinstance(period, float) else v for v in (x, step))
    half = period / 2 if x.dtype.kind == "f" else period // 2
    limit = half if discont is None else max(discont, half)
    wrapped = ops.remainder(step + half, period) - half
    if x.dtype.kind == "f" or period % 2 == 0:
        edge = ops.logical_and(ops.equal(wrapped, -half), step > 0)
        wrapped = ops.where(edge, half, wrapped)
    shift = ops.where(ops.abs(step) < limit, 0, wrapped - step)
    n = x.shape[place]
    rest = cut(x, place, 1, n) + cumsum(shift, place)
    return ops.concat(cut(x, place, 0, 1), rest, axis=place)
