"""Put names back into what a service says: it knows places in the graph only.

A service keeps graphs without names, since equal graphs of several people are one to it. Who sent
the graph knows the user's lines, and what the arguments and guards are called.
"""

from __future__ import annotations

import re

from adglot.calls import Call
from adglot.errors import (
    AdglotError,
    GuardFailed,
    InvalidArgument,
    LimitExceeded,
    Unsupported,
    Violation,
)
from adglot.ir import Graph

_PLACE = re.compile(r"graph\.(nodes|guards)\[(\d+)\]")
_PORT = re.compile(r"(inputs|tangents|wrt|outputs|cotangents|of)\[(\d+)\]")
_POINT = re.compile(r"at point (\d+)")
_OF_INPUTS = ("inputs", "tangents", "wrt")


def named_error(error: AdglotError, graph: Graph | str, call: Call) -> AdglotError:
    """The error with the user's lines and names, where the graph has them."""
    if isinstance(graph, str):
        return error
    if isinstance(error, InvalidArgument):
        told = (
            Violation(v.field, v.description + _note(v.field, graph, call))
            for v in error.violations
        )
        return InvalidArgument(told).retold(error)
    if isinstance(error, LimitExceeded):
        where = named_text(error.where, graph)
        return LimitExceeded(error.name, error.limit, error.need, where).retold(error)
    if isinstance(error, GuardFailed | Unsupported):
        return type(error)(named_text(str(error), graph)).retold(error)
    return error


def named_text(text: str, graph: Graph | str) -> str:
    """The text with the user's lines instead of places in the graph."""
    if isinstance(graph, str):
        return text
    return _PLACE.sub(lambda place: _name(place, graph) or place[0], text)


def _name(place: re.Match[str], graph: Graph) -> str:
    """The line of a node or the name of a guard; empty where the graph has none."""
    k = int(place[2])
    if place[1] == "nodes":
        return graph.nodes[k].location if k < len(graph.nodes) else ""
    return graph.guards[k].name if k < len(graph.guards) else ""


def _note(field: str, graph: Graph, call: Call) -> str:
    """What to add to the description of a fault at this field."""
    if (place := _PLACE.match(field)) and (name := _name(place, graph)):
        return f" (at {name})"
    if port := _PORT.match(field):
        return f" ({_port_name(port[1], int(port[2]), graph, call)})"
    return ""


def _port_name(kind: str, k: int, graph: Graph, call: Call) -> str:
    names = graph.input_names if kind in _OF_INPUTS else graph.output_names
    chosen = {"tangents": call.wrt, "wrt": call.wrt, "cotangents": call.of, "of": call.of}
    ports = chosen.get(kind) or range(len(names))
    return names[int(ports[k])] if k < len(ports) else "?"


def moved_error(error: AdglotError, first: int) -> AdglotError:
    """The error at a point of a batch, whose points are counted from `first` on."""

    def moved(text: str) -> str:
        return _POINT.sub(lambda point: f"at point {int(point[1]) + first}", text)

    if isinstance(error, InvalidArgument):
        told = (Violation(v.field, moved(v.description)) for v in error.violations)
        return InvalidArgument(told).retold(error)
    if isinstance(error, GuardFailed | Unsupported):
        return type(error)(moved(str(error))).retold(error)
    return error
