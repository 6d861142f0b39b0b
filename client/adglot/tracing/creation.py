"""New arrays inside a trace, which traced values can be written to: zeros, ones, full, empty."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot.ir.types import supported_dtype
from adglot.ops import Value, rules
from adglot.tracing import array as arrays
from adglot.tracing import stack
from adglot.tracing.memory import Memory
from adglot.tracing.views import fillable

Shape = int | Sequence[int]


def filled(shape: Shape, value: Any, dtype: Any = None) -> Any:
    """An array of one value (or of a value broadcast) in the innermost trace."""
    trace = stack.current()
    assert trace is not None
    kind = supported_dtype(_dtype(value) if dtype is None else dtype)
    memory = Memory(trace, kind)
    (source,) = trace.lift([value if isinstance(value, Value) else np.asarray(value, kind)])
    cells = memory.store(rules.convert(source, kind))
    return fillable(memory, np.array(np.broadcast_to(cells, _lengths(shape))))


def own(array: np.ndarray[Any, Any]) -> Any:
    """A plain array as one that traced values can be written to."""
    return filled(array.shape, array, array.dtype)


def _dtype(value: Any) -> Any:
    return value.dtype if isinstance(value, Value) else np.asarray(value).dtype


def _lengths(shape: Shape) -> tuple[int, ...]:
    if isinstance(shape, list | tuple | np.ndarray):
        return tuple(map(operator.index, shape))
    return (operator.index(shape),)  # type: ignore[arg-type]


# ------------------------------------------------------------------ NumPy's signatures
#
# How an array lies in memory (`order`, `subok`, `device`) changes no value, and no graph tells it.


def zeros(
    shape: Shape, dtype: Any = float, order: str = "C", *, device: Any = None, like: Any = None
) -> Any:
    return filled(shape, 0, dtype)


def ones(
    shape: Shape, dtype: Any = float, order: str = "C", *, device: Any = None, like: Any = None
) -> Any:
    return filled(shape, 1, dtype)


def full(
    shape: Shape,
    fill_value: Any,
    dtype: Any = None,
    order: str = "C",
    *,
    device: Any = None,
    like: Any = None,
) -> Any:
    return filled(shape, arrays.asarray(fill_value), dtype)


def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    a = arrays.asarray(a)
    return full(a.shape if shape is None else shape, fill_value, dtype or a.dtype)


def _like(value: Any) -> Callable[..., Any]:
    def create(
        a: Any,
        dtype: Any = None,
        order: str = "K",
        subok: bool = True,
        shape: Any = None,
        *,
        device: Any = None,
    ) -> Any:
        return full_like(a, value, dtype, shape=shape)

    return create


CREATION: dict[str, Callable[..., Any]] = {
    "copy": lambda a, *args, **kwargs: arrays.array(a),
    "empty": zeros,
    "empty_like": _like(0),
    "full": full,
    "full_like": full_like,
    "ones": ones,
    "ones_like": _like(1),
    "zeros": zeros,
    "zeros_like": _like(0),
    "array": lambda a, dtype=None, **layout: arrays.array(a, dtype),
    "asarray": lambda a, dtype=None, **layout: arrays.asarray(a, dtype),
    "astype": lambda x, dtype, /, *, copy=True, **device: arrays.convert(x, dtype, copy=copy),
}
"""By NumPy's names. What `empty` leaves undefined is zero here."""
