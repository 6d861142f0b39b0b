"""A region as one compiled function: its text, its constants, its call on arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops import TABLE
from adglot_server.executors.compiled import calls
from adglot_server.executors.compiled.addresses import pointer
from adglot_server.executors.compiled.entry import Signature
from adglot_server.executors.compiled.lanes import RUN, Code, Module, take
from adglot_server.executors.compiled.lowering import lowered
from adglot_server.executors.compiled.nest import Writer
from adglot_server.executors.compiled.plan import ALIGNMENT, Call, Nest, Plan, nests, plan
from adglot_server.executors.compiled.region import Region
from adglot_server.executors.compiled.staged import of_python
from adglot_server.executors.compiled.terms import count_boxes

Array = np.ndarray[Any, Any]

MOST_BOXES = 48
"""A loop that would be cut into more has its pads and concats stored instead."""

MOST_LINES = 60_000
"""Of IR: to compile more takes seconds."""


class TooLarge(Exception):
    """The region is not worth compiling: the interpreter keeps it."""


class Refused(Exception):
    """The code gave up: only the interpreter can tell what is wrong with these operands."""


class Kernel:
    """Compiled code of a region, its constants with it; safe for threads."""

    def __init__(self, region: Region) -> None:
        chosen = bounded(region)
        constants = constants_of(chosen.region)
        self.workspace = chosen.workspace + ALIGNMENT
        inputs, outputs = ([region.types[i] for i in x] for x in (region.inputs, region.outputs))
        everything, work = range(len(inputs)), _work(region)
        signature = Signature(inputs, outputs, everything, self.workspace, work)
        self.code = of_python(module_text(chosen, constants), signature, constants)
        self._constant_bytes = sum(a.nbytes for a in constants.values())
        self._inputs = [_reader(type) for type in inputs]
        self._alone = len(outputs) == 1

    @property
    def nbytes(self) -> int:
        """Of code and constants."""
        return self.code.nbytes + self._constant_bytes

    def __call__(self, operands: Sequence[Any]) -> list[Array]:
        """The region's outputs, in arrays of their own."""
        made = self.code.function(*operands)
        if made is None:
            made = self.code.function(*[read(x) for read, x in zip(self._inputs, operands)])  # noqa: B905
        if made is None:
            raise Refused
        return [made] if self._alone else made


def _work(region: Region) -> int:
    """Scalar operations of a call."""
    return sum(
        TABLE[node.op].cost(region.operand_types(node), node.outputs, **node.attributes)
        for node in region.nodes.values()
    )


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
    region = lowered(region)
    chosen = plan(region)
    if _most_boxes(chosen) > MOST_BOXES:
        chosen = plan(region, [i for i, n in region.nodes.items() if n.op in ("pad", "concat")])
    if _most_boxes(chosen) > MOST_BOXES:
        raise TooLarge
    return chosen


def _most_boxes(chosen: Plan) -> int:
    return max((count_boxes(chosen, nest) for nest in nests(chosen)), default=0)


def constants_of(region: Region) -> dict[int, Array]:
    """Those that the region reads, as they lie in memory."""
    return {
        i: np.ascontiguousarray(region.constants[i])
        for node in region.nodes.values()
        for i in node.operands
        if i in region.constants
    }


def module_text(chosen: Plan, constants: Mapping[int, Array], inner: str = "") -> str:
    """The function `run`, as `entry.Signature` has it.

    It tells whether the outputs hold: where a routine failed or a guard did they do not. As an
    `inner` function it has that name, and takes the addresses one by one.
    """
    module = Module()
    main = Code(module)
    main.emit("%info = alloca i32")
    arguments = [*chosen.region.inputs, *chosen.region.outputs, -1]
    head = f"define internal zeroext i1 @{inner}({listed(len(arguments))}) nounwind"
    if not inner:
        head = RUN
        take(main, len(arguments))
    data = {i: f"%a{k}" for k, i in enumerate(arguments)}
    data.update({i: pointer(x.ctypes.data) for i, x in constants.items()})
    aligned = _aligned(main, data[-1])
    for i, place in chosen.places.items():
        data[i] = main.define(f"getelementptr i8, ptr {aligned}, i64 {place}")
    functions, lines = list[str](), 0
    for number, step in enumerate(chosen.steps):
        if isinstance(step, Call):
            calls.write(main, chosen, step, data)
        else:
            text, buffers = _function(module, chosen, step, number)
            functions.append(text)
            lines += text.count("\n")
            given = ", ".join(f"ptr {data[i]}" for i in buffers)
            main.emit(f"call void @nest{number}({given})")
        if lines + len(main.lines) > MOST_LINES:
            raise TooLarge
    calls.check_guards(main, chosen, data)
    body = "\n".join([*main.lines, "ret i1 true", "failed:", "ret i1 false"])
    functions.append(f"{head} {{\nentry:\n{body}\n}}\n")
    return f"{module}\n" + "\n".join(functions)


def listed(count: int) -> str:
    """So many addresses as parameters of a function."""
    return ", ".join(f"ptr %a{k}" for k in range(count))


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


def _aligned(main: Code, pointer: str) -> str:
    whole = main.define(f"ptrtoint ptr {pointer} to i64")
    up = main.define(f"add i64 {whole}, {ALIGNMENT - 1}")
    down = main.define(f"and i64 {up}, {-ALIGNMENT}")
    return main.define(f"inttoptr i64 {down} to ptr")
