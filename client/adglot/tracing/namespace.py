"""NumPy's functions for code that makes or fills arrays: inside a trace they keep the trace.

Where there is nothing traced, NumPy's own function answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from functools import wraps
from types import ModuleType
from typing import Any

import numpy as np

from adglot.ir import flatten, unflatten
from adglot.ops import Op, evaluate
from adglot.ops.composites import ALIASES, COMPOSITES
from adglot.tracing import creation, dispatch, queries, stack
from adglot.tracing.brackets import BRACKETS
from adglot.tracing.trace import trace_flat

Function = Callable[..., Any]

FILLABLE = ("empty", "full", "ones", "zeros", "empty_like", "full_like", "ones_like", "zeros_like")
COPIES = ("array", "copy", "eye", "identity", "tri")
"""These give arrays of their own, so inside a trace they can take traced values."""
AS_THEY_ARE = ("asarray", "asanyarray", "ascontiguousarray", "asfortranarray")


def of(module: ModuleType) -> Callable[[str], Any]:
    """``__getattr__`` for a module of NumPy's, its functions made to keep the trace."""
    cache: dict[str, Any] = {}

    def get(name: str) -> Any:
        if name not in cache:
            cache[name] = _member(module, name)
        return cache[name]

    return get


def _member(module: ModuleType, name: str) -> Any:
    member = None if name.startswith("_") else getattr(module, name, None)
    if member is None and module is np and name in COMPOSITES:
        return _ours(name)  # of a later NumPy than the one installed
    if member is None:
        close = get_close_matches(name, dir(module), 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise AttributeError(f"adglot.{module.__name__} has no attribute {name!r}{hint}")
    if module is np and name in BRACKETS:
        return BRACKETS[name]
    if isinstance(member, type | np.ufunc | ModuleType) or not callable(member):
        return member
    if module is np and name in (*FILLABLE, *COPIES, *AS_THEY_ARE):
        return _creating(member, name)
    return _keeping(member)


def _creating(original: Function, name: str) -> Function:
    @wraps(original)
    def create(*args: Any, **kwargs: Any) -> Any:
        if stack.current() is None:
            return original(*args, **kwargs)
        if name in FILLABLE:
            return creation.CREATION[name](*args, **kwargs)
        if queries.traced(args) or name in AS_THEY_ARE:
            return getattr(np, name)(*args, **kwargs)
        return creation.own(original(*args, **kwargs))

    return create


def _keeping(original: Function) -> Function:
    """Also where traced arrays hide in lists, in which NumPy does not look for them."""

    @wraps(original)
    def keep(*args: Any, **kwargs: Any) -> Any:
        if queries.traced((args, kwargs)):
            return dispatch.function(original, args, kwargs)
        return original(*args, **kwargs)

    return keep


# ------------------------------------------------------------------ scipy.special's functions


def special_names() -> Iterator[str]:
    """Names of the functions of `scipy.special` that can be traced."""
    known = [name for name in (*COMPOSITES, *ALIASES) if name.startswith("special.")]
    return (name.removeprefix("special.") for name in sorted(set(known)))


def special(name: str) -> Function:
    """SciPy's special function of that name, on traced arrays and plain ones, without SciPy."""
    if dispatch.resolve(f"special.{name}") is None:
        known = ", ".join(special_names())
        raise AttributeError(f"adglot.numpy.special has no attribute {name!r}; it has {known}")
    return _ours(f"special.{name}")


def _ours(path: str) -> Function:
    """Our own function of that name, on traced arrays and, by way of a graph, on plain ones."""
    function = dispatch.resolve(path)

    def call(*args: Any, **kwargs: Any) -> Any:
        if queries.traced((args, kwargs)):
            return dispatch.call(path, *args, **kwargs)
        traced = _points(args)

        def on_traced(*xs: Any) -> Any:
            every = dict(enumerate(args)) | dict(zip(traced, xs, strict=True))
            return dispatch.call(path, *every.values(), **kwargs)

        points = [args[i] for i in traced]
        graph = trace_flat(on_traced, points)
        return unflatten(graph.output_tree, [y[()] for y in evaluate(graph, flatten(points)[0])])

    call.__name__ = call.__qualname__ = path
    call.__doc__ = function.doc if isinstance(function, Op) else function.__doc__
    return call


def _points(args: Sequence[Any]) -> list[int]:
    """Which arguments to trace: arrays, else one scalar; others may be orders, which never are."""
    arrays = [i for i, x in enumerate(args) if not np.isscalar(x)]
    reals = [i for i, x in enumerate(args) if not isinstance(x, int | np.integer)]
    return arrays or (reals or list(range(len(args))))[-1:]
