"""Handles that share memory: what NumPy calls views, and what a write to one does to the others.

A view looks like any other value until it, or an array it shares memory with, is written. Only
then are its cells derived from those of its base, by the very NumPy function that made it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from adglot.ir import Type
from adglot.ops import Value, rules
from adglot.tracing import dispatch, stack
from adglot.tracing.errors import refuse
from adglot.tracing.memory import Cells, Memory

if TYPE_CHECKING:
    from adglot.tracing.array import Array

Derive = Callable[[Cells], Any]

VIEWS = frozenset(
    (
        *("array_split", "dsplit", "hsplit", "split", "unstack", "vsplit"),
        *("atleast_1d", "atleast_2d", "atleast_3d", "expand_dims", "ravel", "reshape", "squeeze"),
        *("linalg.matrix_transpose", "matrix_transpose", "moveaxis", "permute_dims", "rollaxis"),
        *("flip", "fliplr", "flipud", "rot90", "swapaxes", "transpose"),
        *("broadcast_to", "diagonal", "linalg.diagonal"),
    )
)
"""NumPy's functions that may return views of their first argument."""


@dataclass(slots=True, eq=False)
class View:
    """Where the elements of a handle are, if it is a view or has been written.

    `derive` makes its cells from those of `base`; `root` is the array where the bases end.
    """

    root: Array
    base: Array | None = None
    derive: Derive | None = None
    memory: Memory | None = None
    cells: Cells | None = None
    seen: int = -1
    value: Value | None = None

    def read(self, handle: Array) -> Value:
        """The value of the handle now."""
        attach(handle)
        memory, cells = self.memory, self.cells
        if memory is None or cells is None:
            return handle
        if self.value is None or self.seen != memory.writes:
            self.value, self.seen = memory.load(cells), memory.writes
        return self.value


def attach(handle: Array) -> View | None:
    """Let a view find its cells, if its root has been written; None if nobody wrote to it.

    Where NumPy would have made a copy, a handle becomes the root of the views behind it.
    """
    if handle.view is None or not _is_written(handle.view.root):
        return None
    chain: list[Array] = []
    root = handle
    while (view := root.view) is not None and view.memory is None and view.base is not None:
        chain.append(root)
        root = view.base
    source = root.view
    for part in reversed(chain):
        view = part.view
        assert view is not None
        assert view.derive is not None
        if source is None or source.cells is None:
            view.root = root
            continue
        derived = view.derive(source.cells)
        if np.may_share_memory(derived, source.cells):
            view.memory, view.cells, source = source.memory, derived, view
        else:
            part.view, root, source = None, part, None
    return source if source is not None and source.cells is not None else None


def _is_written(root: Array) -> bool:
    return root.view is not None and root.view.cells is not None


def writable(handle: Array) -> View:
    """The handle's view, with cells to write to."""
    while handle.view is None or handle.view.cells is None:
        root = handle if handle.view is None else handle.view.root
        if not _is_written(root):
            memory = Memory(stack.owner(root), root.dtype)
            root.view = View(root, memory=memory, cells=memory.store(root))
        attach(handle)
    return handle.view


def write(handle: Array, index: Any, value: Value) -> None:
    """``handle[index] = value`` for a static index."""
    view = writable(handle)
    memory, cells = view.memory, view.cells
    assert memory is not None
    assert cells is not None
    if memory.trace.active() is not memory.trace:
        refuse(
            "the body of a control-flow function writes to an array from outside",
            "return the new value, and write it outside",
        )
    cells[index] = memory.store(rules.convert(value, memory.dtype))
    memory.writes += 1


def fillable(memory: Memory, cells: Cells) -> Array:
    """A handle on cells: what is never read is never emitted."""
    handle = memory.trace.handle(None, Type(memory.dtype, cells.shape))
    handle.view = View(handle, memory=memory, cells=cells)
    return handle


def view(array: Array, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """NumPy's function of that name, whose result may share the array's memory."""
    function = np
    for part in name.split("."):
        function = getattr(function, part)

    def derive(cells: Cells) -> Any:
        return function(cells, *args, **kwargs)  # type: ignore[operator]

    return of(array, derive, lambda: dispatch.apply(name, array, *args, **kwargs))


def of(array: Array, derive: Derive, emit: Callable[[], Any]) -> Any:
    """A view, or views: by cells if the array has been written, else by emitting nodes."""
    if (source := attach(array)) is not None:
        assert source.memory is not None
        assert source.cells is not None
        return _by_cells(source.memory, source.cells, derive(source.cells))
    result = emit()
    if isinstance(result, list | tuple):
        for k, part in enumerate(result):
            _remember(part, array, _nth(derive, k))
    else:
        _remember(result, array, derive)
    return result


def _nth(derive: Derive, k: int) -> Derive:
    return lambda cells: derive(cells)[k]


def _by_cells(memory: Memory, cells: Cells, derived: Any) -> Any:
    if isinstance(derived, list | tuple):
        return type(derived)(_by_cells(memory, cells, part) for part in derived)
    if np.may_share_memory(derived, cells):
        return fillable(memory, derived)
    return memory.trace.handle(memory.load(np.asarray(derived)))


def _remember(result: Array, base: Array, derive: Derive) -> None:
    root = base if base.view is None else base.view.root
    result.view = View(root, base, derive)


def part(array: Array, name: str) -> Any:
    """``x.real`` or ``x.imag``. Of a complex array they cannot be kept in step with writes."""
    if array.dtype.kind != "c" and name == "real":
        return of(array, lambda cells: cells[...], lambda: dispatch.apply(name, array))
    result = dispatch.apply(name, array)
    _remember(result, array, lambda cells: _refuse_part(name))
    return result


def _refuse_part(name: str) -> Any:
    refuse(
        f"x.{name} is a view of an array that was written since, or is written itself",
        f"copy it: x.{name}.copy(), or read it again",
    )
