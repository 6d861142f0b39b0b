"""Ops that reduce axes or run along one: sum, prod, max, cumulative sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot.ir import Type
from adglot.ops import rules
from adglot.ops.core import Attr, Linear, Op, Sample, Value

Ints = tuple[int, ...]
AXES = (Attr("axes", "ints", "the axes to reduce, ascending, from 0"),)


def matrix() -> Any:
    return np.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.75]])


def reduced_shape(x: Type, axes: Ints) -> Ints:
    rules.check_axes(axes, x.ndim)
    return tuple(n for i, n in enumerate(x.shape) if i not in axes)


def kept_shape(x: Type, axes: Ints) -> Ints:
    """The reduced shape with length 1 in place of the reduced axes."""
    return tuple(1 if i in axes else n for i, n in enumerate(x.shape))


def summed_dtype(dtype: Any) -> Any:
    """Integers and bools are summed as int64, as NumPy does."""
    return dtype if dtype.kind in "fc" else np.dtype("int64")


def _transpose_sum(cts: Sequence[Value], operands: Sequence[Linear], axes: Ints) -> Any:
    x = operands[0].type
    return [rules.broadcast_to(rules.reshape(cts[0], kept_shape(x, axes)), x.shape)]


sum: Op = Op(
    name="sum",
    doc="The sum over the axes; integers and bools give int64.",
    operands=("x",),
    attributes=AXES,
    evaluate=lambda x, axes: np.sum(x, axis=axes, dtype=summed_dtype(x.dtype)),
    infer=lambda x, axes: Type(summed_dtype(x.dtype), reduced_shape(x, axes)),
    jvp=rules.jvp_linear("sum"),
    transpose=_transpose_sum,
    batch=rules.batch_leading("sum", axes=rules.shift_axes),
    cost=rules.per_input(rules.ARITHMETIC),
    samples=lambda: [
        Sample((matrix(),), {"axes": (0, 1)}),
        Sample((matrix(),), {"axes": (1,)}),
        Sample((matrix() + 1j,), {"axes": (0,)}),
        Sample((matrix().astype("float32"),), {"axes": ()}),
        Sample((np.array([True, False, True]),), {"axes": (0,)}),
    ],
)
