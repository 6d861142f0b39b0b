"""What an op is, and how graphs are built from ops: `Op`, `Value`, `Builder`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Final, NamedTuple, Protocol, Self

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Attribute, Graph, Guard, Node, Tree, Type, as_array
from adglot.stopping import EVERY, may_stop

Array = np.ndarray[Any, Any]
Attributes = Mapping[str, Attribute]

REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Attr:
    """One attribute of an op: `kind` is one of those that `check.KINDS` lists."""

    name: str
    kind: str
    doc: str
    default: Any = REQUIRED


@dataclass(frozen=True, slots=True)
class Absent:
    """Stands where an op's part cannot exist, and says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class NonSmooth:
    """A set of points where the derivative is a convention, and the one we take.

    `contains(*operands, **attributes)` gives the mask of the components that lie in the set.
    """

    where: str
    convention: str
    contains: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """Operands and attributes at which an op is tested, by us and by every engine.

    `smooth` says that the derivative exists there, so that numerical derivatives must agree.
    """

    operands: tuple[Array, ...]
    attributes: Attributes = field(default_factory=dict)
    smooth: bool = True


@dataclass(frozen=True, slots=True)
class Linear:
    """An operand that a transpose rule is linear in: only its type is known."""

    type: Type


@dataclass(frozen=True, slots=True)
class Placed:
    """A cotangent that is zero but for a strided block: what the transpose of `slice` gives.

    Kept apart until all have come, so that n blocks of one array are added in O(n), not O(n^2).
    """

    value: Value
    type: Type
    start: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Linearized:
    """A graph cut in two: what depends on the point alone, and what is linear in the tangents.

    - `primal`: x -> (y, residuals)
    - `linear`: (x[i] for i in `known`, residuals, tangents of the active x) -> tangents of y
    - `active`: which y have a tangent
    """

    primal: Graph
    linear: Graph
    known: tuple[int, ...]
    active: tuple[bool, ...]


class Transforms(Protocol):
    """What the rules of ops with sub-graphs may ask of the transforms."""

    def jvp(self, graph: Graph, active: Sequence[bool]) -> tuple[Graph, tuple[bool, ...]]:
        """(x, tangents of active x) -> (y, tangents of active y), and which y are active."""

    def linearize(
        self, graph: Graph, active: Sequence[bool], shared: Sequence[bool] | None = None
    ) -> Linearized:
        """The graph's value and, apart from it, its derivative in the active x.

        The linear part reads those x again that `shared` names (all, if it is None); other x are
        handed to it as residuals.
        """

    def transpose(self, graph: Graph, linear: Sequence[bool]) -> Graph:
        """(x not linear, cotangents of all y) -> cotangents of linear x.

        For graphs such as `linearize` makes, where every node is linear or known.
        """

    def batch(
        self, graph: Graph, batched: Sequence[bool], size: int, force: Sequence[bool] | None = None
    ) -> tuple[Graph, tuple[bool, ...]]:
        """The graph over a leading axis of the batched inputs, and which outputs have it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Op:
    """One entry of the op table: everything adglot knows of an op.

    Rules work on `Value`s and call ops, so every rule can be differentiated again. For an op with
    sub-graphs (`higher_order`) rules take `Transforms` first, `evaluate` a function that runs a
    graph, and `pattern` one that follows the dependences through a graph.

    - ``evaluate(*arrays, **attributes)`` -> array, or a tuple for several outputs
    - ``infer(*types, **attributes)`` -> Type, or a tuple
    - ``jvp(primals, tangents, **attributes)`` -> outputs, tangents of the outputs; None is zero
    - ``transpose(cotangents, operands, **attributes)`` -> one cotangent an operand; operands the
      op is linear in come as `Linear`. It is the adjoint for the real inner product
      Re(sum(conj(a) b)), so complex factors are conjugated.
    - ``batch(size, operands, batched, **attributes)`` -> outputs, which of them are batched; the
      batch axis is always the first
    - ``cost(operand_types, output_types, **attributes)`` -> scalar operations of one evaluation
    - ``pattern(sets, op, operands, **attributes)`` -> for an op that has a transpose: on which
      elements of the operands that it is linear in each element of the result depends, as
      `ops.dependence` says; on all of them where there is no such rule
    """

    name: str
    doc: str
    operands: tuple[str, ...]
    """Names of the operands; a last name with a star takes any number."""
    attributes: tuple[Attr, ...] = ()
    evaluate: Callable[..., Any]
    infer: Callable[..., Any]
    jvp: Callable[..., tuple[Sequence[Value], Sequence[Value | None]]] | Absent
    transpose: Callable[..., Sequence[Any]] | Absent
    batch: Callable[..., tuple[Sequence[Value], Sequence[bool]]] | Absent
    cost: Callable[..., int]
    samples: Callable[[], Iterable[Sample]]
    pattern: Callable[..., Any] | None = None
    nonsmooth: tuple[NonSmooth, ...] = ()
    weak: bool = False
    """Whether Python scalars take their dtype from the other operands (NumPy 2 promotion)."""
    view: bool = False
    """Whether the result shares memory with the first operand, where NumPy need not copy it."""
    finite: bool = False
    """Whether finite operands always give finite results, overflow apart: there is no pole."""
    higher_order: bool = False
    _names: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        assert self.name not in TABLE, f"op {self.name} has two entries"
        TABLE[self.name] = self
        object.__setattr__(self, "_names", frozenset(attr.name for attr in self.attributes))

    def __call__(self, *operands: Any, **attributes: Any) -> Value:
        """Emit this op on Values (arrays and scalars among them become constants)."""
        (result,) = self.all(*operands, **attributes)
        return result

    def all(self, *operands: Any, **attributes: Any) -> tuple[Value, ...]:
        """As calling it, for an op with several outputs."""
        builder = plain_builder(operands)
        if builder is None:
            builder = builder_of(operands)
            lift = builder.lift_weak if self.weak else builder.lift
            operands = tuple(lift(operands))
        return builder.emit(self, operands, self.complete(attributes))

    def on(self, like: Value, **attributes: Any) -> Value:
        """Emit an op that has no operands, in the graph of `like`."""
        return like.builder.emit(self, (), self.complete(attributes))[0]

    def complete(self, attributes: Attributes) -> Attributes:
        """All attributes of the op, defaults filled in: a graph spells every one out."""
        if attributes.keys() == self._names:
            return attributes
        if strange := attributes.keys() - self._names:
            known = ", ".join(attr.name for attr in self.attributes) or "none"
            unknown = ", ".join(sorted(strange))
            raise InvalidArgument(f"{self.name}: unknown attribute {unknown}; it takes {known}")
        return {a.name: attributes.get(a.name, a.default) for a in self.attributes}

    @cached_property
    def no_derivative(self) -> str:
        """Why the op has no derivative; empty where it has one."""
        if isinstance(self.jvp, Absent):
            return self.jvp.reason
        typed = any(t.is_differentiable for sample in self.samples() for t in self._types(sample))
        return "" if typed else "its results are bool or integer"

    def _types(self, sample: Sample) -> tuple[Type, ...]:
        attributes = self.complete(sample.attributes)
        return self.output_types(list(map(Type.of, sample.operands)), attributes)

    def output_types(self, operands: Sequence[Type], attributes: Attributes) -> tuple[Type, ...]:
        types = self.infer(*operands, **attributes)
        return types if isinstance(types, tuple) else (types,)


_WEAK = (bool, int, float, complex)

TABLE: dict[str, Op] = {}
"""Every op by name; modules of `adglot.ops` fill it when they are imported."""


class Value:
    """A value of a graph that is being built: a handle, with Python's arithmetic on it."""

    __slots__ = ("builder", "index", "type")

    def __init__(self, builder: Builder, index: int, type: Type) -> None:
        self.builder, self.index, self.type = builder, index, type

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.type.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.shape

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    @property
    def size(self) -> int:
        return self.type.size

    def current(self) -> Value:
        """What an op that takes this handle now reads; tracing has handles that can be written."""
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} %{self.index}: {self.type!r}>"

    def __add__(self, other: Any) -> Value:
        return TABLE["add"](self, other)

    def __radd__(self, other: Any) -> Value:
        return TABLE["add"](other, self)

    def __sub__(self, other: Any) -> Value:
        return TABLE["subtract"](self, other)

    def __rsub__(self, other: Any) -> Value:
        return TABLE["subtract"](other, self)

    def __mul__(self, other: Any) -> Value:
        return TABLE["multiply"](self, other)

    def __rmul__(self, other: Any) -> Value:
        return TABLE["multiply"](other, self)

    def __truediv__(self, other: Any) -> Value:
        return TABLE["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return TABLE["divide"](other, self)

    def __matmul__(self, other: Any) -> Value:
        return TABLE["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Value:
        return TABLE["matmul"](other, self)

    def __neg__(self) -> Value:
        return TABLE["negative"](self)

    def __lt__(self, other: Any) -> Value:
        return TABLE["less"](self, other)

    def __le__(self, other: Any) -> Value:
        return TABLE["less_equal"](self, other)

    def __gt__(self, other: Any) -> Value:
        return TABLE["greater"](self, other)

    def __ge__(self, other: Any) -> Value:
        return TABLE["greater_equal"](self, other)


class Record(NamedTuple):
    """A node while its graph is being built. A tuple, since traces make them by the million."""

    op: Op
    operands: tuple[Value, ...]
    attributes: Attributes
    outputs: tuple[Value, ...]
    location: str


_record = partial(tuple.__new__, Record)
"""As `Record`, of a tuple of the fields, without a call of Python's own."""


def _bits(array: Array) -> Array:
    """What tells -0. from 0., and finds a NaN equal to itself."""
    return np.ascontiguousarray(array).view(f"u{min(array.itemsize, 8)}")


class Builder:
    """Collects nodes, then makes a Graph of those that the outputs need.

    >>> from adglot import ops
    >>> b = Builder()
    >>> x = b.input(Type("float64", (3,)))
    >>> print(b.build([x], [ops.sin(x) * 2.0]))
    f(%0 x0: float64[3]) {
      %1 = sin(%0) : float64[3]
      %2 = constant(value=2.) : float64[]
      %3 = multiply(%1, %2) : float64[3]
      return y0=%3
    }
    """

    def __init__(self, value_class: type[Value] = Value) -> None:
        self.records: list[Record] = []
        self.guards: list[tuple[Value, bool | int, str]] = []
        self.location: Callable[[], str] | str = ""
        self._value_class = value_class
        self._count = 0
        self._scalars: dict[tuple[Any, bytes], Value] = {}
        self._arrays: dict[int, tuple[Array, Array, Value]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Forget all nodes: values and builder hold each other until the collector comes."""
        for store in (self.records, self.guards, self._scalars, self._arrays):
            store.clear()

    def value(self, type: Type) -> Value:
        """A new value, which no node defines: an input, or a hole to be filled by a transform."""
        self._count += 1
        return self._value_class(self, self._count - 1, type)

    input = value

    def emit(self, op: Op, operands: Sequence[Value], attributes: Attributes) -> tuple[Value, ...]:
        types = op.output_types([v.type for v in operands], attributes)
        return self.record(op, operands, attributes, types)

    def record(
        self, op: Op, operands: Sequence[Value], attributes: Attributes, types: Sequence[Type]
    ) -> tuple[Value, ...]:
        """As `emit`, where the types of the results have been found."""
        if len(self.records) % EVERY == 0:
            may_stop()
        made, first, location = self._value_class, self._count, self.location
        if len(types) == 1:
            outputs: tuple[Value, ...] = (made(self, first, types[0]),)
        else:
            outputs = tuple([made(self, first + k, type) for k, type in enumerate(types)])
        self._count = first + len(outputs)
        where = location if isinstance(location, str) else location()
        self.records.append(_record((op, tuple(operands), attributes, outputs, where)))
        return outputs

    def constant(self, value: Any) -> Value:
        """A constant node with a copy of the array; equal scalars share one node.

        So does the same array object used again, as long as nobody wrote into it in between.
        """
        array = as_array(value)
        if array.ndim == 0:
            key = (array.dtype, array.tobytes())
            if key not in self._scalars:
                self._scalars[key] = self._emit_constant(array)
            return self._scalars[key]
        used = self._arrays.get(id(array))
        if used is not None and np.array_equal(_bits(used[1]), _bits(array)):
            return used[2]
        constant = self._emit_constant(array)
        value = self.records[-1].attributes["value"]
        self._arrays[id(array)] = (array, value, constant)
        return constant

    def _emit_constant(self, array: Array) -> Value:
        copy = np.array(array, Type.of(array).dtype, order="C")
        copy.flags.writeable = False
        return self.emit(TABLE["constant"], (), {"value": copy})[0]

    def lift(self, operands: Iterable[Any]) -> list[Value]:
        """Operands as Values of this builder; anything else becomes a constant."""
        return [self._own(x) if isinstance(x, Value) else self.constant(x) for x in operands]

    def lift_weak(self, operands: Sequence[Any]) -> list[Value]:
        """As `lift`; Python scalars take their dtype from the other operands."""
        scalars = [type(x) in _WEAK for x in operands]
        if not any(scalars) or all(scalars):
            return self.lift(operands)
        dtypes = [
            getattr(x, "dtype", None) or np.asarray(x).dtype
            for x, s in zip(operands, scalars, strict=True)
            if not s
        ]
        return self.lift(
            np.asarray(x, np.result_type(*dtypes, x)) if scalar else x
            for x, scalar in zip(operands, scalars, strict=True)
        )

    def guard(self, value: Value, expected: bool | int, name: str) -> None:
        """Demand that `value` equals `expected` wherever the graph is run."""
        self.guards.append((value, expected, name))

    def build(
        self,
        inputs: Sequence[Value],
        outputs: Sequence[Value],
        *,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        name: str = "f",
        input_tree: Tree | None = None,
        output_tree: Tree | None = None,
        guarded: bool = True,
    ) -> Graph:
        """The graph of what the outputs and guards need; the rest is dead and left out.

        An input may be a value that a node defines: then the graph begins behind that node.
        Guards are left out where `guarded` is false.
        """
        guards = self.guards if guarded else []
        roots = [*outputs, *(value for value, _, _ in guards)]
        nodes, number = _numbered(self.live(roots, inputs), inputs)
        flat_in = Tree("tuple", (Tree(),) * len(inputs))
        flat_out = Tree("tuple", (Tree(),) * len(outputs)) if len(outputs) != 1 else Tree()
        return Graph(
            inputs=tuple(v.type for v in inputs),
            nodes=nodes,
            outputs=tuple(number[v.index] for v in outputs),
            input_names=tuple(input_names or (f"x{i}" for i in range(len(inputs)))),
            output_names=tuple(output_names or (f"y{i}" for i in range(len(outputs)))),
            guards=tuple(Guard(number[v.index], e, n) for v, e, n in guards),
            name=name,
            input_tree=input_tree or flat_in,
            output_tree=output_tree or flat_out,
        )

    def inline(self, graph: Graph, inputs: Sequence[Value]) -> list[Value]:
        """Emit a graph's nodes on these inputs; returns its outputs."""
        values = list(inputs)
        typed = [v.type for v in values] == list(graph.inputs)
        for node in graph.nodes:
            self.location = node.location
            operands = [values[i] for i in node.operands]
            if typed:
                values += self.record(TABLE[node.op], operands, node.attributes, node.outputs)
            else:
                values += self.emit(TABLE[node.op], operands, node.attributes)
        self.inherit_guards(graph, values)
        return [values[i] for i in graph.outputs]

    def inherit_guards(self, graph: Graph, values: Sequence[Value]) -> None:
        """Take over a graph's guards, its values being known here as `values`."""
        for guard in graph.guards:
            self.guard(values[guard.value], guard.expected, guard.name)

    def _own(self, value: Value) -> Value:
        value = value.current()
        return value if value.builder is self else self.adopt(value)

    def active(self) -> Builder:
        """The builder that an op on values of this one emits to."""
        return self

    def adopt(self, value: Value) -> Value:
        """Another builder's value as one of this builder's."""
        raise InvalidArgument(
            f"{value!r} belongs to another trace: a traced value must not leave its function"
        )

    def live(self, roots: Iterable[Value], cut: Iterable[Value] = ()) -> list[Record]:
        """The nodes that the roots need, in order; what lies behind a cut value is not needed."""
        known = {v.index for v in cut}
        needed = {v.index for v in roots}
        live: list[Record] = []
        for record in reversed(self.records):
            for y in record.outputs:
                if y.index in needed and y.index not in known:
                    needed.update([v.index for v in record.operands])
                    live.append(record)
                    break
        live.reverse()
        return live


def _numbered(
    records: Iterable[Record], inputs: Sequence[Value]
) -> tuple[tuple[Node, ...], dict[int, int]]:
    """The nodes, and what each value's index in the builder is in the graph."""
    number = {v.index: i for i, v in enumerate(inputs)}
    nodes: list[Node] = []
    count = len(inputs)
    for op, operands, attributes, outputs, location in records:
        sources = tuple([number[v.index] for v in operands])
        types = (outputs[0].type,) if len(outputs) == 1 else tuple([v.type for v in outputs])
        nodes.append(Node(op.name, sources, attributes, types, location))
        for value in outputs:
            number.setdefault(value.index, count)
            count += 1
    return tuple(nodes), number


def plain_builder(operands: Sequence[Any]) -> Builder | None:
    """The builder of operands that need not be lifted: values of one, and no traced ones."""
    builder = None
    for x in operands:
        if type(x) is not Value or (x.builder is not builder and builder is not None):
            return None
        builder = x.builder
    return builder


def builder_of(operands: Iterable[Any]) -> Builder:
    """The builder that the first Value among the operands belongs to."""
    for operand in operands:
        if isinstance(operand, Value):
            return operand.builder.active()
    raise InvalidArgument("an op needs at least one traced operand here")
