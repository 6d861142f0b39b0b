"""What the inside of a loop computes: terms, shared where equal, each at the depth it needs.

A loop runs over a box of its domain, small enough that every `pad` and `concat` lies on one side
everywhere in it. A place is where along an axis of an array the loop reads: stride * index of a
loop + offset. So slices, flips and permutations cost nothing, and the address of a load is linear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np

from adglot.ir import Node
from adglot_server.executors.compiled.elementwise import ELEMENTWISE, element, operand_dtypes
from adglot_server.executors.compiled.plan import Nest, Plan, same_but_ones
from adglot_server.executors.compiled.region import IN_PLACE, REDUCTIONS, axis_of, ints

Box = tuple[tuple[int, int], ...]


class Place(NamedTuple):
    """stride * (index of loop `loop`) + offset; loop -1 has index 0."""

    loop: int
    stride: int
    offset: int

    def moved(self, stride: int, offset: int) -> Place:
        """stride * here + offset."""
        return Place(self.loop, self.stride * stride, self.offset * stride + offset)


Access = tuple[Place, ...]
START = Place(-1, 0, 0)


@dataclass(frozen=True, eq=False, slots=True)
class Number:
    """A number that tells -0.0 from 0.0, and finds NaN equal to itself."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and repr(self.value) == repr(other.value)

    def __hash__(self) -> int:
        return hash(repr(self.value))


class Address(NamedTuple):
    """Elements from the start of a buffer: the sum of stride * index over loops, and an offset."""

    buffer: int
    strides: tuple[tuple[int, int], ...]
    offset: int


@dataclass(frozen=True, eq=False, slots=True)
class Term:
    """One number for each turn of the loops down to `depth` (-1: of none).

    `kind` is literal, load, lookup, index or apply; `what` the number, the address, (the address,
    the stride of a computed index), the place, or the name of an op.
    """

    kind: str
    element: str
    depth: int
    what: Any
    operands: tuple[Term, ...] = ()
    targets: tuple[str, ...] = ()


def identity(domain: Sequence[int]) -> Access:
    return tuple(Place(k, 1, 0) if n > 1 else START for k, n in enumerate(domain))


class Terms:
    """The terms of one nest in one box."""

    def __init__(self, plan: Plan, nest: Nest, box: Box) -> None:
        self._plan, self._region, self._box = plan, plan.region, box
        self._known: dict[tuple[int, Access], Term] = {}
        self._shared: dict[tuple[Any, ...], Term] = {}
        self.order: list[Term] = []
        self.results: list[tuple[int, Term]] = []
        access = identity(nest.domain)
        for i in nest.roots:
            node = self._region.nodes[i]
            if node.op in REDUCTIONS:
                self.results.append((i, self._value(node.operands[0], access)))
            elif node.op in IN_PLACE:
                self.results.append((i, self._value(node.operands[-1], access)))
            else:
                term = self._made(i, node, access)
                self._known[i, access] = term
                self.results.append((i, term))

    def _value(self, index: int, access: Access) -> Term:
        key = (index, access)
        if key not in self._known:
            self._known[key] = self._new(index, access)
        return self._known[key]

    def _new(self, index: int, access: Access) -> Term:
        constant = self._region.constants.get(index)
        if constant is not None and _uniform(constant):
            name = element(constant.dtype)
            return self._term("literal", name, -1, Number(constant.flat[0].item()))
        node = self._region.nodes.get(index)
        if node is None or index in self._plan.stored:
            return self._load(index, access)
        return self._made(index, node, access)

    def _made(self, index: int, node: Node, access: Access) -> Term:
        if node.op in ELEMENTWISE:
            return self._applied(node, access)
        if node.op == "iota":
            (place,) = access
            term = self._term("index", "i64", place.loop, place)
            return self._converted(term, element(node.outputs[0].dtype))
        if node.op == "take":
            return self._looked_up(node, access)
        if node.op == "pad" and not _within(node, access, self._region.types, self._box):
            return self._term("literal", element(node.outputs[0].dtype), -1, Number(0.0))
        if node.op == "reshape" and not self._followed(node):
            address = _address(node.operands[0], node.outputs[0].shape, access)
            return self._loaded(address, node.outputs[0].dtype)
        operand, moved = _moved(node, access, self._region.types, self._box)
        return self._converted(self._value(operand, moved), element(node.outputs[0].dtype))

    def _followed(self, node: Node) -> bool:
        shapes = (node.outputs[0].shape, self._region.types[node.operands[0]].shape)
        return same_but_ones(*shapes)

    def _applied(self, node: Node, access: Access) -> Term:
        types = self._region.operand_types(node)
        dtypes = operand_dtypes(node, types)
        assert dtypes is not None
        shape = node.outputs[0].shape
        operands = tuple(
            self._value(i, _broadcast(access, shape, t.shape))
            for i, t in zip(node.operands, types, strict=True)
        )
        targets = tuple(map(element, dtypes))
        depth = max((x.depth for x in operands), default=-1)
        name = element(node.outputs[0].dtype)
        return self._term("apply", name, depth, node.op, operands, targets)

    def _converted(self, x: Term, name: str) -> Term:
        if x.element == name:
            return x
        return self._term("apply", name, x.depth, "convert_element_type", (x,), (name,))

    def _looked_up(self, node: Node, access: Access) -> Term:
        """x at a stored index along one axis: linear in the other axes."""
        axis, (x, indices) = axis_of(node), self._region.operand_types(node)
        behind = axis + indices.ndim
        index = self._value(node.operands[1], access[axis:behind])
        size, length = int(np.prod(x.shape[axis + 1 :])), x.shape[axis]
        index = self._wrapped(index, length)
        address = _address(node.operands[0], x.shape, (*access[:axis], START, *access[behind:]))
        depth = max([index.depth, *(loop for loop, _ in address.strides)])
        return self._term("lookup", element(x.dtype), depth, (address, size), (index,))

    def _wrapped(self, index: Term, length: int) -> Term:
        """A negative index counts from the end."""
        index = self._converted(index, "i64")
        zero = self._term("literal", "i64", -1, Number(0))
        end = self._term("literal", "i64", -1, Number(length))
        below = self._apply("less", "i1", index, zero)
        return self._apply("where", "i64", below, self._apply("add", "i64", index, end), index)

    def _apply(self, op: str, name: str, *operands: Term) -> Term:
        targets = tuple(x.element for x in operands)
        return self._term("apply", name, max(x.depth for x in operands), op, operands, targets)

    def _load(self, index: int, access: Access) -> Term:
        type = self._region.types[index]
        return self._loaded(_address(index, type.shape, access), type.dtype)

    def _loaded(self, address: Address, dtype: Any) -> Term:
        depth = max((loop for loop, _ in address.strides), default=-1)
        return self._term("load", element(dtype), depth, address)

    def _term(
        self,
        kind: str,
        element: str,
        depth: int,
        what: Any,
        operands: tuple[Term, ...] = (),
        targets: tuple[str, ...] = (),
    ) -> Term:
        key = (kind, element, depth, what, operands, targets)
        term = self._shared.get(key)
        if term is None:
            term = self._shared[key] = Term(*key)
            self.order.append(term)
        return term


def boxes(plan: Plan, nest: Nest) -> Iterator[Box]:
    """The domain cut where a `pad` or `concat` that the loop reads through changes sides."""
    return product(*[list(pairwise(sides)) for sides in _sides(plan, nest)])


def count_boxes(plan: Plan, nest: Nest) -> int:
    return int(np.prod([len(sides) - 1 for sides in _sides(plan, nest)], dtype=np.int64))


def _sides(plan: Plan, nest: Nest) -> list[list[int]]:
    """Along each axis where its parts begin, and where it ends; found once."""
    if not nest.sides:
        cuts = [{0, n} for n in nest.domain]
        _cut(plan, nest, cuts)
        nest.sides = [sorted(c) for c in cuts]
    return nest.sides


def _cut(plan: Plan, nest: Nest, cuts: list[set[int]]) -> None:
    region = plan.region
    access = identity(nest.domain)
    seen: set[tuple[int, Access]] = set()
    pending = [_start(region.nodes[i], i, access) for i in nest.roots]
    while pending:
        i, access, top = pending.pop()
        if i not in region.nodes or (i, access) in seen or (i in plan.stored and not top):
            continue
        node = region.nodes[i]
        seen.add((i, access))
        for place, edges in _edges(node, access, region.types):
            _mark(cuts, place, edges)
        pending += [(k, a, False) for k, a in _reads(node, access, plan)]


def _start(node: Node, index: int, access: Access) -> tuple[int, Access, bool]:
    """What a loop computes for a value that it makes, and whether that is the value itself."""
    if node.op in REDUCTIONS or node.op in IN_PLACE:
        return node.operands[-1], access, False
    return index, access, True


def _mark(cuts: list[set[int]], place: Place, edges: Sequence[int]) -> None:
    """Cut where stride * index + offset comes to each edge."""
    if place.loop < 0:
        return
    end = max(cuts[place.loop])
    for edge in edges:
        away = edge - place.offset
        # the first index at or behind the edge, in the direction of the stride
        at = -(-away // place.stride) if place.stride > 0 else away // place.stride + 1
        if 0 < at < end:
            cuts[place.loop].add(at)


def _edges(node: Node, access: Access, types: Any) -> list[tuple[Place, list[int]]]:
    if node.op == "pad":
        shape, low = types[node.operands[0]].shape, ints(node, "low")
        return [(p, [a, a + n]) for p, a, n in zip(access, low, shape, strict=True)]
    if node.op == "concat":
        lengths = [types[i].shape[axis_of(node)] for i in node.operands]
        return [(access[axis_of(node)], list(np.cumsum(lengths).tolist()))]
    return []


def _reads(node: Node, access: Access, plan: Plan) -> list[tuple[int, Access]]:
    """Which operands a node reads where, whatever box the loop is in."""
    types = plan.region.types
    if node.op in ELEMENTWISE:
        shape = node.outputs[0].shape
        return [(i, _broadcast(access, shape, types[i].shape)) for i in node.operands]
    if node.op == "concat":
        return _parts(node, access, types)
    if node.op in ("iota", "take"):
        return []
    if node.op == "reshape" and not same_but_ones(
        node.outputs[0].shape, types[node.operands[0]].shape
    ):
        return []
    return [_moved(node, access, types, ())]


# ------------------------------------------------------------------ places


def _address(buffer: int, shape: Sequence[int], access: Access) -> Address:
    """Of an element of a contiguous array."""
    strides: dict[int, int] = {}
    offset, step = 0, 1
    for place, n in zip(reversed(access), reversed(shape), strict=True):
        offset += place.offset * step
        if place.loop >= 0 and place.stride:
            strides[place.loop] = strides.get(place.loop, 0) + place.stride * step
        step *= n
    return Address(buffer, tuple(sorted((k, s) for k, s in strides.items() if s)), offset)


def _broadcast(access: Access, shape: Sequence[int], operand: Sequence[int]) -> Access:
    if len(operand) == len(shape) and 1 not in operand:
        return access
    ahead = len(shape) - len(operand)
    return tuple(
        START if n == 1 else place for place, n in zip(access[ahead:], operand, strict=True)
    )


def _moved(node: Node, access: Access, types: Any, box: Box) -> tuple[int, Access]:
    """The operand of a node that only moves numbers, and where it is read."""
    shape = types[node.operands[0]].shape
    if node.op == "concat":
        parts = _parts(node, access, types)
        axis = axis_of(node)
        (found,) = [
            part for part in parts if _inside(part[1][axis], types[part[0]].shape[axis], box)
        ]
        return found
    return node.operands[0], _MOVED[node.op](node, access, shape)


def _parts(node: Node, access: Access, types: Any) -> list[tuple[int, Access]]:
    axis, start, parts = axis_of(node), 0, []
    for i in node.operands:
        moved = list(access)
        moved[axis] = access[axis].moved(1, -start)
        if types[i].shape[axis]:
            parts.append((i, _drop_ones(moved, types[i].shape)))
        start += types[i].shape[axis]
    return parts


def _drop_ones(access: Sequence[Place], shape: Sequence[int]) -> Access:
    return tuple(access) if shape else ()


def _within(node: Node, access: Access, types: Any, box: Box) -> bool:
    """Whether the box lies inside of what is padded; it is wholly inside or outside."""
    _, moved = _moved(node, access, types, box)
    shape = types[node.operands[0]].shape
    return all(_inside(p, n, box) for p, n in zip(moved, shape, strict=True))


def _inside(place: Place, length: int, box: Box) -> bool:
    """Whether a place lies in an array of this length at the start of the box."""
    first = box[place.loop][0] if place.loop >= 0 else 0
    return 0 <= place.stride * first + place.offset < length


def _permuted(node: Node, access: Access, shape: Any) -> Access:
    axes = ints(node, "axes")
    return tuple(access[axes.index(k)] for k in range(len(axes)))


def _reshaped(node: Node, access: Access, shape: Any) -> Access:
    longer = iter(p for p, n in zip(access, node.outputs[0].shape, strict=True) if n != 1)
    return tuple(START if n == 1 else next(longer) for n in shape)


def _sliced(node: Node, access: Access, shape: Any) -> Access:
    steps = zip(access, ints(node, "strides"), ints(node, "start"), strict=True)
    return tuple(p.moved(stride, start) for p, stride, start in steps)


def _flipped(node: Node, access: Access, shape: Any) -> Access:
    axes = ints(node, "axes")
    return tuple(
        p.moved(-1, n - 1) if k in axes else p
        for k, (p, n) in enumerate(zip(access, shape, strict=True))
    )


def _unpadded(node: Node, access: Access, shape: Any) -> Access:
    return tuple(p.moved(1, -low) for p, low in zip(access, ints(node, "low"), strict=True))


_MOVED: dict[str, Callable[[Node, Access, Any], Access]] = {
    "permute_dims": _permuted,
    "reshape": _reshaped,
    "broadcast_to": lambda node, access, shape: _broadcast(access, node.outputs[0].shape, shape),
    "slice": _sliced,
    "flip": _flipped,
    "pad": _unpadded,
}


def _uniform(array: Any) -> bool:
    """Whether one number stands everywhere, bit by bit."""
    flat = np.ascontiguousarray(array).reshape(-1)
    if flat.size == 1:
        return True
    return bool(flat.size) and flat.tobytes() == flat[:1].tobytes() * flat.size
