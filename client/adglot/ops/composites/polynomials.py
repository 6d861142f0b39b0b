"""NumPy's functions on polynomial coefficients, the highest first."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot import ops
from adglot.errors import TracingError
from adglot.ops import rules
from adglot.ops.composites.calculus import convolve
from adglot.ops.composites.joining import unstack
from adglot.ops.composites.registry import composite
from adglot.ops.composites.support import constant, cut, flat, is_traced, lift, lift_one, static
from adglot.ops.core import Value


@composite("polyval")
def polyval(p: Any, x: Any) -> Value:
    """The polynomial with coefficients p at x, by Horner's rule."""
    _refuse_poly1d(p, x)
    coefficients, at = lift(p, x)
    kind = np.result_type(coefficients.dtype, at.dtype)
    if not coefficients.size:
        return rules.zeros(at, at.type)
    coefficients, at = rules.convert(coefficients, kind), rules.convert(at, kind)
    terms: Sequence[Any] = unstack(coefficients) if is_traced(p) else list(np.asarray(p, kind))
    y = rules.broadcast_to(lift(at, terms[0])[1], at.shape)
    for term in terms[1:]:
        y = ops.add(y * at, term)
    return y


@composite("polyadd")
def polyadd(a1: Any, a2: Any) -> Value:
    """The sum."""
    return ops.add(*_of_one_length(a1, a2))


@composite("polysub")
def polysub(a1: Any, a2: Any) -> Value:
    """The difference."""
    return ops.subtract(*_of_one_length(a1, a2))


def _of_one_length(a1: Any, a2: Any) -> list[Value]:
    _refuse_poly1d(a1, a2)
    values = [flat(v) for v in lift(a1, a2)]
    n = max(v.size for v in values)
    return [ops.pad(v, low=(n - v.size,), high=(0,), interior=(0,)) for v in values]


@composite("polymul")
def polymul(a1: Any, a2: Any) -> Value:
    """The product."""
    _refuse_poly1d(a1, a2)
    left, right = lift(a1, a2)
    return convolve(left, right)


@composite("polyder")
def polyder(p: Any, m: Any = 1) -> Value:
    """The m-th derivative."""
    _refuse_poly1d(p)
    x = lift_one(p)
    if (order := operator.index(static(m, "m"))) < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    for _ in range(order):
        degree = max(x.size - 1, 0)
        x = ops.multiply(cut(x, 0, 0, degree), constant(x, np.arange(degree, 0, -1)))
    return x


@composite("polyint")
def polyint(p: Any, m: Any = 1, k: Any = None) -> Value:
    """The m-th antiderivative, with constants of integration k."""
    _refuse_poly1d(p)
    order = operator.index(static(m, "m"))
    if order < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    x, last = lift(p, np.zeros(order) if k is None else k)
    constants = rules.broadcast_to(flat(last), (order,)) if last.size == 1 else flat(last)
    if constants.size < order:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    for i in range(order):
        y = ops.divide(x, constant(x, np.arange(x.size, 0, -1)))
        x = ops.concat(y, cut(constants, 0, i, i + 1), axis=0)
    return x


def _refuse_poly1d(*operands: Any) -> None:
    if any(isinstance(x, np.poly1d) for x in operands):
        raise TracingError("a poly1d cannot be traced: pass its coefficients, p.coeffs")
