"""Elementwise ops: NumPy's dtypes, the conventions at kinks, powers at and below 0, the cost."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from adglot import ops
from adglot.errors import InvalidArgument
from adglot.ir import DTYPES, Type
from adglot.ops.core import Array
from adglot.ops.cost import cost
from adglot_server.transforms.jvp import jvp
from adglot_server.transforms.simplify import simplify
from adglot_server.transforms.transpose import vjp

from .cases import CASES, Case

inf, nan = np.inf, np.nan

# ------------------------------------------------------------------ dtypes


NUMPY: dict[str, np.ufunc] = {
    "abs": np.absolute, "negative": np.negative, "sign": np.sign, "exp": np.exp,
    "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "sqrt": np.sqrt, "sin": np.sin,
    "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc,
    "isfinite": np.isfinite, "logical_not": np.logical_not,
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
    "pow": np.power, "remainder": np.remainder, "floor_divide": np.floor_divide,
    "maximum": np.maximum, "minimum": np.minimum, "atan2": np.arctan2, "hypot": np.hypot,
    "logaddexp": np.logaddexp, "equal": np.equal, "not_equal": np.not_equal, "less": np.less,
    "less_equal": np.less_equal, "greater": np.greater, "greater_equal": np.greater_equal,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
}  # fmt: skip

OURS_FOR = {"float16": "float64", "int8": "int64"}
"""What stands for the dtypes that NumPy gives for bools, and that graphs do not have."""


@pytest.mark.parametrize("name", NUMPY)
def test_dtypes_are_numpys(name: str) -> None:
    for dtypes in product(DTYPES, repeat=NUMPY[name].nin):
        assert inferred(name, dtypes) == numpys(NUMPY[name], dtypes), dtypes


@pytest.mark.parametrize("name", NUMPY)
def test_evaluation_has_the_inferred_dtype(name: str) -> None:
    for dtypes in product(DTYPES, repeat=NUMPY[name].nin):
        wanted = inferred(name, dtypes)
        if wanted is not None:
            got = evaluated(name, *(np.ones(2, d) for d in dtypes))
            assert got.dtype.name == wanted, dtypes


def evaluated(name: str, *operands: Array) -> Array:
    with np.errstate(all="ignore"):
        return ops.evaluation.evaluate_op(ops.TABLE[name], operands, {})[0]


def inferred(name: str, dtypes: tuple[str, ...]) -> str | None:
    try:
        (type,) = ops.infer_node(name, [Type(d, (2,)) for d in dtypes], {})
    except InvalidArgument:
        return None
    return type.dtype.name


def numpys(ufunc: np.ufunc, dtypes: tuple[str, ...]) -> str | None:
    try:
        with np.errstate(all="ignore"):
            result = ufunc(*(np.ones(2, d) for d in dtypes)).dtype.name
    except TypeError:
        return None
    return OURS_FOR.get(result, result)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("round", "int64 int32 int64 float32 float64 complex64 complex128"),
        ("real", "bool int32 int64 float32 float64 float32 float64"),
        ("imag", "bool int32 int64 float32 float64 float32 float64"),
        ("conj", "bool int32 int64 float32 float64 complex64 complex128"),
        ("special.erf", "float64 float64 float64 float32 float64 None None"),
        ("special.expit", "float64 float64 float64 float32 float64 None None"),
    ],
)
def test_dtypes_of_what_is_no_ufunc(name: str, expected: str) -> None:
    for dtype, wanted in zip(DTYPES, expected.split(), strict=True):
        assert str(inferred(name, (dtype,))) == wanted
        if wanted != "None":
            assert evaluated(name, np.ones(2, dtype)).dtype.name == wanted


# ------------------------------------------------------------------ conventions


def partials(name: str, *operands: Any, **attributes: Any) -> list[Array]:
    """The derivative by each operand, in forward mode; reverse mode must agree."""
    point = [np.asarray(x, np.float64) for x in operands]
    builder = ops.Builder()
    inputs = [builder.input(Type.of(x)) for x in point]
    graph = builder.build(inputs, [ops.TABLE[name](*inputs, **attributes)])
    results = [_forward(graph, point, k) for k in range(len(point))]
    ones = np.ones_like(ops.evaluate(graph, point)[0])
    reverse = ops.evaluate(vjp(graph, [True] * len(point)), [*point, ones])[1:]
    for a, b in zip(results, reverse, strict=True):
        np.testing.assert_array_equal(a, np.conj(b))
    return results


def _forward(graph: ops.core.Graph, point: list[Array], k: int) -> Array:
    program, moved = jvp(graph, [i == k for i in range(len(point))])
    values = ops.evaluate(program, [*point, np.ones_like(point[k])])
    return values[1] if moved[0] else np.zeros_like(values[0])


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("abs", [0.0, -0.0, -2.0, 3.0], [0, 0, -1, 1]),
        ("sign", [0.0, -0.0, -2.0], [0, 0, 0]),
        ("floor", [-1.0, 0.0, 0.5, 2.0], [0, 0, 0, 0]),
        ("ceil", [-1.0, 0.0, 0.5, 2.0], [0, 0, 0, 0]),
        ("trunc", [-1.0, 0.0, 0.5, 2.0], [0, 0, 0, 0]),
        ("round", [-0.5, 0.5, 1.5, 2.0], [0, 0, 0, 0]),
        ("sqrt", [0.0, 4.0], [inf, 0.25]),
        ("asin", [-1.0, 1.0], [inf, inf]),
        ("acosh", [1.0], [inf]),
        ("log", [0.0], [inf]),
        ("special.erfinv", [-1.0, 1.0], [inf, inf]),
        ("special.expit", [-800.0, 800.0], [0, 0]),
        ("tanh", [-400.0, 400.0], [0, 0]),
        ("expm1", [-800.0, -30.0], [0, np.exp(-30.0)]),
    ],
)
def test_convention_of_one_operand(name: str, x: list[float], expected: list[float]) -> None:
    np.testing.assert_array_equal(partials(name, x)[0], expected)


@pytest.mark.parametrize("z", [0j, 0.0])
def test_abs_and_sign_are_flat_at_zero(z: complex) -> None:
    for name in ("abs", "sign"):
        for direction in (1.0, 1j) if isinstance(z, complex) else (1.0,):
            builder = ops.Builder()
            x = builder.input(Type.of(np.asarray(z)))
            program, moved = jvp(builder.build([x], [ops.TABLE[name](x)]), [True])
            values = ops.evaluate(program, [np.asarray(z), np.asarray(direction, x.dtype)])
            assert not moved[0] or values[1] == 0


@pytest.mark.parametrize(
    ("name", "x1", "x2", "by_x1", "by_x2"),
    [
        ("maximum", [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], [0, 0.5, 1], [1, 0.5, 0]),
        ("minimum", [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], [1, 0.5, 0], [0, 0.5, 1]),
        ("maximum", [inf, -0.0], [inf, 0.0], [0.5, 0.5], [0.5, 0.5]),
        ("floor_divide", [4.0, 5.0], [2.0, 2.0], [0, 0], [0, 0]),
        ("remainder", [4.0, -5.0], [2.0, 2.0], [1, 1], [-2, 3]),
        ("hypot", [0.0, -3.0, 3e200], [0.0, 4.0, 4e200], [0, -0.6, 0.6], [0, 0.8, 0.8]),
        ("atan2", [0.0, 0.0, 0.0], [0.0, 2.0, -2.0], [0, 0.5, -0.5], [0, 0, 0]),
        ("atan2", [0.0], [2e200], [0.5e-200], [0]),
        ("logaddexp", [-inf, inf, 0.0], [-inf, inf, 0.0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
        ("logaddexp", [-inf, -800.0], [0.0, 800.0], [0, 0], [1, 1]),
        ("logaddexp", [1e9, inf], [1e9 + 1, 0.0], [1 / (1 + np.e), 1], [1 / (1 + 1 / np.e), 0]),
    ],
)
def test_convention_of_two_operands(
    name: str, x1: list[float], x2: list[float], by_x1: list[float], by_x2: list[float]
) -> None:
    got = partials(name, x1, x2)
    np.testing.assert_allclose(got[0], by_x1, rtol=4e-16, atol=0)
    np.testing.assert_allclose(got[1], by_x2, rtol=4e-16, atol=0)


def test_nan_operands_give_nan() -> None:
    for name in ("maximum", "minimum", "hypot", "atan2", "logaddexp"):
        assert np.isnan(evaluated(name, np.array(nan), np.array(1.0)))


def test_untaken_side_of_maximum_is_silent() -> None:
    """Its derivative is infinite, and still not a part of the answer."""
    builder = ops.Builder()
    x = builder.input(Type("float64"))
    graph = builder.build([x], [ops.maximum(ops.sqrt(x), 1.0)])
    program, _ = jvp(graph, [True])
    assert ops.evaluate(program, [np.array(0.0), np.array(1.0)]) == [1.0, 0.0]
    assert ops.evaluate(vjp(graph, [True]), [np.array(0.0), np.array(1.0)]) == [1.0, 0.0]


# ------------------------------------------------------------------ powers

BASES = np.array([-2.0, -0.0, 0.0, 3.0])

POWERS = [
    (2.0, 2 * BASES, [2, 2, 2, 2]),
    (3.0, 3 * BASES**2, 6 * BASES),
    (0.0, [0, 0, 0, 0], [0, 0, 0, 0]),
    (1.0, [1, 1, 1, 1], [0, 0, 0, 0]),
    (-1.0, [-0.25, -inf, -inf, -1 / 9], [-0.25, -inf, inf, 2 / 27]),
    (0.5, [nan, inf, inf, 0.5 / np.sqrt(3)], [nan, -inf, -inf, -0.25 / 3**1.5]),
    (4.0, 4 * BASES**3, 12 * BASES**2),
]


@pytest.mark.parametrize(("exponent", "first", "second"), POWERS)
@pytest.mark.parametrize("kind", ["python float", "constant array", "operand", "integers"])
def test_derivative_of_powers(exponent: float, first: Any, second: Any, kind: str) -> None:
    """At negative bases and 0 too, whichever way the exponent is given; and twice."""
    if kind == "integers" and exponent != int(exponent):
        pytest.skip("no integer")
    make: dict[str, Callable[[ops.Builder], Any]] = {
        "python float": lambda b: exponent,
        "constant array": lambda b: np.full(4, exponent),
        "operand": lambda b: b.input(Type("float64", (4,))),
        "integers": lambda b: b.input(Type("int64", (4,))),
    }
    builder = ops.Builder()
    x = builder.input(Type("float64", (4,)))
    e = make[kind](builder)
    given = [e] if isinstance(e, ops.Value) else []
    graph = builder.build([x, *given], [ops.pow(x, e)])
    values = [np.full(4, exponent).astype(v.dtype) for v in given]
    once, moved = jvp(graph, [True] + [False] * len(given))
    one = np.ones(4)
    dy = ops.evaluate(once, [BASES, *values, one])[-1] if moved[0] else np.zeros(4)
    np.testing.assert_allclose(dy, first, rtol=1e-15)
    if not moved[0]:
        return
    twice, moved = jvp(once, [True] + [False] * (len(given) + 1))
    ddy = ops.evaluate(twice, [BASES, *values, one, one])[-1] if moved[1] else np.zeros(4)
    np.testing.assert_allclose(ddy, second, rtol=1e-15)


@pytest.mark.parametrize(
    ("base", "exponent", "expected"),
    [
        (0.0, 2.0, 0.0),
        (0.0, 0.0, 0.0),
        (0.0, 0.5, 0.0),
        (1.0, 3.0, 0.0),
        (np.e, 1.0, np.e),
        (-2.0, 2.0, nan),
    ],
)
def test_derivative_by_the_exponent(base: float, exponent: float, expected: float) -> None:
    np.testing.assert_allclose(partials("pow", [base], [exponent])[1], [expected], rtol=1e-15)


@pytest.mark.parametrize(
    ("base", "exponent"),
    [(np.float32(0.25), np.float64(1.5)), (np.float64(-2.0), np.complex128(1.5 + 1j))],
)
def test_derivative_by_the_exponent_is_in_the_results_dtype(base: Any, exponent: Any) -> None:
    """The logarithm of a single base with a double exponent, of a negative one with a complex."""
    builder = ops.Builder()
    inputs = [builder.input(Type.of(np.asarray(x))) for x in (base, exponent)]
    graph, _ = jvp(builder.build(inputs, [ops.pow(*inputs)]), [False, True])
    got = ops.evaluate(graph, [base, exponent, np.ones_like(exponent)])[-1]
    wide = np.result_type(base, exponent).type(base)
    np.testing.assert_allclose(got, wide**exponent * np.log(wide), rtol=1e-15)


def test_power_of_integers() -> None:
    assert ops.pow.evaluate(np.array([2, -3]), np.array([3, 2])).tolist() == [8, 9]
    with pytest.raises(ValueError, match="negative integer powers"):
        ops.pow.evaluate(np.array([2]), np.array([-1]))


# ------------------------------------------------------------------ cost


ELEMENTWISE = [
    case
    for case in CASES
    if case.number == 0 and case.op.name in {*NUMPY, *(n for n in ops.TABLE if "special." in n)}
]


@pytest.mark.parametrize("case", ELEMENTWISE, ids=repr)
def test_derivatives_cost_little(case: Case) -> None:
    """At most four times the function, with all tangents; five for choices between two operands.

    There the function is a comparison and a selection, and so is every part of its derivative.
    """
    if not case.differentiable:
        pytest.skip("nothing to differentiate")
    most = (5 if case.op.name in ("maximum", "minimum") else 4) * cost(case.program.graph)
    assert cost(simplify(case.program.forward.graph)) <= most
    assert cost(simplify(case.program.backward.graph)) <= most
