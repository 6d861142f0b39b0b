"""Emit a loop over tiles of eight points: in, transposed to a vector an element; computed; out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from adglot_server.executors.compiled.cutting import Cut, Store, cut
from adglot_server.executors.compiled.elementwise import ELEMENTWISE, convert
from adglot_server.executors.compiled.expand import Expanded
from adglot_server.executors.compiled.lanes import (
    RUN,
    Code,
    Lanes,
    Module,
    constant,
    from_memory,
    in_memory,
    spread,
    take,
    typed,
)
from adglot_server.executors.compiled.looks import Looks
from adglot_server.executors.compiled.scalars import Scalars
from adglot_server.executors.compiled.sharing import share
from adglot_server.executors.compiled.transposing import (
    SLOT,
    WIDTH,
    element_at,
    gather,
    groups,
    scatter,
    scatter_constants,
    slot_at,
    store,
)


@dataclass(frozen=True, slots=True)
class Column:
    """An array of the kernel: how many elements a point, and of which kind.

    A shared one has no axis of points.
    """

    size: int
    element: str
    shared: bool = False


@dataclass
class Tiles:
    """Writes the module of one graph; results are its outputs."""

    graph: Expanded
    inputs: Sequence[Column]
    results: Sequence[Column]
    module: Module = field(default_factory=Module)

    def text(self) -> str:
        """The module, with two functions of eight points at least; the last tile is of the last.

        `adglot` takes how many points there are, the address of addresses, and the numbers of its
        first tile and of the one behind its last. The addresses are of the inputs, of the results,
        and of a byte a tile, whose bits tell for which points the results do not hold; it returns
        all these bits together. `run` is as `entry.Signature` has it, with a workspace of a byte.
        """
        parts = [self._part(n) for n in range(len(self.made.parts))]
        body = "\n".join((*parts, self._driver(), *self._entries()))
        return f"{self.module}\n{body}"

    @property
    def ops(self) -> int:
        """Of one point: computing, and bringing numbers there and back."""
        columns = sum(column.size for column in (*self.inputs, *self.results))
        return sum(map(len, self.made.parts)) + 2 * columns

    @cached_property
    def made(self) -> Cut:
        """The ops in functions."""
        share(self.graph.scalars, (k for x in self.graph.outputs for k in x.ravel().tolist()))
        inputs = sum(column.size for column in self.inputs)
        return cut(self.graph.scalars, inputs, self._stores())

    def _stores(self) -> list[Store]:
        return [
            Store(number, group.start, tuple(x.ravel()[group.start : group.stop].tolist()))
            for number, x in enumerate(self.graph.outputs)
            for group in groups(x.size)
        ]

    # ------------------------------------------------------------------ computing

    def _part(self, number: int) -> str:
        """One function; its result has a bit for each point that the results do not hold for."""
        scalars, steps = self.graph.scalars, self.made.parts[number]
        part = Part(Code(self.module), scalars, self.made, self.results)
        if number == 0:
            part.look([k for k in scalars.checked() if scalars[k].kind != "apply"])
        for step in steps:
            if isinstance(step, Store):
                part.write(step)
            else:
                part.compute(step)
        bits = part.looks.faults()
        inline = "alwaysinline" if len(self.made.parts) == 1 else "noinline"
        rows = "".join(f", ptr noalias %row{k}" for k in range(len(self.results)))
        head = f"define internal i8 @part{number}(ptr noalias %scratch{rows}) {inline} nounwind"
        return _function(part.code, head, f"ret i8 {bits}")

    # ------------------------------------------------------------------ the loop

    def _driver(self) -> str:
        code, arrays = Code(self.module), self._arrays
        code.emit(f"%scratch = alloca [{max(1, self.made.count) * SLOT} x i8], align {SLOT}")
        starts = list(accumulate((column.size for column in self.inputs), initial=0))
        inputs = list(zip(self.inputs, arrays, starts))  # noqa: B905
        for column, array, start in inputs:
            if column.shared:
                _bring_shared(code, column, array, start)
        code.emit(f"%last = sub i64 %points, {WIDTH}")
        code.block("before")
        code.emit("br label %top\ntop:\n%tile = phi i64 [%first, %before], [%next, %top]")
        code.emit("%bits = phi i8 [0, %before], [%more, %top]")
        code.emit(f"%start = mul i64 %tile, {WIDTH}\n%full = icmp slt i64 %start, %last")
        code.emit("%point = select i1 %full, i64 %start, i64 %last")
        for column, array, start in inputs:
            if not column.shared:
                rows, slots = _rows(code, column, array), slot_at(code, "%scratch", start)
                gather(code, column.element, column.size, rows, slots)
        written = [_rows(code, *each) for each in zip(self.results, arrays[len(inputs) :])]  # noqa: B905
        bits = self._compute(code, written)
        code.emit(f"%more = or i8 %bits, {bits.name}\n%byte = mul i64 %tile, %step")
        code.emit("%fault = getelementptr i8, ptr %faults, i64 %byte")
        code.emit(f"store i8 {bits.name}, ptr %fault\n%next = add i64 %tile, 1")
        code.emit("%again = icmp slt i64 %next, %stop\nbr i1 %again, label %top, label %end\nend:")
        head = "".join(f", ptr noalias {name}" for name in arrays)
        given = f"i64 %points{head}, ptr noalias %faults, i64 %step, i64 %first, i64 %stop"
        return _function(code, f"define internal i8 @tiles({given}) nounwind", "ret i8 %more")

    def _compute(self, code: Code, written: Sequence[str]) -> Lanes:
        """Call the functions; a bit for each point at which the results do not hold."""
        given = "".join(f", ptr {rows}" for rows in written)
        bits = Lanes(code, "i8", 1, "0")
        for n in range(len(self.made.parts)):
            bits = bits | code.value("i8", 1, f"call i8 @part{n}(ptr %scratch{given})")
        return bits

    @property
    def _arrays(self) -> list[str]:
        """The names of pointers to inputs and results."""
        return [f"%a{k}" for k in range(len(self.inputs) + len(self.results))]

    def _entries(self) -> Iterator[str]:
        """What is called from outside."""
        head = "define i8 @adglot(i64 %points, ptr %data, i64 %first, i64 %stop) nounwind"
        code = Code(self.module)
        bits = self._all_tiles(code, "i64 1, i64 %first, i64 %stop")
        yield _function(code, head, f"ret i8 {bits}")
        code = Code(self.module)
        code.emit(f"%up = add i64 %points, {WIDTH - 1}\n%tiles = udiv i64 %up, {WIDTH}")
        bits = self._all_tiles(code, "i64 0, i64 0, i64 %tiles")
        held = code.define(f"icmp eq i8 {bits}, 0")
        yield _function(code, RUN, f"ret i1 {held}")

    def _all_tiles(self, code: Code, which: str) -> str:
        """Call the loop with what is at the addresses."""
        count = len(self._arrays) + 1
        take(code, count)
        given = ", ".join(["i64 %points", *(f"ptr %a{k}" for k in range(count)), which])
        return code.define(f"call i8 @tiles({given})")


@dataclass(slots=True)
class Part:
    """Writes one function of the ops; the others' results come from the scratch."""

    code: Code
    scalars: Scalars
    made: Cut
    results: Sequence[Column]
    values: dict[int, Lanes] = field(default_factory=dict)
    looks: Looks = field(init=False)

    def __post_init__(self) -> None:
        self.looks = Looks(self.code, self.scalars)

    def compute(self, k: int) -> None:
        """Emit an op, and keep its result for other functions that need it."""
        scalar = self.scalars[k]
        operands = [self.get(x) for x in scalar.operands]
        what = scalar.what
        made = operands[0] if what == "convert_element_type" else ELEMENTWISE[what](*operands)
        self.values[k] = convert(made, scalar.element)
        if k in self.made.slots:
            store(self.values[k], slot_at(self.code, "%scratch", self.made.slots[k]))
        self.look([k])

    def look(self, numbers: Sequence[int]) -> None:
        """Emit that scalars are looked at, those that have to be."""
        for k in numbers:
            if k in self.looks.wanted:
                self.looks.at(k, self.get(k))

    def write(self, step: Store) -> None:
        """Emit that neighbouring elements of a result are written."""
        column, rows = self.results[step.result], f"%row{step.result}"
        known = [self.scalars[k] for k in step.scalars]
        if all(x.kind in ("literal", "lost") for x in known):
            numbers = [x.what for x in known]
            scatter_constants(self.code, column.element, numbers, column.size, step.start, rows)
        else:
            scatter([self.get(k) for k in step.scalars], column.size, step.start, rows)

    def get(self, k: int) -> Lanes:
        """A scalar at all points of the tile."""
        if k not in self.values:
            self.values[k] = self._stored(k)
        return self.values[k]

    def _stored(self, k: int) -> Lanes:
        """A scalar that this function does not compute."""
        code, scalar = self.code, self.scalars[k]
        if scalar.kind in ("literal", "lost"):
            return constant(code, scalar.element, WIDTH, scalar.what)
        kind, slot = in_memory(scalar.element), slot_at(code, "%scratch", self.made.slots[k])
        load = f"load {typed(kind, WIDTH)}, ptr {slot}, align {SLOT}"
        return from_memory(code.value(kind, WIDTH, load), scalar.element)


def _function(code: Code, head: str, end: str) -> str:
    return "\n".join((f"{head} {{\nentry:", *code.lines, end, "}"))


def _bring_shared(code: Code, column: Column, array: str, start: int) -> None:
    """Fill the slots of an input that is the same in all tiles."""
    kind = in_memory(column.element)
    for place in range(column.size):
        one = code.value(kind, 1, f"load {kind}, ptr {element_at(code, kind, array, place)}")
        store(spread(one, WIDTH), slot_at(code, "%scratch", start + place))


def _rows(code: Code, column: Column, array: str) -> str:
    """The first row of the tile."""
    first = code.define(f"mul i64 %point, {column.size}")
    return code.define(f"getelementptr {in_memory(column.element)}, ptr {array}, i64 {first}")
