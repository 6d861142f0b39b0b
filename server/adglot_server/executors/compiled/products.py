"""Products of matrices: plan how one is computed, and emit it.

Most are written out here, in tiles of as many accumulators as a machine has registers for: up to
the size of a cache this is faster than BLAS, which copies matrices into an order of its own first.
Larger ones are BLAS's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import prod

from adglot.ir import Type
from adglot_server.executors.compiled import machine, routines
from adglot_server.executors.compiled.elementwise import add
from adglot_server.executors.compiled.lanes import Code, Lanes, constant, spread
from adglot_server.executors.compiled.loops import (
    FULL,
    SCALAR,
    WIDTH,
    Mode,
    counted,
    covering,
    element_at,
    fetch,
    first_lanes,
    in_parts,
    read,
    stacked,
    store,
)
from adglot_server.executors.compiled.operands import Strided, dense, layout, seen
from adglot_server.executors.compiled.reductions import folded
from adglot_server.executors.compiled.region import Region

Steps = tuple[int, int]
"""Strides of a matrix: from row to row, from column to column."""

CACHED = {"avx512": 1 << 20, "others": 1 << 17}
"""Bytes of a right matrix that stays in a cache while tiles read it again and again.

Measured against OpenBLAS 0.3.30: with vectors of 512 bits tiles take half of its time at 300^3,
with 256 bits four fifths at 100^3 and as much at 200^3.
"""

NARROW = 16
"""Columns of a result for which BLAS is never as fast."""

ACCUMULATORS = {"avx512": 24, "others": 6}
"""Vectors of eight that stay in registers."""

ROWS = 16
"""Of a tile, at most."""

SWEPT, SHORTEST = 1 << 18, 32
"""Bytes of a matrix, and columns, from which on its rows are read once for two products."""

NEAR = 1 << 16
"""Bytes of two blocks of rows that lie side by side in a cache of the first level."""


@dataclass(frozen=True, slots=True)
class Product:
    """c[..., m, n] = a[..., m, k] b[..., k, n]; c is contiguous.

    `lead` has for each axis in front its length and the strides of a and of b.
    """

    m: int
    n: int
    k: int
    a: Steps
    b: Steps
    lead: tuple[tuple[int, int, int], ...] = ()

    @property
    def swapped(self) -> Product:
        """c' = b' a', the same where c is a vector."""
        lead = tuple((count, b, a) for count, a, b in self.lead)
        return Product(self.n, self.m, self.k, self.b[::-1], self.a[::-1], lead)


def product(a: Strided, b: Strided, shape: Sequence[int]) -> tuple[Product, bool]:
    """The product with a result of this shape; and whether a and b have changed places."""
    (m, k), steps_a = _matrix(a, 0)
    (_, n), steps_b = _matrix(b, 1)
    inner = (len(a.shape) > 1) + (len(b.shape) > 1)
    lead = tuple(shape[: len(shape) - inner])
    along = zip(
        lead,
        a.leading(lead, min(2, len(a.shape))),
        b.leading(lead, min(2, len(b.shape))),
        strict=True,
    )
    return _oriented(_merged(Product(m, n, k, steps_a, steps_b, tuple(along))))


def of_node(
    region: Region, stored: Collection[int], index: int
) -> tuple[Product, Strided, Strided]:
    """How a node is computed, and where its left and its right matrix lie."""
    a, b = (seen(region, stored, i) for i in region.nodes[index].operands)
    chosen, swapped = product(a, b, region.types[index].shape)
    return (chosen, b, a) if swapped else (chosen, a, b)


def _matrix(x: Strided, missing: int) -> tuple[tuple[int, int], Steps]:
    """The last axes as a matrix; a vector is a row or a column."""
    if len(x.shape) > 1:
        return (x.shape[-2], x.shape[-1]), (x.strides[-2], x.strides[-1])
    shape, steps = [x.shape[0], x.shape[0]], [x.strides[0], x.strides[0]]
    shape[missing], steps[missing] = 1, 0
    return (shape[0], shape[1]), (steps[0], steps[1])


def _merged(p: Product) -> Product:
    """Axes in front become rows, where all have the same right matrix."""
    while p.lead:
        *rest, (count, a, b) = p.lead
        if count == 1:
            p = replace(p, lead=tuple(rest))
        elif b == 0 and (p.m == 1 or a == p.m * p.a[0]):
            down = a if p.m == 1 else p.a[0]
            p = replace(p, m=count * p.m, a=(down, p.a[1]), lead=tuple(rest))
        else:
            break
    return p


def _oriented(p: Product) -> tuple[Product, bool]:
    """A vector on the side where vectors of eight are loaded from the matrix as it lies."""
    row_by_columns = p.m == 1 and p.n > 1 and p.b[1] != 1 and p.b[0] == 1
    columns_by_column = p.n == 1 and p.m > 1 and p.a[1] != 1 and p.a[0] == 1
    batch_of_columns = p.n == 1 and len(p.lead) == 1 and p.lead[0][1] == 0 and p.a[0] == 1
    if row_by_columns or columns_by_column:
        return p.swapped, True
    if batch_of_columns:
        merged = _merged(p.swapped)
        return (merged, True) if not merged.lead else (p, False)
    return p, False


def is_small(p: Product, size: int) -> bool:
    """Whether it is written out, floats being of so many bytes."""
    return p.m == 1 or p.n <= NARROW or p.k * p.n * size <= cached()


def surely_small(a: Type, b: Type) -> bool:
    """Whether a product is written out however its operands lie: stacks may become rows."""
    if 1 in (a.ndim, b.ndim):
        return max(a.ndim, b.ndim) <= 2
    return is_small(
        Product(a.shape[-2], b.shape[-1], a.shape[-1], (0, 1), (0, 1)), a.dtype.itemsize
    )


def is_swept(p: Product, size: int) -> bool:
    """Whether rows of the left matrix are worth being read once for what is done with them twice.

    It has to be larger than a cache of the first level, and rows neither so short that most of the
    time goes into what is done between, nor so long that a block of them leaves all caches.
    """
    row = p.k * size
    return not p.lead and p.k >= SHORTEST and p.m * row >= SWEPT and 2 * WIDTH * row <= cached()


def unfit(p: Product, size: int) -> tuple[bool, bool]:
    """Whether a and b have to be copied into an array of their own first."""
    if not is_small(p, size):
        return not dense((p.m, p.k), p.a), not dense((p.k, p.n), p.b)
    if p.n == 1:
        return p.k > 1 and p.a[1] != 1, p.k > 1 and p.b[0] != 1
    return False, p.b[1] != 1


# ------------------------------------------------------------------ emitting


def write(code: Code, name: str, p: Product, a: str, b: str, c: str) -> None:
    """Emit the product of floats `name` at addresses."""
    size = 8 if name == "double" else 4
    small = _dots if p.n == 1 else _tiles
    kernel = small if is_small(p, size) else _gemm
    lengths = [length for length, _, _ in p.lead]
    axes = [
        (length, (step_a, step_b, p.m * p.n * prod(lengths[k + 1 :])))
        for k, (length, step_a, step_b) in enumerate(p.lead)
    ]
    stacked(code, name, axes, (a, b, c), lambda *at: kernel(code, name, p, *at))


def _gemm(code: Code, name: str, p: Product, a: str, b: str, c: str) -> None:
    """BLAS's matrices have their columns without gaps: it is told of c' = b' a'."""
    module = code.module
    rows_a, far_a = layout((p.m, p.k), p.a)
    rows_b, far_b = layout((p.k, p.n), p.b)
    one, zero = (routines.factor(module, name, x) for x in (1.0, 0.0))
    letters = [routines.flag(module, "N" if rows else "T") for rows in (rows_b, rows_a)]
    n, m, k, lda, ldb = (routines.number(module, x) for x in (p.n, p.m, p.k, far_a, far_b))
    routines.call(code, "gemm", name, *letters, n, m, k, one, b, ldb, a, lda, zero, c, n)


def write_added(code: Code, name: str, p: Product, a: str, b: str, c: str) -> None:
    """Emit c += a b for a few numbers a in a row, and b in rows, of which as many come next.

    Those are fetched meanwhile: a processor does not see by itself where blocks go on.
    """
    weights = [
        spread(read(code, name, element_at(code, name, a, [], k), SCALAR), WIDTH)
        for k in range(p.k)
    ]
    size = 8 if name == "double" else 4
    fetched = p.k if 2 * WIDTH * p.n * size <= NEAR else 0

    def part(columns: int) -> Callable[[str], list[Lanes]]:
        mode = first_lanes(columns)

        def turn(j: str) -> list[Lanes]:
            place, first = (element_at(code, name, x, [(j, 1)]) for x in (c, b))
            total = read(code, name, place, mode)
            for k, weight in enumerate(weights):
                row = element_at(code, name, first, [], k * p.b[0])
                total = plus(total, weight, read(code, name, row, mode))
            for k in range(fetched):
                fetch(code, element_at(code, name, first, [], (p.k + k) * p.b[0]))
            store(total, place, mode)
            return []

        return turn

    in_parts(code, p.n, WIDTH, part)


def accumulators() -> int:
    """Vectors that stay in registers on this machine."""
    return ACCUMULATORS[_vectors()]


def cached() -> int:
    """Bytes of what is read again and again."""
    return CACHED[_vectors()]


def _vectors() -> str:
    return "avx512" if "+avx512f" in machine.host().features else "others"


def _columns(m: int, n: int) -> int:
    """Of a tile: in whole vectors, as many as leave accumulators for the rows there are."""
    vectors = -(-n // WIDTH)
    most = accumulators()
    wanted = most // min(m, ROWS) if m < 4 else 4 if most > WIDTH else 1
    return WIDTH * max(1, min(vectors, wanted))


def _tiles(code: Code, name: str, p: Product, a: str, b: str, c: str) -> None:
    """Panels of columns, and in each blocks of rows."""
    wide = _columns(p.m, p.n)
    most = max(1, min(p.m, ROWS, accumulators() // (wide // WIDTH)))
    tall = -(-p.m // -(-p.m // most))

    def panel(columns: int) -> Callable[[str], list[Lanes]]:
        def rows(j: str) -> list[Lanes]:
            def block(i: str) -> list[Lanes]:
                return _tile(code, name, p, (a, b, c), (i, j), (tall, columns))

            covering(code, 0, p.m, tall, block)
            return []

        return rows

    in_parts(code, p.n, wide, panel)


def _tile(
    code: Code,
    name: str,
    p: Product,
    at: tuple[str, str, str],
    start: tuple[str, str],
    size: tuple[int, int],
) -> list[Lanes]:
    """Some rows and columns of c, which stay in registers while k runs."""
    (a, b, c), (i, j), (rows, columns) = at, start, size
    modes = [first_lanes(min(WIDTH, columns - v)) for v in range(0, columns, WIDTH)]
    left = element_at(code, name, a, [(i, p.a[0])])
    right = element_at(code, name, b, [(j, p.b[1])])
    sums: list[Lanes] = []

    def enter(carried: list[Lanes]) -> None:
        sums[:] = carried

    def turn(k: str) -> list[Lanes]:
        across = [
            read(code, name, element_at(code, name, right, [(k, p.b[0])], v * WIDTH), mode)
            for v, mode in enumerate(modes)
        ]
        following = []
        for r in range(rows):
            x = read(code, name, element_at(code, name, left, [(k, p.a[1])], r * p.a[0]), SCALAR)
            one = spread(x, WIDTH)
            pairs = zip(across, sums[r * len(modes) :], strict=False)
            following += [plus(total, one, y) for y, total in pairs]
        return following

    zeros = [constant(code, name, WIDTH, 0.0)] * (rows * len(modes))
    sums[:] = counted(code, 0, p.k, 1, turn, zeros, enter)
    below = element_at(code, name, c, [(i, p.n), (j, 1)])
    for r in range(rows):
        for v, mode in enumerate(modes):
            place = element_at(code, name, below, [], r * p.n + v * WIDTH)
            store(sums[r * len(modes) + v], place, mode)
    return []


def _dots(code: Code, name: str, p: Product, a: str, b: str, c: str) -> None:
    """A column: rows of a by b, several at a time."""
    step = p.b[0] if p.k > 1 else 1
    assert step == 1, "a vector without gaps"
    tall = min(p.m, WIDTH)

    def block(rows: int) -> Callable[[str], list[Lanes]]:
        return lambda i: _block_of_dots(code, name, p, (a, b, c), i, rows)

    in_parts(code, p.m, tall, block)


def _block_of_dots(
    code: Code, name: str, p: Product, at: tuple[str, str, str], i: str, rows: int
) -> list[Lanes]:
    """Some rows; of few each has several sums, so that none waits for the one before it."""
    a, b, c = at
    left = element_at(code, name, a, [(i, p.a[0])])
    chains = max(1, min(WIDTH // rows, p.k // WIDTH))
    sums: list[Lanes] = [constant(code, name, WIDTH, 0.0)] * (rows * chains)

    def enter(carried: list[Lanes]) -> None:
        sums[:] = carried

    def turn(k: str, mode: Mode = FULL, chain: int = 0) -> None:
        y = read(code, name, element_at(code, name, b, [(k, 1)], chain * WIDTH), mode)
        for r in range(rows):
            place = element_at(code, name, left, [(k, 1)], r * p.a[0] + chain * WIDTH)
            x = read(code, name, place, mode)
            sums[r * chains + chain] = plus(sums[r * chains + chain], x, y)

    def turns(k: str) -> list[Lanes]:
        for chain in range(chains):
            turn(k, FULL, chain)
        return list(sums)

    whole = p.k // (WIDTH * chains) * WIDTH * chains
    if whole:
        sums[:] = counted(code, 0, whole, WIDTH * chains, turns, sums, enter)
    for k in range(whole, p.k, WIDTH):
        turn(str(k), first_lanes(min(WIDTH, p.k - k)))
    for r in range(rows):
        total = _across(sums[r * chains : (r + 1) * chains])
        store(total, element_at(code, name, c, [(i, 1)], r), SCALAR)
    return []


def plus(total: Lanes, x: Lanes, y: Lanes) -> Lanes:
    """total + x y, rounded once where that costs nothing."""
    host = machine.host()
    once = "+fma" in host.features or host.triple.startswith("aarch64")
    return x.fma(y, total) if once else total + x * y


def _across(sums: Sequence[Lanes]) -> Lanes:
    """All lanes of all vectors added."""
    return folded(reduce(add, sums), add)
