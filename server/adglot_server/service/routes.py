"""What calls of one form have in common: worked out at the first one, looked up at the others."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from adglot.calls import SEEDS, Array, Call, Report
from adglot.ir import Graph, Type
from adglot_server.engines.base import Request


@dataclass(frozen=True, slots=True)
class Route:
    """How calls by digest are answered that differ by their points alone.

    - `program`: the key of the program to run
    - `types`: of the inputs, then of the seeds
    - `report`: that of every answer, without times
    """

    program: tuple[str, str, Request]
    report: Report
    wants_values: bool
    types: tuple[Type, ...] = ()

    def inputs(self, call: Call) -> list[Array] | None:
        """The inputs of the program, where the call's arrays have these types."""
        inputs = [*call.values, *call.seeds]
        if len(inputs) != len(self.types):
            return None
        for x, type in zip(inputs, self.types, strict=True):
            if x.dtype != type.dtype or x.shape != type.shape:
                return None
        return inputs


def form(call: Call) -> Hashable:
    """All of a call by digest but its point, None for those that are worked out each time."""
    if call.batch or call.seed_axis or not isinstance(call.graph, str):
        return None
    what = call.graph, call.engine, call.operator, call.wrt, call.of, call.mode
    return *what, call.sparse, call.include_values, len(call.values)


def types_of(call: Call, graph: Graph, request: Request) -> tuple[Type, ...]:
    """The types of the inputs and seeds of a call."""
    match SEEDS.get(call.operator):
        case "tangents":
            return (*graph.inputs, *(graph.inputs[i] for i in request.wrt))
        case "cotangents":
            return (*graph.inputs, *(graph.output_types[i] for i in request.of))
    return graph.inputs
