"""Decide how a region is computed: which values are stored, which loops make them, and where.

A value that is not stored is computed again wherever it is read, inside the loop that reads it.
Stored are outputs, reductions, what costs more to compute again than to load, and what is read
through an index that no loop can follow (a reshape that mixes axes, a gather).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from adglot.ir import Node
from adglot_server.executors.compiled import products
from adglot_server.executors.compiled.elementwise import COSTLY, ELEMENTWISE
from adglot_server.executors.compiled.operands import Strided, dense, plain, strided
from adglot_server.executors.compiled.region import IN_PLACE, REDUCTIONS, ROUTINES, VIEWS, Region

AGAIN = 12
"""A value read several times is stored when it takes this many additions to compute."""

COSTS = {**dict.fromkeys(COSTLY, 25), "divide": 5, "sqrt": 6}
ALIGNMENT = 64


@dataclass(slots=True)
class Nest:
    """Values made by one nest of loops over `domain`, in order."""

    domain: tuple[int, ...]
    roots: list[int] = field(default_factory=list)
    before: list[Call] = field(default_factory=list)
    after: list[Call] = field(default_factory=list)
    """Products with the rows of a matrix that it makes as it comes by these: see `_swept`."""
    sides: list[list[int]] = field(default_factory=list)
    """Where it is cut, once `terms` has found that."""

    @property
    def made(self) -> list[int]:
        """All values that it leaves."""
        products = [call.index for call in (*self.before, *self.after)]
        return [*self.roots, *products]


@dataclass(frozen=True, slots=True)
class Call:
    """A value that a product or a routine makes."""

    index: int

    @property
    def made(self) -> list[int]:
        """As of a nest."""
        return [self.index]


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order, and the places in a workspace of values that are stored but no outputs."""

    region: Region
    stored: frozenset[int]
    steps: tuple[Nest | Call, ...]
    places: dict[int, int]
    workspace: int


def plan(region: Region, force: Collection[int] = ()) -> Plan:
    """The plan of a region; the values in `force` are stored in any case."""
    stored = _stored(region, force)
    needs = _needs(region, stored)
    steps = _swept(region, stored, needs, _steps(region, stored, needs))
    places, workspace = _workspace(region, steps, needs)
    return Plan(region, frozenset(stored), tuple(steps), places, workspace)


def nests(chosen: Plan) -> list[Nest]:
    """The steps that are loops."""
    return [step for step in chosen.steps if isinstance(step, Nest)]


def same_but_ones(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two shapes differ in axes of length 1 alone."""
    return [n for n in a if n != 1] == [n for n in b if n != 1]


# ------------------------------------------------------------------ what is stored


def _stored(region: Region, force: Collection[int]) -> set[int]:
    stored = {*region.outputs, *force, *(guard.value for guard in region.guards)}
    for i, node in region.nodes.items():
        if node.op in REDUCTIONS or node.op in ROUTINES:
            stored.add(i)
        stored.update(_held(region, i))
    readers = _readers(region)
    cost: dict[int, int] = {}
    for i, node in region.nodes.items():
        again = sum(cost.get(k, 0) for k in node.operands)
        if node.op in ELEMENTWISE:
            again += COSTS.get(node.op, 1)
            if (again >= AGAIN and len(readers[i]) > 1) or (again and _grows(region, i, readers)):
                stored.add(i)
        cost[i] = 0 if i in stored else again
    return stored


def _held(region: Region, index: int) -> list[int]:
    """Operands that a node reads in another order than any loop has."""
    node = region.nodes[index]
    if node.op in ROUTINES:
        held = _held_by_routine(region, node)
        return [i for i in held if i in region.nodes]
    mixed = node.op == "reshape" and not same_but_ones(
        region.types[index].shape, region.types[node.operands[0]].shape
    )
    others = node.operands if node.op == "take" else node.operands[:1] if mixed else ()
    return [i for i in others if i in region.nodes]


def _readers(region: Region) -> dict[int, list[int]]:
    readers: dict[int, list[int]] = {i: [] for i in region.nodes}
    for i, node in region.nodes.items():
        for k in node.operands:
            if k in readers:
                readers[k].append(i)
    return readers


def _grows(region: Region, index: int, readers: dict[int, list[int]]) -> bool:
    """Whether it is read by a larger value: it would be computed again for each element there."""
    size = region.types[index].size
    for i in readers[index]:
        op = region.nodes[i].op
        if (op in ELEMENTWISE or op == "broadcast_to") and region.types[i].size > size:
            return True
        if op == "reshape" and _grows(region, i, readers):
            return True
    return False


def _held_by_routine(region: Region, node: Node) -> list[int]:
    """Operands of a routine that lie in no memory in the order that it wants, or their owners."""
    if node.op in ("scattered", "gathered"):
        return list(node.operands[:2])
    of = node.operands[: 2 if node.op == "matmul" else -1]
    views = [strided(region, i) for i in of]
    if node.op != "matmul":
        fit = [x is not None and dense(x.shape[-2:], x.strides[-2:]) for x in views]
    else:
        fit = _fit_for_product(
            node, *(x or plain(region, i) for i, x in zip(of, views, strict=True))
        )
    return [
        x.buffer if good and x is not None else i for i, x, good in zip(of, views, fit, strict=True)
    ]


def _fit_for_product(node: Node, a: Strided, b: Strided) -> list[bool]:
    type = node.outputs[0]
    chosen, swapped = products.product(a, b, type.shape)
    unfit = products.unfit(chosen, type.dtype.itemsize)
    return [not x for x in (unfit[::-1] if swapped else unfit)]


def _behind(region: Region, index: int) -> int:
    """The value that is no view, and has the memory of this one."""
    while index in region.nodes and region.nodes[index].op in VIEWS:
        (index,) = region.nodes[index].operands
    return index


# ------------------------------------------------------------------ loops


def _needs(region: Region, stored: set[int]) -> dict[int, frozenset[int]]:
    """For each value the stored ones that it is computed from."""
    needs: dict[int, frozenset[int]] = {}
    for i, node in region.nodes.items():
        parts = [
            frozenset((k,)) if k in stored else needs[k]
            for k in dict.fromkeys(node.operands)
            if k in region.nodes
        ]
        if node.op in ROUTINES:  # they read what lies behind a view, even of a stored one
            parts.append(frozenset(_behind(region, k) for k in node.operands) & stored)
        needs[i] = frozenset().union(*parts)
    return needs


def _steps(region: Region, stored: set[int], needs: dict[int, frozenset[int]]) -> list[Nest | Call]:
    todo = [i for i in region.nodes if i in stored]
    done: set[int] = set()
    steps: list[Nest | Call] = []
    while todo:
        first = next(i for i in todo if needs[i] <= done)
        if (op := region.nodes[first].op) in ROUTINES:
            steps += [Nest(region.domain(first), [first])] if op in IN_PLACE else []
            steps.append(Call(first))
            done.add(first)
            todo.remove(first)
            continue
        nest = Nest(region.domain(first))
        for i in todo:
            if region.nodes[i].op in ROUTINES:
                continue
            missing = needs[i] - done
            fits = region.domain(i) == nest.domain and missing <= set(nest.roots)
            if fits and (not missing or _same_place(region, i, missing, needs)):
                nest.roots.append(i)
        done.update(nest.roots)
        todo = [i for i in todo if i not in done]
        steps.append(nest)
    return steps


def _same_place(
    region: Region, index: int, inside: Collection[int], needs: dict[int, frozenset[int]]
) -> bool:
    """Whether a value reads those of its own nest only where the loop just made them."""
    domain = region.domain(index)
    node = region.nodes[index]
    if node.op in REDUCTIONS:
        start = node.operands[0]
        if start in inside:
            return True
        pending = [start]
    else:
        pending = [index]
    seen: set[int] = set()
    while pending:
        i = pending.pop()
        if i in seen or i not in region.nodes:
            continue
        seen.add(i)
        for k in region.nodes[i].operands:
            touched = k in inside or bool(needs.get(k, frozenset()) & set(inside))
            if not touched:
                continue
            if region.nodes[i].op not in ELEMENTWISE or region.types[k].shape != domain:
                return False
            if k not in inside:
                pending.append(k)
    return True


# ------------------------------------------------------------------ sweeps


def _swept(
    region: Region, stored: set[int], needs: dict[int, frozenset[int]], steps: list[Nest | Call]
) -> list[Nest | Call]:
    """The steps, a large matrix being read once where it was read for A x, and again for r A.

    The nest that makes r of A x makes both products, eight rows of A at a time, which are in a
    cache when they are read again. Gradients of generalized linear models are such.
    """
    for nest in [step for step in steps if isinstance(step, Nest) and len(step.domain) == 1]:
        at = steps.index(nest)
        later = {i for step in steps[at + 1 :] for i in step.made}
        before = {
            call: matrix
            for k, call in enumerate(steps[:at])
            if isinstance(call, Call)
            and (matrix := _matrix_by_vector(region, stored, nest, call.index))
            and not any(call.index in needs[i] for step in steps[k + 1 : at] for i in step.made)
        }
        after = {
            call: matrix
            for call in steps[at + 1 :]
            if isinstance(call, Call)
            and (matrix := _weights_by_matrix(region, stored, nest, call.index))
            and not needs[call.index] & later
        }
        both = {*before.values()} & {*after.values()}
        inside = {call.index for call, matrix in before.items() if matrix in both}
        if all(_same_place(region, i, inside, needs) for i in nest.roots):
            nest.before = [call for call, matrix in before.items() if matrix in both]
            nest.after = [call for call, matrix in after.items() if matrix in both]
        steps = [step for step in steps if step not in (*nest.before, *nest.after)]
    return steps


def _matrix_by_vector(
    region: Region, stored: set[int], nest: Nest, index: int
) -> tuple[int, ...] | None:
    """Where a matrix lies whose product with a vector has an element for each turn of a nest."""
    node, type = region.nodes[index], region.types[index]
    if node.op != "matmul" or type.shape != nest.domain:
        return None
    p, matrix, _ = products.of_node(region, stored, index)
    swept = p.n == 1 and p.a[1] == 1 and products.is_swept(p, type.dtype.itemsize)
    return (matrix.buffer, matrix.offset, p.a[0], p.k) if swept else None


def _weights_by_matrix(
    region: Region, stored: set[int], nest: Nest, index: int
) -> tuple[int, ...] | None:
    """The same where a nest makes the elements of a vector that a matrix is multiplied with."""
    if region.nodes[index].op != "matmul":
        return None
    p, weights, matrix = products.of_node(region, stored, index)
    made = weights.buffer in nest.roots and region.types[weights.buffer].shape == nest.domain
    swept = made and p.m == 1 and (p.k,) == nest.domain and p.a[1] == p.b[1] == 1
    return (matrix.buffer, matrix.offset, p.b[0], p.n) if swept and not p.lead else None


# ------------------------------------------------------------------ memory


def _workspace(
    region: Region, steps: list[Nest | Call], needs: dict[int, frozenset[int]]
) -> tuple[dict[int, int], int]:
    """Places in bytes, taken again behind the last step that reads; and how many there are."""
    last: dict[int, int] = {}
    for number, step in enumerate(steps):
        for i in step.made:
            last.update(dict.fromkeys((*needs[i], i), number))
    last.update((guard.value, len(steps)) for guard in region.guards)
    places: dict[int, int] = {}
    live: list[tuple[int, int, int]] = []
    top = 0
    for number, step in enumerate(steps):
        for i in step.made:
            if i in region.outputs or i in places:
                continue
            live = sorted(slot for slot in live if slot[2] >= number)
            size = -(-region.types[i].nbytes // ALIGNMENT) * ALIGNMENT
            at = _gap(live, size)
            places[i] = at
            live.append((at, at + size, last[i]))
            top = max(top, at + size)
    return places, top


def _gap(live: list[tuple[int, int, int]], size: int) -> int:
    at = 0
    for begin, end, _ in live:
        if at + size <= begin:
            break
        at = max(at, end)
    return at
