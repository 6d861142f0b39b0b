"""The numerical engines: right within their own error estimates, for every operator they have."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from adglot import ops
from adglot.errors import GuardFailed, Unsupported
from adglot.ir import Type
from adglot.ops import Builder
from adglot.ops.factorizations import cholesky
from adglot_server.engines.complex_step import ComplexStepEngine
from adglot_server.engines.finite_difference import FiniteDifferenceEngine
from adglot_server.engines.native import NativeEngine
from adglot_server.transforms.operators import Request

ENGINES = [FiniteDifferenceEngine(), ComplexStepEngine()]
A = np.array([[1.0, 2.0, -0.5], [0.25, -1.0, 3.0], [0.5, 0.5, 0.5]])
X, S = np.array([0.3, -0.2, 0.7]), np.array(1.5)


def build(function, *types, guard=None):
    builder = Builder()
    inputs = [builder.input(type) for type in types]
    outputs = list(function(*inputs))
    if guard is not None:
        builder.guard(guard(*inputs), True, "model.py:3")
    return builder.build(inputs, outputs)


def vector_and_scalar():
    def function(x, s):
        y = ops.sin(ops.matmul(A, x)) * s
        return y, ops.sum(ops.exp(y) * x, axes=(0,)) / s

    return build(function, Type("float64", (3,)), Type("float64"))


def run(engine, graph, request, *inputs):
    prepared = engine.prepare(graph, request)
    results = prepared.run([np.asarray(x) for x in inputs])
    y, rest = results[: prepared.values], results[prepared.values :]
    if prepared.error_estimates:
        return y, rest[: len(rest) // 2], rest[len(rest) // 2 :]
    return y, rest, [np.zeros(a.shape) for a in rest]


def agree(engine, graph, request, *inputs):
    """Values equal the native engine's; derivatives lie within both engines' errors."""
    y, ours, errors = run(engine, graph, request, *inputs)
    y_native, native, _ = run(NativeEngine(), graph, request, *inputs)
    for a, b in zip(y, y_native, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b, error in zip(ours, native, errors, strict=True):
        assert a.shape == b.shape == error.shape
        assert a.dtype == b.dtype
        eps = np.finfo(b.dtype).eps
        bound = error + 64 * eps * np.max(abs(b), initial=0.0)
        assert np.all(abs(a - b) <= bound), (a, b, error)
        assert np.all(error <= eps**0.25 * (1 + np.max(abs(b), initial=0.0)))


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
@pytest.mark.parametrize(
    "operator", ["evaluate", "jvp", "vjp", "gradient", "jacobian", "hvp", "hessian"]
)
@pytest.mark.parametrize("wrt", [(0,), (1, 0)])
def test_operators(engine, operator, wrt):
    if operator not in engine.info().operators:
        with pytest.raises(Unsupported, match=operator):
            engine.prepare(vector_and_scalar(), Request(operator, wrt, (1,)))
        return
    rng = np.random.default_rng(0)
    shapes = {"jvp": [(3,), ()], "hvp": [(3,), ()], "vjp": [(3,), ()]}.get(operator, [])
    of = (0, 1) if operator in ("evaluate", "jvp", "vjp", "jacobian") else (1,)
    seeds = [rng.normal(size=s) for s in shapes]
    if operator in ("jvp", "hvp"):
        seeds = [seeds[i] for i in wrt]
    agree(engine, vector_and_scalar(), Request(operator, wrt, of), X, S, *seeds)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_batch_and_seeds(engine):
    rng = np.random.default_rng(1)
    request = Request("jvp", (0, 1), (0, 1), seeds=2, batch=3)
    arrays = [rng.normal(size=(3, *shape)) + 2.0 for shape in [(3,), (), (2, 3), (2,)]]
    agree(engine, vector_and_scalar(), request, *arrays)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
@pytest.mark.parametrize("operator", ["gradient", "jacobian"])
def test_arrays_in_any_order(engine, operator):
    """Unit vectors are written in place, which the flat copy of a Fortran array does not see."""
    x = np.asfortranarray(np.arange(1.0, 7.0).reshape(2, 3))
    graph = build(lambda x: [ops.sum(x * x, axes=(0, 1))], Type("float64", (2, 3)))
    agree(engine, graph, Request(operator), x)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_no_points(engine):
    request = Request("jvp", (0, 1), (0, 1), batch=0)
    agree(engine, vector_and_scalar(), request, *map(np.zeros, [(0, 3), 0, (0, 3), 0]))


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_differences_find_their_step_at_any_scale(scale):
    graph = build(lambda x: [ops.sum(x * x / (1.0 + x * x), axes=(0,))], Type("float64", (3,)))
    x = X * scale
    _, (ours,), (error,) = run(ENGINES[0], graph, Request("gradient"), x)
    exact = 2 * x / (1 + x * x) ** 2
    assert np.all(abs(ours - exact) <= error + 1e-12 * abs(exact))


def test_differences_step_back_where_the_function_ends():
    """The first step makes the matrix indefinite: it has no factor there."""
    graph = build(lambda a: [ops.sum(cholesky(a), axes=(0, 1))], Type("float64", (2, 2)))
    nearly = np.array([[1.0, 0.95], [0.95, 1.0]])
    _, (ours,), (error,) = run(ENGINES[0], graph, Request("gradient"), nearly)
    rest = np.sqrt(1.0 - 0.95**2)  # a = [[1, c], [c, 1]]: the factor is 1, c, sqrt(1 - c^2)
    exact = [[0.5 - 0.95 / 2 + 0.95**2 / 2 / rest, 0.0], [1.0 - 0.95 / rest, 0.5 / rest]]
    assert np.all(abs(ours - exact) <= error + 1e-12)
    assert np.all(error < 1e-6)


def test_complex_step_has_no_cancellation():
    """Near 1e-9, differences of 1 - cos x lose everything; the complex step loses nothing."""
    graph = build(lambda x: [1.0 - ops.cos(x)], Type("float64"))
    _, (ours,), _ = run(ENGINES[1], graph, Request("jacobian"), np.array(1e-9))
    assert ours == pytest.approx(np.sin(1e-9), rel=1e-15)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_decisions_follow_the_point(engine):
    graph = build(
        lambda x: [ops.sum(ops.where(x > 0.0, ops.abs(x) * x, ops.floor(x) * x), axes=(0,))],
        Type("float64", (3,)),
    )
    agree(engine, graph, Request("gradient"), X)


def test_complex_step_takes_powers_of_negative_numbers():
    graph = build(lambda x: [ops.sum(ops.pow(x, 3.0), axes=(0,))], Type("float64", (3,)))
    _, (ours,), _ = run(ENGINES[1], graph, Request("gradient"), X)
    np.testing.assert_allclose(ours, 3 * X**2, rtol=1e-14)


def test_complex_step_says_what_it_lacks():
    graph = build(lambda x: [ops.TABLE["atan2"](x, x + 1.0)], Type("float64"))
    with pytest.raises(Unsupported, match="atan2"):
        ENGINES[1].prepare(graph, Request("jacobian"))
    with pytest.raises(Unsupported, match="real function"):
        ENGINES[1].prepare(build(lambda z: [z * z], Type("complex128")), Request("jvp"))


def test_complex_functions_by_differences():
    z = np.array([1.0 + 0.5j, -0.3 + 2j])
    graph = build(lambda z: [ops.exp(z) * z], Type("complex128", (2,)))
    agree(ENGINES[0], graph, Request("vjp"), z, np.array([1j, 2.0]))
    agree(ENGINES[0], graph, Request("jacobian"), z)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_single_precision(engine):
    graph = build(lambda x: [ops.sum(ops.exp(x) * x, axes=(0,))], Type("float32", (3,)))
    agree(engine, graph, Request("gradient"), X.astype("float32"))


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
@pytest.mark.parametrize(("operator", "n"), [("jvp", 50_000), ("jacobian", 300), ("gradient", 300)])
def test_peak_bounds_what_a_run_takes(engine, operator, n):
    def function(x):
        y = ops.sin(x) * x
        return [ops.sum(y, axes=(0,)) if operator == "gradient" else y]

    x = np.linspace(0.5, 1.0, n)
    prepared = engine.prepare(build(function, Type.of(x)), Request(operator))
    arrays = [x, x] if operator == "jvp" else [x]
    prepared.run(arrays)
    tracemalloc.start()
    prepared.run(arrays)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken <= prepared.peak_bytes + 2**19  # what SciPy takes for any function


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_guards_hold_at_the_point_only(engine):
    graph = build(lambda x: [x * x], Type("float64"), guard=lambda x: x >= 1.0)
    agree(engine, graph, Request("jacobian"), np.array(1.0))
    with pytest.raises(GuardFailed):
        run(engine, graph, Request("jacobian"), np.array(0.5))


IMPORTING = """
import sys, threading, time
import numpy as np, scipy.differentiate
import adglot

assert "jax" not in sys.modules
with adglot.connect() as ad:
    threading.Thread(target=__import__, args=("jax",)).start()
    while "jax" not in sys.modules:
        time.sleep(0.001)
    assert not hasattr(sys.modules["jax"], "Array")
    assert abs(ad.derivative(np.sin, 0.0, engine="finite-difference") - 1.0) < 1e-9
"""


def test_what_another_thread_only_begins_to_import_is_waited_for(tmp_path):
    """SciPy asks any jax among the modules for its arrays, be it imported by half."""
    text = "import time\ntime.sleep(5.0)\nclass Array: pass\nclass core:\n    class Tracer: pass\n"
    (tmp_path / "jax.py").write_text(text)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-c", IMPORTING], env={**os.environ, "PYTHONPATH": path}, check=True
    )
