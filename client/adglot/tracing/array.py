"""The array that a traced function sees: a graph's value that behaves like an ndarray."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np

from adglot.ir import Type
from adglot.ir.types import supported_dtype
from adglot.ops import Builder, Value, rules
from adglot.ops.composites.support import lift_one
from adglot.tracing import dispatch, indexing, inplace, queries, scalars, stack, views
from adglot.tracing.errors import missing, refuse

_REFUSED = (str, bytes, type(None), dict, set)
"""Operands that NumPy would make object arrays of: Python's own answer is better."""


def _binary(name: str) -> Callable[[Array, Any], Any]:
    def method(self: Array, other: Any) -> Any:
        if type(other) in _REFUSED:
            return NotImplemented
        return dispatch.call(name, self, dispatch.operand(other))

    return method


def _reflected(name: str) -> Callable[[Array, Any], Any]:
    def method(self: Array, other: Any) -> Any:
        if type(other) in _REFUSED:
            return NotImplemented
        return dispatch.call(name, dispatch.operand(other), self)

    return method


def _in_place(name: str) -> Callable[[Array, Any], Any]:
    def method(self: Array, other: Any) -> Any:
        return inplace.update(self, dispatch.call(name, self, dispatch.operand(other)), name)

    return method


def _method(name: str) -> Callable[..., Any]:
    """The method that is NumPy's function of that name on the array."""

    def method(self: Array, *args: Any, **kwargs: Any) -> Any:
        return dispatch.call(name, self, *args, **kwargs)

    return method


class Array(Value):
    """A traced array: NumPy's operators, methods and functions on it emit nodes.

    It can be written in place; then `sharing` tells which values its elements have.
    """

    __slots__ = ("sharing",)
    __array_priority__ = 1000.0

    def __init__(self, builder: Builder, index: int, type: Type) -> None:
        self.builder, self.index, self.type = builder, index, type
        self.sharing: views.View | None = None

    @property
    def __class__(self) -> Any:
        """What NumPy would have here, so that `isinstance` takes the branch it takes there."""
        return np.ndarray if self.ndim or self.sharing is not None else self.dtype.type

    @__class__.setter
    def __class__(self, value: Any) -> None:
        refuse("a traced array has the class it has", "do not assign __class__")

    def current(self) -> Value:
        return self if self.sharing is None else self.sharing.read(self)

    def __repr__(self) -> str:
        return f"<traced {self.type!r}>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    # -------------------------------------------------------------- NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return dispatch.ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> Any:
        return dispatch.function(function, args, kwargs)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return import_module("adglot.numpy")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return scalars.array(self, dtype)

    # -------------------------------------------------------------- arithmetic

    __add__, __radd__, __iadd__ = _binary("add"), _reflected("add"), _in_place("add")
    __sub__, __rsub__ = _binary("subtract"), _reflected("subtract")
    __mul__, __rmul__ = _binary("multiply"), _reflected("multiply")
    __isub__, __imul__ = _in_place("subtract"), _in_place("multiply")
    __truediv__, __rtruediv__ = _binary("divide"), _reflected("divide")
    __floordiv__, __rfloordiv__ = _binary("floor_divide"), _reflected("floor_divide")
    __itruediv__, __ifloordiv__ = _in_place("divide"), _in_place("floor_divide")
    __mod__, __rmod__, __imod__ = (
        _binary("remainder"),
        _reflected("remainder"),
        _in_place("remainder"),
    )
    __divmod__, __rdivmod__ = _binary("divmod"), _reflected("divmod")
    __matmul__, __rmatmul__ = _binary("matmul"), _reflected("matmul")
    __imatmul__ = _in_place("matmul")
    __pow__, __rpow__, __ipow__ = _binary("power"), _reflected("power"), _in_place("power")
    __and__, __rand__ = _binary("bitwise_and"), _reflected("bitwise_and")
    __or__, __ror__ = _binary("bitwise_or"), _reflected("bitwise_or")
    __xor__, __rxor__ = _binary("bitwise_xor"), _reflected("bitwise_xor")
    __iand__, __ior__ = _in_place("bitwise_and"), _in_place("bitwise_or")
    __ixor__ = _in_place("bitwise_xor")
    __lshift__, __rlshift__ = _binary("left_shift"), _reflected("left_shift")
    __rshift__, __rrshift__ = _binary("right_shift"), _reflected("right_shift")
    __eq__, __ne__ = _binary("equal"), _binary("not_equal")
    __lt__, __le__ = _binary("less"), _binary("less_equal")
    __gt__, __ge__ = _binary("greater"), _binary("greater_equal")
    __neg__, __invert__ = _method("negative"), _method("invert")
    __pos__, __abs__ = _method("positive"), _method("absolute")
    __hash__ = None  # type: ignore[assignment]

    # -------------------------------------------------------------- Python's conversions

    __bool__, __int__, __index__ = scalars.truth, scalars.integer, scalars.index

    def __float__(self) -> float:
        return scalars.number(self, float)  # type: ignore[no-any-return]

    def __complex__(self) -> complex:
        return scalars.number(self, complex)  # type: ignore[no-any-return]

    def __round__(self, ndigits: int | None = None) -> Any:
        return dispatch.call("round", self, ndigits) if ndigits is not None else self._whole("rint")

    def __floor__(self) -> Any:
        return self._whole("floor")

    def __ceil__(self) -> Any:
        return self._whole("ceil")

    def __trunc__(self) -> Any:
        return self._whole("trunc")

    def _whole(self, name: str) -> Any:
        """What `math.floor` and its like make of a float: a traced integer."""
        if self.size != 1:
            raise TypeError("only length-1 arrays can be converted to Python scalars")
        return dispatch.call(name, self).astype(np.int64)

    def __reduce__(self) -> Any:
        refuse("a traced array cannot be pickled", "pickle results, after the function returned")

    def __copy__(self) -> Array:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Array:
        return self.copy()

    # -------------------------------------------------------------- a container

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    __getitem__, __setitem__ = indexing.getitem, indexing.setitem

    # -------------------------------------------------------------- ndarray's attributes

    @property
    def T(self) -> Any:  # noqa: N802
        return dispatch.call("transpose", self)

    @property
    def mT(self) -> Any:  # noqa: N802
        return dispatch.call("matrix_transpose", self)

    @property
    def real(self) -> Any:
        return views.part(self, "real")

    @property
    def imag(self) -> Any:
        return views.part(self, "imag")

    @property
    def flat(self) -> indexing.Flat:
        return indexing.Flat(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[:] = value

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.type.nbytes

    @property
    def device(self) -> str:
        return "cpu"

    def __getattr__(self, name: str) -> Any:
        """What is not here: Python asks only then."""
        raise missing(name)

    def view(self, dtype: Any = None) -> Any:
        if dtype is not None and dtype is not np.ndarray and dtype != self.dtype:
            refuse("a view of another dtype or class cannot be traced", "use x.astype(dtype)")
        return self[...]

    def to_device(self, device: str, /, *, stream: Any = None) -> Array:
        return self

    # -------------------------------------------------------------- ndarray's methods

    sum, prod, mean, std, var = map(_method, ("sum", "prod", "mean", "std", "var"))
    max, min, argmax, argmin = map(_method, ("max", "min", "argmax", "argmin"))
    cumsum, cumprod, all, any = map(_method, ("cumsum", "cumprod", "all", "any"))
    dot, clip, round, take = map(_method, ("dot", "clip", "round", "take"))
    repeat, squeeze, swapaxes = map(_method, ("repeat", "squeeze", "swapaxes"))
    diagonal, trace, argsort = map(_method, ("diagonal", "trace", "argsort"))
    searchsorted, ravel, choose = map(_method, ("searchsorted", "ravel", "choose"))
    conj, conjugate, nonzero = map(_method, ("conjugate", "conjugate", "nonzero"))
    argpartition, compress = map(_method, ("argpartition", "compress"))

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
        whole = shape[0] if len(shape) == 1 else shape
        result = dispatch.call("reshape", self, whole, order)
        return result.copy() if copy else result

    def transpose(self, *axes: Any) -> Any:
        order = axes[0] if len(axes) == 1 else axes or None
        return dispatch.call("transpose", self, order)

    def flatten(self, order: str = "C") -> Any:
        return dispatch.apply("ravel", self, order)

    def astype(self, dtype: Any, *args: Any, copy: bool = True, **kwargs: Any) -> Any:
        return convert(self, dtype, copy=copy)

    def copy(self, order: str = "C") -> Array:
        copy = stack.owner(self).handle(self.current())
        copy.sharing = views.View(copy, row_major=order == "C")
        return copy

    def item(self, *args: Any) -> Any:
        return scalars.item(self, args)

    def tolist(self) -> Any:
        return scalars.tolist(self)

    def fill(self, value: Any) -> None:
        self[...] = value

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None) -> None:
        self[...] = np.sort(self, axis)

    def put(self, indices: Any, values: Any, mode: Any = "raise") -> None:
        inplace.MOVES["put"](self, indices, values, mode)


def asarray(x: Any, dtype: Any = None) -> Any:
    """``np.asarray`` that keeps the trace: a traced array as it is, nested lists stacked."""
    if not queries.traced(x):
        return np.asarray(x, dtype)
    array = x if isinstance(x, Array) else dispatch.run(lift_one, x)
    return array if dtype is None else convert(array, dtype, copy=False)


def array(x: Any, dtype: Any = None) -> Any:
    """``np.array`` that keeps the trace: a copy."""
    y = asarray(x, dtype)
    return y.copy() if y is x else y


def convert(x: Array, dtype: Any, *, copy: bool) -> Any:
    """``x.astype(dtype)``."""
    if np.dtype(dtype) == x.dtype and not copy:
        return x
    return dispatch.run(lambda: rules.convert(x, supported_dtype(dtype)))
