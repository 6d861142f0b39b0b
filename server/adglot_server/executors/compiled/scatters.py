"""Emit the addition of updates at known places: one after the other, as NumPy adds them."""

from __future__ import annotations

from math import prod

from adglot.ir import Node
from adglot_server.executors.compiled.elementwise import add, element
from adglot_server.executors.compiled.lanes import Code, Lanes
from adglot_server.executors.compiled.loops import (
    FULL,
    SCALAR,
    WIDTH,
    Mode,
    counted,
    element_at,
    first_lanes,
    read,
    store,
)
from adglot_server.executors.compiled.region import axis_of


def write(code: Code, node: Node, places: int, index: str, updates: str, result: str) -> None:
    """`result` holds what is added to; `index` so many numbers along the axis, none negative."""
    type, axis = node.outputs[0], axis_of(node)
    name, length = element(type.dtype), type.shape[axis]
    ahead, behind = prod(type.shape[:axis]), prod(type.shape[axis + 1 :])

    def row(k: str) -> list[Lanes]:
        given = element_at(code, name, updates, [(k, places * behind)])
        wanted = element_at(code, name, result, [(k, length * behind)])

        def place(j: str) -> list[Lanes]:
            at = read(code, "i64", element_at(code, "i64", index, [(j, 1)]), SCALAR)
            target = element_at(code, name, wanted, [(at.name, behind)])
            _added(code, name, element_at(code, name, given, [(j, behind)]), target, behind)
            return []

        counted(code, 0, places, 1, place)
        return []

    counted(code, 0, ahead, 1, row)


def _added(code: Code, name: str, source: str, target: str, count: int) -> None:
    """So many neighbouring numbers."""

    def some(start: str, mode: Mode) -> list[Lanes]:
        at = element_at(code, name, target, [(start, 1)])
        update = read(code, name, element_at(code, name, source, [(start, 1)]), mode)
        store(add(read(code, name, at, mode), update), at, mode)
        return []

    if count == 1:
        some("0", SCALAR)
        return
    whole = count // WIDTH * WIDTH
    if whole:
        counted(code, 0, whole, WIDTH, lambda start: some(start, FULL))
    if count > whole:
        some(str(whole), first_lanes(count - whole))
