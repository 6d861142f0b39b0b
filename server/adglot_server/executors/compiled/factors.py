"""Emit LAPACK's routines on matrices that lie in place; whatever fails is left to the interpreter.

Where a pivot is zero, a matrix not positive definite or a solution not finite, the code gives up:
what the error is, or where the NaNs go, nobody tells but NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from adglot.ir import Node
from adglot_server.executors.compiled import routines, substitution
from adglot_server.executors.compiled.lanes import Code, Lanes, constant
from adglot_server.executors.compiled.loops import (
    SCALAR,
    WIDTH,
    counted,
    element_at,
    first_lanes,
    read,
    stacked,
)
from adglot_server.executors.compiled.operands import Strided, layout
from adglot_server.executors.compiled.substitution import is_small, system


def write(code: Code, name: str, node: Node, operand: Strided | None, a: str, c: str) -> None:
    """Emit a routine that works in place at `c`, for floats `name`; it jumps to %failed.

    `operand` is the matrix that lies at `a`, if the routine has one; `%info` is room for an i32.
    """
    shape = node.outputs[0].shape
    inner = 1 if node.attributes.get("vector") else 2
    lead = shape[: len(shape) - inner]
    steps = operand.leading(lead, 2) if operand is not None else (0,) * len(lead)
    size = prod(shape[len(lead) :])

    def matrix(left: str, right: str) -> None:
        _EMIT[node.op](code, name, node, operand, left, right)
        if node.op in ("getrs", "trsm"):
            check_finite(code, name, size, right)

    axes = [
        (n, (step, size * prod(lead[k + 1 :])))
        for k, (n, step) in enumerate(zip(lead, steps, strict=True))
    ]
    stacked(code, name, axes, (a, c), matrix)


# ------------------------------------------------------------------ routines


def _potrf(code: Code, name: str, node: Node, operand: Strided | None, a: str, c: str) -> None:
    """Our lower triangle is LAPACK's upper one."""
    n = routines.number(code.module, node.outputs[0].shape[-1])
    upper = routines.flag(code.module, "U")
    routines.call(code, "potrf", name, upper, n, c, n, "%info")
    _check_info(code)


def _getrf(code: Code, name: str, node: Node, operand: Strided | None, a: str, c: str) -> None:
    """The pivots lie behind the matrix, in one more row."""
    size = node.outputs[0].shape[-1]
    n = routines.number(code.module, size)
    pivots = element_at(code, name, c, [], size * size)
    routines.call(code, "getrf", name, n, n, c, n, pivots, "%info")
    _check_info(code)


def _getrs(code: Code, name: str, node: Node, operand: Strided | None, a: str, c: str) -> None:
    """Right-hand sides lie as LAPACK wants them."""
    *_, many, size = (1, *node.outputs[0].shape)
    n = routines.number(code.module, size)
    columns = routines.number(code.module, 1 if node.attributes["vector"] else many)
    trans = routines.flag(code.module, "T" if node.attributes["adjoint"] else "N")
    pivots = element_at(code, name, a, [], size * size)
    routines.call(code, "getrs", name, trans, n, columns, a, n, pivots, c, n, "%info")


def _trsm(code: Code, name: str, node: Node, operand: Strided | None, a: str, c: str) -> None:
    assert operand is not None
    size, down, across = operand.shape[-1], *operand.strides[-2:]
    columns = 1 if node.attributes["vector"] else node.outputs[0].shape[-1]
    lower, adjoint, unit = (bool(node.attributes[k]) for k in TRIANGLE)
    if not unit:
        _check(code, _regular(code, name, size, down + across), a)
    solved, *starts = system(size, columns, (down, across), lower, adjoint, unit)
    if not is_small(solved, node.outputs[0].dtype.itemsize):
        _blas_trsm(code, name, operand, (size, columns), (lower, adjoint, unit), a, c)
        return
    t, x = (element_at(code, name, k, [], start) for k, start in zip((a, c), starts, strict=True))
    substitution.write(code, name, solved, t, x)


def _blas_trsm(
    code: Code,
    name: str,
    operand: Strided,
    shape: tuple[int, int],
    triangle: tuple[bool, bool, bool],
    a: str,
    c: str,
) -> None:
    """BLAS is told that x' t' = c'."""
    (size, columns), (lower, adjoint, unit), module = shape, triangle, code.module
    by_rows, far = layout((size, size), operand.strides[-2:])
    letters = [
        "R",
        "U" if lower == by_rows else "L",
        "T" if adjoint == by_rows else "N",
        "U" if unit else "N",
    ]
    flags = [routines.flag(module, letter) for letter in letters]
    m, n, lda = (routines.number(module, x) for x in (columns, size, far))
    one = routines.factor(module, name, 1.0)
    routines.call(code, "trsm", name, *flags, m, n, one, a, lda, c, m)


TRIANGLE = ("lower", "adjoint", "unit_diagonal")

_EMIT = {"potrf": _potrf, "getrf": _getrf, "getrs": _getrs, "trsm": _trsm}


# ------------------------------------------------------------------ what may fail


def check_finite(code: Code, name: str, size: int, pointer: str) -> None:
    """Jump to %failed unless so many floats are finite."""
    _check(code, _finite(code, name, size), pointer)


def _check_info(code: Code) -> None:
    info = code.define("load i32, ptr %info")
    _require(code, code.define(f"icmp eq i32 {info}, 0"))


def _check(code: Code, function: str, pointer: str) -> None:
    _require(code, code.define(f"call i1 @{function}(ptr {pointer})"))


def _require(code: Code, good: str) -> None:
    label = code.fresh("good")
    code.emit(f"br i1 {good}, label %{label}, label %failed\n{label}:")


def _finite(code: Code, name: str, size: int) -> str:
    """The function that tells whether so many floats are finite; written once."""

    def body(inner: Code) -> str:
        sums = [constant(inner, name, WIDTH, 0.0)]
        whole = size // WIDTH * WIDTH

        def enter(carried: list[Lanes]) -> None:
            sums[:] = carried

        def turn(i: str) -> list[Lanes]:
            mode = first_lanes(min(WIDTH, size - int(i)) if i.isdigit() else WIDTH)
            x = read(inner, name, element_at(inner, name, "%x", [(i, 1)]), mode)
            return [sums[0] + x * 0.0]

        if whole:
            sums[:] = counted(inner, 0, whole, WIDTH, turn, sums, enter)
        if size > whole:
            sums[:] = turn(str(whole))
        return _none(sums[0].is_nan())

    return _test(code, f"adglot.finite.{name}.{size}", body)


def _regular(code: Code, name: str, size: int, step: int) -> str:
    """The function that tells whether a diagonal is without zeros."""

    def body(inner: Code) -> str:
        found = [constant(inner, "i1", 1, 0)]

        def enter(carried: list[Lanes]) -> None:
            found[:] = carried

        def turn(i: str) -> list[Lanes]:
            x = read(inner, name, element_at(inner, name, "%x", [(i, step)]), SCALAR)
            return [found[0] | x.compare("eq", 0.0)]

        return _none(counted(inner, 0, size, 1, turn, found, enter)[0])

    return _test(code, f"adglot.regular.{name}.{size}.{step}", body)


def _none(x: Lanes) -> str:
    return x.code.define(f"xor i1 {x.any()}, true")


def _test(code: Code, full: str, body: Callable[[Code], str]) -> str:
    """A function of an address that answers a truth value."""
    if full not in code.module.parts:
        inner = Code(code.module)
        result = body(inner)
        text = "\n".join(inner.lines)
        code.module.parts[full] = (
            f"define internal i1 @{full}(ptr %x) nounwind {{\nentry:\n{text}\nret i1 {result}\n}}"
        )
    return full
