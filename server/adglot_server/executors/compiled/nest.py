"""Emit one nest of loops: the innermost in eight lanes, the rest of it under a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from adglot_server.executors.compiled import calls
from adglot_server.executors.compiled.elementwise import COSTLY, ELEMENTWISE, convert, element
from adglot_server.executors.compiled.lanes import (
    Code,
    Lanes,
    constant,
    in_memory,
    spread,
)
from adglot_server.executors.compiled.loops import (
    FULL,
    SCALAR,
    WIDTH,
    Mode,
    counted,
    covering,
    element_at,
    first_lanes,
    gather,
    read,
    store,
)
from adglot_server.executors.compiled.plan import Call, Nest, Plan
from adglot_server.executors.compiled.reductions import Reduction, Running, reduction
from adglot_server.executors.compiled.region import REDUCTIONS, ints
from adglot_server.executors.compiled.spots import Index, Spot, along, throughout
from adglot_server.executors.compiled.terms import (
    Address,
    Box,
    Place,
    Term,
    Terms,
    boxes,
    identity,
)

TOGETHER = 4
"""Neighbours that are added to one another first: each sum waits for the one before it."""

SIMPLE = 12
"""Ops of a vector, at most, for several to be written out together."""

SHORT = 2 * WIDTH
"""A loop of so many turns, at most, is written out: as long as a loop and a rest are."""


@dataclass(slots=True)
class Writer:
    """Writes the body of one nest; `buffer` gives the address of a value's memory."""

    code: Code
    plan: Plan
    nest: Nest
    buffer: Callable[[int], str]
    loops: dict[int, Index] = field(default_factory=dict)
    scalars: dict[Term, Lanes] = field(default_factory=dict)
    lanes: dict[Term, Lanes] = field(default_factory=dict)

    def write(self) -> None:
        for i in self.nest.roots:
            if (rule := self._rule(i)) is not None:
                self._fill(i, constant(self.code, rule.element, 1, rule.neutral))
        for call in self.nest.after:
            name = element(self.plan.region.types[call.index].dtype)
            self._fill(call.index, constant(self.code, name, 1, 0.0))
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
            self._finish(terms, SCALAR, {}, depth)
        elif depth == self._inner:
            self._innermost(terms, *box[depth])
        elif depth == self._inner - 1 and self._sums_rows(terms, box):
            self._rows(terms, box)
        elif box[depth][1] - box[depth][0] == 1:
            self._turn(terms, box, depth, Index("", box[depth][0]))
        else:

            def turn(index: str) -> list[Lanes]:
                return self._turn(terms, box, depth, Index(index))

            counted(self.code, *box[depth], 1, turn)

    def _turn(self, terms: Terms, box: Box, depth: int, index: Index) -> list[Lanes]:
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
            self.loops[depth] = Index("", first)
            self._rows_of(self.nest.before, Index("", first), SCALAR)
            self._level(terms, depth)
            self._finish(terms, SCALAR, {}, -1)
            self._rows_of(self.nest.after, Index("", first), SCALAR)
            self.scalars = kept
            return
        running = self._running(terms, count)
        whole = first + count // WIDTH * WIDTH
        reduces = any(self._rule(i) is not None for i, _ in terms.results)
        if count > WIDTH and not reduces and not self.nest.before:
            covering(self.code, first, stop, WIDTH, lambda at: self._vector(terms, Index(at)))
        elif count <= SHORT:
            self._vectors(terms, running, throughout(self._inner, first, stop, self.scalars))
        else:
            self._whole_vectors(terms, first, whole, running)
            self._vectors(terms, running, throughout(self._inner, whole, stop, self.scalars))
        for one in running:
            self._update(one.index, one.rule, one.rule.across(one.state), SCALAR)
        self.scalars = kept

    def _vector(self, terms: Terms, index: Index) -> list[Lanes]:
        self._vectors(terms, [], along(self._inner, index, 1, self.scalars))
        return []

    def _whole_vectors(self, terms: Terms, first: int, stop: int, running: list[Running]) -> None:
        def enter(values: list[Lanes]) -> None:
            for one in running:
                one.state = tuple(values.pop(0) for _ in one.state)

        def loop(first: int, stop: int, together: int) -> None:
            def body(index: str) -> list[Lanes]:
                spots = along(self._inner, Index(index), together, self.scalars)
                self._vectors(terms, running, spots)
                return [x for one in running for x in one.state]

            if stop > first:
                carried = [x for one in running for x in one.state]
                counted(self.code, first, stop, WIDTH * together, body, carried, enter)

        together = TOGETHER if running and self._is_simple(terms) else 1
        middle = first + (stop - first) // (WIDTH * together) * WIDTH * together
        loop(first, middle, together)
        loop(middle, stop, 1)

    def _running(self, terms: Terms, count: int) -> list[Running]:
        """The reductions that sum over the innermost loop, of so many turns."""
        found = []
        for i, _ in terms.results:
            rule = self._rule(i)
            if rule is not None and self._inner in self._axes(i):
                rule = rule.over(count)
                found.append(Running(rule, i, rule.start(self.code, WIDTH)))
        return found

    # -------------------------------------------------------------- several rows at a time

    def _sums_rows(self, terms: Terms, box: Box) -> bool:
        """Whether something is reduced over the rows, and nothing over the columns."""
        axes = [self._axes(i) for i, _ in terms.results if self._rule(i) is not None]
        (first, stop), (left, right) = box[self._inner - 1 :]
        large = stop - first >= TOGETHER and right - left > 1
        over_rows = any(self._inner - 1 in a for a in axes)
        return large and over_rows and self._is_simple(terms) and not self._running(terms, 1)

    def _rows(self, terms: Terms, box: Box) -> None:
        depth = self._inner - 1
        first, stop = box[depth]
        whole = first + (stop - first) // TOGETHER * TOGETHER

        def several(index: str) -> list[Lanes]:
            rows = [Index(index, k) for k in range(TOGETHER)]
            self._columns(terms, box, [self._row(terms, depth, row) for row in rows])
            return []

        counted(self.code, first, whole, TOGETHER, several)
        for index in range(whole, stop):
            self._turn(terms, box, depth, Index("", index))

    def _row(self, terms: Terms, depth: int, index: Index) -> Spot:
        kept = self.scalars
        self.scalars = dict(kept)
        self.loops[depth] = index
        self._level(terms, depth)
        spot = Spot({depth: index}, self.scalars, SCALAR)
        self.scalars = kept
        return spot

    def _columns(self, terms: Terms, box: Box, rows: list[Spot]) -> None:
        """All columns of some rows."""
        (first, stop), kept = box[self._inner], self.scalars
        whole = first + (stop - first) // WIDTH * WIDTH

        def vectors(index: Index, mode: Mode = FULL) -> list[Lanes]:
            at = {self._inner: index}
            spots = [Spot({**row.loops, **at}, row.scalars, mode) for row in rows]
            self._vectors(terms, [], spots, self._inner - 1)
            return []

        if whole > first:
            counted(self.code, first, whole, WIDTH, lambda index: vectors(Index(index)))
        if stop > whole:
            vectors(Index("", whole), first_lanes(stop - whole))
        self.scalars = kept

    def _is_simple(self, terms: Terms) -> bool:
        """Whether little is computed for a vector."""
        if self.nest.before:
            return False
        ops = [t.what for t in terms.order if t.kind == "apply" and t.depth == self._inner]
        return len(ops) <= SIMPLE and not any(op in COSTLY for op in ops)

    def _axes(self, index: int) -> tuple[int, ...]:
        return ints(self.plan.region.nodes[index], "axes")

    # -------------------------------------------------------------- inside of a loop

    def _vectors(
        self, terms: Terms, running: list[Running], spots: list[Spot], axis: int | None = None
    ) -> None:
        """Vectors at neighbours along an axis; what is reduced along it is joined before.

        They are computed op by op: none waits for all of the one before it.
        """
        axis = self._inner if axis is None else axis
        for spot in spots:
            self._rows_of(self.nest.before, spot.loops[self._inner], spot.mode)
        for term in terms.order:
            for spot in spots if term.depth == self._inner else ():
                self._go(spot)
                self.lanes[term] = self._compute(term, spot.mode)
        parts: dict[int, list[Lanes]] = {}
        for spot in spots:
            self._go(spot)
            self._finish(terms, spot.mode, parts, axis)
        over_inner = {one.index: one for one in running}
        for i, xs in parts.items():
            if (one := over_inner.get(i)) is not None:
                one.state = one.rule.add(one.state, one.rule.joined(xs))
            elif (rule := self._rule(i)) is not None:
                self._update(i, rule, rule.joined(xs), spots[0].mode)
        for spot in spots:
            self._rows_of(self.nest.after, spot.loops[self._inner], spot.mode)

    def _rows_of(self, products: list[Call], index: Index, mode: Mode) -> None:
        """What the rows at an index give of products that are made on the way."""
        for call in products:
            calls.write_rows(self.code, self.plan, call, self.buffer, index, mode.lanes)

    def _go(self, spot: Spot) -> None:
        self.loops.update(spot.loops)
        self.scalars, self.lanes = spot.scalars, spot.lanes

    def _level(self, terms: Terms, depth: int) -> None:
        for term in terms.order:
            if term.depth == depth and term.kind != "literal":
                self.scalars[term] = self._compute(term, SCALAR)

    def _finish(self, terms: Terms, mode: Mode, parts: dict[int, list[Lanes]], axis: int) -> None:
        """Store results and what they add to others; what is reduced along an axis: to `parts`."""
        for i, term in terms.results:
            x = self._get(term, mode.width)
            if (rule := self._rule(i)) is not None and axis in self._axes(i):
                parts.setdefault(i, []).append(self._masked(rule, x, mode))
            elif rule is not None:
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
        index = self.loops[place.loop]
        offset = index.offset * place.stride + place.offset
        first = constant(self.code, "i64", 1, offset)
        if index.name:
            first = Lanes(self.code, "i64", 1, index.name)
            first = first if place.stride == 1 else first * place.stride
            first = first + offset if offset else first
        if mode.width == 1:
            return first
        steps = ", ".join(f"i64 {k * place.stride}" for k in range(WIDTH))
        return spread(first, WIDTH) + Lanes(self.code, "i64", WIDTH, f"<{steps}>")

    # -------------------------------------------------------------- memory

    def _pointer(self, address: Address, buffer: int) -> str:
        name = element(self.plan.region.types[buffer].dtype)
        at = [(self.loops[loop], stride) for loop, stride in address.strides]
        strides = [(index.name, stride) for index, stride in at if index.name]
        offset = address.offset + sum(index.offset * stride for index, stride in at)
        return element_at(self.code, name, self.buffer(buffer), strides, offset)

    def _load(self, term: Term, mode: Mode) -> Lanes:
        address: Address = term.what
        pointer = self._pointer(address, address.buffer)
        stride = dict(address.strides).get(self._inner, 0)
        if mode.width > 1 and stride != 1:
            steps = ", ".join(f"i64 {k * stride}" for k in range(WIDTH))
            return gather(self.code, term.element, pointer, f"<{steps}>", mode)
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
        return gather(self.code, term.element, pointer, offsets.name, mode)

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

    def _fill(self, index: int, start: Lanes) -> None:
        pointer, size = self.buffer(index), self.plan.region.types[index].size
        if size == 1:
            store(start, pointer, SCALAR)
            return
        kind = in_memory(start.element)

        def body(i: str) -> list[Lanes]:
            at = self.code.define(f"getelementptr {kind}, ptr {pointer}, i64 {i}")
            store(start, at, SCALAR)
            return []

        counted(self.code, 0, size, 1, body)
