"""What an elementwise op does to lanes: the table of those that are compiled.

Operands come converted to the dtype that NumPy computes in; values, NaN and signed zeros are
NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import inf
from typing import Any

import numpy as np

from adglot.ir import Node, Type
from adglot_server.executors.compiled.functions import FUNCTIONS
from adglot_server.executors.compiled.lanes import FLOATS, Lanes, call, constant

Emit = Callable[..., Lanes]
DTypes = tuple[np.dtype[Any], ...]

ELEMENTS = {"float64": "double", "float32": "float", "int64": "i64", "int32": "i32", "bool": "i1"}
"""What a dtype is in registers; bools are bytes in memory."""

_BY_DTYPE = {np.dtype(name): element for name, element in ELEMENTS.items()}
# NumPy works out the name of a dtype anew each time, which takes microseconds.


def element(dtype: np.dtype[Any]) -> str:
    return _BY_DTYPE[dtype]


def has_element(dtype: np.dtype[Any]) -> bool:
    """Whether numbers of this dtype are compiled."""
    return dtype in _BY_DTYPE


def convert(x: Lanes, target: str) -> Lanes:
    """The same numbers as another element; never from a float to an integer."""
    source = x.element
    if source == target:
        return x
    if target == "i1":
        return x.compare("ne", 0)
    if source in FLOATS:
        return x.cast("fpext" if target == "double" else "fptrunc", target)
    if target in FLOATS:
        return x.cast("uitofp" if source == "i1" else "sitofp", target)
    if source == "i1":
        return x.cast("zext", target)
    return x.cast("sext" if target == "i64" else "trunc", target)


def in_double(name: str) -> Emit:
    """A function of the table; float32 goes through float64 and is rounded once."""

    def emit(*operands: Lanes) -> Lanes:
        result = call(name, FUNCTIONS[name], *(convert(x, "double") for x in operands))
        return convert(result, operands[0].element)

    return emit


def greatest(x: Lanes, y: Lanes) -> Lanes:
    """The first where it is greater or NaN, as NumPy's loop has it."""
    return _extreme(x, y, "ge")


def least(x: Lanes, y: Lanes) -> Lanes:
    return _extreme(x, y, "le")


def _extreme(x: Lanes, y: Lanes, relation: str) -> Lanes:
    first = x.compare(relation, y)
    return (first | x.is_nan() if x.element in FLOATS else first).choose(x, y)


def add(x: Lanes, y: Lanes) -> Lanes:
    return x | y if x.element == "i1" else x + y


def multiply(x: Lanes, y: Lanes) -> Lanes:
    return x & y if x.element == "i1" else x * y


def _absolute(x: Lanes) -> Lanes:
    if x.element in FLOATS:
        return x.abs()
    return x if x.element == "i1" else (x < 0).choose(-x, x)


def _sign(x: Lanes) -> Lanes:
    ends = (x > 0).choose(x.constant(1), (x < 0).choose(x.constant(-1), 0))
    return x.is_nan().choose(x, ends) if x.element in FLOATS else ends


def _power(x: Lanes, y: Lanes) -> Lanes:
    if y.name == y.constant(2.0).name:
        return x * x
    return in_double("pow")(x, y)


def _expit(x: Lanes) -> Lanes:
    """1/(1 + e^-x), by e^-|x|: nothing overflows, and the tail keeps its digits."""
    small = in_double("exp")(-x.abs())
    return (x < 0).choose(small, x.constant(1.0)) / (small + 1.0)


def _rounding(name: str) -> Emit:
    return lambda x: x.intrinsic(name) if x.element in FLOATS else x


def _truth(operation: str) -> Emit:
    return lambda x, y: getattr(convert(x, "i1"), operation)(convert(y, "i1"))


def _comparison(relation: str) -> Emit:
    return lambda x, y: x.compare(relation, y)


ELEMENTWISE: dict[str, Emit] = {
    "add": add,
    "subtract": lambda x, y: x - y,
    "multiply": multiply,
    "divide": lambda x, y: x / y,
    "negative": lambda x: -x,
    "abs": _absolute,
    "sign": _sign,
    "sqrt": lambda x: x.intrinsic("sqrt"),
    "floor": _rounding("floor"),
    "ceil": _rounding("ceil"),
    "trunc": _rounding("trunc"),
    "round": _rounding("rint"),
    "isfinite": lambda x: x.abs().compare("lt", inf),
    "equal": _comparison("eq"),
    "not_equal": _comparison("ne"),
    "less": _comparison("lt"),
    "less_equal": _comparison("le"),
    "greater": _comparison("gt"),
    "greater_equal": _comparison("ge"),
    "logical_and": _truth("__and__"),
    "logical_or": _truth("__or__"),
    "logical_xor": _truth("__xor__"),
    "logical_not": lambda x: ~convert(x, "i1"),
    "where": lambda c, x, y: c.choose(x, y),
    "maximum": greatest,
    "minimum": least,
    "conj": lambda x: x,
    "real": lambda x: x,
    "convert_element_type": lambda x: x,
    "pow": _power,
    "special.expit": _expit,
    **{name: in_double(name) for name in FUNCTIONS if name != "pow"},
}

COSTLY = {*FUNCTIONS, "special.expit"}
"""Those that are never computed twice to save a store."""

_COMPARISONS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
_FLOAT_ONLY = {*FUNCTIONS, "sqrt", "divide", "special.expit", "isfinite"}
_OF_TRUTHS = {"logical_and", "logical_or", "logical_xor", "logical_not"}


def operand_dtypes(node: Node, types: Sequence[Type]) -> DTypes | None:
    """In which dtype each operand is taken; None where the op is not compiled for these."""
    made = tuple([t.dtype for t in node.outputs])
    return _operand_dtypes(node.op, tuple([t.dtype for t in types]), made)


@cache
def _operand_dtypes(op: str, dtypes: DTypes, made: DTypes) -> DTypes | None:
    if not all(map(has_element, (*dtypes, *made))):
        return None
    result = made[0]
    if op in _OF_TRUTHS or op == "convert_element_type":
        unsafe = result.kind == "i" and dtypes[0].kind == "f"
        return None if unsafe else (result if len(dtypes) == 1 else np.dtype(bool),) * len(dtypes)
    if op == "where":
        return dtypes[0], result, result
    common = np.result_type(*dtypes) if op in (*_COMPARISONS, "isfinite") else result
    if (common.kind != "f" and op in _FLOAT_ONLY) or not has_element(common):
        return None
    if common.kind == "b" and op in ("subtract", "negative", "sign", "round"):
        return None
    return (common,) * len(dtypes)


def number(like: Lanes, name: str, x: float) -> Lanes:
    """A constant of an element, in the width of `like`."""
    return constant(like.code, name, like.width, x)
