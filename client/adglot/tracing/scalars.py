"""Where Python asks for the number behind a traced value: guards, or a refusal that helps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from adglot.ops import TABLE, rules
from adglot.tracing import queries, stack
from adglot.tracing.errors import error
from adglot.tracing.location import source

if TYPE_CHECKING:
    from adglot.tracing.array import Array

BRANCH = "choose with np.where or adglot.cond, loop with adglot.while_loop"


def truth(x: Array) -> bool:
    """``bool(x)``: the branch that the point takes, recorded as a guard."""
    if x.size != 1:
        raise ValueError(
            "The truth value of an array with more than one element is ambiguous. "
            "Use a.any() or a.all()"
        )
    value = x if x.dtype.kind == "b" else TABLE["not_equal"](x, 0)
    return bool(stack.owner(x).decide(value.current(), bool, BRANCH))


def integer(x: Array) -> int:
    """``int(x)``: the number at the point, recorded as a guard; floats are cut as Python does."""
    if x.size != 1:
        raise TypeError("only length-1 arrays can be converted to Python scalars")
    if x.dtype.kind == "c":
        raise TypeError("int() argument must be a real number, not complex")
    value = TABLE["trunc"](x) if x.dtype.kind == "f" else x
    value = rules.convert(value.current(), np.dtype("int64"))
    return int(stack.owner(x).decide(value, int, "use a static number"))


def index(x: Array) -> int:
    """``x`` where Python wants an integer, such as ``range(x)``."""
    if x.ndim or x.dtype.kind != "i":
        raise TypeError("only integer scalar arrays can be converted to a scalar index")
    return integer(x)


def number(x: Array, kind: type[Any]) -> Any:
    """``float(x)`` or ``complex(x)``: only of a value that no input reaches."""
    known = queries.fixed(x)
    if known is None:
        raise error(f"{kind.__name__}() of a traced value would lose the trace", _way_out(kind))
    return kind(known)


def item(x: Array, args: tuple[Any, ...]) -> Any:
    """``x.item()``: as Python's own conversion."""
    return _plain(x, "item()").item(*args)


def tolist(x: Array) -> Any:
    """``x.tolist()``: as Python's own conversion."""
    return _plain(x, "tolist()").tolist()


def _plain(x: Array, what: str) -> np.ndarray[Any, Any]:
    known = queries.fixed(x)
    if known is None:
        raise error(
            f"{what} of a traced value would lose the trace",
            "index the array, x[i] is traced; leave a scalar as it is",
        )
    return known


def array(x: Array, dtype: Any) -> np.ndarray[Any, Any]:
    """``x.__array__()``: only of a value that no input reaches."""
    known = queries.fixed(x)
    if known is None:
        raise error(
            "NumPy asks for the numbers behind a traced value, a plain array cannot hold the trace",
            "call np.asarray(x) where asarray(x) stands, leave out conversions like np.float64(x), "
            "and make arrays that are filled with adglot.numpy (zeros, array)",
        )
    return known if dtype is None else known.astype(dtype)


def _way_out(kind: type[Any]) -> str:
    line = source()
    call = re.search(r"\bc?math\.(\w+)", line)
    if call:
        return f"{call[0]} sees only plain numbers, use np.{call[1]}"
    if re.search(r"\]\s*[-+*/%@&|^]{0,2}=(?!=)", line):
        return "a plain array cannot hold traced values, make it with adglot.numpy (zeros, array)"
    return f"leave {kind.__name__}() out"
