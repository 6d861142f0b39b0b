"""Emit a loop over tiles of eight points: in, transposed to a vector an element; computed; out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from math import inf

from adglot_server.executors.compiled.cutting import Cut, cut
from adglot_server.executors.compiled.elementwise import ELEMENTWISE, convert
from adglot_server.executors.compiled.expand import Expanded
from adglot_server.executors.compiled.lanes import (
    Code,
    Lanes,
    Module,
    constant,
    from_memory,
    in_memory,
    spread,
    typed,
)
from adglot_server.executors.compiled.scalars import Scalars
from adglot_server.executors.compiled.transposing import SLOT, WIDTH, gather, scatter, store

SMALLEST_NORMAL = {"double": 2.0**-1022, "float": 2.0**-126}


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
    """Writes the module of one graph; results are its outputs, then its guards."""

    graph: Expanded
    inputs: Sequence[Column]
    results: Sequence[Column]
    module: Module = field(default_factory=Module)

    def text(self) -> str:
        """The module.

        Its function `adglot` takes how many tiles there are, at least one, and addresses: of the
        inputs, of the results, and of a byte a tile, whose bits tell for which points the results
        do not hold.
        """
        made = self.made
        parts = [self._part(n, made) for n in range(len(made.parts))]
        driver = self._driver(made)
        return f"{self.module}\n" + "\n".join((*parts, driver))

    @property
    def ops(self) -> int:
        """Of one point: computing, and bringing numbers there and back."""
        columns = sum(column.size for column in (*self.inputs, *self.results))
        return sum(map(len, self.made.parts)) + 2 * columns

    @cached_property
    def made(self) -> Cut:
        """The ops in functions."""
        outputs = [k for x in self.graph.outputs for k in x.ravel().tolist()]
        inputs = sum(column.size for column in self.inputs)
        return cut(self.graph.scalars, inputs, [*outputs, *self.graph.guards])

    # ------------------------------------------------------------------ computing

    def _part(self, number: int, made: Cut) -> str:
        """One function; its result has a bit for each point that the results do not hold for."""
        part = Part(Code(self.module), self.graph.scalars, made)
        for k in made.parts[number]:
            part.compute(k)
        mine = set(made.parts[number])
        if number == 0:
            mine.update(k for k in made.slots if self.graph.scalars[k].kind == "input")
        bits = part.faults([k for k in self.graph.scalars.checked() if k in mine])
        inline = "alwaysinline" if len(made.parts) == 1 else "noinline"
        head = f"define internal i8 @part{number}(ptr noalias %scratch) {inline} nounwind"
        return _function(part.code, head, f"ret i8 {bits}")

    # ------------------------------------------------------------------ the loop

    def _driver(self, made: Cut) -> str:
        code = Code(self.module)
        columns = [*self.inputs, *self.results]
        arrays = [code.define(f"inttoptr i64 %a{k} to ptr") for k in range(len(columns) + 1)]
        starts = list(accumulate((column.size for column in columns), initial=0))
        code.emit(f"%scratch = alloca [{max(1, made.count) * SLOT} x i8], align {SLOT}")
        self._before(code, arrays, starts, made)
        code.block("before")
        code.emit("br label %top\ntop:\n%tile = phi i64 [0, %before], [%next, %top]")
        moving = [k for k, column in enumerate(columns) if not column.shared]
        for k in (k for k in moving if k < len(self.inputs)):
            self._bring(code, columns[k], gather, arrays[k], starts[k])
        faults = [code.define(f"call i8 @part{n}(ptr %scratch)") for n in range(len(made.parts))]
        _store_faults(code, faults, arrays[-1])
        self._copy(code, made)
        for k in (k for k in moving if k >= len(self.inputs)):
            self._bring(code, columns[k], scatter, arrays[k], starts[k])
        code.emit("%next = add i64 %tile, 1\n%more = icmp slt i64 %next, %tiles")
        code.emit("br i1 %more, label %top, label %end\nend:")
        head = ", ".join(f"i64 %a{k}" for k in range(len(arrays)))
        return _function(code, f"define void @adglot(i64 %tiles, {head}) nounwind", "ret void")

    def _before(self, code: Code, arrays: Sequence[str], starts: Sequence[int], made: Cut) -> None:
        """What is the same in all tiles: shared inputs, and results that are literals."""
        scalars = self.graph.scalars
        for which, column in enumerate(self.inputs):
            kind = in_memory(column.element)
            for place in range(column.size) if column.shared else ():
                at = code.define(f"getelementptr {kind}, ptr {arrays[which]}, i64 {place}")
                one = code.value(kind, 1, f"load {kind}, ptr {at}")
                store(spread(one, WIDTH), _slot(code, starts[which] + place))
        for k, places in made.results.items():
            for slot in places if scalars[k].kind in ("literal", "lost") else ():
                store(stored(code, scalars, k, made), _slot(code, slot))

    def _copy(self, code: Code, made: Cut) -> None:
        """Results that are elements of inputs."""
        scalars = self.graph.scalars
        for k, places in made.results.items():
            for slot in places if scalars[k].kind == "input" else ():
                store(stored(code, scalars, k, made), _slot(code, slot))

    def _bring(self, code: Code, column: Column, way: object, array: str, start: int) -> None:
        """Call what transposes a column of this tile, by groups of eight elements and the rest."""
        assert callable(way)
        kind = in_memory(column.element)
        first = code.define(f"mul i64 %tile, {WIDTH * column.size}")
        whole, rest = divmod(column.size, WIDTH)
        for place, width, groups in ((0, WIDTH, whole), (whole * WIDTH, rest, 1)):
            if width and groups:
                at = code.define(f"add i64 {first}, {place}")
                row = code.define(f"getelementptr {kind}, ptr {array}, i64 {at}")
                slots = _slot(code, start + place)
                given = f"ptr {slots}, ptr {row}, i64 {column.size}, i64 {groups}"
                name = way(self.module, column.element, width, column.size == width)
                code.emit(f"call void @{name}({given})")


@dataclass(slots=True)
class Part:
    """Writes one function of the ops; the others' results come from the scratch."""

    code: Code
    scalars: Scalars
    made: Cut
    values: dict[int, Lanes] = field(default_factory=dict)
    reciprocals: dict[int, Lanes] = field(default_factory=dict)

    def compute(self, k: int) -> None:
        """Emit an op, and write its result where it has to be."""
        scalar = self.scalars[k]
        operands = [self.get(x) for x in scalar.operands]
        if scalar.what == "convert_element_type":
            made = operands[0]
        elif scalar.what == "divide" and self._shares(k):
            made = operands[0] * self._reciprocal(scalar.operands[1])
        else:
            made = ELEMENTWISE[scalar.what](*operands)
        self.values[k] = convert(made, scalar.element)
        for slot in _places(k, self.made):
            store(self.values[k], _slot(self.code, slot))

    def get(self, k: int) -> Lanes:
        """A scalar at all points of the tile."""
        if k not in self.values:
            self.values[k] = stored(self.code, self.scalars, k, self.made)
        return self.values[k]

    def _shares(self, k: int) -> bool:
        return self.scalars[k].operands[1] in self.made.divisors and k not in self.made.exact

    def _reciprocal(self, k: int) -> Lanes:
        if k not in self.reciprocals:
            self.reciprocals[k] = 1.0 / self.get(k)
        return self.reciprocals[k]

    def faults(self, checked: Sequence[int]) -> str:
        """A bit for each point at which a scalar is not as it has to be."""
        scalars, sizes = self.scalars, {k: self.get(k).abs() for k in checked}
        holds = [x.compare("lt", inf) for k, x in sizes.items() if k in scalars.finite]
        holds += [x.compare("gt", 0) for k, x in sizes.items() if k in scalars.nonzero]
        for x in (x.abs() for x in self.reciprocals.values()):
            holds += [x.compare("lt", inf), x.compare("ge", SMALLEST_NORMAL[x.element])]
        if not holds:
            return "0"
        every = holds[0]
        for one in holds[1:]:
            every = every & one
        return self.code.define(f"bitcast {every.type} {(~every).name} to i{WIDTH}")


def stored(code: Code, scalars: Scalars, k: int, made: Cut) -> Lanes:
    """A scalar that this function does not compute."""
    scalar = scalars[k]
    if scalar.kind in ("literal", "lost"):
        return constant(code, scalar.element, WIDTH, scalar.what)
    kind = in_memory(scalar.element)
    load = f"load {typed(kind, WIDTH)}, ptr {_slot(code, made.slots[k])}, align {SLOT}"
    return from_memory(code.value(kind, WIDTH, load), scalar.element)


def _function(code: Code, head: str, end: str) -> str:
    return "\n".join((f"{head} {{\nentry:", *code.lines, end, "}"))


def _places(k: int, made: Cut) -> set[int]:
    """Wherever a scalar has to be."""
    slot = made.slots.get(k)
    return {*made.results.get(k, ()), *(() if slot is None else (slot,))}


def _store_faults(code: Code, faults: Sequence[str], array: str) -> None:
    bits = Lanes(code, "i8", 1, faults[0])
    for other in faults[1:]:
        bits = bits | Lanes(code, "i8", 1, other)
    at = code.define(f"getelementptr i8, ptr {array}, i64 %tile")
    code.emit(f"store i8 {bits.name}, ptr {at}")


def _slot(code: Code, slot: int) -> str:
    return code.define(f"getelementptr [{SLOT} x i8], ptr %scratch, i64 {slot}")
