"""Bessel functions of a real argument and a fixed real order; they are evaluated by SciPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from adglot.ops import rules
from adglot.ops.core import Array, Attr, NonSmooth, Op, Sample, Value
from adglot.ops.elementwise import sign
from adglot.ops.rules import TRANSCENDENTAL
from adglot.ops.special_functions import in_double, scipy_only

X = np.array([0.5, 3.25, 12.0])


_infer = rules.infer_elementwise(rules.real_inexact)


def _evaluate(name: str) -> Callable[..., Array]:
    def evaluate(x: Array, order: float) -> Array:
        function = scipy_only(name)
        return in_double(lambda z: np.asarray(function(order, z)), x)

    return evaluate


def _bessel(name: str, doc: str, slope: Callable[..., Value], *kinks: NonSmooth) -> Op:
    """``slope(below, above, y, x)``: the derivative from the functions of the orders beside."""

    def tangent(t: Value, y: Value, x: Value, order: float) -> Value:
        function = rules.entry(f"special.{name}")
        below, above = function(x, order=order - 1.0), function(x, order=order + 1.0)
        return t * slope(below, above, y, x)

    return Op(
        name=f"special.{name}",
        doc=f"{doc} SciPy has to be installed where it runs.",
        operands=("x",),
        attributes=(Attr("order", "float", "the order, any real number"),),
        evaluate=_evaluate(name),
        infer=lambda x, order: _infer(x),
        jvp=rules.jvp_by_partials(f"special.{name}", (tangent,)),
        transpose=rules.NOT_LINEAR,
        batch=rules.batch_elementwise(f"special.{name}"),
        cost=rules.per_output(10 * TRANSCENDENTAL),
        samples=lambda: [
            *(Sample((X,), {"order": order}) for order in (0.0, 1.0, 2.5)),
            Sample((X.astype("float32"),), {"order": 1.0}),
            *(Sample((np.zeros(2),), {"order": 0.0}, smooth=False) for _ in kinks),
        ],
        nonsmooth=kinks,
    )


jv: Op = _bessel(
    "jv", "The Bessel function of the first kind (DLMF 10.6.1).",
    lambda below, above, y, x: (below - above) * 0.5,
)  # fmt: skip

yv: Op = _bessel(
    "yv", "The Bessel function of the second kind, of x > 0 (DLMF 10.6.1).",
    lambda below, above, y, x: (below - above) * 0.5,
)  # fmt: skip

iv: Op = _bessel(
    "iv", "The modified Bessel function of the first kind (DLMF 10.29.1).",
    lambda below, above, y, x: (below + above) * 0.5,
)  # fmt: skip

ive: Op = _bessel(
    "ive", "iv times e**-|x|.", lambda below, above, y, x: (below + above) * 0.5 - y * sign(x),
    NonSmooth("x = 0", "the derivative of |x| is taken as 0", lambda x, order: x == 0),
)  # fmt: skip

kv: Op = _bessel(
    "kv", "The modified Bessel function of the second kind, of x > 0 (DLMF 10.29.1).",
    lambda below, above, y, x: (below + above) * -0.5,
)  # fmt: skip
