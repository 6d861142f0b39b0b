"""``x[index]`` and ``x[index] = value`` on traced arrays."""

from __future__ import annotations

from collections.abc import Iterator
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import numpy as np

from adglot.ops import Value, rules
from adglot.ops.composites.indexing import getitem as take_out
from adglot.tracing import array as arrays
from adglot.tracing import dispatch, inplace, queries, stack, views
from adglot.tracing.errors import refuse

if TYPE_CHECKING:
    from adglot.tracing.array import Array

_BASIC = (int, np.integer, slice, EllipsisType, type(None))


def getitem(array: Array, index: Any) -> Any:
    """The element, view or copy that NumPy's indexing gives."""
    index = _settle(index)
    if queries.traced(index):
        return _emit(array, index)
    if _is_element(index, array.ndim):
        return views.copied(array, lambda cells: cells[index], lambda: _emit(array, index))
    return views.of(array, lambda cells: cells[index], lambda: _emit(array, index))


def _is_element(index: Any, ndim: int) -> bool:
    """Whether the index names one element, which NumPy gives as a scalar of its own."""
    parts = index if isinstance(index, tuple) else (index,)
    return len(parts) == ndim and all(isinstance(part, int | np.integer) for part in parts)


def _emit(array: Array, index: Any) -> Any:
    return dispatch.run(take_out, array, index)


class Flat:
    """``x.flat``: the elements row by row, to be read and written."""

    def __init__(self, array: Array) -> None:
        self._array = array

    def __len__(self) -> int:
        return self._array.size

    def __iter__(self) -> Iterator[Any]:
        return iter(self._array.flatten())

    def __getitem__(self, index: Any) -> Any:
        return self._array.flatten()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        if queries.varying(index):
            refuse("x.flat needs a static index to write to", "use np.where")
        places = np.arange(self._array.size)[_settle(index)]
        self._array[np.unravel_index(places, self._array.shape)] = value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        refuse("x.flat of a traced array is no array", "use x.ravel()")


def setitem(array: Array, index: Any, value: Any) -> None:
    """Write; the array and everything that shares its memory changes."""
    index = _settle(index)
    if not queries.traced(index):
        inplace.assign(array, index, value)
    elif isinstance(index, Value) and index.dtype.kind == "b":
        inplace.choose(array, index, value)
    else:
        _write_at(array, index if isinstance(index, tuple) else (index,), value)


def _settle(index: Any) -> Any:
    """Parts of an index that no input reaches as plain arrays; lists with traced parts stacked."""
    if isinstance(index, tuple):
        return tuple(_settle(part) for part in index)
    if isinstance(index, slice):
        return index
    if isinstance(index, list) and queries.traced(index):
        index = arrays.asarray(index)
    return queries.plain(index)


def _write_at(array: Array, index: tuple[Any, ...], value: Any) -> None:
    """Write where one traced integer says: every element along its axis is chosen."""
    dynamic = [k for k, part in enumerate(index) if isinstance(part, Value)]
    rest = [part for k, part in enumerate(index) if k not in dynamic]
    if len(dynamic) != 1 or index[dynamic[0]].ndim or not all(isinstance(p, _BASIC) for p in rest):
        refuse(
            "only one traced integer, beside slices and plain integers, can say where to write",
            "use np.where, or adglot.numpy.add.at with a static index",
        )
    (place,) = dynamic
    i = index[place]
    whole = array[(*index[:place], slice(None), *index[place + 1 :])]
    axis = _axis(array.ndim, index[:place], sum(part is not None for part in rest) + 1)
    rows = dispatch.call("expand_dims", _rows(array, value, whole.shape, axis), axis)
    hit = _hit(i, whole.shape[axis], whole.ndim - axis - 1)
    inplace.assign(whole, ..., dispatch.call("where", hit, rows, whole))


def _axis(ndim: int, before: tuple[Any, ...], used: int) -> int:
    """The axis of the result that stands after these parts of an index."""
    lengths = {int: 0, np.integer: 0, EllipsisType: ndim - used + 1}
    return sum(next((n for t, n in lengths.items() if isinstance(p, t)), 1) for p in before)


def _rows(array: Array, value: Any, shape: tuple[int, ...], axis: int) -> Value:
    stored = inplace.stored(array, value)
    return rules.broadcast_to(stored, shape[:axis] + shape[axis + 1 :])


def _hit(i: Array, n: int, behind: int) -> Any:
    """Where the index points, along the first of `behind` + 1 axes; it must lie inside."""
    inside = (i >= -n) & (i < n)
    if stack.owner(i).concrete.known(inside) and not inside:
        raise IndexError(f"index is out of bounds for axis with size {n}")
    places = np.arange(n).reshape(n, *(1,) * behind)
    return dispatch.apply("equal", places, np.where(i < 0, i + n, i))
