"""Local rewrites, by op: each returns a simpler value of the same type, or None.

Only rewrites that keep every value (NaN and Inf included) to the last bit stand here, but for the
sign of zero in ``x + 0`` and in outer products.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adglot.ir import Type
from adglot.ops import Value, rules
from adglot_server.transforms import onehot

if TYPE_CHECKING:
    from adglot_server.transforms.simplify import Simplifier as Emit

Rewrite = Callable[..., Value | None]


def _as(emit: Emit, x: Value, type: Type) -> Value | None:
    """x broadcast to a type of the same dtype."""
    if x.dtype != type.dtype:
        return None
    return x if x.type == type else emit("broadcast_to", x, shape=type.shape)


def _narrow(emit: Emit, name: str, type: Type, a: Value, b: Value) -> Value | None:
    """The op before its operands are repeated, or without a broadcast that the other implies."""
    if not type.shape:
        return None
    inner_a, inner_b = _before_broadcast(emit, a), _before_broadcast(emit, b)
    if inner_a is a and inner_b is b:
        return None
    shape = rules.broadcast_shapes(inner_a.shape, inner_b.shape)
    result = emit(name, inner_a, inner_b)
    return result if shape == type.shape else emit("broadcast_to", result, shape=type.shape)


def _before_broadcast(emit: Emit, x: Value) -> Value:
    """What x was before it was repeated, or a scalar before it was reshaped to ones."""
    if spread := emit.definition(x, "broadcast_to"):
        return spread[0][0]
    if (moved := emit.definition(x, "reshape")) and moved[0][0].shape == ():
        return moved[0][0]
    return x


def _add(emit: Emit, type: Type, a: Value, b: Value) -> Value | None:
    if emit.scalar_of(a) == 0:
        return _as(emit, b, type)
    if emit.scalar_of(b) == 0:
        return _as(emit, a, type)
    if minus := emit.definition(b, "negative"):
        return emit("subtract", a, minus[0][0])
    if minus := emit.definition(a, "negative"):
        return emit("subtract", b, minus[0][0])
    return _narrow(emit, "add", type, a, b)


def _subtract(emit: Emit, type: Type, a: Value, b: Value) -> Value | None:
    if emit.scalar_of(b) == 0:
        return _as(emit, a, type)
    if minus := emit.definition(b, "negative"):
        return emit("add", a, minus[0][0])
    return _narrow(emit, "subtract", type, a, b)


def _multiply(emit: Emit, type: Type, a: Value, b: Value) -> Value | None:
    for x, other in ((a, b), (b, a)):
        scalar = emit.scalar_of(x)
        if scalar == 1:
            return _as(emit, other, type)
        if scalar == -1 and other.type == type:
            return emit("negative", other)
    minus_a, minus_b = emit.definition(a, "negative"), emit.definition(b, "negative")
    if minus_a and minus_b:
        return emit("multiply", minus_a[0][0], minus_b[0][0])
    return _narrow(emit, "multiply", type, a, b)


def _divide(emit: Emit, type: Type, a: Value, b: Value) -> Value | None:
    return _as(emit, a, type) if emit.scalar_of(b) == 1 else _narrow(emit, "divide", type, a, b)


def _negative(emit: Emit, type: Type, x: Value) -> Value | None:
    if minus := emit.definition(x, "negative"):
        return minus[0][0]
    if difference := emit.definition(x, "subtract"):
        a, b = difference[0]
        # b - a is -(a - b) but for the sign of a zero
        return emit("subtract", b, a)
    return None


def _reshape(emit: Emit, type: Type, x: Value, shape: tuple[int, ...]) -> Value | None:
    if x.shape == shape:
        return x
    if inner := emit.definition(x, "reshape"):
        return emit("reshape", inner[0][0], shape=shape)
    return None


def _broadcast(emit: Emit, type: Type, x: Value, shape: tuple[int, ...]) -> Value | None:
    if x.shape == shape:
        return x
    if inner := emit.definition(x, "broadcast_to"):
        return emit("broadcast_to", inner[0][0], shape=shape)
    if (inner := emit.definition(x, "reshape")) and inner[0][0].shape == ():
        return emit("broadcast_to", inner[0][0], shape=shape)
    return None


def _permute(emit: Emit, type: Type, x: Value, axes: tuple[int, ...]) -> Value | None:
    if axes == tuple(range(x.ndim)):
        return x
    if inner := emit.definition(x, "permute_dims"):
        before: Any = inner[1]["axes"]
        return emit("permute_dims", inner[0][0], axes=tuple(before[i] for i in axes))
    return None


def _convert(emit: Emit, type: Type, x: Value, dtype: str) -> Value | None:
    return x if x.dtype.name == dtype else None


def _same_if_real(emit: Emit, type: Type, x: Value) -> Value | None:
    return None if x.type.is_complex else x


def _sum(emit: Emit, type: Type, x: Value, axes: tuple[int, ...]) -> Value | None:
    return x if not axes and x.type == type else onehot.masked_sum(emit, type, x, axes)


def _matmul(emit: Emit, type: Type, a: Value, b: Value) -> Value | None:
    """An outer product is a product of numbers, which goes together with what is around it."""
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != 1 or type.is_complex:
        return None
    return emit("multiply", a, b)


def _concat(emit: Emit, type: Type, *arrays: Value, axis: int) -> Value | None:
    return arrays[0] if len(arrays) == 1 else None


def _slice(emit: Emit, type: Type, x: Value, **bounds: Any) -> Value | None:
    return x if x.type == type and all(s == 1 for s in bounds["strides"]) else None


def _pad(emit: Emit, type: Type, x: Value, **widths: Any) -> Value | None:
    return x if x.type == type else None


def _where(emit: Emit, type: Type, condition: Value, a: Value, b: Value) -> Value | None:
    taken = emit.scalar_of(condition)
    if taken is not None:
        return _as(emit, a if taken else b, type)
    return _as(emit, a, type) if a is b else None


REWRITES: dict[str, Rewrite] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "negative": _negative,
    "reshape": _reshape,
    "broadcast_to": _broadcast,
    "permute_dims": _permute,
    "convert_element_type": _convert,
    "real": _same_if_real,
    "conj": _same_if_real,
    "sum": _sum,
    "matmul": _matmul,
    "concat": _concat,
    "slice": _slice,
    "pad": _pad,
    "where": _where,
}
"""What is tried when a node of that op is emitted."""
