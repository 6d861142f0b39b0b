"""What a service needs of the packages' engines: cheap listings, threads, deadlines, no traces."""

import subprocess
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata

import numpy as np
import pytest

from adglot import ops
from adglot.errors import Cancelled, DeadlineExceeded, Unsupported
from adglot.ir import Type
from adglot.ops import TABLE, Builder
from adglot.ops.control import bodies
from adglot_server.engines import packages
from adglot_server.engines.base import Control
from adglot_server.engines.exclusive import Exclusive
from adglot_server.transforms.operators import Request

from .packages import ENGINES, LACKS, MADE

each_engine = pytest.mark.parametrize("engine", ENGINES)

X = np.array([0.3, -0.2, 0.7])


def build(function, *arrays):
    builder = Builder()
    inputs = [builder.input(Type.of(x)) for x in arrays]
    return builder.build(inputs, function(*inputs))


def energy(x):
    return [ops.sum(ops.sin(x) * ops.exp(x), axes=(0,))]


# ------------------------------------------------------------------ listings


@each_engine
def test_listed_with_version_operators_and_ops(engine):
    info = engine.info()
    assert info.available
    assert info.version == f"{engine.name} {metadata.version(engine.name)}"
    assert set(TABLE) - set(info.ops) == set(LACKS[engine.name])


@each_engine
def test_takes_exactly_the_ops_that_it_lists(engine):
    from importlib import import_module

    from adglot_server.engines.walk import FROM_GRAPH

    table = import_module(f"adglot_server.engines.{engine.name}.table").TABLE
    assert set(table).union(FROM_GRAPH) == set(engine.info().ops)


@pytest.mark.parametrize("engine", MADE, ids=lambda e: e.name)
def test_one_that_is_missing_says_what_installs_it(engine, monkeypatch):
    monkeypatch.setattr(packages.util, "find_spec", lambda name: None)
    info = engine.info()
    assert not info.available
    assert info.reason == f"needs {engine.name}: pip install 'adglot[{engine.name}]'"
    with pytest.raises(Unsupported, match="pip install"):
        engine.prepare(build(energy, X), Request("gradient"))


def test_listing_engines_imports_none_of_the_packages():
    code = (
        "import sys; from adglot_server.service.engines import Engines; Engines().infos(); "
        "print([name for name in ('jax', 'torch', 'autograd') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# ------------------------------------------------------------------ threads, deadlines


@each_engine
@pytest.mark.parametrize("operator", ["gradient", "jacobian", "hessian"])
def test_one_program_in_many_threads(engine, operator):
    request = Request(operator, mode="forward" if operator == "jacobian" else "auto")
    prepared = engine.prepare(build(energy, X), request)
    points = [X + k for k in range(24)]
    alone = [prepared.run([x])[1] for x in points]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda x: prepared.run([x])[1], points))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)


@each_engine
def test_different_programs_in_many_threads(engine):
    """Traces of different nesting, at the same time."""
    graph = build(energy, X)
    prepared = [engine.prepare(graph, Request(op)) for op in ("gradient", "hessian")] * 8
    alone = [p.run([X])[1] for p in prepared]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda p: [p.run([X])[1] for _ in range(3)], prepared))
    for a, many in zip(alone, together, strict=True):
        for b in many:
            np.testing.assert_array_equal(a, b)


@each_engine
def test_a_run_whose_deadline_has_passed_does_not_begin(engine):
    prepared = engine.prepare(build(energy, X), Request("gradient"))
    with pytest.raises(DeadlineExceeded):
        prepared.run([X], Control(deadline=time.monotonic() - 1))
    with pytest.raises(Cancelled):
        prepared.run([X], Control(cancelled=lambda: True))


@pytest.mark.parametrize("engine", [e for e in ENGINES if e.id != "jax"])
def test_a_deadline_ends_a_loop_between_its_nodes(engine):
    def forever(x):
        types = [Type.of(X)]
        go_on = bodies.make(types, lambda b, x: [ops.less(ops.sum(x, axes=(0,)), 1e9)], "go_on")
        body = bodies.make(types, lambda b, x: [ops.sin(x)], "body")
        how = {"condition": go_on, "body": body, "consts": 0, "max_steps": 0}
        return [ops.TABLE["while_loop"](x, **how)]

    prepared = engine.prepare(build(forever, X), Request("evaluate"))
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        prepared.run([X], Control(deadline=started + 0.2))
    assert time.monotonic() - started < 5


def test_one_who_waits_for_a_package_stops_at_the_deadline():
    lock = Exclusive()
    with lock.held(), ThreadPoolExecutor(1) as pool:

        def wait():
            with lock.held(Control(deadline=time.monotonic() + 0.1)):
                raise AssertionError("entered a package that is in use")

        with pytest.raises(DeadlineExceeded):
            pool.submit(wait).result(timeout=5)


# ------------------------------------------------------------------ no traces


@each_engine
def test_results_are_arrays_of_their_own(engine):
    prepared = engine.prepare(
        build(lambda x: [x, ops.reshape(x, shape=(3,))], X), Request("jvp", of=(0, 1))
    )
    x, v = X.copy(), X + 1
    results = prepared.run([x, v])
    for array in results:
        assert array.flags.writeable
        array[...] = 7.0
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(v, X + 1)
    frozen = X.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(prepared.run([frozen, v])[0], X)


@pytest.mark.parametrize("engine", [e for e in ENGINES if e.id == "jax"])
def test_the_settings_of_jax_are_left_alone(engine):
    import jax
    import jax.numpy as jnp

    before = jax.config.jax_enable_x64, jnp.ones(3).dtype
    (_, gradient) = engine.prepare(build(energy, X), Request("gradient")).run([X])
    assert gradient.dtype == np.float64
    assert (jax.config.jax_enable_x64, jnp.ones(3).dtype) == before == (False, np.float32)


@each_engine
def test_compiling_is_told_apart_from_running(engine):
    """Through the service: what is slow once shows as prepare_seconds."""
    from adglot.calls import Call
    from adglot_server.service.core import Core

    core = Core()
    call = Call("gradient", build(energy, X), (X,), engine=engine.name, wrt=(0,), of=(0,))
    first, second = core.call(call), core.call(call)
    assert second.report.prepare_seconds < first.report.prepare_seconds
    assert first.report.mode == "reverse"
    assert first.report.engine == engine.name
    np.testing.assert_allclose(
        first.derivatives[0], np.exp(X) * (np.sin(X) + np.cos(X)), rtol=1e-14
    )


@pytest.mark.parametrize("engine", [e for e in ENGINES if e.id == "autograd"])
@pytest.mark.parametrize(("operator", "n"), [("gradient", 50_000), ("jacobian", 300)])
def test_peak_bounds_what_a_run_takes(engine, operator, n):
    """Of NumPy's arrays, which are counted; the estimate is one for all packages."""
    x = np.linspace(0.5, 1.0, n)
    function = energy if operator == "gradient" else lambda x: [ops.sin(x) * x]
    prepared = engine.prepare(build(function, x), Request(operator))
    prepared.run([x])
    tracemalloc.start()
    prepared.run([x])
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken <= prepared.peak_bytes + 2**16
