"""Which calls of a service in this process can have a shortcut to compiled code."""

from __future__ import annotations

from adglot.calls import Call
from adglot_server.executors.control import never
from adglot_server.executors.shortcut import Shortcut
from adglot_server.service.core import Core
from adglot_server.service.requests import build, resolve


def shortcut(core: Core, call: Call) -> Shortcut | None:
    """Of what answers this call, for other points of the same types; None for most calls."""
    if core.engines.elsewhere(call.engine) is not None or call.batch or call.sparse:
        return None
    control = core._control(None, never)
    graph = core._graph(call.graph, control)
    ports = resolve(call, graph)
    values = call.include_values or call.operator == "evaluate"
    if values and len(ports.of) < len(graph.outputs):
        return None
    request, _ = build(call, ports, graph)
    prepared, _ = core._prepare(call.engine, graph, request, control)
    if prepared.program is None or prepared.answered is None:
        return None  # nobody takes over from whoever runs this engine's programs
    first = 0 if values else prepared.values
    return Shortcut(prepared.program, range(first, len(prepared.program.outputs)))
