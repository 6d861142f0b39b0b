"""Every op in mpmath's numbers: one line an op, by mpmath's functions and NumPy's on objects."""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from adglot.ops import TABLE as OPS
from adglot.ops.core import Array
from adglot_server.engines.eager import control_flow
from adglot_server.engines.extended import arithmetic, matrices
from adglot_server.engines.extended.arithmetic import CTX, each, is_complex, is_exact, is_nan, parts
from adglot_server.engines.extended.arithmetic import total as _total
from adglot_server.engines.walk import Language

Function = Callable[..., Any]


def _numbers(function: Function, count: int = 1) -> Function:
    """A function of numbers that has no poles, as one of arrays."""
    return each(function, count)


def _unary(function: Function) -> Function:
    return each(_total(function))


def _binary(function: Function) -> Function:
    return each(_total(function), 2)


def _of_order(function: Function) -> Function:
    """A function of a number whose attribute ``order`` mpmath takes first."""

    def ordered(x: Array, order: float) -> Array:
        return each(_total(lambda z: function(order, z)))(x)

    return ordered


# ------------------------------------------------------------------ arithmetic


def _divide(x: Any, y: Any) -> Any:
    if y != 0:
        return x / y
    return CTX.nan if x == 0 or is_complex(x) or is_complex(y) else CTX.sign(x) * CTX.inf


def _pow(x: Any, y: Any) -> Any:
    if x == 0 and y != 0:
        return CTX.zero if CTX.re(y) > 0 else CTX.inf
    return CTX.power(x, y)


def _floor_divide(x: Any, y: Any) -> Any:
    return CTX.floor(x / y)


def _remainder(x: Any, y: Any) -> Any:
    return x - CTX.floor(x / y) * y


def _trunc(x: Any) -> Any:
    return CTX.floor(x) if x >= 0 else CTX.ceil(x)


def _logaddexp(x: Any, y: Any) -> Any:
    return x if x == y and CTX.isinf(x) else max(x, y) + CTX.log1p(CTX.exp(-abs(x - y)))


def _greater(x: Any, y: Any) -> Any:
    return max((x, y), key=lambda z: (is_nan(z), *parts(z)))


def _lesser(x: Any, y: Any) -> Any:
    return min((x, y), key=lambda z: (not is_nan(z), *parts(z)))


def _compare(holds: Function) -> Function:
    """Complex numbers are ordered by real part, then imaginary part."""
    return each(lambda x, y: holds(parts(x), parts(y)) and not is_nan(x) and not is_nan(y), 2)


# ------------------------------------------------------------------ special functions


def _log_ndtr(x: Any) -> Any:
    return CTX.log(CTX.erfc(-x / CTX.sqrt(2)) / 2)


def _expit(x: Any) -> Any:
    return 1 / (1 + CTX.exp(-x))


def _ndtri(p: Any) -> Any:
    return CTX.sqrt(2) * CTX.erfinv(2 * p - 1)


def _gammaln(x: Any) -> Any:
    return CTX.log(abs(CTX.gamma(x)))


def _ive(order: float, x: Any) -> Any:
    return CTX.besseli(order, x) * CTX.exp(-abs(x))


# ------------------------------------------------------------------ order


def _ranks(x: Array, nan: int) -> Array:
    """The place of each element among the distinct values, and that of NaN as given."""
    values = sorted({parts(z) for z in x.flat if not is_nan(z)})
    place = {value: i for i, value in enumerate(values)}
    ranks = [nan if is_nan(z) else place[parts(z)] for z in x.flat]
    return np.array(ranks, np.int64).reshape(x.shape)


def _argmax(x: Array, axis: int) -> Array:
    return np.asarray(_ranks(x, x.size).argmax(axis))


def _argmin(x: Array, axis: int) -> Array:
    return np.asarray(_ranks(x, -1).argmin(axis))


def _argsort(x: Array, axis: int) -> Array:
    return _ranks(x, x.size).argsort(axis, kind="stable")


def _sort(x: Array, axis: int) -> Array:
    return np.take_along_axis(x, _argsort(x, axis), axis)


def _extreme(position: Function) -> Function:
    """The element at a position, over several axes."""

    def reduce(x: Array, axes: tuple[int, ...]) -> Array:
        kept = [i for i in range(x.ndim) if i not in axes]
        shape = [x.shape[i] for i in kept]
        line = x.transpose(*kept, *axes).reshape(*shape, prod(x.shape[i] for i in axes))
        where = np.expand_dims(position(line, len(kept)), -1)
        return np.take_along_axis(line, where, -1)[..., 0]

    return reduce


# ------------------------------------------------------------------ the table

EXACT: dict[str, Function] = {
    "abs": _numbers(abs),
    "acos": _unary(CTX.acos),
    "acosh": _unary(CTX.acosh),
    "argmax": _argmax,
    "argmin": _argmin,
    "argsort": _argsort,
    "asin": _unary(CTX.asin),
    "asinh": _unary(CTX.asinh),
    "atan": _unary(CTX.atan),
    "atan2": _binary(CTX.atan2),
    "atanh": _unary(CTX.atanh),
    "ceil": _unary(CTX.ceil),
    "conj": _numbers(CTX.conj),
    "cos": _unary(CTX.cos),
    "cosh": _unary(CTX.cosh),
    "divide": _binary(_divide),
    "exp": _unary(CTX.exp),
    "expm1": _unary(CTX.expm1),
    "floor": _unary(CTX.floor),
    "floor_divide": _binary(_floor_divide),
    "greater": _compare(operator.gt),
    "greater_equal": _compare(operator.ge),
    "hypot": _binary(CTX.hypot),
    "imag": _numbers(CTX.im),
    "isfinite": _numbers(CTX.isfinite),
    "less": _compare(operator.lt),
    "less_equal": _compare(operator.le),
    "log": _unary(CTX.log),
    "log1p": _unary(CTX.log1p),
    "logaddexp": _binary(_logaddexp),
    "max": _extreme(_argmax),
    "maximum": _numbers(_greater, 2),
    "min": _extreme(_argmin),
    "minimum": _numbers(_lesser, 2),
    "pow": _binary(_pow),
    "real": _numbers(CTX.re),
    "remainder": _binary(_remainder),
    "round": _unary(CTX.nint),
    "sign": _unary(CTX.sign),
    "sin": _unary(CTX.sin),
    "sinh": _unary(CTX.sinh),
    "sort": _sort,
    "special.digamma": _unary(CTX.digamma),
    "special.erf": _unary(CTX.erf),
    "special.erfc": _unary(CTX.erfc),
    "special.erfinv": _unary(CTX.erfinv),
    "special.expit": _unary(_expit),
    "special.gamma": _unary(CTX.gamma),
    "special.gammaln": _unary(_gammaln),
    "special.iv": _of_order(CTX.besseli),
    "special.ive": _of_order(_ive),
    "special.jv": _of_order(CTX.besselj),
    "special.kv": _of_order(CTX.besselk),
    "special.log_ndtr": _unary(_log_ndtr),
    "special.ndtri": _unary(_ndtri),
    "special.polygamma": _of_order(CTX.polygamma),
    "special.xdivy": _binary(lambda x, y: CTX.zero if x == 0 else _divide(x, y)),
    "special.yv": _of_order(CTX.bessely),
    "sqrt": _unary(CTX.sqrt),
    "tan": _unary(CTX.tan),
    "tanh": _unary(CTX.tanh),
    "trunc": _unary(_trunc),
    **matrices.TABLE,
}
"""Of arrays of numbers; a function that does not stand here is NumPy's, on objects."""

LIKE_NUMPY = (
    "add", "broadcast_to", "concat", "cumulative_prod", "cumulative_sum",
    "dynamic_slice", "equal", "flip", "linear_recurrence", "matmul", "multiply", "negative",
    "not_equal", "pad", "permute_dims", "prod", "reshape", "scatter_add", "slice", "subtract",
    "sum", "take", "tril", "triu", "where",
)  # fmt: skip


LOGIC = ("all", "any", "logical_and", "logical_not", "logical_or", "logical_xor")
"""NumPy's, of whether the elements are 0."""


def _logic(name: str) -> Function:
    return lambda *xs, **attributes: OPS[name].evaluate(*(x != 0 for x in xs), **attributes)


def _scatter(x: Array, updates: Array, *indices: Array, axis: int) -> Any:
    number = updates[()]  # NumPy would put an array of no axes into x as it is
    return OPS["scatter"].evaluate(x, number, *indices, axis=axis)


def _dynamic_update_slice(x: Array, update: Array, *starts: Array) -> Any:
    return OPS["dynamic_update_slice"].evaluate(x, update, *starts) if x.ndim else update


def _by_operands(name: str, exact: Function) -> Function:
    """NumPy's function where all operands are bools or integers."""
    numpy = OPS[name].evaluate

    def function(*operands: Array, **attributes: Any) -> Any:
        numbers = any(map(is_exact, operands))
        return (exact if numbers else numpy)(*operands, **attributes)

    return function


LANGUAGE = Language(
    package="mpmath",
    table={
        **{name: OPS[name].evaluate for name in LIKE_NUMPY},
        **{name: _logic(name) for name in LOGIC},
        "scatter": _scatter,
        "dynamic_update_slice": _dynamic_update_slice,
        **{name: _by_operands(name, exact) for name, exact in EXACT.items()},
        **control_flow(bool, np.stack, arithmetic.lift),
    },
    constant=arithmetic.lift,
    cast=arithmetic.cast,
)
