"""Arrays of SymPy's expressions: object arrays; bools and integers that are known stay NumPy's."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from sympy.logic.boolalg import Boolean

from adglot.errors import Unsupported
from adglot.ops.core import Array

LARGEST = 10_000
"""Operations and operands that the formula of one number may have, shared parts counted again."""


def each(function: Callable[..., Any], count: int = 1) -> Callable[..., Array]:
    """A function of `count` expressions as one of arrays, which broadcast."""
    mapped = np.frompyfunc(function, count, 1)

    def elementwise(*arrays: Array) -> Array:
        return np.asarray(mapped(*arrays), object)

    return elementwise


def is_symbolic(x: Any) -> bool:
    """Whether an array holds expressions, not NumPy's bools or integers."""
    return bool(x.dtype == object)


def known(x: Array, what: str) -> Array:
    """The bools or integers of an array; Unsupported where they depend on the point."""
    if is_symbolic(x):
        raise Unsupported(f"SymPy takes no {what} that depends on the point")
    return x


# ------------------------------------------------------------------ size


@lru_cache(maxsize=1 << 16)
def size(expression: Any) -> int:
    """How many operations and operands an expression has, written out."""
    return 1 + sum(map(size, expression.args))


def bounded(expression: Any) -> Any:
    """The expression; Unsupported where it is larger than `LARGEST`."""
    if size(expression) > LARGEST:
        raise Unsupported(
            f"the formula of a number has {size(expression)} operations and operands, and SymPy is "
            f"given at most {LARGEST}"
        )
    return expression


# ------------------------------------------------------------------ casts


def _number(x: Any) -> Any:
    """Whole numbers as integers, so that x**2.0 is x**2."""
    if isinstance(x, sympy.Basic):
        return bounded(x)
    if isinstance(x, bool):
        return sympy.Integer(x)
    if isinstance(x, complex):
        return _number(x.real) + sympy.I * _number(x.imag)
    whole = np.isfinite(x) and x == int(x)
    return sympy.Integer(int(x)) if whole else sympy.Float(x)


def is_truth(x: Any) -> bool:
    """Whether an expression is true or false, not a number; to SymPy a symbol is both."""
    return isinstance(x, Boolean) and not isinstance(x, sympy.Expr)


def _indicator(x: Any) -> Any:
    """A truth as 1 or 0."""
    return sympy.Piecewise((1, x), (0, True)) if is_truth(x) else x


def truth(x: Any) -> Any:
    """Whether a number is not 0."""
    return x if is_truth(x) else sympy.Ne(x, 0)


def _whole(x: Any) -> Any:
    """Rounded towards 0."""
    return x if x.is_integer else sympy.sign(x) * sympy.floor(sympy.Abs(x))


_numbers, _indicators, _truths, _wholes = map(each, (_number, _indicator, truth, _whole))


def cast(x: Any, dtype: np.dtype[Any]) -> Array:
    """``x.astype(dtype)`` without rounding; bools and integers that are known become NumPy's."""
    x = np.asarray(x)
    if dtype.kind in "fc":
        return _numbers(_indicators(x) if is_symbolic(x) else x)
    if not is_symbolic(x):
        return np.asarray(x, dtype)
    whole = _truths(x) if dtype.kind == "b" else _wholes(_indicators(x))
    constants = (sympy.true, sympy.false) if dtype.kind == "b" else ()
    if all(z in constants or isinstance(z, sympy.Integer) for z in whole.flat):
        return np.asarray(whole, dtype)
    return np.asarray(whole)


def constant(x: Array) -> Array:
    """A NumPy array as expressions; bools and integers as they are."""
    return cast(x, x.dtype)
