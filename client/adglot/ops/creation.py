"""Values from nothing, and a change of dtype: constant, iota, convert_element_type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument, Violation
from adglot.ir import DTYPES, Type
from adglot.ops import dependence, rules
from adglot.ops.core import Absent, Attr, Linear, Op, Sample, Value

NO_OPERANDS = Absent("it has no operands")


def _named_dtype(dtype: str) -> np.dtype[Any]:
    if dtype not in DTYPES:
        known = ", ".join(DTYPES)
        raise InvalidArgument(Violation("attributes.dtype", f"{dtype!r} is not one of {known}"))
    return DTYPES[dtype]


constant: Op = Op(
    name="constant",
    doc="A tensor that stands in the graph itself.",
    operands=(),
    attributes=(Attr("value", "tensor", "the tensor"),),
    evaluate=lambda value: value,
    infer=lambda value: Type.of(value),
    jvp=NO_OPERANDS,
    transpose=NO_OPERANDS,
    batch=NO_OPERANDS,
    cost=rules.free,
    samples=lambda: [Sample((), {"value": np.array([[1.5, -2.0]])})],
)


def _infer_iota(size: int, dtype: str) -> Type:
    if size < 0:
        raise InvalidArgument(Violation("attributes.size", f"must not be negative, got {size}"))
    return Type(_named_dtype(dtype), (size,))


iota: Op = Op(
    name="iota",
    doc="0, 1, ..., size - 1.",
    operands=(),
    attributes=(
        Attr("size", "int", "how many"),
        Attr("dtype", "dtype", "their dtype", "int64"),
    ),
    evaluate=lambda size, dtype: np.arange(size).astype(dtype),
    infer=_infer_iota,
    jvp=NO_OPERANDS,
    transpose=NO_OPERANDS,
    batch=NO_OPERANDS,
    cost=rules.free,
    samples=lambda: [Sample((), {"size": 4, "dtype": d}) for d in ("int64", "float32")],
    finite=True,
)


def _infer_convert(x: Type, dtype: str) -> Type:
    target = _named_dtype(dtype)
    if x.is_complex and target.kind not in "cb":
        raise InvalidArgument(f"from {x!r} to {dtype} would drop the imaginary part: use real")
    return x.with_dtype(target)


def _jvp_convert(primals: Sequence[Value], tangents: Sequence[Value | None], dtype: str) -> Any:
    y = convert_element_type(*primals, dtype=dtype)
    (t,) = tangents
    keep = t is not None and y.type.is_differentiable
    return (y,), (convert_element_type(t, dtype=dtype) if keep else None,)


def _transpose_convert(cts: Sequence[Value], operands: Sequence[Linear], dtype: str) -> Any:
    return [rules.convert(cts[0], operands[0].type.dtype)]


convert_element_type: Op = Op(
    name="convert_element_type",
    doc="The same numbers in another dtype, as ``x.astype(dtype)``; complex to real is refused.",
    operands=("x",),
    attributes=(Attr("dtype", "dtype", "the dtype of the result"),),
    evaluate=lambda x, dtype: x.astype(dtype),
    infer=_infer_convert,
    jvp=_jvp_convert,
    transpose=_transpose_convert,
    batch=rules.batch_leading("convert_element_type"),
    pattern=dependence.elementwise,
    cost=rules.per_output(rules.ARITHMETIC),
    samples=lambda: [
        Sample((np.array([1.5, -2.25]),), {"dtype": "float32"}),
        Sample((np.array([1.5, -2.25], "float32"),), {"dtype": "float64"}),
        Sample((np.array([1.5 - 0.5j, -2.25], "complex64"),), {"dtype": "complex128"}),
        Sample((np.array([1.5, -2.25]),), {"dtype": "complex128"}),
        Sample((np.array([1.5, -2.25]),), {"dtype": "int64"}),
        Sample((np.array([1.5 - 0.5j, -2.25]),), {"dtype": "complex64"}),
        Sample((np.array([0.5j, 0.0]),), {"dtype": "bool"}),
        Sample((np.array([True, False]),), {"dtype": "float64"}),
    ],
    finite=True,
)
