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
    row_major: bool = False
    """Whether the array is known to lie row by row in memory."""
    born: int = 0
    """How often the root had been written when the handle was made: till then its value holds."""
    split: bool = False
    """Whether something behind this root has turned out to be a copy, and a root itself."""
    seen: int = -1
    value: Value | None = None

    def read(self, handle: Array) -> Value:
        """The value of the handle now, by a handle of its own: nobody writes to what is kept."""
        attach(handle)
        memory, cells = self.memory, self.cells
        if memory is None or cells is None:
            return handle
        if self.value is None or self.seen != memory.writes:
            self.value, self.seen = memory.load(cells), memory.writes
        return memory.trace.handle(self.value)


def attach(handle: Array, *, writing: bool = False) -> View | None:
    """Let a view find its cells; None where the value it was made with still holds.

    Where NumPy would have made a copy, a handle becomes the root of the views behind it.
    """
    if handle.sharing is None or not _is_written(root := _root(handle)):
        return None
    if handle.sharing.root is not root:
        handle.sharing.root, handle.sharing.born = root, -1
    if handle.sharing.cells is None and not writing and handle.sharing.born == _writes(root):
        return None
    chain = _unattached(handle)
    source = _base(chain, handle).sharing
    for part in reversed(chain):
        view = part.sharing
        assert view is not None
        assert view.derive is not None
        view.root = root
        if source is None or source.cells is None:
            view.born = 0
            continue
        derived = view.derive(source.cells)
        if not _certain(view.root, view.derive, source.cells, derived):
            refuse(
                "whether this reshaped array is a view or a copy hangs on the layout in memory of "
                "the array it comes from, and one of the two is written",
                "reshape a copy: x.copy().reshape(...)",
            )
        if np.may_share_memory(derived, source.cells):
            view.memory, view.cells, source = source.memory, derived, view
        else:
            assert root.sharing is not None
            root.sharing.split = True
            part.sharing, root, source = None, part, None
    return source if source is not None and source.cells is not None else None


def _root(handle: Array) -> Array:
    """The array whose memory the handle would share: it may have changed since it was made."""
    if handle.sharing is None:
        return handle
    recorded = handle.sharing.root
    if recorded.sharing is None or not recorded.sharing.split:
        return recorded
    top = _base(_unattached(handle), handle)
    return top if top.sharing is None else top.sharing.root


def _unattached(handle: Array) -> list[Array]:
    """The handle and its bases, as far as they have no cells yet."""
    chain: list[Array] = []
    while (view := handle.sharing) is not None and view.memory is None and view.base is not None:
        chain.append(handle)
        handle = view.base
    return chain


def _base(chain: list[Array], handle: Array) -> Array:
    """What the last of the chain was made from; the handle where there is none."""
    last = chain[-1].sharing if chain else None
    return handle if last is None or last.base is None else last.base


def _certain(root: Array, derive: Derive, cells: Cells, derived: Any) -> bool:
    """Whether it is known that NumPy gives a view, or a copy: `reshape` asks how the array lies."""
    if cells.ndim < 2 or _is_row_major(root):
        return True
    other = np.array(cells, order="F" if cells.flags.c_contiguous else "C")
    return _sharing(derived, cells) == _sharing(derive(other), other)


def _sharing(derived: Any, cells: Cells) -> list[bool]:
    parts = derived if isinstance(derived, list | tuple) else [derived]
    return [np.may_share_memory(part, cells) for part in parts]


def _writes(root: Array) -> int:
    return 0 if root.sharing is None or root.sharing.memory is None else root.sharing.memory.writes


def _is_row_major(root: Array) -> bool:
    known = root.sharing is not None and root.sharing.row_major
    return known or stack.owner(root).concrete.row_major(root)


def _is_written(root: Array) -> bool:
    return root.sharing is not None and root.sharing.cells is not None


def writable(handle: Array) -> View:
    """The handle's view, with cells to write to."""
    while handle.sharing is None or handle.sharing.cells is None:
        root = _root(handle)
        if not _is_written(root):
            _expect_alone(root)
            memory = Memory(stack.owner(root), root.dtype)
            known = _is_row_major(root)
            root.sharing = View(root, memory=memory, cells=memory.store(root), row_major=known)
        attach(handle, writing=True)
    return handle.sharing


def _expect_alone(root: Array) -> None:
    """Refuse to write to an argument whose array shares memory with another argument's."""
    sources = stack.owner(root).sources
    mine = sources.get(root.index)
    others = (array for index, array in sources.items() if index != root.index)
    if mine is not None and any(np.may_share_memory(mine, array) for array in others):
        refuse(
            "an argument is written that shares memory with another argument",
            "pass copies, or write to a copy",
        )


def expect_inside(handle: Array) -> None:
    """Refuse to write to an array of an outer trace: the body may run any number of times."""
    trace = stack.owner(handle)
    if trace.active() is not trace:
        refuse(
            "the body of a control-flow function writes to an array from outside",
            "return the new value, and write it outside",
        )


def write(handle: Array, index: Any, value: Value) -> None:
    """``handle[index] = value`` for a static index."""
    view = writable(handle)
    memory, cells = view.memory, view.cells
    assert memory is not None
    assert cells is not None
    cells[index] = memory.store(rules.convert(value, memory.dtype))
    memory.writes += 1


def fillable(memory: Memory, cells: Cells, root: Array | None = None) -> Array:
    """A handle on cells: what is never read is never emitted. Without a root it is one."""
    handle = memory.trace.handle(None, Type(memory.dtype, cells.shape))
    handle.sharing = View(
        handle if root is None else root, memory=memory, cells=cells, row_major=root is None
    )
    return handle


def view(array: Array, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """NumPy's function of that name, whose result may share the array's memory."""
    function: Any = np
    for part in name.split("."):
        function = getattr(function, part, None) or _LATER[part]

    def derive(cells: Cells) -> Any:
        return function(cells, *args, **kwargs)

    return of(array, derive, lambda: dispatch.apply(name, array, *args, **kwargs))


_LATER = {"unstack": lambda cells, *, axis=0: tuple(np.moveaxis(cells, axis, 0))}
"""What NumPy 2.0 lacks."""


def of(array: Array, derive: Derive, emit: Callable[[], Any]) -> Any:
    """A view, or views: by cells if the array has been written, else by emitting nodes."""
    if array.ndim == 0 and array.sharing is None:
        return emit()  # A scalar, in NumPy: it has no memory to share.
    source = attach(array)
    if source is not None and source.cells is not None:
        derived = derive(source.cells)
        if _certain(source.root, derive, source.cells, derived):
            return _by_cells(source, derived)
    result = emit()
    if isinstance(result, list | tuple):
        for k, part in enumerate(result):
            _remember(part, array, _nth(derive, k))
    else:
        _remember(result, array, derive)
    return result


def copied(array: Array, derive: Derive, emit: Callable[[], Any]) -> Any:
    """Elements that do not share the array's memory."""
    if (source := attach(array)) is None or source.memory is None or source.cells is None:
        return emit()
    return source.memory.trace.handle(source.memory.load(np.asarray(derive(source.cells))))


def _nth(derive: Derive, k: int) -> Derive:
    return lambda cells: derive(cells)[k]


def _by_cells(source: View, derived: Any) -> Any:
    if isinstance(derived, list | tuple):
        return type(derived)(_by_cells(source, part) for part in derived)
    assert source.memory is not None
    assert source.cells is not None
    if np.may_share_memory(derived, source.cells):
        return fillable(source.memory, derived, source.root)
    return source.memory.trace.handle(source.memory.load(np.asarray(derived)))


def _remember(result: Array, base: Array, derive: Derive) -> None:
    root = base if base.sharing is None else base.sharing.root
    result.sharing = View(root, base, derive, born=_writes(root))


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
