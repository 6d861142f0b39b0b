"""From a call to what an engine takes: ports resolved, arrays checked against the graph."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from adglot.calls import SEEDS, Array, Call, Port
from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph, Type
from adglot_server.transforms.operators import Request

SPARSE = ("jacobian", "hessian")
"""The operators that have sparse answers."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The inputs and outputs that a call is about, as positions."""

    wrt: tuple[int, ...]
    of: tuple[int, ...]


def resolve(call: Call, graph: Graph) -> Ports:
    """Positions for names, and the defaults; faults at ``wrt[k]`` and ``of[k]``.

    Names are those of the graph in this very call: a graph that is kept has none.
    """
    if call.operator == "evaluate":
        return Ports((), tuple(range(len(graph.outputs))))
    sent = call.graph if isinstance(call.graph, Graph) else None
    wrt = _positions("wrt", call.wrt, sent.input_names if sent else None)
    of = _positions("of", call.of, sent.output_names if sent else None)
    return Ports(wrt or _differentiable(graph.inputs), of or _differentiable(graph.output_types))


def build(call: Call, ports: Ports, graph: Graph) -> tuple[Request, list[Array]]:
    """The request to an engine, and its inputs: the point, then the seeds.

    Raises InvalidArgument with a fault for every array that is not what the graph takes.
    """
    points = _points(call, graph) if call.batch else None
    front = () if points is None else (points,)
    shared = _shared(call, graph)
    faults = list(_faults("inputs", call.values, graph.inputs, front, shared))
    name = SEEDS.get(call.operator, "seeds")
    types = _seed_types(call, ports, graph)
    count = _seed_count(call, name, len(front)) if types else None
    front = front if count is None else (*front, count)
    faults += _faults(name, call.seeds, types, front)
    if faults:
        raise InvalidArgument(faults)
    request = to_request(call, ports, count, points)
    request = replace(request, shared=shared, values=wanted(call, graph))
    return request, [*call.values, *call.seeds]


def spread(request: Request, inputs: Sequence[Array]) -> tuple[Request, list[Array]]:
    """The same for engines that take every input at every point."""
    front = () if request.batch is None else (request.batch,)
    whole = [
        np.broadcast_to(x, (*front, *x.shape)) if i in request.shared else x
        for i, x in enumerate(inputs)
    ]
    return replace(request, shared=()), whole


def to_request(
    call: Call, ports: Ports, seeds: int | None = None, points: int | None = None
) -> Request:
    """What is asked of an engine; InvalidArgument for options that the operator does not have."""
    if call.sparse and call.operator not in SPARSE:
        what = f"{call.operator} has no sparse answer, only {' and '.join(SPARSE)} have"
        raise InvalidArgument(Violation("sparse", what))
    if call.mode == "mixed" and not (call.sparse and call.operator == "jacobian"):
        raise InvalidArgument(Violation("mode", "mixed is for sparse Jacobians only"))
    mode = call.mode if call.operator == "jacobian" else "auto"
    return Request(call.operator, ports.wrt, ports.of, mode, seeds, points, call.sparse)


def wants_values(call: Call) -> bool:
    return call.include_values or call.operator == "evaluate"


def wanted(call: Call, graph: Graph) -> tuple[int, ...] | None:
    """The outputs whose values the answer brings: all or none."""
    if call.operator == "evaluate":
        return None
    return tuple(range(len(graph.outputs))) if call.include_values else ()


def _positions(field: str, ports: Sequence[Port], names: tuple[str, ...] | None) -> tuple[int, ...]:
    return tuple(_position(f"{field}[{k}]", port, names) for k, port in enumerate(ports))


def _position(field: str, port: Port, names: tuple[str, ...] | None) -> int:
    if isinstance(port, int):
        return port
    if names is None:
        what = "a graph named by its digest has no names: give the position"
        raise InvalidArgument(Violation(field, what))
    if port not in names:
        raise InvalidArgument(Violation(field, f"no {port!r}; there are {', '.join(names)}"))
    return names.index(port)


def _differentiable(types: Sequence[Type]) -> tuple[int, ...]:
    """Those of float or complex dtype; where there are none all, for the engine to refuse."""
    found = tuple(i for i, type in enumerate(types) if type.is_differentiable)
    return found or tuple(range(len(types)))


def _points(call: Call, graph: Graph) -> int:
    """The common length of the leading axes; an input without one holds for all points."""
    lengths: dict[int, int] = {
        i: value.shape[0]
        for i, (value, type) in enumerate(zip(call.values, graph.inputs, strict=False))
        if value.ndim == type.ndim + 1
    }
    if len(set(lengths.values())) == 1:
        return next(iter(lengths.values()))
    if not lengths:
        raise InvalidArgument(Violation("batch", "no input has a leading axis of points"))
    raise InvalidArgument(
        Violation(f"inputs[{i}]", f"{n} points, but other inputs have another number")
        for i, n in lengths.items()
    )


def _shared(call: Call, graph: Graph) -> tuple[int, ...]:
    """The inputs of a batch that hold for all points."""
    if len(call.values) != len(graph.inputs):
        what = f"the graph has {len(graph.inputs)} inputs, got {len(call.values)}"
        raise InvalidArgument(Violation("inputs", what))
    if not call.batch:
        return ()
    pairs = enumerate(zip(call.values, graph.inputs, strict=True))
    return tuple(i for i, (value, type) in pairs if value.shape == type.shape)


def _seed_types(call: Call, ports: Ports, graph: Graph) -> list[Type]:
    match SEEDS.get(call.operator):
        case "tangents":
            return [graph.inputs[i] for i in ports.wrt if 0 <= i < len(graph.inputs)]
        case "cotangents":
            return [graph.output_types[i] for i in ports.of if 0 <= i < len(graph.outputs)]
        case _:
            return []


def _seed_count(call: Call, name: str, axis: int) -> int | None:
    """The length K of the seeds' own axis, where they have one."""
    if not call.seed_axis:
        return None
    lengths: set[int] = {seed.shape[axis] for seed in call.seeds if seed.ndim > axis}
    if len(lengths) != 1 or min(lengths) < 1:
        what = f"with seed_axis all need one length of axis {axis}, got {sorted(lengths)}"
        raise InvalidArgument(Violation(name, what))
    return lengths.pop()


def _faults(
    name: str,
    arrays: Sequence[Array],
    types: Sequence[Type],
    front: tuple[int, ...],
    shared: Collection[int] = (),
) -> Iterator[Violation]:
    if len(arrays) != len(types):
        yield Violation(name, f"expected {len(types)}, got {len(arrays)}")
        return
    for i, (array, type) in enumerate(zip(arrays, types, strict=True)):
        shape = type.shape if i in shared else (*front, *type.shape)
        if array.shape != shape or array.dtype != type.dtype:
            what = f"expected {type.with_shape(shape)!r}, got {array.dtype}{list(array.shape)}"
            yield Violation(f"{name}[{i}]", what)
