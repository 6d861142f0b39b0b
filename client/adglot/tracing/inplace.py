"""What writes to a traced array: item and augmented assignment, `fill`, `copyto`, `add.at`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from adglot.ops import TABLE, Value, rules
from adglot.tracing import dispatch, queries, stack, views
from adglot.tracing.errors import refuse

if TYPE_CHECKING:
    from adglot.tracing.array import Array


def update(array: Array, result: Array, name: str) -> Array:
    """``array += x``, given the sum: arrays are written, scalars get a new name.

    Raises TypeError and ValueError where NumPy does: the result must fit shape and dtype.
    """
    if array.ndim == 0 and array.sharing is None:
        return result
    if result.shape != array.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {array.shape} "
            f"doesn't match the broadcast shape {result.shape}"
        )
    if not np.can_cast(result.dtype, array.dtype, "same_kind"):
        raise TypeError(f"Cannot cast {name} output from {result.dtype!r} to {array.dtype!r}")
    views.expect_inside(array)
    views.write(array, ..., result.current())
    return array


def assign(array: Array, index: Any, value: Any) -> None:
    """``array[index] = value`` for a static index; the value is cast as NumPy casts it."""
    views.expect_inside(array)
    views.write(array, index, stored(array, value))


def stored(array: Array, value: Any) -> Value:
    """What is stored where `value` is assigned."""
    value = dispatch.operand(value)
    if not isinstance(value, Value):
        value = np.asarray(value)
        if value.dtype.kind == "c" and array.dtype.kind != "c":
            raise TypeError("complex numbers cannot be stored in a real array: use .real")
        return stack.owner(array).constant(value.astype(array.dtype))
    if value.dtype.kind == "c" and array.dtype.kind != "c":
        refuse("complex numbers cannot be stored in a real array", "use .real")
    return stack.owner(array).lift([value])[0]


def choose(array: Array, mask: Any, value: Any) -> None:
    """``array[mask] = value`` for a traced mask: every element is chosen."""
    value = stored(array, value)
    if value.ndim > array.ndim - mask.ndim:
        refuse(
            "how many elements a traced mask selects is not known",
            "assign one number, or use np.where(mask, new, old)",
        )
    lined = rules.reshape(mask, (*mask.shape, *(1,) * (array.ndim - mask.ndim)))
    assign(array, ..., dispatch.apply("where", lined, value, array))


# ------------------------------------------------------------------ NumPy's functions that write


def _traced(function: Callable[..., None]) -> Callable[..., None]:
    """Refuse to write traced values into a plain array."""

    def checked(target: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(target, Value):
            refuse("a plain array cannot hold traced values", "make it with adglot.numpy")
        function(target, *args, **kwargs)

    return checked


def _copyto(array: Array, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    src = dispatch.operand(src)
    dtype = src.dtype if isinstance(src, Value) else np.asarray(src).dtype
    if not np.can_cast(dtype, array.dtype, casting):
        raise TypeError(f"Cannot cast {dtype!r} to {array.dtype!r} according to {casting!r}")
    if where is True:
        assign(array, ..., src)
    else:
        assign(array, ..., dispatch.apply("where", where, stored(array, src), array))


def _fill_diagonal(array: Array, value: Any, wrap: bool = False) -> None:
    _by_numpy(array, value, partial(np.fill_diagonal, wrap=wrap))


def _by_numpy(array: Array, value: Any, write: Callable[[Any, Any], None]) -> None:
    """Let NumPy's own function write to a copy of the cells, then take what it wrote."""
    places = np.arange(array.size).reshape(array.shape)
    written = places.copy()
    value = stored(array, value)
    write(written, array.size + np.arange(value.size).reshape(value.shape))
    changed = written != places
    chosen = dispatch.apply("take", dispatch.apply("ravel", value), written[changed] - array.size)
    assign(array, changed, chosen)


def _put(array: Array, ind: Any, v: Any, mode: str = "raise") -> None:
    _by_numpy(array, v, lambda cells, numbers: np.put(cells, ind, numbers, mode))  # type: ignore[arg-type]


def _put_along_axis(array: Array, indices: Any, values: Any, axis: int | None = -1) -> None:
    _by_numpy(array, values, lambda cells, new: np.put_along_axis(cells, indices, new, axis))


def _place(array: Array, mask: Any, vals: Any) -> None:
    _by_numpy(array, vals, lambda cells, numbers: np.place(cells, mask, numbers))


def _putmask(array: Array, mask: Any, values: Any) -> None:
    _by_numpy(array, values, lambda cells, numbers: np.putmask(cells, mask, numbers))


MOVES: dict[str, Callable[..., None]] = {
    "copyto": _traced(_copyto),
    "fill_diagonal": _traced(_fill_diagonal),
    "place": _traced(_place),
    "put": _traced(_put),
    "put_along_axis": _traced(_put_along_axis),
    "putmask": _traced(_putmask),
}
"""NumPy's functions that write to their first argument."""


def at(ufunc: np.ufunc, array: Any, index: Any, value: Any = None) -> None:
    """``np.add.at(array, index, value)`` and ``np.subtract.at``, for a static index."""
    _traced(_at)(array, ufunc, index, value)


def _at(array: Array, ufunc: np.ufunc, index: Any, value: Any) -> None:
    if ufunc.__name__ not in ("add", "subtract") or queries.varying(index):
        refuse(f"np.{ufunc.__name__}.at cannot be traced", "only add.at, with a static index, can")
    positions = np.arange(array.size).reshape(array.shape)[queries.plain(index)]
    updates = rules.broadcast_to(stored(array, value), np.shape(positions))
    updates = rules.convert(updates if ufunc.__name__ == "add" else -updates, array.dtype)
    flat = rules.reshape(array, (array.size,))
    added = TABLE["scatter_add"](flat, updates, positions, axis=0)
    assign(array, ..., rules.reshape(added, array.shape))
