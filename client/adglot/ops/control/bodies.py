"""What the rules of control-flow ops share: sub-graphs made, checked and rewired."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph, Type
from adglot.ops import rules
from adglot.ops.core import Builder, Linear, Linearized, Transforms, Value

T = TypeVar("T")


def make(types: Iterable[Type], function: Callable[..., Sequence[Value]], name: str) -> Graph:
    """The graph of a function of Values: how rules rewire sub-graphs."""
    builder = Builder()
    inputs = [builder.input(type) for type in types]
    return builder.build(inputs, function(builder, *inputs), name=name)


def restrict(graph: Graph, kept: Sequence[bool]) -> Graph:
    """The graph with only those outputs."""
    if all(kept):
        return graph
    return make(
        graph.inputs, lambda b, *xs: choose(b.inline(graph, xs), kept), f"part_{graph.name}"
    )


def split(values: Sequence[T], *counts: int) -> list[list[T]]:
    """Consecutive parts of these lengths, and the rest."""
    parts, at = [], 0
    for count in counts:
        parts.append(list(values[at : at + count]))
        at += count
    return [*parts, list(values[at:])]


def choose(values: Iterable[T], flags: Iterable[bool]) -> list[T]:
    """Those whose flag is set."""
    return [value for value, on in zip(values, flags, strict=True) if on]


def fill(values: Iterable[T], flags: Iterable[bool]) -> list[T | None]:
    """The inverse of `choose`: None where the flag is not set."""
    rest = iter(values)
    return [next(rest) if on else None for on in flags]


def differentiable(flags: Sequence[bool], types: Sequence[Type]) -> list[bool]:
    """The flags, less those of bools and integers."""
    return [on and type.is_differentiable for on, type in zip(flags, types, strict=True)]


def is_linear(operands: Iterable[Value | Linear]) -> list[bool]:
    return [isinstance(x, Linear) for x in operands]


def known(operands: Iterable[Value | Linear]) -> list[Value]:
    """The operands that a transpose rule is not linear in."""
    return [x for x in operands if isinstance(x, Value)]


def present(values: Iterable[T | None]) -> list[T]:
    return [value for value in values if value is not None]


def or_zeros(value: Value | None, builder: Builder, type: Type) -> Value:
    """Symbolic zeros made real."""
    if value is not None:
        return value
    zero = builder.constant(type.dtype.type(0))
    return rules.broadcast_to(zero, type.shape)


def spread(x: Value, had: bool, wanted: bool, size: int) -> Value:
    """With a batch axis where one is wanted and x has none."""
    return rules.broadcast_to(x, (size, *x.shape)) if wanted and not had else x


# ------------------------------------------------------------------ linear sub-graphs


def push_forward(
    transforms: Transforms,
    graph: Graph,
    flags: Sequence[bool],
    operands: Sequence[Value | Linear],
    tangents: Sequence[Value],
) -> list[Value | None]:
    """A graph that is linear in the flagged inputs, on their tangents: one for each output.

    Its nodes may mix what is linear with what is not: it is linearized first, where linear inputs
    are 0.
    """
    cut, point = _cut(transforms, graph, flags, operands, tangents[0].builder)
    moved = tangents[0].builder.inline(cut.linear, [*point, *tangents])
    return fill(moved, cut.active)


def pull_back(
    transforms: Transforms,
    graph: Graph,
    flags: Sequence[bool],
    operands: Sequence[Value | Linear],
    cotangents: Sequence[Value],
) -> list[Value | None]:
    """The same backwards: cotangents of all outputs to one for each flagged input."""
    builder = cotangents[0].builder
    cut, point = _cut(transforms, graph, flags, operands, builder)
    pulled = transforms.transpose(
        cut.linear, [i >= len(point) for i in range(len(cut.linear.inputs))]
    )
    return fill(builder.inline(pulled, [*point, *choose(cotangents, cut.active)]), flags)


def _cut(
    transforms: Transforms,
    graph: Graph,
    flags: Sequence[bool],
    operands: Sequence[Value | Linear],
    builder: Builder,
) -> tuple[Linearized, list[Value]]:
    cut = transforms.linearize(graph, flags)
    xs = [or_zeros(None, builder, x.type) if isinstance(x, Linear) else x for x in operands]
    residuals = builder.inline(cut.primal, xs)[len(graph.outputs) :]
    return cut, [*(xs[i] for i in cut.known), *residuals]


# ------------------------------------------------------------------ faults


def expect_inputs(attribute: str, body: Graph, types: Sequence[Type], what: str) -> None:
    """InvalidArgument unless the sub-graph takes these types."""
    _expect(attribute, "inputs", body.inputs, types, what)


def expect_outputs(attribute: str, body: Graph, types: Sequence[Type], what: str) -> None:
    """InvalidArgument unless the sub-graph gives these types."""
    _expect(attribute, "outputs", body.output_types, types, what)


def _expect(
    attribute: str, side: str, got: Sequence[Type], expected: Sequence[Type], what: str
) -> None:
    field = f"attributes.{attribute}.{side}"
    if len(got) != len(expected):
        raise InvalidArgument(
            Violation(field, f"expected {len(expected)} ({what}), got {len(got)}")
        )
    faults = [
        Violation(f"{field}[{i}]", f"expected {b!r} ({what}), got {a!r}")
        for i, (a, b) in enumerate(zip(got, expected, strict=True))
        if a != b
    ]
    if faults:
        raise InvalidArgument(faults)


def expect_count(attribute: str, count: int, least: int, most: int) -> None:
    """InvalidArgument unless an integer attribute lies in [least, most]."""
    if not least <= count <= most:
        raise InvalidArgument(
            Violation(f"attributes.{attribute}", f"must be in [{least}, {most}], got {count}")
        )
