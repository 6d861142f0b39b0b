"""What a job asks, and where each input and seed of it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adglot.calls import SEEDS, Array, Call
from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph, Type
from adglot_server.jobs.points import Points, Reader, open_points, reader
from adglot_server.jobs.spec import JobSpec

Origin = Reader | Array
"""Read from the points, or the same at all of them."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a call takes: an origin for each input, and for each seed."""

    values: tuple[Origin, ...]
    seeds: tuple[Origin, ...]

    @property
    def readers(self) -> dict[str, Reader]:
        """Those that are read, by place."""
        pairs = [(f"input {i}", one) for i, one in enumerate(self.values)]
        pairs += [(f"seed {i}", one) for i, one in enumerate(self.seeds)]
        return {name: one for name, one in pairs if isinstance(one, Reader)}

    @property
    def count(self) -> int:
        """Points; InvalidArgument where the inputs differ in it, or there are none."""
        counts = {one.column.count for one in self.readers.values()}
        if len(counts) == 1 and counts != {0}:
            return counts.pop()
        what = f"inputs and seeds have different numbers of points: {sorted(counts)}"
        raise InvalidArgument(Violation("points", what if any(counts) else "there are none"))

    def read(self, start: int, stop: int) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """The values and the seeds at some points; a seed has an axis of points in any case."""
        values = tuple(_read(one, start, stop) for one in self.values)
        seeds = (_read(one, start, stop) for one in self.seeds)
        pairs = zip(seeds, self.seeds, strict=True)
        count = stop - start
        return values, tuple(
            x if isinstance(one, Reader) else np.repeat(x[None], count, axis=0) for x, one in pairs
        )


def _read(one: Origin, start: int, stop: int) -> Array:
    return one.read(start, stop) if isinstance(one, Reader) else one


def call(spec: JobSpec, graph: Graph) -> Call:
    """What is asked about every chunk, without its points."""
    fixed = {name for name, _ in spec.fixed}
    inputs = zip(graph.input_names, graph.inputs, strict=True)
    outputs = zip(graph.output_names, graph.output_types, strict=True)
    wrt = spec.wrt or [n for n, type in inputs if type.is_differentiable and n not in fixed]
    of = spec.of or [n for n, type in outputs if type.is_differentiable]
    return Call(
        spec.operator,
        graph,
        engine=spec.engine,
        wrt=_positions("wrt", wrt, graph.input_names),
        of=_positions("of", of, graph.output_names),
        mode=spec.mode,
        batch=True,
        include_values=spec.values,
        sparse=spec.sparse,
    )


def bound(spec: JobSpec, asked: Call, graph: Graph) -> Inputs:
    """Where everything comes from that this call takes; InvalidArgument for what is missing."""
    _check_names(spec, graph)
    fixed, columns = dict(spec.fixed), dict(spec.columns)
    points, types = open_points(spec.points), _types(graph)
    only = len(types) - len(fixed) == 1
    values = tuple(
        _fixed(name, fixed[name].array, types[name])
        if name in fixed
        else reader(points, name, columns, only).typed(name, types[name])
        for name in graph.input_names
    )
    return Inputs(values, tuple(_seeds(spec, asked, graph, points)))


def _types(graph: Graph) -> dict[str, Type]:
    return dict(zip(graph.input_names, graph.inputs, strict=True))


def _seeds(spec: JobSpec, asked: Call, graph: Graph, points: Points) -> list[Origin]:
    kind = SEEDS.get(spec.operator)
    if kind is None:
        return []
    names, types, ports = (
        (graph.input_names, graph.inputs, asked.wrt)
        if kind == "tangents"
        else (graph.output_names, graph.output_types, asked.of)
    )
    given = dict(spec.seeds)
    wanted = [(names[int(port)], types[int(port)]) for port in ports]
    return [
        _fixed(name, given[name].array, type)
        if name in given
        else reader(points, f"{kind[:-1]}.{name}", {}, only=False).typed(name, type)
        for name, type in wanted
    ]


def _fixed(name: str, array: Array, type: Type) -> Array:
    """The array as this type; InvalidArgument where it is of another."""
    if array.shape == type.shape and np.can_cast(array.dtype, type.dtype, "safe"):
        return array.astype(type.dtype)
    what = f"got {Type.of(array)}, and the function takes {type}"
    raise InvalidArgument(Violation(name, what))


def _check_names(spec: JobSpec, graph: Graph) -> None:
    for field, names in (("fixed", spec.fixed), ("columns", spec.columns)):
        for name, _ in names:
            if name not in graph.input_names:
                what = f"no input {name!r}; there are {', '.join(graph.input_names)}"
                raise InvalidArgument(Violation(field, what))


def _positions(field: str, names: Sequence[str], known: Sequence[str]) -> tuple[int, ...]:
    for name in names:
        if name not in known:
            raise InvalidArgument(Violation(field, f"no {name!r}; there are {', '.join(known)}"))
    return tuple(known.index(name) for name in names)
