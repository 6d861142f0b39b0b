"""Emit one nest of loops: the innermost in eight lanes, the rest of it under a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from adglot_server.executors.compiled.elementwise import ELEMENTWISE, convert, element
from adglot_server.executors.compiled.lanes import (
    Code,
    Lanes,
    constant,
    from_memory,
    in_memory,
    spread,
    suffix,
    typed,
)
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
from adglot_server.executors.compiled.plan import Nest, Plan
from adglot_server.executors.compiled.reductions import Reduction, reduction
from adglot_server.executors.compiled.region import REDUCTIONS, ints
from adglot_server.executors.compiled.terms import (
    Address,
    Box,
    Place,
    Term,
    Terms,
    boxes,
    identity,
)


@dataclass(slots=True)
class Running:
    """A reduction over the innermost loop: what its lanes hold so far."""

    rule: Reduction
    index: int
    state: tuple[Lanes, ...]


@dataclass(slots=True)
class Writer:
    """Writes the body of one nest; `buffer` gives the address of a value's memory."""

    code: Code
    plan: Plan
    nest: Nest
    buffer: Callable[[int], str]
    loops: dict[int, str] = field(default_factory=dict)
    scalars: dict[Term, Lanes] = field(default_factory=dict)
    lanes: dict[Term, Lanes] = field(default_factory=dict)

    def write(self) -> None:
        for i in self.nest.roots:
            if (rule := self._rule(i)) is not None:
                self._fill(i, rule)
        for box in boxes(self.plan, self.nest):
            self.scalars.clear()
            terms = Terms(self.plan, self.nest, box)
            self._level(terms, -1)
            self._loops(terms, box, 0)

    @property
    def _inner(self) -> int:
        return len(self.nest.domain) - 1

    def _rule(self, index: int) -> Reduction | None:
        node = self.plan.region.nodes[index]
        return reduction(node) if node.op in REDUCTIONS else None

    # -------------------------------------------------------------- loops

    def _loops(self, terms: Terms, box: Box, depth: int) -> None:
        if depth > self._inner:
            self._finish(terms, SCALAR, [])
        elif depth == self._inner:
            self._innermost(terms, *box[depth])
        elif box[depth][1] - box[depth][0] == 1:
            self._turn(terms, box, depth, str(box[depth][0]))
        else:
            counted(self.code, *box[depth], 1, lambda index: self._turn(terms, box, depth, index))

    def _turn(self, terms: Terms, box: Box, depth: int, index: str) -> list[Lanes]:
        """The inside of an outer loop, which carries nothing on."""
        kept = dict(self.scalars)
        self.loops[depth] = index
        self._level(terms, depth)
        self._loops(terms, box, depth + 1)
        self.scalars = kept
        return []

    def _innermost(self, terms: Terms, first: int, stop: int) -> None:
        depth, kept = self._inner, dict(self.scalars)
        count = stop - first
        if count == 1:
            self.loops[depth] = str(first)
            self._level(terms, depth)
            self._finish(terms, SCALAR, [])
            self.scalars = kept
            return
        running = self._running(terms)
        whole = first + count // WIDTH * WIDTH
        if whole > first:
            self._whole_vectors(terms, first, whole, running)
        if stop > whole:
            self.loops[depth] = str(whole)
            self._vectors(terms, first_lanes(stop - whole), running)
        for one in running:
            self._update(one.index, one.rule, one.rule.across(one.state), SCALAR)
        self.scalars = kept

    def _whole_vectors(self, terms: Terms, first: int, stop: int, running: list[Running]) -> None:
        def enter(values: list[Lanes]) -> None:
            for one in running:
                one.state = tuple(values.pop(0) for _ in one.state)

        def body(index: str) -> list[Lanes]:
            self.loops[self._inner] = index
            self._vectors(terms, FULL, running)
            return [x for one in running for x in one.state]

        carried = [x for one in running for x in one.state]
        counted(self.code, first, stop, WIDTH, body, carried, enter)

    def _running(self, terms: Terms) -> list[Running]:
        """The reductions that sum over the innermost loop."""
        found = []
        for i, _ in terms.results:
            rule = self._rule(i)
            if rule is not None and self._inner in self._axes(i):
                found.append(Running(rule, i, rule.start(self.code, WIDTH)))
        return found

    def _axes(self, index: int) -> tuple[int, ...]:
        return ints(self.plan.region.nodes[index], "axes")

    # -------------------------------------------------------------- inside of a loop

    def _vectors(self, terms: Terms, mode: Mode, running: list[Running]) -> None:
        self.lanes = {}
        for term in terms.order:
            if term.depth == self._inner:
                self.lanes[term] = self._compute(term, mode)
        self._finish(terms, mode, running)

    def _level(self, terms: Terms, depth: int) -> None:
        for term in terms.order:
            if term.depth == depth and term.kind != "literal":
                self.scalars[term] = self._compute(term, SCALAR)

    def _finish(self, terms: Terms, mode: Mode, running: list[Running]) -> None:
        over_inner = {one.index: one for one in running}
        for i, term in terms.results:
            x = self._get(term, mode.width)
            if i in over_inner:
                one = over_inner[i]
                one.state = one.rule.add(one.state, self._masked(one.rule, x, mode))
            elif (rule := self._rule(i)) is not None:
                self._update(i, rule, rule.converted(x), mode)
            else:
                address = self._result_address(i, ())
                store(x, self._pointer(address, i), mode)

    def _masked(self, rule: Reduction, x: Lanes, mode: Mode) -> Lanes:
        """The neutral number in lanes that do not count."""
        y = rule.converted(x)
        if mode.mask is None:
            return y
        return Lanes(self.code, "i1", WIDTH, mode.mask).choose(y, rule.neutral)

    def _get(self, term: Term, width: int) -> Lanes:
        """A term in so many lanes."""
        if term.kind == "literal":
            return constant(self.code, term.element, width, term.what.value)
        if width == 1:
            return self.scalars[term]
        if term not in self.lanes:
            self.lanes[term] = spread(self.scalars[term], WIDTH)
        return self.lanes[term]

    def _compute(self, term: Term, mode: Mode) -> Lanes:
        if term.kind == "load":
            return self._load(term, mode)
        if term.kind == "lookup":
            return self._lookup(term, mode)
        if term.kind == "index":
            return self._index(term.what, mode)
        operands = [
            convert(self._get(x, mode.width), target)
            for x, target in zip(term.operands, term.targets, strict=True)
        ]
        return convert(ELEMENTWISE[term.what](*operands), term.element)

    def _index(self, place: Place, mode: Mode) -> Lanes:
        if place.loop < 0:
            return constant(self.code, "i64", mode.width, place.offset)
        index = Lanes(self.code, "i64", 1, self.loops[place.loop])
        first = index * place.stride + place.offset
        if mode.width == 1:
            return first
        steps = ", ".join(f"i64 {k * place.stride}" for k in range(WIDTH))
        return spread(first, WIDTH) + Lanes(self.code, "i64", WIDTH, f"<{steps}>")

    # -------------------------------------------------------------- memory

    def _pointer(self, address: Address, buffer: int) -> str:
        name = element(self.plan.region.types[buffer].dtype)
        strides = [(self.loops[loop], stride) for loop, stride in address.strides]
        return element_at(self.code, name, self.buffer(buffer), strides, address.offset)

    def _load(self, term: Term, mode: Mode) -> Lanes:
        address: Address = term.what
        pointer = self._pointer(address, address.buffer)
        stride = dict(address.strides).get(self._inner, 0)
        if mode.width > 1 and stride != 1:
            steps = ", ".join(f"i64 {k * stride}" for k in range(WIDTH))
            return self._gather(term.element, pointer, f"<{steps}>", mode)
        return read(self.code, term.element, pointer, mode)

    def _lookup(self, term: Term, mode: Mode) -> Lanes:
        address, size = term.what
        index = self._get(term.operands[0], mode.width) * size
        pointer = self._pointer(address, address.buffer)
        if mode.width == 1:
            kind = in_memory(term.element)
            at = self.code.define(f"getelementptr {kind}, ptr {pointer}, i64 {index.name}")
            return read(self.code, term.element, at, mode)
        stride = dict(address.strides).get(self._inner, 0)
        steps = ", ".join(f"i64 {k * stride}" for k in range(WIDTH))
        offsets = index + Lanes(self.code, "i64", WIDTH, f"<{steps}>")
        return self._gather(term.element, pointer, offsets.name, mode)

    def _gather(self, name: str, pointer: str, offsets: str, mode: Mode) -> Lanes:
        kind, flags = in_memory(name), typed("i1", WIDTH)
        vector, pointers = typed(kind, WIDTH), typed("ptr", WIDTH)
        at = self.code.define(f"getelementptr {kind}, ptr {pointer}, <{WIDTH} x i64> {offsets}")
        intrinsic = f"llvm.masked.gather.{suffix(kind, WIDTH)}.v{WIDTH}p0"
        self.code.module.declare(intrinsic, vector, [pointers, "i32", flags, vector])
        mask = mode.mask or "splat (i1 true)"
        call = f"call {vector} @{intrinsic}({pointers} {at}, i32 1, {flags} {mask}, "
        x = self.code.value(kind, WIDTH, f"{call}{vector} zeroinitializer)")
        return from_memory(x, name)

    def _result_address(self, index: int, without: tuple[int, ...]) -> Address:
        """Of the element of a result that the loops are at."""
        strides, step = [], 1
        for loop in range(self._inner, -1, -1):
            if loop in without:
                continue
            if identity(self.nest.domain)[loop].loop >= 0:
                strides.append((loop, step))
            step *= self.nest.domain[loop]
        return Address(index, tuple(sorted(strides)), 0)

    def _update(self, index: int, rule: Reduction, x: Lanes, mode: Mode) -> None:
        """Put one more number (or lanes of them) into a result in memory."""
        pointer = self._pointer(self._result_address(index, self._axes(index)), index)
        store(rule.join(read(self.code, rule.element, pointer, mode), x), pointer, mode)

    def _fill(self, index: int, rule: Reduction) -> None:
        pointer, size = self.buffer(index), self.plan.region.types[index].size
        start = constant(self.code, rule.element, 1, rule.neutral)
        if size == 1:
            store(start, pointer, SCALAR)
            return
        kind = in_memory(rule.element)

        def body(i: str) -> list[Lanes]:
            at = self.code.define(f"getelementptr {kind}, ptr {pointer}, i64 {i}")
            store(start, at, SCALAR)
            return []

        counted(self.code, 0, size, 1, body)
