"""What answers calls of one form in this process, past all that a service does for a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot.calls import Array, Call
from adglot.errors import AdglotError
from adglot_server.executors.compiled.direct import Direct
from adglot_server.executors.control import FREELY, Control, never
from adglot_server.executors.pointwise import Part, Run
from adglot_server.executors.shortcut import Shortcut
from adglot_server.service.core import Core
from adglot_server.service.requests import resolve, wants_values

MOMENT = 10_000_000
"""Scalar operations that take far less than a second, the least limit of time."""


def shortcut(core: Core, call: Call) -> Shortcut | None:
    """Of what answers this call, for other points of the same types; None for other engines."""
    if core.engines.elsewhere(call.engine) is not None:
        return None
    control = core.control(None, never)
    graph = core.graph(call.graph, control)
    ports = resolve(call, graph)
    if core.lacks_values(call, ports, graph):
        return None
    request, inputs = core.request(call, ports, graph)
    prepared, _ = core.prepare(call.engine, graph, request, control)
    if prepared.program is None or prepared.answered is None:
        return None  # nobody takes over from whoever runs this engine's programs
    core.limits.check_memory(prepared.run_bytes(request))
    short = request.points * prepared.program_ops < MOMENT
    first = 0 if wants_values(call) else prepared.values

    def around(run: Run) -> Direct:
        return _function(run, inputs, lambda: FREELY if short else core.control(None, never))

    program, wanted = prepared.program, range(first, len(prepared.program.outputs))
    meanwhile = around(lambda arrays, control: prepared.run(arrays, control)[first:])
    if request.batch is None:
        return Shortcut(program, wanted, meanwhile, inputs)
    return Shortcut(program, wanted, meanwhile, batched=lambda g: Part(g, request.shared, around))


def _function(run: Run, inputs: Sequence[Array], control: Callable[[], Control]) -> Direct:
    """Runs a program for arrays such as these."""
    types = [(x.dtype, x.shape) for x in inputs]

    def function(*arrays: Any) -> Any:
        if len(arrays) != len(types):
            return None
        for x, (dtype, shape) in zip(arrays, types, strict=True):
            if type(x) is not np.ndarray or x.dtype is not dtype or x.shape != shape:
                return None
        try:
            results = run(arrays, control())
        except (AdglotError, MemoryError):
            return None  # the general way tells of it
        outputs = [y if y.ndim else y[()] for y in results]
        return outputs[0] if len(outputs) == 1 else outputs

    return function
