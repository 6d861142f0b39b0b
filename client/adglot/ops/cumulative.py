"""Ops that run along an axis: cumulative_sum, cumulative_prod, linear_recurrence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Type
from adglot.ops import dependence, rules
from adglot.ops.core import Array, Attr, Linear, Op, Sample, Value
from adglot.ops.shape import concat, matrix, slice_axis

ALONG = (
    Attr("axis", "int", "the axis, from 0"),
    Attr("reverse", "bool", "whether to run from the last element to the first", False),
)


def accumulated_dtype(dtype: Any) -> Any:
    """Integers and bools are summed and multiplied as int64, as NumPy does."""
    return dtype if dtype.kind in "fc" else np.dtype("int64")


def previous(x: Value, axis: int, reverse: bool, first: float) -> Value:
    """Every element's neighbour that a run along the axis meets before it; `first` has none."""
    n = x.shape[axis]
    if n == 0:
        return x
    shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    edge = rules.full(x, first, x.type.with_shape(shape))
    if reverse:
        return concat(slice_axis(x, axis, 1, n), edge, axis=axis)
    return concat(edge, slice_axis(x, axis, 0, n - 1), axis=axis)


def _infer_along(x: Type, axis: int, reverse: bool) -> Type:
    rules.check_axis(axis, x.ndim)
    return x.with_dtype(accumulated_dtype(x.dtype))


def _accumulate(accumulate: Callable[..., Array]) -> Callable[..., Array]:
    def evaluate(x: Array, axis: int, reverse: bool) -> Array:
        if not reverse:
            return accumulate(x, axis)
        backwards = (*(np.s_[:],) * axis, np.s_[::-1])
        return accumulate(x[backwards], axis)[backwards]

    return evaluate


def _samples() -> list[Sample]:
    with_zeros = np.array([[2.0, 0.0, 3.0, 0.0, -1.5], [0.5, 2.0, -1.0, 0.0, 4.0]])
    return [
        Sample((matrix(),), {"axis": 0, "reverse": False}),
        Sample((with_zeros,), {"axis": 1, "reverse": False}),
        Sample((with_zeros,), {"axis": 1, "reverse": True}),
        Sample((matrix() + 0.5j,), {"axis": 1, "reverse": True}),
        Sample((np.array([3, 2], "int32"),), {"axis": 0, "reverse": False}),
        Sample((np.ones((2, 0)),), {"axis": 1, "reverse": False}),
    ]


# ------------------------------------------------------------------ cumulative_sum


cumulative_sum: Op = Op(
    name="cumulative_sum",
    doc="The sums of the elements up to each one along an axis; integers and bools give int64.",
    operands=("x",),
    attributes=ALONG,
    evaluate=_accumulate(np.add.accumulate),
    infer=_infer_along,
    jvp=rules.jvp_linear("cumulative_sum"),
    transpose=lambda cts, operands, axis, reverse: [
        cumulative_sum(cts[0], axis=axis, reverse=not reverse)
    ],
    batch=rules.batch_leading("cumulative_sum", axis=rules.shift_axis),
    pattern=dependence.accumulated,
    cost=rules.per_output(rules.ARITHMETIC),
    samples=_samples,
)


# ------------------------------------------------------------------ cumulative_prod


def _jvp_cumulative_prod(
    primals: Sequence[Value], tangents: Sequence[Value | None], axis: int, reverse: bool
) -> Any:
    (x,), (t,) = primals, tangents
    y = cumulative_prod(x, axis=axis, reverse=reverse)
    if t is None:
        return (y,), (None,)
    # y[k] = x[k] y[k-1], differentiated as it stands: nothing is divided by, so zeros do no harm
    gained = t * previous(y, axis, reverse, 1)
    return (y,), (linear_recurrence(x, gained, axis=axis, reverse=reverse),)


cumulative_prod: Op = Op(
    name="cumulative_prod",
    doc="The products of the elements up to each one along an axis; integers and bools give int64.",
    operands=("x",),
    attributes=ALONG,
    evaluate=_accumulate(np.multiply.accumulate),
    infer=_infer_along,
    jvp=_jvp_cumulative_prod,
    transpose=rules.NOT_LINEAR,
    batch=rules.batch_leading("cumulative_prod", axis=rules.shift_axis),
    cost=rules.per_output(rules.ARITHMETIC),
    samples=_samples,
)


# ------------------------------------------------------------------ linear_recurrence


def _infer_recurrence(a: Type, b: Type, axis: int, reverse: bool) -> Type:
    if a.shape != b.shape:
        raise InvalidArgument(f"a and b need one shape, got {a!r} and {b!r}")
    rules.check_axis(axis, a.ndim)
    return Type(rules.promoted(a.dtype, b.dtype), a.shape)


def _recurrence(a: Array, b: Array, axis: int, reverse: bool) -> Array:
    order = np.s_[::-1] if reverse else np.s_[:]
    factors = a.swapaxes(0, axis)[order]
    y = np.array(b.swapaxes(0, axis)[order], np.result_type(a, b), order="C")
    if y.ndim == 1:
        y[:] = _run_scalars(factors.tolist(), y.tolist())
    else:
        for k in range(1, len(y)):
            y[k] += factors[k] * y[k - 1]
    return y[order].swapaxes(0, axis)


def _run_scalars(factors: list[Any], terms: list[Any]) -> list[Any]:
    """The same in Python's numbers: twenty times as fast as arrays of one element."""
    result = terms[:1]
    for factor, term in zip(factors[1:], terms[1:], strict=True):
        result.append(factor * result[-1] + term)
    return result


def _jvp_recurrence(
    primals: Sequence[Value], tangents: Sequence[Value | None], axis: int, reverse: bool
) -> Any:
    (a, b), (ta, tb) = primals, tangents
    y = linear_recurrence(a, b, axis=axis, reverse=reverse)
    terms = [None if ta is None else ta * previous(y, axis, reverse, 0), tb]
    gained = rules.add_tangents(terms, y.type)
    if gained is None:
        return (y,), (None,)
    return (y,), (linear_recurrence(a, gained, axis=axis, reverse=reverse),)


def _transpose_recurrence(
    cts: Sequence[Value], operands: Sequence[Any], axis: int, reverse: bool
) -> Any:
    a, b = operands
    assert isinstance(b, Linear)
    factors = previous(rules.conj(a), axis, not reverse, 0)
    ct = linear_recurrence(factors, cts[0], axis=axis, reverse=not reverse)
    return [None, rules.convert(ct, b.type.dtype)]


linear_recurrence: Op = Op(
    name="linear_recurrence",
    doc="y[0] = b[0] and y[k] = a[k] * y[k-1] + b[k] along an axis. Every derivative of a running "
    "product is one; its own are recurrences with the same factors.",
    operands=("a", "b"),
    attributes=ALONG,
    evaluate=_recurrence,
    infer=_infer_recurrence,
    jvp=_jvp_recurrence,
    transpose=_transpose_recurrence,
    batch=rules.batch_leading("linear_recurrence", axis=rules.shift_axis),
    pattern=dependence.accumulated,
    cost=rules.per_output(2 * rules.ARITHMETIC),
    samples=lambda: [
        Sample((matrix(), matrix()[::-1] + 1), {"axis": 1, "reverse": False}),
        Sample((matrix(), matrix()[::-1] + 1j), {"axis": 0, "reverse": True}),
        Sample((matrix() + 1j, matrix()), {"axis": 1, "reverse": True}),
        Sample((matrix()[0] * 0.0, matrix()[1]), {"axis": 0, "reverse": False}),
        Sample((np.arange(3), matrix()[1].astype("float32")), {"axis": 0, "reverse": False}),
    ],
)
