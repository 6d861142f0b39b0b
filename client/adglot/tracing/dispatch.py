"""From NumPy's functions and ufuncs, by their names, to ops and composites."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument, TracingError
from adglot.ops import TABLE, Op
from adglot.ops.composites import ALIASES, COMPOSITES
from adglot.tracing import array as arrays
from adglot.tracing import creation, inplace, queries, stack, views
from adglot.tracing.errors import located, refuse
from adglot.tracing.ufuncs import METHODS

Function = Callable[..., Any]

_resolved: dict[str, Function] = {}


def resolve(name: str) -> Function | None:
    """What NumPy's (or SciPy's) function of that name is here: a composite, or an op."""
    known = _resolved.get(name)
    if known is None:
        known = _lookup(name) or _lookup(f"special.{name}")
        if known is not None:
            _resolved[name] = known
    return known


def _lookup(name: str) -> Function | None:
    return COMPOSITES.get(name) or (TABLE[ALIASES[name]] if name in ALIASES else None)


def operand(x: Any) -> Any:
    """Lists and tuples as arrays, traced where there is something traced in them."""
    return arrays.asarray(x) if isinstance(x, list | tuple) else x


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """Apply NumPy's function of that name to traced arrays."""
    if name in views.VIEWS and args and isinstance(args[0], arrays.Array):
        return views.view(args[0], name, args[1:], kwargs)
    if name in ("real", "imag") and isinstance(args[0], arrays.Array):
        return views.part(args[0], name)
    return apply(name, *args, **kwargs)


def apply(name: str, *args: Any, **kwargs: Any) -> Any:
    """As `call`; the result is never the same array as an argument."""
    function = resolve(name)
    if function is None:
        return _unknown(name, args, kwargs)
    return run(function, *args, **kwargs)


def run(function: Function, *args: Any, **kwargs: Any) -> Any:
    """Call a composite; its refusals get the user's line, its result a handle of its own."""
    trace = stack.current()
    before = trace.count if trace else 0
    try:
        result = function(*args, **kwargs)
    except (TracingError, InvalidArgument) as error:
        raise located(error) from None
    return _fresh(result, before)


def _fresh(result: Any, before: int) -> Any:
    """Handles that are older than the call are copied: writing to a result leaves them alone."""
    if isinstance(result, arrays.Array):
        return result if result.index >= before else stack.owner(result).handle(result.current())
    if isinstance(result, list):
        return [_fresh(part, before) for part in result]
    if isinstance(result, tuple):
        parts = [_fresh(part, before) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return result


def _unknown(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    close = get_close_matches(name, [*COMPOSITES, *ALIASES], 1)
    hint = f"; the nearest there is: {close[0]}" if close else ""
    refuse(f"{name} cannot be traced", f"write it in terms of functions that can{hint}")


# ------------------------------------------------------------------ NumPy's two protocols


def function(function: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The answer to ``__array_function__``."""
    name = public_name(function)
    if name in queries.QUERIES:
        return queries.QUERIES[name](*args, **kwargs)
    if name in inplace.MOVES:
        return inplace.MOVES[name](*args, **kwargs)
    if name in creation.CREATION:
        return creation.CREATION[name](*args, **kwargs)
    if resolve(name) is None and not queries.varying((args, kwargs)):
        return function(*queries.plain(args), **queries.plain(kwargs))
    if name in views.VIEWS and not args:
        first, *rest = inspect.signature(function).parameters
        args, kwargs = [kwargs[first]], {key: kwargs[key] for key in rest if key in kwargs}
    if isinstance(resolve(name), Op):
        args = [operand(x) for x in args]
    return call(name, *args, **kwargs)


_names: dict[Function, str] = {}


def public_name(function: Function) -> str:
    """NumPy's public dotted name, without ``numpy.``."""
    name = _names.get(function)
    if name is None:
        module = function.__module__.partition(".")[2]
        name = f"{module}.{function.__name__}" if module else function.__name__
        _names[function] = name
    return name


def ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The answer to ``__array_ufunc__``."""
    options = dict(kwargs)
    if any(x is not None for x in options.pop("out", None) or ()):
        refuse(
            f"out= (or an in-place {ufunc.__name__} on a plain array) cannot hold traced values",
            "assign the result to a name, or fill an array that adglot.numpy made",
        )
    if method == "at":
        return inplace.at(ufunc, *inputs)
    if options.pop("where", True) is not True:
        refuse("where= leaves elements undefined", "use np.where on the results")
    for harmless in ("casting", "order", "subok"):
        options.pop(harmless, None)
    if method != "__call__":
        return METHODS[method](ufunc.__name__, *inputs, **options)
    dtype = options.pop("dtype", None)
    operands = inputs if dtype is None else [arrays.asarray(x, dtype) for x in inputs]
    return call(ufunc.__name__, *operands, **options)
