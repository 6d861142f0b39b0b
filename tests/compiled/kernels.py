"""One function of `FUNCTIONS` over arrays, compiled as scalars or as eight lanes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from adglot_server.executors.compiled.functions import FUNCTIONS
from adglot_server.executors.compiled.lanes import Code, Lanes, Module, call, typed
from adglot_server.executors.compiled.machine import compile_text

Array = np.ndarray[Any, Any]


def text(name: str, width: int, arity: int) -> str:
    """A module with one loop over arrays of float64: `loop(count, out, *operands)`."""
    module = Module()
    code = Code(module)
    pointer = [f"%p{j}" for j in range(arity)]
    vector = typed("double", width)
    operands = [
        code.value("double", width, f"load {vector}, ptr {_at(code, p)}, align 8") for p in pointer
    ]
    result: Lanes = call(name, FUNCTIONS[name], *operands)
    code.emit(f"store {vector} {result.name}, ptr {_at(code, '%out')}, align 8")
    head = ", ".join(["i64 %count", "ptr %out", *(f"ptr {p}" for p in pointer)])
    body = "\n".join(code.lines)
    return f"""{module}
define void @loop({head}) {{
entry:
br label %go
go:
%i = phi i64 [0, %entry], [%next, %go]
{body}
%next = add i64 %i, {width}
%more = icmp ult i64 %next, %count
br i1 %more, label %go, label %end
end:
ret void
}}"""


def _at(code: Code, pointer: str) -> str:
    return code.define(f"getelementptr double, ptr {pointer}, i64 %i")


@cache
def _compiled(name: str, width: int, arity: int) -> Callable[..., None]:
    return compile_text(text(name, width, arity), ["loop"]).of_integers("loop", 2 + arity)


def apply(name: str, width: int, *operands: Array) -> Array:
    """The function at every element."""
    size = operands[0].size
    padded = [np.resize(np.asarray(x, float).ravel(), -(-size // width) * width) for x in operands]
    out = np.empty_like(padded[0])
    function = _compiled(name, width, len(operands))
    function(out.size, out.ctypes.data, *(x.ctypes.data for x in padded))
    return out[:size]
