"""Bring eight points from memory to a vector an element, and back: rows and columns exchanged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adglot_server.executors.compiled.lanes import (
    Code,
    Lanes,
    Module,
    in_memory,
    literal,
    spread,
    to_memory,
    typed,
)

WIDTH = 8
"""Points of a tile."""

SLOT = 64
"""Bytes of a vector of the widest elements: places in a scratch are so far apart."""

BYTES = {"double": 8, "i64": 8, "float": 4, "i32": 4, "i8": 1}

NARROW = 5
"""Elements of rows of which a tile is read and written as one piece: that takes fewer shuffles."""


FEW = 2
"""Elements behind the eights of a row that are moved alone; more, with those before, as another."""


def groups(length: int) -> list[range]:
    """Elements of a row that are brought over together; the last may overlap those before."""
    whole, rest = divmod(length, WIDTH)
    groups = [range(k * WIDTH, (k + 1) * WIDTH) for k in range(whole)]
    if rest:
        alone = not whole or rest <= FEW
        groups.append(range(length - (rest if alone else WIDTH), length))
    return groups


# ------------------------------------------------------------------ in


def gather(code: Code, element: str, length: int, rows: str, slots: str) -> None:
    """Fill the slots of a tile from eight rows of so many elements."""
    kind = in_memory(element)
    if length <= NARROW:
        _gather_whole(code, kind, length, rows, slots)
        return
    whole, rest = divmod(length, WIDTH)
    last = groups(length)[-1]
    for group, times in ((range(WIDTH), whole), (last, rest and 1)):
        if times:
            head = "ptr noalias %slots, ptr noalias %first, i64 %length, i64 %times"
            name = _function(code.module, "gather", kind, len(group), head, _gather)
            row, slot = element_at(code, kind, rows, group.start), slot_at(code, slots, group.start)
            code.emit(f"call void @{name}(ptr {slot}, ptr {row}, i64 {length}, i64 {times})")


def _gather(code: Code, kind: str, width: int) -> None:
    """So many groups that lie one behind the other."""
    code.emit("br label %top\ntop:\n%group = phi i64 [0, %entry], [%next, %top]")
    code.emit(f"%place = mul i64 %group, {WIDTH}")
    code.emit(f"%slot = getelementptr [{SLOT} x i8], ptr %slots, i64 %place")
    code.emit(f"%rows = getelementptr {kind}, ptr %first, i64 %place")
    rows = []
    for point in range(WIDTH):
        load = f"load {typed(kind, width)}, ptr {_row(code, kind, point)}, align {BYTES[kind]}"
        rows.append(_resized(code.value(kind, width, load), WIDTH))
    for k, x in enumerate(_transposed(rows)[:width]):
        store(x, slot_at(code, "%slot", k))
    code.emit("%next = add i64 %group, 1\n%more = icmp slt i64 %next, %times")
    code.emit("br i1 %more, label %top, label %end\nend:")


def _gather_whole(code: Code, kind: str, width: int, start: str, slots: str) -> None:
    """Of a tile of whole rows: element k of point p is number p * width + k."""
    rows = []
    for k in range(width):
        part = element_at(code, kind, start, k * WIDTH)
        load = f"load {typed(kind, WIDTH)}, ptr {part}, align {BYTES[kind]}"
        rows.append(code.value(kind, WIDTH, load))
    for k in range(width):
        store(_picked(rows, [p * width + k for p in range(WIDTH)]), slot_at(code, slots, k))


# ------------------------------------------------------------------ out


def scatter(vectors: Sequence[Lanes], length: int, start: int, rows: str) -> None:
    """Write a group of elements, from number `start` on, to eight rows of so many."""
    vectors = [to_memory(x) for x in vectors]
    code, kind, width = vectors[0].code, vectors[0].element, len(vectors)
    if length == width <= NARROW:
        _scatter_whole(code, kind, vectors, rows)
        return
    head = ", ".join(f"{x.type} %x{k}" for k, x in enumerate(vectors))
    name = _function(
        code.module, "scatter", kind, width, f"{head}, ptr noalias %rows, i64 %length", _scatter
    )
    given = ", ".join(f"{x.type} {x.name}" for x in vectors)
    row = element_at(code, kind, rows, start)
    code.emit(f"call void @{name}({given}, ptr {row}, i64 {length})")


def _scatter(code: Code, kind: str, width: int) -> None:
    columns = [Lanes(code, kind, WIDTH, f"%x{k}") for k in range(width)]
    columns += columns[:1] * (WIDTH - width)
    for point, x in enumerate(_transposed(columns)):
        _write_row(_resized(x, width), kind, point)


def scatter_constants(
    code: Code, element: str, numbers: Sequence[float], length: int, start: int, rows: str
) -> None:
    """The same of numbers that hold for all points."""
    kind, width = in_memory(element), len(numbers)
    each = ", ".join(f"{kind} {literal(x, kind)}" for x in numbers)
    vector = f"{typed(kind, width)} " + (f"<{each}>" if width > 1 else literal(numbers[0], kind))
    head = f"{typed(kind, width)} %x, ptr noalias %rows, i64 %length"
    name = _function(code.module, "repeat", kind, width, head, _repeat)
    row = element_at(code, kind, rows, start)
    code.emit(f"call void @{name}({vector}, ptr {row}, i64 {length})")


def _repeat(code: Code, kind: str, width: int) -> None:
    for point in range(WIDTH):
        _write_row(Lanes(code, kind, width, "%x"), kind, point)


def _write_row(x: Lanes, kind: str, point: int) -> None:
    """Write a part of a row, and have the place fetched that the next tile writes to.

    Processors see by themselves what one row behind the other needs, and not what eight at a time
    need: without this 20 MB of Jacobians take three times as long to be written. For reading it
    was tried, too, and is no gain.
    """
    code = x.code
    store(x, _row(code, kind, point), BYTES[kind])
    code.module.declare("llvm.prefetch.p0", "void", ["ptr", "i32", "i32", "i32"])
    ahead = _row(code, kind, point + WIDTH)
    code.emit(f"call void @llvm.prefetch.p0(ptr {ahead}, i32 1, i32 3, i32 1)")


def _scatter_whole(code: Code, kind: str, vectors: Sequence[Lanes], start: str) -> None:
    width = len(vectors)
    for part in range(width):
        numbers = range(part * WIDTH, (part + 1) * WIDTH)
        x = _picked(vectors, [n % width * WIDTH + n // width for n in numbers])
        store(x, element_at(code, kind, start, part * WIDTH), BYTES[kind])


# ------------------------------------------------------------------ addresses


def _function(
    module: Module, stem: str, kind: str, width: int, head: str, write: Callable[..., None]
) -> str:
    """A function, written once; returns its name."""
    name = f"adglot.{stem}.{kind}.{width}"
    if name not in module.parts:
        code = Code(module)
        module.parts[name] = ""
        write(code, kind, width)
        body = "\n".join([*code.lines, "ret void"])
        define = f"define internal void @{name}({head}) noinline nounwind"
        module.parts[name] = f"{define} {{\nentry:\n{body}\n}}"
    return name


def element_at(code: Code, kind: str, start: str, place: int) -> str:
    return code.define(f"getelementptr {kind}, ptr {start}, i64 {place}")


def slot_at(code: Code, slots: str, k: int) -> str:
    return code.define(f"getelementptr [{SLOT} x i8], ptr {slots}, i64 {k}")


def _row(code: Code, kind: str, point: int) -> str:
    start = code.define(f"mul i64 %length, {point}")
    return code.define(f"getelementptr {kind}, ptr %rows, i64 {start}")


def store(x: Lanes, pointer: str, align: int = SLOT) -> None:
    """Emit that a vector is written."""
    y = to_memory(x)
    x.code.emit(f"store {y.type} {y.name}, ptr {pointer}, align {align}")


# ------------------------------------------------------------------ lanes


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
