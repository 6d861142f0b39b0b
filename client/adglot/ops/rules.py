"""Shapes of rules that many entries share; the ops they call are looked up when they run."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops.core import TABLE, Absent, Array, Linear, Op, Value

Partial = Callable[..., Value]
"""(t, y, *operands) -> the tangent that an operand's tangent t adds to the output y."""


# ------------------------------------------------------------------ types


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """NumPy's broadcast shape; InvalidArgument when there is none."""
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return first
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        got = " and ".join(str(list(shape)) for shape in shapes)
        raise InvalidArgument(f"operands must broadcast, got shapes {got}") from None


def infer_elementwise(result: Callable[..., Any]) -> Callable[..., Type]:
    """Broadcast shapes; the dtype is `result(*dtypes)`."""

    @lru_cache(maxsize=1024)  # long graphs have few types: 3 of 5 microseconds an emitted node
    def infer(*types: Type) -> Type:
        shape = broadcast_shapes(*[type.shape for type in types])
        return _shared(Type(result(*[type.dtype for type in types]), shape))

    return infer


@lru_cache(maxsize=1024)
def _shared(type: Type) -> Type:
    """One object for equal types: it is found in caches without being compared."""
    return type


def promoted(*dtypes: Any) -> Any:
    """NumPy 2's common dtype."""
    first = dtypes[0]
    return first if all(d == first for d in dtypes) else np.result_type(*dtypes)


def inexact(*dtypes: Any) -> Any:
    """The common dtype as a float: integers and bools count as float64."""
    common = promoted(*dtypes)
    return common if common.kind in "fc" else np.dtype("float64")


def real_inexact(*dtypes: Any) -> Any:
    """As `inexact`, complex refused."""
    return _refuse_complex(inexact(*dtypes))


def real_only(*dtypes: Any) -> Any:
    """The common dtype, complex refused."""
    return _refuse_complex(promoted(*dtypes))


def signed(*dtypes: Any) -> Any:
    """The common dtype, bool refused (as NumPy refuses to subtract bools)."""
    common = promoted(*dtypes)
    if common.kind == "b":
        raise InvalidArgument("not defined for bool: use logical_not, logical_xor or a convert")
    return common


def counting(*dtypes: Any) -> Any:
    """The common dtype; bools count as int64 (NumPy's int8 is no dtype of ours)."""
    common = promoted(*dtypes)
    return np.dtype("int64") if common.kind == "b" else common


def real_counting(*dtypes: Any) -> Any:
    """As `counting`, complex refused."""
    return _refuse_complex(counting(*dtypes))


def real_dtype(dtype: Any) -> Any:
    """The dtype of the real part: that of |x|, singular values, log-determinants."""
    return np.empty(0, dtype).real.dtype


def boolean(*dtypes: Any) -> Any:
    """Always bool."""
    return np.dtype("bool")


def _refuse_complex(dtype: Any) -> Any:
    if dtype.kind == "c":
        raise InvalidArgument(f"not defined for {dtype.name}")
    return dtype


def check_axis(axis: int, ndim: int, name: str = "axis") -> None:
    """Graphs count axes from 0."""
    if not 0 <= axis < ndim:
        raise InvalidArgument(f"{name} must be in [0, {ndim}), got {axis}")


def check_axes(axes: Sequence[int], ndim: int, name: str = "axes") -> None:
    """Sorted, distinct axes counted from 0."""
    for axis in axes:
        check_axis(axis, ndim, name)
    if list(axes) != sorted(set(axes)):
        raise InvalidArgument(f"{name} must be distinct and ascending, got {list(axes)}")


# ------------------------------------------------------------------ values


def zeros(like: Value, type: Type) -> Value:
    """Zeros of a type, in the graph of `like`."""
    return full(like, 0, type)


def full(like: Value, scalar: complex, type: Type) -> Value:
    """An array of one scalar, in the graph of `like`."""
    constant = like.builder.constant(np.asarray(scalar, type.dtype))
    return broadcast_to(constant, type.shape)


def broadcast_to(x: Value, shape: tuple[int, ...]) -> Value:
    return x if x.shape == shape else TABLE["broadcast_to"](x, shape=shape)


def reshape(x: Value, shape: tuple[int, ...]) -> Value:
    return x if x.shape == shape else TABLE["reshape"](x, shape=shape)


def convert(x: Value, dtype: np.dtype[Any]) -> Value:
    """To a dtype; from complex to real by the real part, as the adjoint of real to complex."""
    if x.dtype.kind == "c" and dtype.kind == "f":
        x = TABLE["real"](x)
    return x if x.dtype == dtype else TABLE["convert_element_type"](x, dtype=dtype.name)


def known(x: Value) -> Array | None:
    """The array that a constant's value is; None for any other value."""
    records = x.builder.records
    at = bisect_right(records, x.index, key=lambda record: record.outputs[0].index) - 1
    if at < 0 or records[at].op.name != "constant" or records[at].outputs[0].index != x.index:
        return None
    return np.asarray(records[at].attributes["value"])


def conj(x: Value) -> Value:
    return TABLE["conj"](x) if x.dtype.kind == "c" else x


def expand(x: Value, type: Type) -> Value:
    """Broadcast and convert to exactly this type (a tangent to its output's type)."""
    return broadcast_to(convert(x, type.dtype), type.shape)


def contract(ct: Value, type: Type) -> Value:
    """The adjoint of `expand`: sum over broadcast axes, convert to the operand's dtype."""
    if ct.type == type:
        return ct
    lead = ct.ndim - type.ndim
    axes = tuple(range(lead)) + tuple(
        lead + i for i, n in enumerate(type.shape) if n == 1 and ct.shape[lead + i] != 1
    )
    if axes:
        ct = TABLE["sum"](ct, axes=axes)
    return convert(reshape(ct, type.shape), type.dtype)


def add_tangents(terms: Sequence[Value | None], type: Type) -> Value | None:
    """The sum of those that are not zero, as a value of this type."""
    total: Value | None = None
    for term in terms:
        if term is not None:
            total = term if total is None else total + term
    return None if total is None else expand(total, type)


# ------------------------------------------------------------------ JVP rules


def jvp_by_partials(name: str, partials: Sequence[Partial | None]) -> Callable[..., Any]:
    """y = op(xs); dy is the sum of partials[k](t_k, y, *xs). A partial None is zero everywhere."""

    def jvp(primals: Sequence[Value], tangents: Sequence[Value | None], **attributes: Any) -> Any:
        y = TABLE[name](*primals, **attributes)
        terms = [
            partial(t, y, *primals, **attributes)
            for partial, t in zip(partials, tangents, strict=True)
            if t is not None and partial is not None
        ]
        return (y,), (add_tangents(terms, y.type),)

    return jvp


def jvp_linear(name: str, operand: int = 0) -> Callable[..., Any]:
    """For an op linear in one operand, the others having no tangent: the op on the tangent."""

    def jvp(primals: Sequence[Value], tangents: Sequence[Value | None], **attributes: Any) -> Any:
        y = TABLE[name](*primals, **attributes)
        moved = list(primals)
        t = tangents[operand]
        if t is None:
            return (y,), (None,)
        moved[operand] = t
        return (y,), (TABLE[name](*moved, **attributes),)

    return jvp


def jvp_zero(name: str) -> Callable[..., Any]:
    """For an op whose derivative is zero wherever it exists (floor, sign, comparisons)."""

    def jvp(primals: Sequence[Value], tangents: Sequence[Value | None], **attributes: Any) -> Any:
        outputs = TABLE[name].all(*primals, **attributes)
        return outputs, (None,) * len(outputs)

    return jvp


def jvp_multilinear(name: str) -> Callable[..., Any]:
    """For an op linear in each operand apart (multiply, matmul)."""

    def jvp(primals: Sequence[Value], tangents: Sequence[Value | None], **attributes: Any) -> Any:
        y = TABLE[name](*primals, **attributes)
        terms = [
            TABLE[name](*primals[:k], t, *primals[k + 1 :], **attributes)
            for k, t in enumerate(tangents)
            if t is not None
        ]
        return (y,), (add_tangents(terms, y.type),)

    return jvp


# ------------------------------------------------------------------ transpose rules


def transpose_elementwise(*adjoints: Callable[..., Value] | None) -> Callable[..., Any]:
    """adjoints[k](ct, *operands) is operand k's cotangent before its broadcast axes are summed."""

    def transpose(cts: Sequence[Value | None], operands: Sequence[Any], **attributes: Any) -> Any:
        (ct,) = cts
        assert ct is not None
        return [
            contract(adjoint(ct, *operands), x.type)
            if isinstance(x, Linear) and adjoint is not None
            else None
            for x, adjoint in zip(operands, adjoints, strict=True)
        ]

    return transpose


NOT_LINEAR = Absent("the op is not linear in any operand; its JVP rule calls ops that are")
INTEGER_VALUED = Absent("the result is bool or integer: it has no tangent space")


# ------------------------------------------------------------------ batch rules


def batch_elementwise(name: str) -> Callable[..., Any]:
    """Line the operands up behind the batch axis, then broadcasting does it."""

    def batch(
        size: int, operands: Sequence[Value], batched: Sequence[bool], **attributes: Any
    ) -> Any:
        return TABLE[name].all(*line_up(size, operands, batched), **attributes), (True,)

    return batch


def batch_leading(name: str, **shift: Callable[[Any, int], Any]) -> Callable[..., Any]:
    """For ops that take any leading axes: every operand gets the axis, attributes are moved.

    `shift[attribute](value, size)` is the attribute's value over one more leading axis.
    """

    def batch(
        size: int, operands: Sequence[Value], batched: Sequence[bool], **attributes: Any
    ) -> Any:
        moved = {k: shift[k](v, size) if k in shift else v for k, v in attributes.items()}
        outputs = TABLE[name].all(*with_axis(size, operands, batched), **moved)
        return outputs, (True,) * len(outputs)

    return batch


def line_up(size: int, operands: Sequence[Value], batched: Sequence[bool]) -> list[Value]:
    """The operands, so shaped that broadcasting lines their batch axes up."""
    rank = max(x.ndim - b for x, b in zip(operands, batched, strict=True))
    return [
        reshape(x, (size, *(1,) * (rank - x.ndim + 1), *x.shape[1:])) if b else x
        for x, b in zip(operands, batched, strict=True)
    ]


def with_axis(size: int, operands: Sequence[Value], batched: Sequence[bool]) -> list[Value]:
    """Every operand over the batch axis; those without it are repeated along it."""
    return [
        x if b else broadcast_to(x, (size, *x.shape))
        for x, b in zip(operands, batched, strict=True)
    ]


def shift_axis(axis: int, size: int) -> int:
    """An axis attribute behind one more leading axis."""
    return axis + 1


def shift_axes(axes: tuple[int, ...], size: int) -> tuple[int, ...]:
    """An axes attribute behind one more leading axis."""
    return tuple(axis + 1 for axis in axes)


def lead(first: int | None = None) -> Callable[[tuple[int, ...], int], tuple[int, ...]]:
    """An attribute with one entry an axis gets one more in front: `first`, or the batch size."""
    return lambda entries, size: (size if first is None else first, *entries)


# ------------------------------------------------------------------ costs


def per_output(weight: int) -> Callable[..., int]:
    """`weight` operations for each element of the outputs."""
    return lambda operands, outputs, **attributes: weight * sum([t.size for t in outputs])


def per_input(weight: int) -> Callable[..., int]:
    """`weight` operations for each element of the operands."""
    return lambda operands, outputs, **attributes: weight * sum([t.size for t in operands])


def free(operands: Any, outputs: Any, **attributes: Any) -> int:
    """Moves no number through an arithmetic unit: a view, or a fill."""
    return 0


ARITHMETIC, DIVISION, TRANSCENDENTAL = 1, 4, 10
"""Weights in additions: about what one element costs in vectorised libraries."""


def length(shape: Sequence[int]) -> int:
    return prod(shape)


def entry(name: str) -> Op:
    """The table's entry of that name."""
    return TABLE[name]
