"""Products, solves and factorizations in compiled code: exact to rounding, errors as NumPy's."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite")
pytest.importorskip("scipy")

import scipy.linalg

from adglot import ops
from adglot.errors import GuardFailed, InvalidArgument
from adglot.ir import Guard, Type
from adglot.ops import TABLE, Value
from adglot_server.engines.base import Request
from adglot_server.engines.native import NativeEngine
from adglot_server.executors.compiled import machine, products, routines
from adglot_server.executors.compiled.direct import direct
from adglot_server.executors.compiled.executor import Compiled
from adglot_server.executors.compiled.kernel import bounded, constants_of, module_text
from adglot_server.executors.compiled.machine import Target, assembly
from adglot_server.executors.compiled.plan import Call, Plan
from adglot_server.executors.compiled.region import region_of
from adglot_server.executors.compiled.schedule import schedule
from adglot_server.executors.interpreter import Interpreter

from .test_executor import agree, build
from .test_targets import TARGETS

Array = np.ndarray[Any, Any]
matmul = TABLE["matmul"]
solve, inv, cholesky = (TABLE[f"linalg.{name}"] for name in ("solve", "inv", "cholesky"))
triangular = TABLE["linalg.triangular_solve"]

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
WAYS = pytest.mark.parametrize("cached", [1 << 20, 0], ids=["written-out", "by-BLAS"])
"""Whether tiles are written out up to some size, or never."""


@pytest.fixture(autouse=True)
def _cached(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a test has a parameter of this name, tiles up to so many bytes are written out."""
    if "cached" in request.fixturenames:
        size = request.getfixturevalue("cached")
        monkeypatch.setattr(products, "CACHED", dict.fromkeys(products.CACHED, size))
        monkeypatch.setattr(products, "NARROW", products.NARROW if size else 1)


def transposed(x: Value) -> Value:
    return TABLE["permute_dims"](x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def run(function: Callable[..., Any], *xs: Array) -> Any:
    """By compiled code alone, of arrays such as these."""
    code = direct(build(function, *map(Type.of, xs)))
    assert code is not None
    made = code.function(*xs)
    assert made is not None
    return made


def plan_of(function: Callable[..., Any], *types: Type) -> Plan:
    plan = schedule(build(function, *types), 1)
    return bounded(region_of(plan.graph, *plan.regions[0], plan.constants))


def random(dtype: str, *shape: int) -> Array:
    made: Array = np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)
    return made


# ------------------------------------------------------------------ products


def check_product(got: Array, a: Array, b: Array) -> None:
    """Every element within a rounding for each of its terms, whatever the order of these."""
    exact = np.matmul(a.astype(np.longdouble), b.astype(np.longdouble))
    bound = np.matmul(abs(a), abs(b)) * a.shape[-1] * np.finfo(a.dtype).eps
    assert got.dtype == a.dtype
    assert got.shape == exact.shape
    assert np.all(abs(got - exact) <= bound)


LAYOUTS: dict[str, Callable[[Value, Value], Value]] = {
    "plain": matmul,
    "left transposed": lambda a, b: matmul(transposed(a), b),
    "right transposed": lambda a, b: matmul(a, transposed(b)),
    "both transposed": lambda a, b: matmul(transposed(a), transposed(b)),
}


@DTYPES
@WAYS
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "mkn",
    [(1, 1, 1), (3, 5, 7), (10, 10, 10), (1, 20, 9), (9, 20, 1), (5, 1, 6), (65, 33, 70)],
    ids=str,
)
def test_product(dtype: str, cached: int, layout: str, mkn: tuple[int, int, int]) -> None:
    m, k, n = mkn
    a, b = random(dtype, m, k), random(dtype, k, n)
    given_a = np.ascontiguousarray(a.T) if layout in ("left transposed", "both transposed") else a
    given_b = np.ascontiguousarray(b.T) if layout in ("right transposed", "both transposed") else b
    check_product(run(LAYOUTS[layout], given_a, given_b), a, b)


@DTYPES
@WAYS
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((20,), (20,)),
        ((20,), (20, 9)),
        ((9, 20), (20,)),
        ((2, 3, 9, 20), (20, 4)),
        ((9, 20), (2, 3, 20, 4)),
        ((3, 9, 20), (2, 1, 20, 4)),
        ((20,), (3, 20, 4)),
        ((3, 9, 20), (20,)),
        ((5, 1, 20), (20, 1)),
        ((9, 20), (5, 20, 1)),
    ],
    ids=str,
)
def test_stacks_and_vectors(dtype: str, cached: int, left: Any, right: Any) -> None:
    a, b = random(dtype, *left), random(dtype, *right)
    check_product(run(matmul, a, b), a, b)


@settings(max_examples=25)
@given(
    st.tuples(*[st.integers(1, 40)] * 3),
    st.sampled_from([(1, 1), (2, 1), (1, 3)]),
    st.booleans(),
    st.integers(0, 3),
)
def test_products_of_views(
    mkn: tuple[int, int, int], steps: tuple[int, int], flipped: bool, start: int
) -> None:
    """Slices, flips and broadcasts: read where they lie, or copied."""
    (m, k, n), (down, across) = mkn, steps

    def function(a: Value, b: Value) -> Value:
        part = TABLE["slice"](
            a,
            start=(0, start, 0),
            stop=(2, start + (m - 1) * down + 1, (k - 1) * across + 1),
            strides=(1, down, across),
        )
        right = TABLE["broadcast_to"](b, shape=(2, k, n))
        return matmul(part, TABLE["flip"](right, axes=(2,)) if flipped else right)

    a = random("float64", 2, start + m * down, k * across)
    b = random("float64", k, n)
    left = a[:, start : start + (m - 1) * down + 1 : down, : (k - 1) * across + 1 : across]
    check_product(run(function, a, b), left, b[:, ::-1] if flipped else b)


def test_what_lies_as_it_should_is_not_copied() -> None:
    square = Type("float64", (40, 40))
    for layout in LAYOUTS.values():
        (*copies, call) = plan_of(layout, square, square).steps
        assert isinstance(call, Call)
        assert len(copies) == (layout in (LAYOUTS["right transposed"], LAYOUTS["both transposed"]))


def test_products_of_the_same_kind_are_one_function() -> None:
    def chain(x: Value) -> Value:
        y = x
        for _ in range(20):
            y = matmul(y, x)
        return y

    text = written(chain, [Type("float64", (4, 4))])
    assert text.count('define internal void @"adglot.double.Product') == 1
    x = random("float64", 4, 4)
    np.testing.assert_allclose(run(chain, x), np.linalg.matrix_power(x, 21), rtol=1e-10)


def identity(x: Value, n: int) -> Value:
    columns = TABLE["iota"].on(x, size=n)
    rows = TABLE["reshape"](columns, shape=(n, 1))
    return TABLE["convert_element_type"](TABLE["equal"](rows, columns), dtype=x.dtype.name)


DIAGONAL: dict[str, Callable[[Value, Value], Value]] = {
    "identity times": lambda x, d: matmul(identity(x, 5), transposed(x)),
    "times identity": lambda x, d: matmul(x, identity(x, 5)),
    "constant": lambda x, d: matmul(x, x.builder.constant(np.eye(5).astype(x.dtype))),
    "of columns": lambda x, d: matmul(x, identity(x, 5) * d),
    "of rows": lambda x, d: matmul(x, TABLE["reshape"](d, shape=(5, 1)) * identity(x, 5)),
    "times a vector": lambda x, d: matmul(identity(x, 5) * d, d),
    "times rows": lambda x, d: matmul(identity(x, 5) * d, transposed(x)),
}


@DTYPES
@pytest.mark.parametrize("what", DIAGONAL)
def test_a_product_with_a_diagonal_matrix_is_a_scaling(dtype: str, what: str) -> None:
    x, d = random(dtype, 4, 5), random(dtype, 5)
    graph = build(DIAGONAL[what], Type.of(x), Type.of(d))
    chosen = plan_of(DIAGONAL[what], Type.of(x), Type.of(d))
    assert "matmul" not in {node.op for node in chosen.region.nodes.values()}
    (wanted,) = Interpreter(graph).run([x, d])
    np.testing.assert_array_equal(run(DIAGONAL[what], x, d), wanted)


@pytest.mark.parametrize("what", DIAGONAL)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nothing_is_taken_for_zero_that_is_not(what: str, bad: float) -> None:
    x, d = random("float64", 4, 5), random("float64", 5)
    x[1, 2] = d[2] = bad
    graph = build(DIAGONAL[what], Type.of(x), Type.of(d))
    with np.errstate(invalid="ignore"):
        wanted, got = (program.run([x, d]) for program in (Interpreter(graph), Compiled(graph, 1)))
    np.testing.assert_array_equal(got, wanted)


def test_infinite_products_are_numpys() -> None:
    a = np.array([[np.inf, 0.0, 1.0], [np.nan, 1.0, 2.0], [1e308, 1e308, 1.0]])
    got = run(matmul, a, a)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, a @ a)


# ------------------------------------------------------------------ solves


def small_residual(t: Array, x: Array, b: Array) -> None:
    """t x = b as well as the floats allow (Higham 2002, theorems 8.5 and 9.4)."""
    exact = np.matmul(t.astype(np.longdouble), x.astype(np.longdouble))
    bound = np.matmul(abs(t), abs(x)) + abs(b)
    assert np.all(abs(exact - b) <= 4 * t.shape[-1] * np.finfo(t.dtype).eps * bound)


SIZES = pytest.mark.parametrize("n", [1, 5, 30])
COLUMNS = pytest.mark.parametrize("columns", [0, 1, 11], ids=["vector", "1", "11"])


def right_hand_side(dtype: str, n: int, columns: int) -> Array:
    return random(dtype, n, columns) if columns else random(dtype, n)


FLAGS = [tuple(map(bool, flags)) for flags in np.ndindex(2, 2, 2)]


@DTYPES
@WAYS
@SIZES
@COLUMNS
@pytest.mark.parametrize("view", [False, True], ids=["", "of-a-transpose"])
def test_triangular_solve(dtype: str, cached: int, n: int, columns: int, view: bool) -> None:
    """As SciPy's, of all kinds; the other triangle is not read, nor a diagonal of ones."""
    plain = random(dtype, n, n) / np.dtype(dtype).type(n) + 2 * np.eye(n, dtype=dtype)
    b = right_hand_side(dtype, n, columns)
    given = []
    for lower, _, unit in FLAGS:
        a = plain.copy()
        a[np.triu_indices(n, 1) if lower else np.tril_indices(n, -1)] = np.nan
        if unit:
            np.fill_diagonal(a, np.nan)
        given.append(np.ascontiguousarray(a.T) if view else a)

    def function(b: Value, *matrices: Value) -> list[Value]:
        return [
            triangular(transposed(a) if view else a, b, lower=low, adjoint=adj, unit_diagonal=unit)
            for a, (low, adj, unit) in zip(matrices, FLAGS, strict=True)
        ]

    for x, (lower, adjoint, unit) in zip(run(function, b, *given), FLAGS, strict=True):
        t = np.tril(plain) if lower else np.triu(plain)
        if unit:
            np.fill_diagonal(t, 1)
        small_residual(t.T if adjoint else t, x, b)
        other = scipy.linalg.solve_triangular(t, b, trans=int(adjoint), lower=lower)
        np.testing.assert_allclose(x, other, rtol=50 * n * np.finfo(dtype).eps, atol=1e-6)


@DTYPES
@SIZES
@COLUMNS
def test_solve_of_stacks(dtype: str, n: int, columns: int) -> None:
    a = np.stack([random(dtype, n, n) + 3 * np.eye(n, dtype=dtype) for _ in range(3)])
    a[1] *= -2
    b = right_hand_side(dtype, n, columns)
    x = run(solve, a, b)
    for one, solution, inverse in zip(a, x, run(inv, a), strict=True):
        small_residual(one, solution, b)
        small_residual(one, inverse, np.eye(n))


def test_a_matrix_and_its_transpose_are_factorized_once() -> None:
    def function(a: Value, b: Value) -> list[Value]:
        return [solve(a, b), solve(transposed(a), b), inv(a)]

    square = Type("float64", (6, 6))
    chosen = plan_of(function, square, square)
    ops_called = [chosen.region.nodes[s.index].op for s in chosen.steps if isinstance(s, Call)]
    assert ops_called.count("getrf") == 1
    assert ops_called.count("getrs") == 3
    a, b = random("float64", 6, 6) + 3 * np.eye(6), random("float64", 6, 6)
    x, y, z = run(function, a, b)
    small_residual(a, x, b)
    small_residual(a.T, y, b)
    small_residual(a, z, np.eye(6))


@DTYPES
@SIZES
def test_cholesky(dtype: str, n: int) -> None:
    """Only the lower triangle is read, and the upper one of the result is zero."""
    half = random(dtype, 2, n, n)
    a = half @ half.transpose(0, 2, 1) + np.eye(n, dtype=dtype)
    shown = a.copy()
    shown[:, *np.triu_indices(n, 1)] = np.nan
    factor = run(cholesky, shown)
    assert not np.triu(factor, 1).any()
    bound = 4 * n * np.finfo(dtype).eps
    exact = factor.astype(np.longdouble) @ factor.transpose(0, 2, 1).astype(np.longdouble)
    assert np.all(abs(exact - a) <= bound * abs(factor) @ abs(factor).transpose(0, 2, 1))


# ------------------------------------------------------------------ what fails

SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])
LOWER = {"lower": True, "adjoint": False, "unit_diagonal": False}
FAILING: dict[str, tuple[Callable[..., Any], tuple[Array, ...]]] = {
    "a singular matrix": (solve, (SINGULAR, np.ones(3))),
    "no inverse": (inv, (SINGULAR,)),
    "a singular triangle": (lambda a, b: triangular(a, b, **LOWER), (np.eye(3) * 0, np.ones(3))),
    "not positive definite": (cholesky, (-np.eye(3),)),
    "one of a stack": (cholesky, (np.stack([np.eye(3), -np.eye(3)]),)),
}


@pytest.mark.parametrize("what", FAILING)
def test_errors_are_the_interpreters(what: str) -> None:
    function, xs = FAILING[what]

    def more(*values: Value) -> Value:
        return ops.sin(function(*values)) * 2.0 + 1.0

    graph = build(more, *map(Type.of, xs))
    with pytest.raises(InvalidArgument) as wanted:
        Interpreter(graph).run(xs)
    with pytest.raises(InvalidArgument) as got:
        Compiled(graph, 1).run(xs)
    assert str(got.value) == str(wanted.value)
    code = direct(graph)
    assert code is not None
    assert code.function(*xs) is None


@pytest.mark.parametrize("place", [(0, 0), (1, 0), (2, 2)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nans_spread_as_the_interpreters_do(place: tuple[int, int], bad: float) -> None:
    a, b = np.eye(3) * 4 + np.tri(3), np.arange(3.0)
    a[place] = bad

    def function(a: Value, b: Value) -> list[Value]:
        return [solve(a, b), triangular(a, b, **LOWER), ops.sin(b)]

    graph = build(function, *map(Type.of, (a, b)))
    wanted, got = (outcome(one, [a, b]) for one in (Interpreter(graph), Compiled(graph, 1)))
    assert (wanted is None) == (got is None)
    for x, y in zip(got or [], wanted or [], strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-14)


def outcome(program: Interpreter | Compiled, xs: Sequence[Array]) -> list[Array] | None:
    """None for an error."""
    try:
        return program.run(xs)
    except InvalidArgument:
        return None


@pytest.mark.parametrize("of_an_input", [False, True])
def test_a_guard_is_looked_at_in_compiled_code(of_an_input: bool) -> None:
    b = ops.Builder()
    x, on = b.input(Type("float64", (2, 2))), b.input(Type("bool", ()))
    test = on if of_an_input else TABLE["greater"](TABLE["sum"](x, axes=(0, 1)), 0.0)
    graph = b.build([x, on], [matmul(x, x), test])
    guard = Guard(graph.outputs[1], True, "on")
    graph = replace(graph, guards=(guard,))
    code = direct(graph)
    assert code is not None
    good, bad = (np.ones((2, 2)), np.array(True)), (-np.ones((2, 2)), np.array(False))
    np.testing.assert_array_equal(code.function(*good)[0], 2 * np.ones((2, 2)))
    assert code.function(*bad) is None
    with pytest.raises(GuardFailed):
        Compiled(graph, 1).run(bad)


# ------------------------------------------------------------------ additions at an index


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("wide", [1, 3, 19])
def test_additions_at_known_places(dtype: str, axis: int, wide: int) -> None:
    """One after the other, in order: to the last bit."""
    x = (10 * random("float64", 4, 5, wide)).astype(dtype)
    index = np.array([0, x.shape[axis] - 1, -1, 0, -x.shape[axis]])
    shape = [*x.shape[:axis], 5, *x.shape[axis + 1 :]]
    updates = (10 * random("float64", *shape)).astype(dtype)

    def function(x: Value, updates: Value) -> Value:
        known = x.builder.constant(index)
        return TABLE["scatter_add"](x + x, updates * updates, known, axis=axis)

    graph = build(function, Type.of(x), Type.of(updates))
    (wanted,) = Interpreter(graph).run([x, updates])
    np.testing.assert_array_equal(run(function, x, updates), wanted)


# ------------------------------------------------------------------ whole programs


def regression(w: Value, x: Value, s: Value) -> Value:
    """Of everything something: a log-determinant, a solve, a network."""
    gram = matmul(transposed(x), x) + s
    factor = cholesky(gram)
    inner = triangular(factor, w, **LOWER)
    hidden = ops.tanh(matmul(x, solve(gram, inner)))
    return TABLE["sum"](hidden * hidden, axes=(0, 1)) + TABLE["sum"](
        ops.log(factor * factor + 1.0), axes=(0, 1)
    )


@pytest.mark.parametrize("operator", ["gradient", "jvp", "hessian"])
def test_derivatives_of_a_whole_program(operator: str) -> None:
    types = [Type("float64", shape) for shape in ((4, 3), (9, 4), (4, 4))]
    graph = build(regression, *types)
    program = NativeEngine().prepare(graph, Request(operator, wrt=(0, 1))).program
    assert program is not None
    xs = [random("float64", *type.shape) for type in program.inputs]
    xs[2] = 5.0 * np.eye(4)
    agree(program, xs)
    code = direct(program)
    assert code is not None
    wanted = Interpreter(program).run(xs)
    made = code.function(*xs)
    for a, b in zip(made if len(wanted) > 1 else [made], wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_without_scipy_the_rest_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routines, "available", lambda: False)
    types = [Type("float64", shape) for shape in ((4, 3), (9, 4), (4, 4))]
    graph = build(regression, *types)
    assert direct(graph) is None
    agree(graph, [random("float64", 4, 3), random("float64", 9, 4), 5.0 * np.eye(4)])
    a, b = random("float64", 9, 4), random("float64", 4, 3)
    check_product(run(matmul, a, b), a, b)
    large = Type("float64", (3000, 3000))
    assert direct(build(matmul, large, large)) is None


# ------------------------------------------------------------------ sums


@DTYPES
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize(
    "shape", [(3, 10), (4, 100), (7, 8), (50, 17), (5, 129), (6, 1000), (1000, 3)], ids=str
)
def test_sums_lose_little(dtype: str, axes: tuple[int, ...], shape: tuple[int, int]) -> None:
    """At most the error of NumPy's pairwise sums, of long double ones here."""
    x = random(dtype, *shape)
    got = run(lambda x: TABLE["sum"](x * x.builder.constant(np.array(2, dtype)), axes=axes), x)
    exact = np.sum(2 * x.astype(np.longdouble), axis=axes)
    bound = np.sum(2 * abs(x), axis=axes) * np.finfo(dtype).eps
    terms = max(20, max(shape) // 4) if 0 in axes else 20
    assert np.all(abs(got - exact) <= terms * bound)


# ------------------------------------------------------------------ other machines


def written(function: Callable[..., Any], types: Sequence[Type]) -> str:
    chosen = plan_of(function, *types)
    text = module_text(chosen, constants_of(chosen.region))
    return text.replace("internal i1 @run", "i1 @run")


@pytest.mark.parametrize("name", TARGETS)
def test_products_and_solves_for_every_target(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, register = TARGETS[name]
    features = "+avx512f,+fma" if name == "AVX-512" else "+fma" if name == "AVX2" else ""
    host = Target(target.triple, target.cpu, features)
    monkeypatch.setattr(machine, "host", lambda: host)
    types = [Type("float64", shape) for shape in ((4, 3), (9, 4), (4, 4))]
    text = assembly(written(regression, types), host)
    assert register in text


@pytest.mark.skipif(platform.machine() != "x86_64", reason="made for x86-64")
@pytest.mark.parametrize("cpu", ["x86-64", "x86-64-v3"])
def test_lesser_machines_compute_the_same(cpu: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = machine.host()
    if cpu == "x86-64-v3" and "+avx2" not in mine.features:
        pytest.skip("this machine has no AVX2")
    features = "+fma,+avx2" if cpu == "x86-64-v3" else ""
    monkeypatch.setattr(machine, "host", lambda: Target(mine.triple, cpu, features))
    types = [Type("float64", shape) for shape in ((4, 3), (9, 4), (4, 4))]
    xs = [random("float64", 4, 3), random("float64", 9, 4), 5.0 * np.eye(4)]
    agree(build(regression, *types), xs)
    a, b = random("float64", 33, 70), random("float64", 70, 65)
    check_product(run(matmul, a, b), a, b)
