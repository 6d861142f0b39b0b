"""What NumPy code may ask of a traced array without a node: its type, or numbers that are fixed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adglot.ops import Value
from adglot.tracing import stack
from adglot.tracing.errors import error

NESTED = (list, tuple)


def traced(x: Any) -> bool:
    """Whether there is a traced array in nested lists, tuples and dicts."""
    if isinstance(x, Value):
        return True
    if isinstance(x, dict):
        return any(traced(part) for part in x.values())
    return any(traced(part) for part in x) if isinstance(x, NESTED) else False


def varying(x: Any) -> bool:
    """Whether a traced array in nested lists, tuples and dicts depends on an input."""
    if isinstance(x, Value):
        return fixed(x) is None
    if isinstance(x, dict):
        return any(varying(part) for part in x.values())
    return any(varying(part) for part in x) if isinstance(x, NESTED) else False


def fixed(x: Value) -> np.ndarray[Any, Any] | None:
    """The numbers of a traced array that no input reaches; None where one does."""
    trace = stack.owner(x)
    value = x.current()
    return None if trace.concrete.varies(value) else trace.concrete.numbers(value)


def plain(x: Any) -> Any:
    """The same with traced arrays that no input reaches as the NumPy arrays they are."""
    if isinstance(x, Value):
        numbers = fixed(x)
        return x if numbers is None else numbers
    if isinstance(x, dict):
        return {key: plain(part) for key, part in x.items()}
    return type(x)(plain(part) for part in x) if isinstance(x, NESTED) else x


def _of_type(function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function on arrays of the same types, which hold no memory."""

    def answer(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_stand_in, args), **{k: _stand_in(v) for k, v in kwargs.items()})

    return answer


def _stand_in(x: Any) -> Any:
    if isinstance(x, NESTED):
        return type(x)(_stand_in(part) for part in x)
    return np.broadcast_to(np.zeros((), x.dtype), x.shape) if isinstance(x, Value) else x


def _shares_memory(a: Any, b: Any, *args: Any) -> bool:
    raise error("whether traced arrays share memory is not known", "do not ask")


QUERIES: dict[str, Callable[..., Any]] = {
    "array2string": lambda a, *args, **kwargs: repr(a),
    "array_repr": lambda a, *args, **kwargs: repr(a),
    "array_str": lambda a, *args, **kwargs: str(a),
    "iscomplexobj": lambda x: x.dtype.kind == "c",
    "isrealobj": lambda x: x.dtype.kind != "c",
    "may_share_memory": _shares_memory,
    "can_cast": _of_type(np.can_cast),
    "common_type": _of_type(np.common_type),
    "ndim": lambda a: a.ndim,
    "result_type": _of_type(np.result_type),
    "shape": lambda a: a.shape,
    "shares_memory": _shares_memory,
    "size": _of_type(np.size),
}
"""NumPy's functions whose answer hangs on types alone."""
