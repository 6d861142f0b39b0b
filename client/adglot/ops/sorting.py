"""Ops that order an axis: sort, argsort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot.ir import Type
from adglot.ops import rules
from adglot.ops.core import Array, Attr, NonSmooth, Op, Sample, Value
from adglot.ops.indexing import take_along

ALONG = (Attr("axis", "int", "the axis, from 0"),)
ORDER = "NaNs come last; complex numbers are ordered by real part, then imaginary part"


def _samples() -> list[Sample]:
    x = np.array([[0.5, -1.0, 2.0, 0.25], [3.0, 0.75, -0.75, 1.5]])
    return [
        Sample((x[0],), {"axis": 0}),
        Sample((x,), {"axis": 0}),
        Sample((x.astype("float32"),), {"axis": 1}),
        Sample((x + x[::-1] * 1j,), {"axis": 1}),
        Sample((np.array([3, 1, 4, 2], "int32"),), {"axis": 0}),
        Sample((np.array([[2.0, 1.0, 2.0], [1.0, 1.0, 1.0]]),), {"axis": 1}, smooth=False),
        Sample((np.ones((2, 0)),), {"axis": 1}),
    ]


def _cost(operands: Sequence[Type], outputs: Any, axis: int) -> int:
    """Comparisons of a merge sort."""
    (x,) = operands
    return x.size * x.shape[axis].bit_length()


def _check(x: Type, axis: int) -> Type:
    rules.check_axis(axis, x.ndim)
    return x


# ------------------------------------------------------------------ argsort


argsort: Op = Op(
    name="argsort",
    doc=f"The indices that sort x along an axis, as int64; equals keep their order. {ORDER}.",
    operands=("x",),
    attributes=ALONG,
    evaluate=lambda x, axis: x.argsort(axis, kind="stable"),
    infer=lambda x, axis: _check(x, axis).with_dtype("int64"),
    jvp=rules.jvp_zero("argsort"),
    transpose=rules.INTEGER_VALUED,
    batch=rules.batch_leading("argsort", axis=rules.shift_axis),
    cost=_cost,
    samples=_samples,
)


# ------------------------------------------------------------------ sort


def _jvp_sort(primals: Sequence[Value], tangents: Sequence[Value | None], axis: int) -> Any:
    (x,), (t,) = primals, tangents
    if t is None:
        return (sort(x, axis=axis),), (None,)
    order = argsort(x, axis=axis)
    return (take_along(x, order, axis),), (take_along(t, order, axis),)


def _ties(x: Array, axis: int) -> Any:
    y = np.sort(x, axis)
    neighbours = np.take(y, np.arange(1, y.shape[axis]), axis) == np.take(
        y, np.arange(y.shape[axis] - 1), axis
    )
    return np.any(neighbours, axis, keepdims=True)


sort: Op = Op(
    name="sort",
    doc=f"x in ascending order along an axis. {ORDER}.",
    operands=("x",),
    attributes=ALONG,
    evaluate=lambda x, axis: np.sort(x, axis, "stable"),
    infer=_check,
    jvp=_jvp_sort,
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_leading("sort", axis=rules.shift_axis),
    cost=_cost,
    samples=_samples,
    nonsmooth=(
        NonSmooth(
            "two elements of a line are equal",
            "equals keep their order, and each takes its own tangent along",
            _ties,
        ),
    ),
)
