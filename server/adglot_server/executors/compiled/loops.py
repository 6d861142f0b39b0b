"""Emit loops, and the loads and stores of lanes in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

from adglot_server.executors.compiled.lanes import (
    Code,
    Lanes,
    from_memory,
    in_memory,
    suffix,
    to_memory,
    typed,
)

WIDTH = 8
"""Lanes of a vector."""


@dataclass(frozen=True, slots=True)
class Mode:
    """How the innermost loop runs: how many lanes, and which of them count (None: all)."""

    width: int
    mask: str | None = None

    @property
    def lanes(self) -> int:
        """How many count."""
        return self.width if self.mask is None else self.mask.count("true")


SCALAR, FULL = Mode(1), Mode(WIDTH)


def first_lanes(count: int) -> Mode:
    """A vector of which so many lanes count."""
    if count == WIDTH:
        return FULL
    flags = ", ".join(f"i1 {'true' if k < count else 'false'}" for k in range(WIDTH))
    return Mode(WIDTH, f"<{flags}>")


def counted(
    code: Code,
    first: int,
    stop: int | str,
    step: int,
    body: Callable[[str], Sequence[Lanes]],
    carried: Sequence[Lanes] = (),
    enter: Callable[[list[Lanes]], None] | None = None,
) -> list[Lanes]:
    """A loop of one turn at least; `enter` is told the carried values, `body` returns the next."""
    carried = list(carried)  # `enter` may change the caller's
    before, top, after = code.fresh("before"), code.fresh("top"), code.fresh("after")
    code.block(before)
    code.block(top)
    place = len(code.lines)
    index = f"%{code.fresh('i')}"
    inside = [Lanes(code, x.element, x.width, f"%{code.fresh('carried')}") for x in carried]
    if enter:
        enter(list(inside))
    following = list(body(index))
    back = code.fresh("back")
    code.block(back)
    code.emit(f"{index}.next = add i64 {index}, {step}")
    more = code.define(f"icmp slt i64 {index}.next, {stop}")
    code.emit(f"br i1 {more}, label %{top}, label %{after}")
    code.emit(f"{after}:")
    phis = [f"{index} = phi i64 [{first}, %{before}], [{index}.next, %{back}]"]
    for x, start, end in zip(inside, carried, following, strict=True):
        phis.append(f"{x.name} = phi {x.type} [{start.name}, %{before}], [{end.name}, %{back}]")
    code.lines[place:place] = phis
    return following


def in_parts(
    code: Code,
    length: int,
    step: int,
    body: Callable[[int], Callable[[str], Sequence[Lanes]]],
    first: int = 0,
) -> None:
    """A loop of whole steps, and what is left; `body` is told how much, then where."""
    whole = first + (length - first) // step * step
    if whole > first:
        counted(code, first, whole, step, body(step))
    if length > whole:
        body(length - whole)(str(whole))


def covering(
    code: Code, first: int, stop: int, step: int, body: Callable[[str], Sequence[Lanes]]
) -> None:
    """A loop of whole steps of which the last may do some of the one before it again.

    So the code of a rest, which is as long as that of a step, is not needed.
    """
    last = stop - step

    def turn(index: str) -> Sequence[Lanes]:
        inside = code.define(f"icmp slt i64 {index}, {last}")
        return body(code.define(f"select i1 {inside}, i64 {index}, i64 {last}"))

    counted(code, first, stop, step, turn if (stop - first) % step else body)


def stacked(
    code: Code,
    name: str,
    axes: Sequence[tuple[int, Sequence[int]]],
    at: Sequence[str],
    body: Callable[..., None],
) -> None:
    """Loops over axes, each a length and the strides of all addresses; `body` is told addresses."""
    if not axes:
        body(*at)
        return
    (length, strides), *rest = axes

    def turn(i: str) -> list[Lanes]:
        pairs = zip(at, strides, strict=True)
        moved = [element_at(code, name, x, [(i, step)] if step else []) for x, step in pairs]
        stacked(code, name, rest, moved, body)
        return []

    counted(code, 0, length, 1, turn)


def element_at(
    code: Code, element: str, base: str, strides: Sequence[tuple[str, int]], offset: int = 0
) -> str:
    """The address so many elements behind another: the sum of index * stride, and an offset."""
    kind, moving = in_memory(element), list[str]()
    for index, stride in strides:
        if not index.startswith("%"):
            offset += int(index) * stride
        elif stride:
            moving.append(index if stride == 1 else code.reuse(f"mul i64 {index}, {stride}"))
    if moving:
        at = reduce(lambda x, y: code.reuse(f"add i64 {x}, {y}"), moving)
        base = code.reuse(f"getelementptr {kind}, ptr {base}, i64 {at}")
    return code.reuse(f"getelementptr {kind}, ptr {base}, i64 {offset}") if offset else base


def read(code: Code, name: str, pointer: str, mode: Mode) -> Lanes:
    """Neighbouring elements; 0 in lanes that do not count."""
    kind = in_memory(name)
    vector = typed(kind, mode.width)
    if mode.mask is None:
        x = code.value(kind, mode.width, f"load {vector}, ptr {pointer}, align 1")
    else:
        intrinsic = f"llvm.masked.load.{suffix(kind, WIDTH)}.p0"
        flags = typed("i1", WIDTH)
        code.module.declare(intrinsic, vector, ["ptr", "i32", flags, vector])
        call = f"call {vector} @{intrinsic}(ptr {pointer}, i32 1, {flags} {mode.mask}, "
        x = code.value(kind, WIDTH, f"{call}{vector} zeroinitializer)")
    return from_memory(x, name)


def gather(code: Code, name: str, pointer: str, offsets: str, mode: Mode) -> Lanes:
    """Elements so many behind an address, a number a lane; 0 in lanes that do not count."""
    kind, flags = in_memory(name), typed("i1", WIDTH)
    vector, pointers = typed(kind, WIDTH), typed("ptr", WIDTH)
    at = code.define(f"getelementptr {kind}, ptr {pointer}, <{WIDTH} x i64> {offsets}")
    intrinsic = f"llvm.masked.gather.{suffix(kind, WIDTH)}.v{WIDTH}p0"
    code.module.declare(intrinsic, vector, [pointers, "i32", flags, vector])
    mask = mode.mask or "splat (i1 true)"
    call = f"call {vector} @{intrinsic}({pointers} {at}, i32 1, {flags} {mask}, "
    x = code.value(kind, WIDTH, f"{call}{vector} zeroinitializer)")
    return from_memory(x, name)


def store(x: Lanes, pointer: str, mode: Mode) -> None:
    """The opposite; lanes that do not count are left alone."""
    y, code = to_memory(x), x.code
    if mode.mask is None:
        code.emit(f"store {y.type} {y.name}, ptr {pointer}, align 1")
        return
    intrinsic = f"llvm.masked.store.{suffix(y.element, WIDTH)}.p0"
    flags = typed("i1", WIDTH)
    code.module.declare(intrinsic, "void", [y.type, "ptr", "i32", flags])
    code.emit(
        f"call void @{intrinsic}({y.type} {y.name}, ptr {pointer}, i32 1, {flags} {mode.mask})"
    )


def fetch(code: Code, pointer: str) -> None:
    """Have memory brought into a cache; nothing is wrong where there is none."""
    code.module.declare("llvm.prefetch.p0", "void", ["ptr", "i32", "i32", "i32"])
    code.emit(f"call void @llvm.prefetch.p0(ptr {pointer}, i32 0, i32 3, i32 1)")
