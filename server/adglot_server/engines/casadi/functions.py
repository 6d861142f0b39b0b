"""Every op that CasADi has: one line an op."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any

import casadi
import numpy as np

from adglot.ir import Node, Type
from adglot.ops import TABLE as OPS
from adglot.ops.core import Array
from adglot_server.engines.casadi.matrices import TABLE as MATRICES
from adglot_server.engines.casadi.numbers import (
    Numbers,
    cast,
    column,
    constant,
    each,
    gather,
    is_symbolic,
    known,
    lift,
    stack,
)
from adglot_server.engines.eager import control_flow
from adglot_server.engines.walk import Language, Walk

Function = Callable[..., Any]


# ------------------------------------------------------------------ elementwise


def _round(x: Any) -> Any:
    """Halves to even."""
    up = casadi.floor(x + 0.5)
    odd = casadi.logic_and(up == x + 0.5, up != 2 * casadi.floor(up / 2))
    return up - odd


def _trunc(x: Any) -> Any:
    return casadi.sign(x) * casadi.floor(casadi.fabs(x))


def _remainder(x: Any, y: Any) -> Any:
    return x - y * casadi.floor(x / y)


def _logaddexp(x: Any, y: Any) -> Any:
    """Of equals, which may be infinite, without their difference."""
    apart = casadi.fmax(x, y) + casadi.log1p(casadi.exp(-casadi.fabs(x - y)))
    return casadi.if_else(x == y, (x + y) / 2 + math.log(2), apart)


def _xor(x: Any, y: Any) -> Any:
    return (x != 0) != (y != 0)


def _xdivy(x: Any, y: Any) -> Any:
    return casadi.if_else(casadi.logic_and(x == 0, y == 0), 0, x / y)


def _where(condition: Any, x: Any, y: Any) -> Any:
    if is_symbolic(condition):
        return each(casadi.if_else)(condition, x, y)
    return gather(lambda a, b: np.where(condition, a, b), lift(x), lift(y))


# ------------------------------------------------------------------ over axes


def _lines(x: Numbers, axes: tuple[int, ...]) -> tuple[list[Any], tuple[int, ...]]:
    """One column for each place on the axes, and the shape that is left."""
    kept = [i for i in range(len(x.shape)) if i not in axes]
    shape = tuple(x.shape[i] for i in kept)
    length, size = math.prod(x.shape[i] for i in axes), math.prod(shape)

    def lined(places: Array) -> Array:
        return places.transpose(*axes, *kept).reshape(length * size)

    flat = gather(lined, x).flat
    return [column(flat[k * size : (k + 1) * size]) for k in range(length)], shape


def _folded(function: Function, start: float | None = None) -> Function:
    """A function of two columns, over axes."""

    def over(x: Any, axes: tuple[int, ...]) -> Numbers:
        columns, shape = _lines(lift(x), axes)
        if start is not None:
            columns = [column(casadi.SX.ones(math.prod(shape))) * start, *columns]
        return Numbers(reduce(function, columns, *() if columns else (casadi.SX(0, 1),)), shape)

    return over


def _tested(function: Function, start: float) -> Function:
    """A function of two truths, over axes."""
    fold, truth = _folded(function, start), each(lambda x: x != 0)
    return lambda x, axes: fold(truth(x), axes)


def _accumulated(step: Callable[[Any, Any], Any]) -> Function:
    """A running function of two columns along an axis."""

    def along(x: Any, axis: int, reverse: bool) -> Numbers:
        columns, shape = _lines(lift(x), (axis,))
        return _from_columns(_running(step, columns[:: -1 if reverse else 1]), shape, axis, reverse)

    return along


def _running(step: Callable[[Any, Any], Any], columns: list[Any]) -> Iterator[Any]:
    total = None
    for term in columns:
        total = term if total is None else step(total, term)
        yield total


def _linear_recurrence(a: Any, b: Any, axis: int, reverse: bool) -> Numbers:
    factors, shape = _lines(lift(a), (axis,))
    terms, _ = _lines(lift(b), (axis,))
    pairs = list(zip(factors, terms, strict=True))[:: -1 if reverse else 1]
    running: list[Any] = []
    for factor, term in pairs:
        running.append(factor * running[-1] + term if running else term)
    return _from_columns(running, shape, axis, reverse)


def _from_columns(
    columns: Iterator[Any] | list[Any], shape: tuple[int, ...], axis: int, reverse: bool
) -> Numbers:
    ordered = list(columns)[:: -1 if reverse else 1]
    lines = Numbers(casadi.vertcat(casadi.SX(0, 1), *ordered), (len(ordered), *shape))
    return gather(lambda places: np.moveaxis(places, 0, axis), lines)


# ------------------------------------------------------------------ places


def _moving(name: str, arrays: int) -> Function:
    """NumPy's function of so many arrays (all, if 0); what stands behind them must be known."""

    def function(*operands: Any, **attributes: Any) -> Any:
        count = arrays or len(operands)
        rest = [known(x, f"place of {name}") for x in operands[count:]]
        if not any(map(is_symbolic, operands[:count])):
            return OPS[name].evaluate(*operands[:count], *rest, **attributes)
        return gather(
            lambda *places: OPS[name].evaluate(*places, *rest, **attributes),
            *map(lift, operands[:count]),
        )

    return function


def _scatter_add(x: Any, updates: Any, *indices: Any, axis: int) -> Any:
    """One update after the other: a place that stands twice is added to twice."""
    places = [known(index, "place of scatter_add") for index in indices]
    if not is_symbolic(x) and not is_symbolic(updates):
        return OPS["scatter_add"].evaluate(x, updates, *places, axis=axis)
    x, updates = lift(x), lift(updates)
    cells = OPS["take"].evaluate(np.arange(math.prod(x.shape)).reshape(x.shape), *places, axis=axis)
    flat = casadi.SX(x.flat)
    for k, cell in enumerate(cells.reshape(-1).tolist()):
        flat[cell] += updates.flat[k]
    return Numbers(flat, x.shape)


MOVING = {
    "broadcast_to": 1, "concat": 0, "dynamic_slice": 1, "dynamic_update_slice": 2, "flip": 1,
    "pad": 1, "permute_dims": 1, "reshape": 1, "scatter": 2, "slice": 1, "take": 1, "tril": 1,
    "triu": 1,
}  # fmt: skip
"""Ops that only move numbers: how many operands are arrays of them, 0 for all."""


# ------------------------------------------------------------------ control flow


def _decide(x: Any) -> bool:
    return bool(known(x, "branch"))


FLOW = control_flow(_decide, stack, constant)


def _cond(predicate: Any, *operands: Any, if_true: Walk, if_false: Walk) -> list[Any]:
    """Both branches, where the predicate depends on the point."""
    if not is_symbolic(predicate):
        taken: list[Any] = FLOW["cond"](predicate, *operands, if_true=if_true, if_false=if_false)
        return taken
    sides = zip(if_true(operands), if_false(operands), strict=True)
    return [_where(predicate, a, b) for a, b in sides]


# ------------------------------------------------------------------ the table

SYMBOLIC: dict[str, Function] = {
    "abs": each(casadi.fabs),
    "acos": each(casadi.acos),
    "acosh": each(casadi.acosh),
    "add": each(lambda x, y: x + y),
    "all": _tested(casadi.logic_and, 1.0),
    "any": _tested(casadi.logic_or, 0.0),
    "asin": each(casadi.asin),
    "asinh": each(casadi.asinh),
    "atan": each(casadi.atan),
    "atan2": each(casadi.atan2),
    "atanh": each(casadi.atanh),
    "ceil": each(casadi.ceil),
    "conj": lambda x: x,
    "cos": each(casadi.cos),
    "cosh": each(casadi.cosh),
    "cumulative_prod": _accumulated(lambda a, b: a * b),
    "cumulative_sum": _accumulated(lambda a, b: a + b),
    "divide": each(lambda x, y: x / y),
    "equal": each(lambda x, y: x == y, truth=True),
    "exp": each(casadi.exp),
    "expm1": each(casadi.expm1),
    "floor": each(casadi.floor),
    "floor_divide": each(lambda x, y: casadi.floor(x / y)),
    "greater": each(lambda x, y: x > y, truth=True),
    "greater_equal": each(lambda x, y: x >= y, truth=True),
    "hypot": each(casadi.hypot),
    "imag": each(lambda x: x * 0),
    "less": each(lambda x, y: x < y, truth=True),
    "less_equal": each(lambda x, y: x <= y, truth=True),
    "linear_recurrence": _linear_recurrence,
    "log": each(casadi.log),
    "log1p": each(casadi.log1p),
    "logaddexp": each(_logaddexp),
    "logical_and": each(lambda x, y: casadi.logic_and(x != 0, y != 0), truth=True),
    "logical_not": each(lambda x: x == 0, truth=True),
    "logical_or": each(lambda x, y: casadi.logic_or(x != 0, y != 0), truth=True),
    "logical_xor": each(_xor, truth=True),
    "max": _folded(casadi.fmax),
    "maximum": each(casadi.fmax),
    "min": _folded(casadi.fmin),
    "minimum": each(casadi.fmin),
    "multiply": each(lambda x, y: x * y),
    "negative": each(lambda x: -x),
    "not_equal": each(lambda x, y: x != y, truth=True),
    "pow": each(casadi.power),
    "prod": _folded(lambda a, b: a * b, 1.0),
    "real": lambda x: x,
    "remainder": each(_remainder),
    "round": each(_round),
    "sign": each(casadi.sign),
    "sin": each(casadi.sin),
    "sinh": each(casadi.sinh),
    "special.erf": each(casadi.erf),
    "special.expit": each(lambda x: 1 / (1 + casadi.exp(-x))),
    "special.xdivy": each(_xdivy),
    "sqrt": each(casadi.sqrt),
    "subtract": each(lambda x, y: x - y),
    "sum": _folded(lambda a, b: a + b, 0.0),
    "tan": each(casadi.tan),
    "tanh": each(casadi.tanh),
    "trunc": each(_trunc),
    **MATRICES,
}
"""Of arrays of expressions; of bools and integers they are NumPy's functions."""

NEED_NUMBERS = ("argmax", "argmin", "argsort", "sort")
"""Those that CasADi has for bools and integers that are known only."""


def _by_operands(name: str, symbolic: Function) -> Function:
    def function(*operands: Any, **attributes: Any) -> Any:
        formulas = any(map(is_symbolic, operands))
        return (symbolic if formulas else OPS[name].evaluate)(*operands, **attributes)

    return function


def _needs_numbers(name: str) -> Function:
    def function(x: Any, **attributes: Any) -> Any:
        return OPS[name].evaluate(known(x, f"operand of {name}"), **attributes)

    return function


def _of_floats(node: Node, types: Sequence[Type]) -> str:
    return "knows no order of expressions" if types[0].is_differentiable else ""


LANGUAGE = Language(
    package="CasADi",
    table={
        **{name: _by_operands(name, symbolic) for name, symbolic in SYMBOLIC.items()},
        **{name: _moving(name, arrays) for name, arrays in MOVING.items()},
        **{name: _needs_numbers(name) for name in NEED_NUMBERS},
        "cond": _cond,
        "scan": FLOW["scan"],
        "scatter_add": _scatter_add,
        "where": _where,
    },
    constant=constant,
    cast=cast,
    refusals=dict.fromkeys(NEED_NUMBERS, _of_floats),
    faults=(RuntimeError,),
)
