"""Elementwise functions, and their first and second derivatives, against mpmath's at 30 digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from adglot import ops
from adglot.ir import Graph, Type
from adglot.ops.core import Array
from adglot_server.transforms.jvp import jvp

EPS = float(np.finfo(np.float64).eps)
ULPS = 16
"""Units in the last place that a rule of a few operations on functions of 1 to 5 ulp may lose."""


@dataclass(frozen=True)
class Exact:
    """A function of mpmath, and the box in which it is compared.

    Derivatives from the order `cancels` on are right in absolute terms only: tanh' is
    1 - tanh**2 and expit' y (1 - y), which cost one multiplication but cancel in the tails.
    """

    function: Callable[..., Any]
    box: tuple[tuple[float, float], ...]
    cancels: int = 3
    complex: bool = True
    attributes: tuple[tuple[str, Any], ...] = ()


def unary(function: Any, low: float, high: float, **options: Any) -> Exact:
    return Exact(function, ((low, high),), **options)


real = partial(unary, complex=False)


def binary(function: Any, *box: tuple[float, float], cancels: int = 3) -> Exact:
    return Exact(function, box, cancels, complex=False)


FUNCTIONS = {
    "negative": unary(lambda x: -x, -9, 9),
    "abs": real(abs, -9, 9),
    "exp": unary(mp.exp, -30, 30),
    "expm1": unary(mp.expm1, -40, 3),
    "log": unary(mp.log, 1e-9, 99),
    "log1p": unary(mp.log1p, -0.999, 9),
    "sqrt": unary(mp.sqrt, 1e-9, 99),
    "sin": unary(mp.sin, -20, 20),
    "cos": unary(mp.cos, -20, 20),
    "tan": unary(mp.tan, -1.57, 1.57),
    "asin": unary(mp.asin, -0.999999, 0.999999),
    "acos": unary(mp.acos, -0.999999, 0.999999),
    "atan": unary(mp.atan, -30, 30),
    "sinh": unary(mp.sinh, -30, 30),
    "cosh": unary(mp.cosh, -30, 30),
    "tanh": unary(mp.tanh, -20, 20, cancels=1),
    "asinh": unary(mp.asinh, -1e3, 1e3),
    "acosh": unary(mp.acosh, 1.000001, 99),
    "atanh": unary(mp.atanh, -0.999999, 0.999999),
    "special.erf": real(mp.erf, -6, 6),
    "special.erfc": real(mp.erfc, -6, 15),
    "special.erfinv": real(mp.erfinv, -0.999, 0.999),
    "special.ndtri": real(lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), 0.001, 0.999),
    "special.log_ndtr": real(lambda x: mp.log(mp.ncdf(x)), -3, 5, cancels=2),
    "special.expit": real(lambda x: 1 / (1 + mp.exp(-x)), -30, 30, cancels=1),
    "special.gamma": real(mp.gamma, 0.1, 20),
    "special.gammaln": real(mp.loggamma, 2.5, 50),
    "special.digamma": real(mp.digamma, 2, 50),
    "special.polygamma": real(partial(mp.polygamma, 2), 0.1, 50, attributes=(("order", 2),)),
    "pow": binary(mp.power, (0.01, 5), (-5, 5)),
    "atan2": binary(mp.atan2, (-9, 9), (0.1, 9)),
    "hypot": binary(mp.hypot, (-9, 9), (1, 9), cancels=2),
    "logaddexp": binary(
        lambda x, y: mp.log(mp.exp(x) + mp.exp(y)), (-20, 20), (-20, 20), cancels=2
    ),
}

COUNT = 12


def graph_of(name: str, exact: Exact, dtype: str) -> Graph:
    builder = ops.Builder()
    inputs = [builder.input(Type(dtype, (COUNT,))) for _ in exact.box]
    return builder.build(inputs, [ops.TABLE[name](*inputs, **dict(exact.attributes))])


def derivatives(graph: Graph, point: list[Array], along: int) -> list[Array]:
    """The value and the first two derivatives by one operand."""
    active = [k == along for k in range(len(point))]
    first, _ = jvp(graph, active)
    second, moved = jvp(first, [*active, False])
    one = np.ones_like(point[along])
    y, dy, *rest = ops.evaluate(second, [*point, one, one])
    return [y, dy, rest[-1] if moved[1] else np.zeros_like(y)]


def exactly(exact: Exact, xs: tuple[Any, ...], along: int) -> list[Any]:
    """The value and the first three derivatives by one operand."""
    numbers = [mp.mpmathify(x) for x in xs]

    def f(x: Any) -> Any:
        return exact.function(*numbers[:along], x, *numbers[along + 1 :])

    return [mp.diff(f, numbers[along], order) for order in range(4)]


def compare(name: str, exact: Exact, point: list[Array], along: int) -> None:
    got = derivatives(graph_of(name, exact, point[0].dtype.name), point, along)
    with mp.workdps(30):
        for i, xs in enumerate(zip(*(x.tolist() for x in point), strict=True)):
            want = exactly(exact, xs, along)
            for order in range(3):
                condition = abs(xs[along] * complex(want[order + 1]))
                size = abs(complex(want[order])) + condition + (order >= exact.cancels)
                error = abs(mp.mpmathify(got[order][i].item()) - want[order])
                assert error <= ULPS * EPS * size, (order, xs, got[order][i], want[order])


@pytest.mark.parametrize(
    ("name", "along"), [(name, k) for name, e in FUNCTIONS.items() for k in range(len(e.box))]
)
def test_real(name: str, along: int) -> None:
    exact = FUNCTIONS[name]
    rng = np.random.default_rng(4)
    compare(name, exact, [rng.uniform(*ends, COUNT) for ends in exact.box], along)


@pytest.mark.parametrize("name", [name for name, exact in FUNCTIONS.items() if exact.complex])
def test_complex(name: str) -> None:
    """Over the four quadrants, so on both sides of every branch cut."""
    rng = np.random.default_rng(5)
    z = rng.uniform(-3, 3, COUNT) + 1j * rng.uniform(-3, 3, COUNT)
    compare(name, FUNCTIONS[name], [z], 0)


def test_every_smooth_elementwise_op_is_here() -> None:
    """A new op joins these tests, or is one of those that are exact or have kinks."""
    table = named(ops.elementwise) | named(ops.binary) | named(ops.special)
    steps = {"sign", "floor", "ceil", "trunc", "round", "isfinite", "logical_not", "floor_divide"}
    exact = {"real", "imag", "conj", "maximum", "minimum", "remainder"}
    assert table - named(ops.arithmetic) - steps - exact == FUNCTIONS.keys()


def named(module: ModuleType) -> set[str]:
    return {x.name for x in vars(module).values() if isinstance(x, ops.Op)}
