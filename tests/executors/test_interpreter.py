"""The interpreter gives the reference's values, owns its results and stops when told to."""

import threading
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from strategies import graphs, point

from adglot import ops
from adglot.errors import Cancelled, DeadlineExceeded, GuardFailed, InvalidArgument
from adglot.ir import Type
from adglot.ops import Builder
from adglot_server.executors.control import Control
from adglot_server.executors.interpreter import Interpreter
from adglot_server.executors.liveness import peak_bytes

BIG = Type("float64", (100_000,))


def build(function, *types):
    builder = Builder()
    inputs = [builder.input(type) for type in types]
    outputs = function(*inputs)
    return builder.build(inputs, outputs)


def chain(x, length):
    for _ in range(length):
        x = ops.sin(x) + 1.0
    return [x]


@given(graphs())
def test_values_are_the_reference_s(graph):
    x = point(graph)
    for ours, reference in zip(Interpreter(graph).run(x), ops.evaluate(graph, x), strict=True):
        np.testing.assert_array_equal(ours, reference)
        assert ours.dtype == reference.dtype
        assert ours.shape == reference.shape


@given(graphs())
def test_reused_memory_never_changes_a_value(graph):
    """The same graph over arrays large enough for buffers to be taken over."""
    from adglot_server.transforms.batch import batch

    size = 600
    wide, _ = batch(graph, [True] * 3, size, [True] * len(graph.outputs))
    x = [np.repeat(a[None], size, axis=0) for a in point(graph)]
    copies = [a.copy() for a in x]
    for ours, reference in zip(
        Interpreter(wide).run(x), ops.evaluate(graph, point(graph)), strict=True
    ):
        np.testing.assert_allclose(
            ours, np.broadcast_to(reference, ours.shape), rtol=1e-12, atol=1e-300
        )
    for before, after in zip(copies, x, strict=True):
        np.testing.assert_array_equal(before, after)


def test_results_share_memory_with_nobody():
    def function(x):
        c = x.builder.constant(np.ones(3))
        return [
            x,
            x,
            ops.reshape(x, shape=(3, 1)),
            c,
            ops.broadcast_to(ops.sum(x, axes=(0,)), shape=(3,)),
        ]

    x = np.arange(3.0)
    interpreter = Interpreter(build(function, Type("float64", (3,))))
    first = interpreter.run([x])
    for array in first:
        array[...] = np.nan
    np.testing.assert_array_equal(x, np.arange(3.0))
    np.testing.assert_array_equal(interpreter.run([x])[3], np.ones(3))


def test_a_long_chain_needs_the_memory_of_a_short_one():
    short, long = (build(lambda x, n=n: chain(x, n), BIG) for n in (2, 200))
    assert peak_bytes(long) == peak_bytes(short) <= 4 * BIG.nbytes


def through_views(x):
    for _ in range(30):
        x = ops.reshape(ops.reshape(ops.sin(x), shape=(1, *x.shape)), shape=x.shape)
    return [ops.sum(x, axes=(0,))]


def without_first_factors(x):
    a = ops.reshape(x, shape=(250, 400))
    for _ in range(10):
        _, a = ops.TABLE["linalg.qr"].all(a)
    return [a]


def of_small_values(x):
    parts = [ops.TABLE["slice"](x, start=(k,), stop=(k + 500,), strides=(1,)) for k in range(200)]
    return [sum(ops.sin(part) for part in parts)]


@pytest.mark.parametrize("function", [through_views, without_first_factors, of_small_values])
def test_peak_bounds_what_a_run_takes(function):
    """Views and results that nobody reads are freed as well; what is not freed is counted."""
    interpreter, x = Interpreter(graph := build(function, BIG)), np.ones(BIG.shape)
    interpreter.run([x])
    tracemalloc.start()
    interpreter.run([x])
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken + x.nbytes <= 1.3 * peak_bytes(graph) + 2**17
    assert peak_bytes(graph) <= 4 * BIG.nbytes


def test_peak_counts_results_that_are_views():
    graph = build(lambda x: [ops.broadcast_to(x, shape=(1000,))], Type("float64"))
    assert peak_bytes(graph) >= 8000


def test_deadline_stops_the_work():
    interpreter = Interpreter(build(lambda x: chain(x, 10_000), BIG))
    start = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        interpreter.run([np.ones(100_000)], Control(deadline=start + 0.2))
    assert time.monotonic() - start < 2.0


def test_cancellation_stops_the_work():
    looks = iter([False, False, True])
    with pytest.raises(Cancelled):
        Interpreter(build(lambda x: chain(x, 100), BIG)).run(
            [np.ones(100_000)], Control(cancelled=lambda: next(looks))
        )
    assert next(looks, None) is None


def test_index_out_of_range_is_located():
    builder = Builder()
    builder.location = "model.py:3"
    x, i = builder.input(Type("float64", (3,))), builder.input(Type("int64"))
    interpreter = Interpreter(builder.build([x, i], [ops.take(x, i, axis=0)]))
    with pytest.raises(InvalidArgument, match=r"model\.py:3: take: .*out of bounds"):
        interpreter.run([np.ones(3), np.array(3)])


def test_guards_are_checked_at_every_point_of_a_batch():
    from adglot_server.transforms.batch import batch

    builder = Builder()
    x = builder.input(Type("float64"))
    builder.guard(x > 0.0, True, "model.py:5: x > 0")
    graph = builder.build([x], [x * x])
    assert Interpreter(graph).run([np.array(2.0)])[0] == 4.0
    with pytest.raises(GuardFailed, match=r"model\.py:5"):
        Interpreter(graph).run([np.array(-2.0)])
    wide, _ = batch(graph, [True], 3)
    with pytest.raises(GuardFailed, match=r"at points \[1\]"):
        Interpreter(wide).run([np.array([1.0, -1.0, 2.0])])


def test_threads_may_share_a_program():
    graph = build(lambda x: chain(x, 20), BIG)
    interpreter = Interpreter(graph)
    points = [np.full(100_000, float(i)) for i in range(4)]
    expected = [interpreter.run([x])[0] for x in points]
    results: list = [None] * 4

    def work(i):
        for _ in range(5):
            results[i] = interpreter.run([points[i]])[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ours, reference in zip(results, expected, strict=True):
        np.testing.assert_array_equal(ours, reference)
