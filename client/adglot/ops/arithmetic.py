"""Elementwise ops of two and three operands: arithmetic, comparison, logic, choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ops import dependence, rules
from adglot.ops.core import Array, Linear, NonSmooth, Op, Sample, Value
from adglot.ops.rules import ARITHMETIC, DIVISION, INTEGER_VALUED, NOT_LINEAR, Partial

X1 = np.array([0.5, -1.25, 2.0])
X2 = np.array([1.5, 0.75, -3.0])


def pairs(x1: Array = X1, x2: Array = X2) -> Callable[[], list[Sample]]:
    """Samples of a real function: float64, float32, mixed precision, broadcast both ways."""
    return lambda: [
        Sample((x1, x2)),
        Sample((x1.astype("float32"), x2.astype("float32"))),
        Sample((x1.astype("float32"), x2)),
        Sample((x1[:, None], x2[:2])),
        Sample((np.array(x1[0]), x2)),
    ]


def complex_pairs(x1: Array = X1, x2: Array = X2) -> Callable[[], list[Sample]]:
    """As `pairs`, and complex with complex, complex with real."""
    z1, z2 = x1 + 0.5j * x2, x2 - 0.25j * x1
    return lambda: [
        *pairs(x1, x2)(),
        Sample((z1, z2)),
        Sample((z1, x2)),
        Sample((x1[:2, None], z2)),
    ]


def binary(
    name: str,
    doc: str,
    evaluate: Callable[..., Any],
    partials: tuple[Partial | None, Partial | None],
    samples: Callable[[], list[Sample]],
    *,
    adjoints: tuple[Callable[..., Value] | None, ...] | None = None,
    dtype: Callable[..., Any] = rules.promoted,
    weight: int = ARITHMETIC,
    pattern: Callable[..., Any] = dependence.elementwise,
    nonsmooth: tuple[NonSmooth, ...] = (),
    finite: bool = False,
) -> Op:
    """An elementwise op of two operands; `partials` as in `rules.jvp_by_partials`."""
    return Op(
        name=name,
        doc=doc,
        operands=("x1", "x2"),
        evaluate=evaluate,
        infer=rules.infer_elementwise(dtype),
        jvp=rules.jvp_by_partials(name, partials) if any(partials) else rules.jvp_zero(name),
        transpose=rules.transpose_elementwise(*adjoints) if adjoints else NOT_LINEAR,
        batch=rules.batch_elementwise(name),
        cost=rules.per_output(weight),
        samples=samples,
        pattern=pattern,
        nonsmooth=nonsmooth,
        weak=True,
        finite=finite,
    )


add: Op = binary(
    "add",
    "x1 + x2.",
    np.add,
    (lambda t, y, x1, x2: t, lambda t, y, x1, x2: t),
    complex_pairs(),
    adjoints=(lambda ct, x1, x2: ct, lambda ct, x1, x2: ct),
    finite=True,
)

subtract: Op = binary(
    "subtract",
    "x1 - x2.",
    np.subtract,
    (lambda t, y, x1, x2: t, lambda t, y, x1, x2: -t),
    complex_pairs(),
    adjoints=(lambda ct, x1, x2: ct, lambda ct, x1, x2: -ct),
    dtype=rules.signed,
    finite=True,
)

multiply: Op = binary(
    "multiply",
    "x1 * x2.",
    np.multiply,
    (lambda t, y, x1, x2: t * x2, lambda t, y, x1, x2: t * x1),
    complex_pairs(),
    adjoints=(lambda ct, x1, x2: ct * rules.conj(x2), lambda ct, x1, x2: ct * rules.conj(x1)),
    pattern=dependence.product,
    finite=True,
)

divide: Op = binary(
    "divide",
    "x1 / x2; integers give float64.",
    np.divide,
    (lambda t, y, x1, x2: t / x2, lambda t, y, x1, x2: -(t * y) / x2),
    complex_pairs(),
    adjoints=(lambda ct, x1, x2: ct / rules.conj(x2), None),
    dtype=rules.inexact,
    weight=DIVISION,
)


# ------------------------------------------------------------------ comparison


def _predicate(
    name: str, doc: str, evaluate: Callable[..., Any], samples: Callable[[], list[Sample]]
) -> Op:
    """An elementwise op of two operands whose result is bool."""
    return Op(
        name=name,
        doc=doc,
        operands=("x1", "x2"),
        evaluate=evaluate,
        infer=rules.infer_elementwise(rules.boolean),
        jvp=rules.jvp_zero(name),
        transpose=INTEGER_VALUED,
        batch=rules.batch_elementwise(name),
        cost=rules.per_output(ARITHMETIC),
        samples=samples,
        weak=True,
        finite=True,
    )


def _numbers() -> list[Sample]:
    return [
        Sample((X1, X2)),
        Sample((X1[:, None], np.array([1, 2, 2]))),
        Sample((np.array([1, 2]), np.array([1, 3], "int32"))),
    ]


equal: Op = _predicate("equal", "x1 == x2, as bool.", np.equal, _numbers)
not_equal: Op = _predicate("not_equal", "x1 != x2, as bool.", np.not_equal, _numbers)
less: Op = _predicate("less", "x1 < x2, as bool.", np.less, _numbers)
less_equal: Op = _predicate("less_equal", "x1 <= x2, as bool.", np.less_equal, _numbers)
greater: Op = _predicate("greater", "x1 > x2, as bool.", np.greater, _numbers)
greater_equal: Op = _predicate("greater_equal", "x1 >= x2, as bool.", np.greater_equal, _numbers)


# ------------------------------------------------------------------ logic


def _truths() -> list[Sample]:
    return [
        Sample((X1 > 0, X2 > 0)),
        Sample((X1[:, None] > 0, np.array([0, 3]))),
        Sample((np.array([0.0, 0.5, 0.0]), X2 > 0), smooth=False),
    ]


logical_and: Op = _predicate(
    "logical_and", "Whether both are true (not 0), as bool.", np.logical_and, _truths
)
logical_or: Op = _predicate(
    "logical_or", "Whether one is true (not 0), as bool.", np.logical_or, _truths
)
logical_xor: Op = _predicate(
    "logical_xor", "Whether just one is true, as bool.", np.logical_xor, _truths
)


# ------------------------------------------------------------------ where


def _infer_where(condition: Any, x1: Any, x2: Any) -> Any:
    if condition.dtype.kind != "b":
        raise InvalidArgument(f"condition must be bool, got {condition!r}")
    return rules.infer_elementwise(lambda c, a, b: rules.promoted(a, b))(condition, x1, x2)


def _jvp_where(primals: Sequence[Value], tangents: Sequence[Value | None]) -> Any:
    condition, x1, x2 = primals
    _, t1, t2 = tangents
    y = where(condition, x1, x2)
    if t1 is None and t2 is None:
        return (y,), (None,)
    t = where(condition, 0.0 if t1 is None else t1, 0.0 if t2 is None else t2)
    return (y,), (rules.expand(t, y.type),)


def _transpose_where(cts: Sequence[Value], operands: Sequence[Any]) -> Any:
    (ct,), (condition, x1, x2) = cts, operands
    zero = rules.zeros(ct, ct.type.with_shape(()))
    return [
        None,
        rules.contract(where(condition, ct, zero), x1.type) if isinstance(x1, Linear) else None,
        rules.contract(where(condition, zero, ct), x2.type) if isinstance(x2, Linear) else None,
    ]


where: Op = Op(
    name="where",
    doc="x1 where the condition holds, x2 elsewhere. The branch not taken has a zero derivative, "
    "whatever NaN or Inf its own derivative is there.",
    operands=("condition", "x1", "x2"),
    evaluate=np.where,
    infer=_infer_where,
    jvp=_jvp_where,
    transpose=_transpose_where,
    batch=rules.batch_elementwise("where"),
    pattern=dependence.choice,
    cost=rules.per_output(ARITHMETIC),
    samples=lambda: [
        Sample((X1 > 0, X1, X2)),
        Sample((np.array(True), X1, X2[:, None])),
        Sample((X1[:, None] > 0, X1.astype("float32"), X2)),
        Sample((X1 > 0, X1 + 1j, X2)),
    ],
    weak=True,
    finite=True,
)
