"""What cannot be traced raises TracingError with the user's line and the way out."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from collections.abc import Callable
from threading import Thread
from typing import Any

import numpy as np
import pytest

import adglot
import adglot.numpy
from adglot.ir import Type

V = np.array([0.5, -1.25, 2.0])
M = np.array([[2.0, 0.5], [-1.0, 3.0]])


def math_sin(x: Any) -> Any:
    return math.sin(x[0])  # here


def to_float(x: Any) -> Any:
    return float(x[0]) * x  # here


def to_complex(x: Any) -> Any:
    return complex(x[0]) * x  # here


def item(x: Any) -> Any:
    return x[0].item() * x  # here


def tolist(x: Any) -> Any:
    return sum(x.tolist())  # here


def fill_one(x: Any) -> Any:
    y = np.zeros(3)
    y[0] = x[0]  # here
    return y


def fill_part(x: Any) -> Any:
    y = np.zeros(3)
    y[:2] = x[:2]  # here
    return y


def add_to_plain(x: Any) -> Any:
    y = np.zeros(3)
    y += x  # here
    return y


def copy_to_plain(x: Any) -> Any:
    y = np.zeros(3)
    np.copyto(y, x)  # here
    return y


def add_at_plain(x: Any) -> Any:
    y = np.zeros(3)
    np.add.at(y, [0], x[0])  # here
    return y


def out(x: Any) -> Any:
    return np.exp(x, out=np.empty(3))  # here


def where(x: Any) -> Any:
    return np.exp(x, where=V > 0)  # here


def unknown_function(x: Any) -> Any:
    return np.histogram(x)  # here


def unknown_ufunc(x: Any) -> Any:
    return np.spacing(x)  # here


def unknown_reduction(x: Any) -> Any:
    return np.arctan2.reduce(x)  # here


def reduceat(x: Any) -> Any:
    return np.add.reduceat(x, [0, 1])  # here


def unknown_at(x: Any) -> Any:
    y = np.zeros_like(x)
    np.multiply.at(y, [0, 0], x[0])  # here
    return y


def masked(x: Any) -> Any:
    return x[x > 0]  # here


def nonzero(x: Any) -> Any:
    return np.nonzero(x)  # here


def where_alone(x: Any) -> Any:
    return np.where(x > 0)  # here


def unique(x: Any) -> Any:
    return np.unique(x)  # here


def pickled(x: Any) -> Any:
    return pickle.dumps(x)  # here


def shares_memory(x: Any) -> Any:
    return x if np.shares_memory(x, x) else x + 1  # here


def two_traced_places(x: Any) -> Any:
    y = np.zeros((3, 3)) * x[0]
    i = np.argmax(x)
    y[i, i] = 1.0  # here
    return y


def traced_bits(x: Any) -> Any:
    return np.argsort(x) & 1  # here


REFUSED: dict[Callable[..., Any], str] = {
    math_sin: r"math\.sin sees only plain numbers, use np\.sin",
    to_float: r"float\(\)",
    to_complex: r"complex\(\)",
    item: r"index the array",
    tolist: r"index the array",
    fill_one: r"adglot\.numpy",
    fill_part: r"adglot\.numpy",
    add_to_plain: r"adglot\.numpy",
    copy_to_plain: r"adglot\.numpy",
    add_at_plain: r"adglot\.numpy",
    out: r"out= .*assign the result",
    where: r"where= .*np\.where",
    unknown_function: r"histogram cannot be traced",
    unknown_ufunc: r"spacing cannot be traced",
    unknown_reduction: r"arctan2\.reduce cannot be traced",
    reduceat: r"reduceat cannot be traced",
    unknown_at: r"multiply\.at cannot be traced",
    masked: r"np\.where",
    nonzero: r"nonzero",
    where_alone: r"depends on values",
    unique: r"unique",
    pickled: r"pickle",
    shares_memory: r"share memory",
    two_traced_places: r"np\.where",
    traced_bits: r"bitwise_and",
}


def to_half(x: Any) -> Any:
    return x.astype(np.float16)  # here


def to_objects(x: Any) -> Any:
    return np.array([x[0], x[1]], dtype=object)  # here


@pytest.mark.parametrize("f", [to_half, to_objects], ids=lambda f: f.__name__)
def test_dtypes_that_no_graph_holds(f: Callable[..., Any]) -> None:
    with pytest.raises(adglot.InvalidArgument, match="is not supported; use one of") as caught:
        adglot.trace(f, V)
    assert str(caught.value).startswith(f"test_refusals.py:{line_of(f)}: ")


def line_of(f: Callable[..., Any]) -> int:
    lines, first = inspect.getsourcelines(f)
    return first + next(i for i, line in enumerate(lines) if line.endswith("# here\n"))


@pytest.mark.parametrize("f", REFUSED, ids=lambda f: f.__name__)
def test_refused_with_line_and_way_out(f: Callable[..., Any]) -> None:
    with pytest.raises(adglot.TracingError, match=REFUSED[f]) as caught:
        adglot.trace(f, V)
    assert str(caught.value).startswith(f"test_refusals.py:{line_of(f)}: ")


def test_faults_of_shape_are_located() -> None:
    with pytest.raises(adglot.InvalidArgument, match=r"test_refusals\.py:\d+: .*broadcast"):
        adglot.trace(lambda x: x + np.ones(2), V)


def test_copies_of_traced_arrays_are_copies() -> None:
    def f(x: Any) -> Any:
        y, z = copy.copy(x), copy.deepcopy([x])[0]
        y += 1
        z += 2
        return x, y, z

    graph = adglot.trace(f, V)
    x, y, z = adglot.ops.evaluate(graph, [V])
    assert (x == V).all()
    assert (y == V + 1).all()
    assert (z == V + 2).all()


def test_a_traced_value_cannot_leave_its_trace() -> None:
    kept: list[Any] = []
    adglot.trace(lambda x: kept.extend([x, x[0] > 0, x[0] * 2]) or x, V)
    for use in (
        lambda: kept[0] + 1,
        lambda: np.sin(kept[0]),
        lambda: kept[0][0],
        lambda: bool(kept[1]),
        lambda: int(kept[2]),
    ):
        with pytest.raises(adglot.TracingError, match="outside of its trace"):
            use()
    with pytest.raises(adglot.TracingError, match="of another trace"):
        adglot.trace(lambda x: x + kept[0], V)
    with pytest.raises(adglot.TracingError, match="trace"):
        adglot.trace(lambda x: kept[0], V)


def test_a_traced_value_cannot_go_to_another_thread() -> None:
    caught: list[BaseException] = []

    def f(x: Any) -> Any:
        written = adglot.numpy.zeros(2)
        written[0] = x[0]

        def work() -> None:
            uses = (lambda: x + 1, lambda: bool(x[0] > 0), lambda: written + 1, lambda: written[:])
            for use in uses:
                try:
                    np.asarray([use(), 1.0])
                except adglot.TracingError as error:
                    caught.append(error)

        thread = Thread(target=work)
        thread.start()
        thread.join()
        return written[0]

    graph = adglot.trace(f, V)
    assert len(caught) == 4
    assert all(node.op in ("slice", "reshape", "constant", "concat") for node in graph.nodes)


def test_an_inner_trace_takes_outer_values_as_arguments() -> None:
    def f(x: Any) -> Any:
        inner = adglot.trace(lambda y: y * 2, x[0])
        assert inner.inputs == (Type("float64"),)
        return adglot.tracing.inline(inner, x[0])

    assert adglot.ops.evaluate(adglot.trace(f, V), [V])[0] == 1.0
    with pytest.raises(adglot.TracingError, match="pass them as arguments"):
        adglot.trace(lambda x: adglot.trace(lambda y: y * x, 1.0), V)


@pytest.mark.parametrize("argument", ["text", object(), np.array(["a"]), np.float16(1), 1j * 2**70])
def test_arguments_must_be_numbers(argument: Any) -> None:
    if isinstance(argument, complex):
        assert adglot.trace(lambda x, y: x, 1.0, argument).inputs[1] == Type("complex128")
        return
    with pytest.raises(adglot.InvalidArgument, match=r"^params\.w\[1\]: "):
        adglot.trace(lambda params: params["w"][0], {"w": [1.0, argument]})


@pytest.mark.parametrize("result", ["text", object(), {1, 2}])
def test_results_must_be_numbers(result: Any) -> None:
    with pytest.raises(adglot.TracingError, match="returned"):
        adglot.trace(lambda x: (x, result), V)


def test_there_must_be_a_result() -> None:
    for nothing in (None, (), {}):
        with pytest.raises(adglot.TracingError, match="returns nothing"):
            adglot.trace(lambda x, nothing=nothing: nothing, V)


def test_objects_are_no_operands() -> None:
    for wrong in (None, "a", {}):
        with pytest.raises(TypeError):
            adglot.trace(lambda x, wrong=wrong: x + wrong, V)
    with pytest.raises(TypeError, match="unhashable"):
        adglot.trace(lambda x: {x: 1}, V)
    with pytest.raises(TypeError, match="0-d"):
        adglot.trace(lambda x: list(x), 1.0)
    with pytest.raises(TypeError, match="unsized"):
        adglot.trace(lambda x: len(x), 1.0)


def test_after_an_error_numpy_is_as_it_was() -> None:
    before = np.asarray, np.array
    for f in (math_sin, fill_one):
        with pytest.raises(adglot.TracingError):
            adglot.trace(f, V)
    assert (np.asarray, np.array) == before
    assert adglot.tracing.stack.current() is None


def test_unknown_names_of_adglot_numpy() -> None:
    with pytest.raises(AttributeError, match="did you mean 'sinh'"):
        _ = adglot.numpy.sinhh
    with pytest.raises(AttributeError, match=r"special has no attribute 'zeta'.*erf"):
        _ = adglot.numpy.special.zeta
