"""A scan whose body is wholly compiled, as one function: the loop runs in machine code.

Two places hold the carries, and every turn reads one and fills the other. Slices of the operands
are read, and results stacked, where they lie in the whole arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adglot.ir import Graph, Node, Type
from adglot.ops.cost import cost
from adglot_server.executors.compiled.direct import whole
from adglot_server.executors.compiled.entry import Signature
from adglot_server.executors.compiled.kernel import (
    Array,
    Refused,
    TooLarge,
    bounded,
    constants_of,
    module_text,
)
from adglot_server.executors.compiled.lanes import RUN, Code, Module, take
from adglot_server.executors.compiled.plan import ALIGNMENT
from adglot_server.executors.compiled.staged import of_python

MEMCPY = "llvm.memcpy.p0.p0.i64"

MOST_WORK = 1 << 28
"""Scalar operations of a loop that nobody can stop meanwhile: some tenths of a second."""


class Scan:
    """Compiled code of a node; safe for threads."""

    def __init__(self, node: Node, types: Sequence[Type]) -> None:
        """`types` are those of the operands. Raises TooLarge, too, where the loop is not taken."""
        loop = _Loop.of(node)
        region = whole(loop.body)
        if region is None or not all(t.size for t in (*types, *node.outputs)):
            raise TooLarge
        chosen = bounded(region)
        constants = constants_of(chosen.region)
        turn = module_text(chosen, constants, inner="turn")
        self.workspace = loop.carry_bytes + chosen.workspace + 2 * ALIGNMENT
        run = _run(loop, region.inputs)
        everything = range(len(types))
        signature = Signature(types, node.outputs, everything, self.workspace, loop.work)
        self.code = of_python(f"{turn}\n{run}", signature, constants)
        self._types, self._alone = tuple(types), len(node.outputs) == 1

    @property
    def nbytes(self) -> int:
        """Of code."""
        return self.code.nbytes

    def __call__(self, operands: Sequence[Any]) -> list[Array]:
        """The node's outputs, in arrays of their own."""
        made = self.code.function(*operands)
        if made is None:
            pairs = zip(operands, self._types, strict=True)
            made = self.code.function(*[_plain(x, type) for x, type in pairs])
        if made is None:
            raise Refused
        return [made] if self._alone else made


def _plain(x: Any, type: Type) -> Array:
    """A contiguous array of a value of this type: itself, if it is one."""
    if x.__class__ is np.ndarray and x.dtype is type.dtype and x.flags.carray:
        return x
    return np.array(x, type.dtype, order="C")


def scan(node: Node, types: Sequence[Type]) -> Scan | None:
    """The code of a node, or None where there can be none."""
    if node.op != "scan" or _Loop.of(node).work > MOST_WORK:
        return None
    try:
        return Scan(node, types)
    except TooLarge:
        return None


@dataclass(frozen=True, slots=True)
class _Loop:
    body: Graph
    length: int
    reverse: bool
    consts: int
    carries: int

    @classmethod
    def of(cls, node: Node) -> _Loop:
        return cls(**node.attributes)  # type: ignore[arg-type]

    @property
    def work(self) -> int:
        return self.length * cost(self.body)

    @property
    def carried(self) -> tuple[Type, ...]:
        return self.body.output_types[: self.carries]

    @property
    def carry_bytes(self) -> int:
        """Of the second place for carries."""
        return sum(_padded(type) for type in self.carried)


def _padded(type: Type) -> int:
    return -(-type.nbytes // ALIGNMENT) * ALIGNMENT


def _run(loop: _Loop, read: Sequence[int]) -> str:
    """The function `run`, as `entry.Signature` has it.

    `read` are the inputs of the body that its function `turn` is given. It ends where that fails.
    """
    code = Code(Module())
    code.module.declare(MEMCPY, "void", ["ptr", "ptr", "i64", "i1"])
    take(code, len(loop.body.inputs) + len(loop.body.outputs) + 1)
    operands, results = len(loop.body.inputs), len(loop.body.outputs)
    outputs = [f"%a{operands + k}" for k in range(results)]
    second = _second(loop, code, f"%a{operands + results}")
    for k, type in enumerate(loop.carried):
        _copy(code, outputs[k], f"%a{loop.consts + k}", type.nbytes)
    code.emit("br label %top\ntop:\n%turn = phi i64 [0, %entry], [%following, %held]")
    for k in range(loop.carries):
        code.emit(f"%from{k} = phi ptr [{outputs[k]}, %entry], [%into{k}, %held]")
        code.emit(f"%into{k} = phi ptr [{second[k]}, %entry], [%from{k}, %held]")
    code.emit(f"%back = sub i64 {loop.length - 1}, %turn")
    inside = [_operand(loop, code, k) for k in range(operands)]
    made = [f"%into{k}" for k in range(loop.carries)]
    made += [_row(loop, code, outputs[k], type) for k, type in _stacked(loop)]
    given = [*(inside[k] for k in read), *made, second[loop.carries]]
    holds = code.define(f"call zeroext i1 @turn({', '.join(f'ptr {x}' for x in given)})")
    code.emit(f"br i1 {holds}, label %held, label %failed\nheld:")
    code.emit(f"%following = add i64 %turn, 1\n%more = icmp slt i64 %following, {loop.length}")
    code.emit("br i1 %more, label %top, label %end\nend:")
    for k, type in enumerate(loop.carried) if loop.length % 2 else ():
        _copy(code, outputs[k], second[k], type.nbytes)
    body = "\n".join([*code.lines, "ret i1 true", "failed:", "ret i1 false"])
    return f"{code.module}\n{RUN} {{\nentry:\n{body}\n}}\n"


def _second(loop: _Loop, code: Code, workspace: str) -> list[str]:
    """The other place of each carry, then what is left of the workspace."""
    places, at = [], 0
    for size in (*map(_padded, loop.carried), 0):
        places.append(code.define(f"getelementptr i8, ptr {workspace}, i64 {at}"))
        at += size
    return places


def _copy(code: Code, to: str, source: str, size: int) -> None:
    code.emit(f"call void @{MEMCPY}(ptr {to}, ptr {source}, i64 {size}, i1 false)")


def _operand(loop: _Loop, code: Code, k: int) -> str:
    """Where the body reads its input at this turn."""
    if k < loop.consts:
        return f"%a{k}"
    if k < loop.consts + loop.carries:
        return f"%from{k - loop.consts}"
    return _row(loop, code, f"%a{k}", loop.body.inputs[k])


def _row(loop: _Loop, code: Code, whole: str, type: Type) -> str:
    """Where this turn's slice of an array begins."""
    turn = "%back" if loop.reverse else "%turn"
    start = code.define(f"mul i64 {turn}, {type.nbytes}")
    return code.define(f"getelementptr i8, ptr {whole}, i64 {start}")


def _stacked(loop: _Loop) -> list[tuple[int, Type]]:
    return list(enumerate(loop.body.output_types))[loop.carries :]
