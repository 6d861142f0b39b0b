"""The methods of ufuncs: `reduce`, `accumulate`, `outer`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adglot.tracing import array as arrays
from adglot.tracing import dispatch
from adglot.tracing.errors import refuse

REDUCTIONS = {
    "add": "sum",
    "logical_and": "all",
    "logical_or": "any",
    "maximum": "max",
    "minimum": "min",
    "multiply": "prod",
}
ACCUMULATIONS = {"add": "cumsum", "multiply": "cumprod"}


def _reduce(name: str, x: Any, axis: Any = 0, dtype: Any = None, **kwargs: Any) -> Any:
    if name not in REDUCTIONS:
        refuse(f"np.{name}.reduce cannot be traced", f"of ufuncs, {_known(REDUCTIONS)} can")
    if dtype is not None:
        x = arrays.asarray(x, dtype)
    return dispatch.call(REDUCTIONS[name], x, axis=axis, **kwargs)


def _accumulate(name: str, x: Any, axis: int = 0, dtype: Any = None) -> Any:
    if name not in ACCUMULATIONS:
        refuse(f"np.{name}.accumulate cannot be traced", f"of ufuncs, {_known(ACCUMULATIONS)} can")
    return dispatch.call(
        ACCUMULATIONS[name], x if dtype is None else arrays.asarray(x, dtype), axis
    )


def _outer(name: str, x1: Any, x2: Any, **kwargs: Any) -> Any:
    x1, x2 = arrays.asarray(x1), arrays.asarray(x2)
    column = x1.reshape((*x1.shape, *(1,) * x2.ndim))
    return dispatch.call(name, column, x2, **kwargs)


def _reduceat(name: str, *args: Any, **kwargs: Any) -> Any:
    refuse(f"np.{name}.reduceat cannot be traced", "sum the slices one by one")


def _known(names: dict[str, str]) -> str:
    return ", ".join(names)


METHODS: dict[str, Callable[..., Any]] = {
    "reduce": _reduce,
    "accumulate": _accumulate,
    "outer": _outer,
    "reduceat": _reduceat,
}
"""Each takes the ufunc's name, its operands and NumPy's keywords."""
