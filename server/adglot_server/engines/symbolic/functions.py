"""Every op that SymPy has, in its expressions: one line an op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import sympy
from sympy.codegen.cfunctions import expm1, hypot, log1p
from sympy.codegen.numpy_nodes import logaddexp

from adglot.ir import Node, Type
from adglot.ops import TABLE as OPS
from adglot.ops.core import Array
from adglot_server.engines.eager import control_flow
from adglot_server.engines.symbolic.matrices import TABLE as MATRICES
from adglot_server.engines.symbolic.numbers import cast, constant, each, is_symbolic, known, truth
from adglot_server.engines.walk import Language, Walk

Function = Callable[..., Any]
HALF = sympy.Rational(1, 2)


def _binary(function: Function) -> Function:
    return each(function, 2)


def _of_order(function: Function) -> Function:
    return lambda x, order: each(lambda z: function(sympy.nsimplify(order), z))(x)


# ------------------------------------------------------------------ elementwise


def _trunc(x: Any) -> Any:
    return sympy.sign(x) * sympy.floor(sympy.Abs(x))


def _round(x: Any) -> Any:
    if x.is_extended_real:
        return _half_to_even(x)
    return _half_to_even(sympy.re(x)) + sympy.I * _half_to_even(sympy.im(x))


def _half_to_even(x: Any) -> Any:
    up = sympy.floor(x + HALF)
    odd = sympy.Ne(up, 2 * sympy.floor(up / 2))
    return sympy.Piecewise((up - 1, sympy.And(sympy.Eq(up, x + HALF), odd)), (up, True))


def _piecewise(condition: Any, x: Any, y: Any) -> Any:
    return sympy.Piecewise((x, condition), (y, True))


def _where(condition: Array, x: Array, y: Array) -> Any:
    if not is_symbolic(condition):
        return np.where(condition, x, y)
    return each(_piecewise, 3)(condition, x, y)


def _xdivy(x: Any, y: Any) -> Any:
    return _piecewise(sympy.And(sympy.Eq(x, 0), sympy.Eq(y, 0)), sympy.Integer(0), x / y)


def _ive(order: Any, x: Any) -> Any:
    return sympy.besseli(order, x) * sympy.exp(-sympy.Abs(x))


def _ndtri(p: Any) -> Any:
    return sympy.sqrt(2) * sympy.erfinv(2 * p - 1)


def _logic(function: Function) -> Function:
    """Of whether numbers are not 0."""
    return lambda *xs: function(*map(truth, xs))


# ------------------------------------------------------------------ over axes


def _folded(function: Function) -> Function:
    """A function of any number of expressions, over axes."""

    def over(x: Array, axes: tuple[int, ...]) -> Array:
        order = [i for i in range(x.ndim) if i not in axes]
        kept = tuple(x.shape[i] for i in order)
        lines = x.transpose(*order, *axes).reshape(prod(kept), prod(x.shape[i] for i in axes))
        return np.array([function(*line) for line in lines], object).reshape(kept)

    return over


def _with_known(name: str, which: slice) -> Function:
    """NumPy's function, in which some operands (indices, starts) must be known."""

    def function(*operands: Array, **attributes: Any) -> Any:
        for index in operands[which]:
            known(index, f"place of {name}")
        return OPS[name].evaluate(*operands, **attributes)

    return function


def _scatter(x: Array, updates: Array, *indices: Array, axis: int) -> Any:
    for index in indices:
        known(index, "place of scatter")
    return OPS["scatter"].evaluate(x, updates[()], *indices, axis=axis)


def _dynamic_update_slice(x: Array, update: Array, *starts: Array) -> Any:
    for start in starts:
        known(start, "place of dynamic_update_slice")
    return OPS["dynamic_update_slice"].evaluate(x, update, *starts) if x.ndim else update


SYMBOLIC: dict[str, Function] = {
    "abs": each(sympy.Abs),
    "acos": each(sympy.acos),
    "acosh": each(sympy.acosh),
    "all": _folded(_logic(sympy.And)),
    "any": _folded(_logic(sympy.Or)),
    "asin": each(sympy.asin),
    "asinh": each(sympy.asinh),
    "atan": each(sympy.atan),
    "atan2": _binary(sympy.atan2),
    "atanh": each(sympy.atanh),
    "ceil": each(sympy.ceiling),
    "conj": each(sympy.conjugate),
    "cos": each(sympy.cos),
    "cosh": each(sympy.cosh),
    "divide": _binary(lambda x, y: x / y),
    "equal": _binary(sympy.Eq),
    "exp": each(sympy.exp),
    "expm1": each(expm1),
    "floor": each(sympy.floor),
    "floor_divide": _binary(lambda x, y: sympy.floor(x / y)),
    "greater": _binary(sympy.Gt),
    "greater_equal": _binary(sympy.Ge),
    "hypot": _binary(hypot),
    "imag": each(sympy.im),
    "less": _binary(sympy.Lt),
    "less_equal": _binary(sympy.Le),
    "log": each(sympy.log),
    "log1p": each(log1p),
    "logaddexp": _binary(logaddexp),
    "logical_and": _binary(_logic(sympy.And)),
    "logical_not": each(_logic(sympy.Not)),
    "logical_or": _binary(_logic(sympy.Or)),
    "logical_xor": _binary(_logic(sympy.Xor)),
    "max": _folded(sympy.Max),
    "maximum": _binary(sympy.Max),
    "min": _folded(sympy.Min),
    "minimum": _binary(sympy.Min),
    "not_equal": _binary(sympy.Ne),
    "pow": _binary(sympy.Pow),
    "real": each(sympy.re),
    "remainder": _binary(lambda x, y: x - y * sympy.floor(x / y)),
    "round": each(_round),
    "sign": each(sympy.sign),
    "sin": each(sympy.sin),
    "sinh": each(sympy.sinh),
    "special.digamma": each(sympy.digamma),
    "special.erf": each(sympy.erf),
    "special.erfc": each(sympy.erfc),
    "special.erfinv": each(sympy.erfinv),
    "special.expit": each(lambda x: 1 / (1 + sympy.exp(-x))),
    "special.gamma": each(sympy.gamma),
    "special.gammaln": each(sympy.loggamma),
    "special.iv": _of_order(sympy.besseli),
    "special.ive": _of_order(_ive),
    "special.jv": _of_order(sympy.besselj),
    "special.kv": _of_order(sympy.besselk),
    "special.ndtri": each(_ndtri),
    "special.polygamma": _of_order(sympy.polygamma),
    "special.xdivy": _binary(_xdivy),
    "special.yv": _of_order(sympy.bessely),
    "sqrt": each(sympy.sqrt),
    "tan": each(sympy.tan),
    "tanh": each(sympy.tanh),
    "trunc": each(_trunc),
    **MATRICES,
}
"""Of arrays of expressions; of bools and integers they are NumPy's functions."""

LIKE_NUMPY = (
    "add", "broadcast_to", "concat", "cumulative_prod", "cumulative_sum", "flip",
    "linear_recurrence", "matmul", "multiply", "negative", "pad", "permute_dims", "prod",
    "reshape", "slice", "subtract", "sum", "tril", "triu",
)  # fmt: skip
"""Those that move, add and multiply objects."""

NEED_NUMBERS = ("argmax", "argmin", "argsort", "sort")
"""Those that SymPy has for bools and integers that are known only."""


def _by_operands(name: str, symbolic: Function) -> Function:
    def function(*operands: Array, **attributes: Any) -> Any:
        formulas = any(map(is_symbolic, operands))
        return (symbolic if formulas else OPS[name].evaluate)(*operands, **attributes)

    return function


def _orders_symbols(node: Node, types: Sequence[Type]) -> str:
    return "knows no order of symbols" if types[0].is_differentiable else ""


def _compares_complex(node: Node, types: Sequence[Type]) -> str:
    return "orders no complex numbers" if any(t.is_complex for t in types) else ""


def _decide(x: Any) -> bool:
    return bool(known(x, "branch"))


COMPARING = ("greater", "greater_equal", "less", "less_equal", "max", "maximum", "min", "minimum")

FLOW = control_flow(_decide, np.stack, constant)


def _cond(predicate: Any, *operands: Any, if_true: Walk, if_false: Walk) -> list[Any]:
    """Both branches, where the predicate depends on the point."""
    if not is_symbolic(predicate):
        taken: list[Any] = FLOW["cond"](predicate, *operands, if_true=if_true, if_false=if_false)
        return taken
    sides = zip(if_true(operands), if_false(operands), strict=True)
    return [_where(predicate, a, b) for a, b in sides]


LANGUAGE = Language(
    package="SymPy",
    table={
        **{name: OPS[name].evaluate for name in (*LIKE_NUMPY, *NEED_NUMBERS)},
        **{name: _by_operands(name, symbolic) for name, symbolic in SYMBOLIC.items()},
        "cond": _cond,
        "scan": FLOW["scan"],
        "where": _where,
        "take": _with_known("take", np.s_[1:]),
        "scatter": _scatter,
        "scatter_add": _with_known("scatter_add", np.s_[2:]),
        "dynamic_slice": _with_known("dynamic_slice", np.s_[1:]),
        "dynamic_update_slice": _dynamic_update_slice,
    },
    constant=constant,
    cast=cast,
    refusals={
        **dict.fromkeys(NEED_NUMBERS, _orders_symbols),
        **dict.fromkeys(COMPARING, _compares_complex),
    },
    faults=(TypeError,),
)
