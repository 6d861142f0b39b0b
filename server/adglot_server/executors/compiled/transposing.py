"""Emit functions that bring eight points from memory to a vector an element, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adglot_server.executors.compiled.lanes import (
    Code,
    Lanes,
    Module,
    in_memory,
    spread,
    to_memory,
    typed,
)

WIDTH = 8
"""Points of a tile."""

SLOT = 64
"""Bytes of a vector of the widest elements: places in a scratch are so far apart."""

BYTES = {"double": 8, "i64": 8, "float": 4, "i32": 4, "i8": 1}

HEAD = "ptr noalias %slots, ptr noalias %rows, i64 %length, i64 %groups"


NARROW = 5
"""Elements of rows of which a tile is read and written as one piece: that takes fewer shuffles."""


def gather(module: Module, element: str, width: int, whole: bool = False) -> str:
    """The function that fills slots from rows of points; see `_looped` for what it takes."""
    write = _gather_whole if whole and width <= NARROW else _gather
    return _looped(module, write, in_memory(element), width)


def scatter(module: Module, element: str, width: int, whole: bool = False) -> str:
    """The opposite."""
    write = _scatter_whole if whole and width <= NARROW else _scatter
    return _looped(module, write, in_memory(element), width)


def _looped(module: Module, write: Callable[[Code, str, int], None], kind: str, width: int) -> str:
    """A function, written once; returns its name.

    It takes slots, the first of eight rows, how many elements a row has, and how many groups of
    `width` neighbouring elements to bring over. `whole` rows have no others.
    """
    name = f"adglot.{write.__name__}.{kind}.{width}"
    if name not in module.parts:
        code = Code(module)
        code.emit("br label %top\ntop:\n%group = phi i64 [0, %entry], [%next, %top]")
        code.emit(f"%place = mul i64 %group, {WIDTH}")
        code.emit(f"%slot = getelementptr [{SLOT} x i8], ptr %slots, i64 %place")
        code.emit(f"%row = getelementptr {kind}, ptr %rows, i64 %place")
        write(code, kind, width)
        code.emit("%next = add i64 %group, 1\n%more = icmp slt i64 %next, %groups")
        code.emit("br i1 %more, label %top, label %end\nend:\nret void")
        body = "\n".join(code.lines)
        head = f"define internal void @{name}({HEAD}) alwaysinline nounwind"
        module.parts[name] = f"{head} {{\nentry:\n{body}\n}}"
    return name


def _gather(code: Code, kind: str, width: int) -> None:
    rows = []
    for point in range(WIDTH):
        load = f"load {typed(kind, width)}, ptr {_row(code, kind, point)}, align {BYTES[kind]}"
        rows.append(_resized(code.value(kind, width, load), WIDTH))
    for k, x in enumerate(_transposed(rows)[:width]):
        store(x, _slot(code, k))


def _scatter(code: Code, kind: str, width: int) -> None:
    slots = _slots(code, kind, width)
    slots += slots[:1] * (WIDTH - width)
    for point, x in enumerate(_transposed(slots)):
        store(_resized(x, width), _row(code, kind, point), BYTES[kind])


def _gather_whole(code: Code, kind: str, width: int) -> None:
    """Of a tile of whole rows: element k of point p is number p * width + k."""
    vector = typed(kind, WIDTH)
    rows = [
        code.value(kind, WIDTH, f"load {vector}, ptr {_part(code, kind, k)}, align {BYTES[kind]}")
        for k in range(width)
    ]
    for k in range(width):
        store(_picked(rows, [p * width + k for p in range(WIDTH)]), _slot(code, k))


def _scatter_whole(code: Code, kind: str, width: int) -> None:
    slots = _slots(code, kind, width)
    for part in range(width):
        numbers = range(part * WIDTH, (part + 1) * WIDTH)
        x = _picked(slots, [n % width * WIDTH + n // width for n in numbers])
        store(x, _part(code, kind, part), BYTES[kind])


def _slots(code: Code, kind: str, width: int) -> list[Lanes]:
    """The vectors of a tile, one an element of the rows."""
    load = f"load {typed(kind, WIDTH)}, ptr {{}}, align {SLOT}"
    return [code.value(kind, WIDTH, load.format(_slot(code, k))) for k in range(width)]


def _picked(vectors: Sequence[Lanes], numbers: Sequence[int]) -> Lanes:
    """Lanes of several vectors, by their numbers when these stand one behind the other."""
    used = sorted({n // WIDTH for n in numbers})
    made = vectors[used[0]]
    for turn, k in enumerate(used[1:] or used):
        lanes = []
        for lane, n in enumerate(numbers):
            before = n % WIDTH if turn == 0 else lane
            source = n // WIDTH
            there = n % WIDTH + WIDTH if source == k else before if source < k else None
            lanes.append("i32 poison" if there is None else f"i32 {there}")
        made = _shuffled(made, vectors[k], lanes)
    return made


def _part(code: Code, kind: str, part: int) -> str:
    return code.define(f"getelementptr {kind}, ptr %row, i64 {part * WIDTH}")


def _row(code: Code, kind: str, point: int) -> str:
    start = code.define(f"mul i64 %length, {point}")
    return code.define(f"getelementptr {kind}, ptr %row, i64 {start}")


def _slot(code: Code, k: int) -> str:
    return code.define(f"getelementptr [{SLOT} x i8], ptr %slot, i64 {k}")


def store(x: Lanes, pointer: str, align: int = SLOT) -> None:
    """Emit that a vector is written."""
    y = to_memory(x)
    x.code.emit(f"store {y.type} {y.name}, ptr {pointer}, align {align}")


def _resized(x: Lanes, width: int) -> Lanes:
    """The first lanes, or more of which nobody knows what they hold."""
    if x.width == width:
        return x
    if x.width == 1:
        return spread(x, width)
    if width == 1:
        return x.code.value(x.element, 1, f"extractelement {x.type} {x.name}, i32 0")
    lanes = [f"i32 {k}" if k < x.width else "i32 poison" for k in range(width)]
    return _shuffled(x, x, lanes)


def _shuffled(x: Lanes, y: Lanes, lanes: Sequence[str]) -> Lanes:
    mask = f"<{len(lanes)} x i32> <{', '.join(lanes)}>"
    shuffle = f"shufflevector {x.type} {x.name}, {y.type} {y.name}, {mask}"
    return x.code.value(x.element, len(lanes), shuffle)


def _transposed(rows: list[Lanes]) -> list[Lanes]:
    """Rows and columns exchanged, in blocks of 1, 2 and 4."""
    for step in (1, 2, 4):
        low = [f"i32 {k - step + WIDTH if k & step else k}" for k in range(WIDTH)]
        high = [f"i32 {k + WIDTH if k & step else k + step}" for k in range(WIDTH)]
        exchanged = list(rows)
        for i in (k for k in range(WIDTH) if not k & step):
            exchanged[i] = _shuffled(rows[i], rows[i + step], low)
            exchanged[i + step] = _shuffled(rows[i], rows[i + step], high)
        rows = exchanged
    return rows
