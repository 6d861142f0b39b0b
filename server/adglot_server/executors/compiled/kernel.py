"""A region as one compiled function: its text, its constants, its call on arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot_server.executors.compiled.entry import DATA
from adglot_server.executors.compiled.lanes import Code, Module
from adglot_server.executors.compiled.machine import MachineCode, compile_text
from adglot_server.executors.compiled.nest import Writer
from adglot_server.executors.compiled.plan import ALIGNMENT, Nest, Plan, plan
from adglot_server.executors.compiled.region import Region
from adglot_server.executors.compiled.terms import count_boxes

Array = np.ndarray[Any, Any]

MOST_BOXES = 48
"""A loop that would be cut into more has its pads and concats stored instead."""

KEPT = 2
"""Workspaces that are kept for the next calls."""

MOST_LINES = 60_000
"""Of IR: to compile more takes seconds."""


class TooLarge(Exception):
    """The region is not worth compiling: the interpreter keeps it."""


class Kernel:
    """Compiled code of a region, its constants with it; safe for threads."""

    def __init__(self, region: Region) -> None:
        chosen = bounded(region)
        self._constants = constants_of(region)
        self.nbytes = KEPT * chosen.workspace + sum(a.nbytes for a in self._constants.values())
        arity = len(region.inputs) + len(region.outputs) + 1
        text = module_text(chosen, self._constants) + _by_ids(arity)
        self._code: MachineCode = compile_text(text, "adglot", arity)
        self.nbytes += self._code.nbytes
        self._inputs = [_reader(region.types[i]) for i in region.inputs]
        self._outputs = [(t.shape, t.dtype) for t in (region.types[i] for i in region.outputs)]
        self.workspace = chosen.workspace + ALIGNMENT
        self._free: list[Array] = []

    def __call__(self, operands: Sequence[Any]) -> list[Array]:
        """The region's outputs, in arrays of their own."""
        arrays = [read(x) for read, x in zip(self._inputs, operands, strict=True)]
        results = [np.empty(shape, dtype) for shape, dtype in self._outputs]
        try:
            workspace = self._free.pop()
        except IndexError:
            workspace = np.empty(self.workspace, np.uint8)
        self._code.function(*map(id, arrays), *map(id, results), id(workspace))
        if len(self._free) < KEPT:
            self._free.append(workspace)
        return results


def _reader(type: Type) -> Callable[[Any], Array]:
    """Makes a plain contiguous array of this type of whatever the interpreter has."""
    shape, dtype = type.shape, type.dtype

    def read(x: Any) -> Array:
        if x.__class__ is np.ndarray and x.dtype is dtype and x.flags.c_contiguous:
            array: Array = x
        else:
            array = np.array(x, dtype, order="C")
        if array.shape != shape:
            raise InvalidArgument(f"expected {type!r}, got {Type.of(array)!r}")
        return array

    return read


def bounded(region: Region) -> Plan:
    """A plan without loops in very many boxes."""
    chosen = plan(region)
    if _most_boxes(chosen) > MOST_BOXES:
        chosen = plan(region, [i for i, n in region.nodes.items() if n.op in ("pad", "concat")])
    if _most_boxes(chosen) > MOST_BOXES:
        raise TooLarge
    return chosen


def _most_boxes(chosen: Plan) -> int:
    return max((count_boxes(chosen, nest) for nest in chosen.nests), default=0)


def constants_of(region: Region) -> dict[int, Array]:
    """Those that the region reads, as they lie in memory."""
    return {
        i: np.ascontiguousarray(region.constants[i])
        for node in region.nodes.values()
        for i in node.operands
        if i in region.constants
    }


def module_text(chosen: Plan, constants: Mapping[int, Array], module: Module | None = None) -> str:
    """The function `run`: of the data of inputs and outputs, and of a workspace."""
    module, main = module or Module(), Code(Module())
    arguments = [*chosen.region.inputs, *chosen.region.outputs, -1]
    data = {i: f"%a{k}" for k, i in enumerate(arguments)}
    data.update({i: f"inttoptr (i64 {x.ctypes.data} to ptr)" for i, x in constants.items()})
    aligned = _aligned(main, data[-1])
    for i, place in chosen.places.items():
        data[i] = main.define(f"getelementptr i8, ptr {aligned}, i64 {place}")
    functions, lines = [], 0
    for number, nest in enumerate(chosen.nests):
        text, buffers = _function(module, chosen, nest, number)
        functions.append(text)
        lines += text.count("\n")
        if lines > MOST_LINES:
            raise TooLarge
        given = ", ".join(f"ptr {data[i]}" for i in buffers)
        main.emit(f"call void @nest{number}({given})")
    head = ", ".join(f"ptr %a{k}" for k in range(len(arguments)))
    body = "\n".join(main.lines)
    functions.append(
        f"define internal void @run({head}) nounwind {{\nentry:\n{body}\nret void\n}}\n"
    )
    return f"{module}\n" + "\n".join(functions)


def _by_ids(arity: int) -> str:
    """The function `adglot`: `run`, of the ids of arrays."""
    code = Code(Module())
    data = [_data(code, f"%a{k}") for k in range(arity)]
    code.emit(f"call void @run({', '.join(f'ptr {x}' for x in data)})")
    head = ", ".join(f"i64 %a{k}" for k in range(arity))
    body = "\n".join(code.lines)
    return f"define void @adglot({head}) nounwind {{\nentry:\n{body}\nret void\n}}"


def _function(module: Module, chosen: Plan, nest: Nest, number: int) -> tuple[str, list[int]]:
    """The text of one nest, and whose memory it is called with."""
    buffers: dict[int, str] = {}
    code = Code(module)

    def buffer(index: int) -> str:
        return buffers.setdefault(index, f"%p{len(buffers)}")

    Writer(code, chosen, nest, buffer).write()
    head = ", ".join(f"ptr noalias {name}" for name in buffers.values())
    body = "\n".join(code.lines)
    text = f"define internal void @nest{number}({head}) nounwind {{\nentry:\n{body}\nret void\n}}"
    return text, list(buffers)


def _data(main: Code, argument: str) -> str:
    field = main.define(f"add i64 {argument}, {DATA}")
    pointer = main.define(f"inttoptr i64 {field} to ptr")
    return main.define(f"load ptr, ptr {pointer}")


def _aligned(main: Code, pointer: str) -> str:
    whole = main.define(f"ptrtoint ptr {pointer} to i64")
    up = main.define(f"add i64 {whole}, {ALIGNMENT - 1}")
    down = main.define(f"and i64 {up}, {-ALIGNMENT}")
    return main.define(f"inttoptr i64 {down} to ptr")
