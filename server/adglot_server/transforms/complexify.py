"""Extend a real graph to complex arguments, so that small imaginary parts carry derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument, Unsupported
from adglot.ir import Graph, Node
from adglot.ops import TABLE, Builder, Value, rules

COMPLEX = {"float32": "complex64", "float64": "complex128"}


def complexify(graph: Graph, moving: Sequence[int]) -> Graph:
    """The graph with complex `moving` inputs, analytic in them wherever the function is.

    Real parts are the function's own values; decisions (comparisons, rounding, abs, max) are made
    by real parts. Raises Unsupported, with the op, where there is no such extension.
    """
    if any(type.is_complex for type in graph.types):
        raise Unsupported("complex-step needs a real function: the imaginary part is its step")
    builder = Builder()
    inputs = [
        builder.input(type.with_dtype(COMPLEX[type.dtype.name]) if i in moving else type)
        for i, type in enumerate(graph.inputs)
    ]
    values = list(inputs)
    for node in graph.nodes:
        builder.location = node.location
        values += _extend(builder, node, [values[i] for i in node.operands])
    return builder.build(inputs, [_complex(values[i]) for i in graph.outputs], name=graph.name)


def _extend(builder: Builder, node: Node, operands: list[Value]) -> Sequence[Value]:
    op = TABLE[node.op]
    if not any(x.type.is_complex for x in operands):
        return builder.emit(op, operands, node.attributes)
    if op.higher_order or node.op in NOT_ANALYTIC:
        raise Unsupported(f"complex-step lacks op {node.op}: it is not analytic as NumPy has it")
    if node.op in EXTENSIONS:
        return (EXTENSIONS[node.op](*operands, **node.attributes),)
    if node.op in BY_REAL_PART or not node.outputs[0].is_differentiable:
        return builder.emit(op, [_real(x) for x in operands], node.attributes)
    try:
        return builder.emit(op, [_complex(x) for x in operands], node.attributes)
    except InvalidArgument as error:
        raise Unsupported(f"complex-step lacks op {node.op}: {error}") from None


def _complex(x: Value) -> Value:
    """Floats as complex numbers; integers and bools as they are."""
    name = COMPLEX.get(x.dtype.name)
    return x if name is None else rules.convert(x, np.dtype(name))


def _real(x: Value) -> Value:
    return TABLE["real"](x) if x.type.is_complex else x


def _negative(x: Value) -> Value:
    return _real(x) < 0.0


def _choose(condition: Value, a: Any, b: Any) -> Value:
    return TABLE["where"](condition, a, b)


def _pow(x: Value, exponent: Value) -> Value:
    """Complex powers cut along negative x, where rounding would drown the step: turn x round."""
    sign = TABLE["pow"](rules.full(x, -1.0, _real(x).type), _real(exponent))
    cut = _negative(x)
    size = TABLE["pow"](_choose(cut, -x, x), exponent)
    return _choose(cut, sign * size, size)


def _convert(x: Value, dtype: str) -> Value:
    if dtype in COMPLEX:
        return rules.convert(x, np.dtype(COMPLEX[dtype]))
    return TABLE["convert_element_type"](_real(x), dtype=dtype)


def _triangular_solve(a: Value, b: Value, adjoint: bool, **how: Any) -> Value:
    """The transpose in place of the adjoint, which is the same for real matrices."""
    return TABLE["linalg.triangular_solve"](
        rules.conj(a) if adjoint else a, b, adjoint=adjoint, **how
    )


EXTENSIONS: dict[str, Callable[..., Value]] = {
    "abs": lambda x: _choose(_negative(x), -x, x),
    "maximum": lambda a, b: _choose(_real(a) >= _real(b), a, b),
    "minimum": lambda a, b: _choose(_real(a) <= _real(b), a, b),
    "pow": _pow,
    "convert_element_type": _convert,
    "real": lambda x: x,
    "conj": lambda x: x,
    "imag": lambda x: x * 0.0,
    "linalg.triangular_solve": _triangular_solve,
}
"""Ops whose NumPy function is not the analytic extension."""

BY_REAL_PART = frozenset({"sign", "floor", "ceil", "round", "trunc"})
"""Ops that are constant nearby."""

NOT_ANALYTIC = frozenset(
    {
        "linalg.cholesky",
        "linalg.eig",
        "linalg.eigh",
        "linalg.pinv",
        "linalg.qr",
        "linalg.slogdet",
        "linalg.svd",
    }
)
"""Ops that NumPy extends to complex numbers in another way."""
