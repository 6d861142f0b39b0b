"""The bound on differences: rounding, conditioning, kinds of non-finite numbers, probes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from strategies import graphs, point

import adglot
from adglot.asking import Plan
from adglot.crosscheck.bounds import bound, distance, rounding, ulps
from adglot.crosscheck.comparing import agree, groups
from adglot.crosscheck.conditioning import conditioning
from adglot.crosscheck.instruments import Instrument, shifted, tapped, with_noise
from adglot.crosscheck.recording import record
from adglot.crosscheck.requests import Asker
from adglot.ops import evaluate

NAN, INF = np.nan, np.inf
EPS = float(np.finfo(float).eps)


def test_distances_tell_kinds_apart() -> None:
    a = np.array([1.0, NAN, INF, -INF, INF, 1.0])
    b = np.array([2.0, NAN, INF, INF, NAN, INF])
    assert_array_equal(distance(a, b), [1.0, 0.0, 0.0, INF, INF, INF])


def test_ulps_count_representable_numbers() -> None:
    ones = np.ones(2, np.float32)
    assert_array_equal(ulps(ones, np.nextafter(ones, np.float32(2.0))), [1.0, 1.0])
    assert_array_equal(ulps(np.array([0.0]), np.array([-0.0])), [0.0])
    assert np.isnan(ulps(np.array([NAN]), np.array([1.0])))[0]


def test_the_bound_is_relative_to_the_block() -> None:
    a, b = np.array([1e8, 1e-8]), np.array([1e8, 2e-8])
    assert agree(a, b, 8 * EPS)
    assert not agree(a[1:], b[1:], 8 * EPS)


def test_the_coarsest_dtype_counts_in_bodies_too() -> None:
    def half(x: Any) -> Any:
        return adglot.scan(lambda c, _: (c * 0.5, c), x.astype(np.float32), None, length=2)[0]

    assert rounding(adglot.trace(half, 1.0)) > 1e-7 > 1e-13 > rounding(adglot.trace(np.sin, 1.0))


def test_engines_that_agree_are_a_group_the_largest_first() -> None:
    answers = {name: np.array([value]) for name, value in zip("abcd", (1.0, 2, 2, 3), strict=True)}
    assert [group.engines for group in groups(answers, EPS)] == [["b", "c"], ["a"], ["d"]]


def test_an_infinite_error_of_ones_own_says_nothing() -> None:
    assert agree(np.array([1.0]), np.array([NAN]), EPS, np.array([INF]))


# ------------------------------------------------------------------ conditioning


def _spread(f: Any, *args: Any) -> list[np.ndarray]:
    def plan(ad: adglot.Client) -> Plan[Any]:
        graph = adglot.trace(f, *args)
        values = [np.asarray(x) for x in args]
        fields: Any = {"operator": "gradient", "wrt": (0,)}
        plain = Instrument(graph, (), (), ())
        return conditioning(Asker(ad._session, None), ["native"], plain, values, fields)

    with adglot.connect() as ad:
        return ad._run(plan(ad))


def test_a_difference_that_cancels_is_ill_conditioned() -> None:
    (spread,) = _spread(lambda x: np.sin(x) * 1e8 - np.sin(x) * 1e8, 0.7)
    assert 1e-8 < spread < 1e-6


def test_a_sum_is_well_conditioned() -> None:
    (spread,) = _spread(lambda x: np.sum(x * x), np.array([1.0, 2.0]))
    assert np.all(spread <= 40 * EPS)


def test_a_large_argument_of_a_sine_is_ill_conditioned() -> None:
    (spread,) = _spread(lambda x: np.sin(1e10 * x), 0.7)
    assert spread > 1e3


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (np.abs, 0.0),
        (lambda x: np.abs(x * 3.0 - 3.0), 1.0),
        (lambda x: np.maximum(np.sin(x), np.sin(x) * 1.0), 0.3),
        (lambda x: np.where(x - 1.0 > 0.0, x * 5.0, x), 1.0),
    ],
)
def test_a_kink_is_no_conditioning(f: Any, x: float) -> None:
    (spread,) = _spread(f, x)
    assert spread <= 100 * EPS


# ------------------------------------------------------------------ probes


@given(graphs(), st.integers(0, 5))
def test_probes_leave_every_value_as_it_is(graph: Any, draw: int) -> None:
    values = point(graph, draw)
    outputs = evaluate(graph, values)
    types = range(len(graph.types))
    floats = [i for i in types if graph.types[i].is_differentiable]
    for instrument in (shifted(graph, floats), with_noise(Instrument(graph, (), (), ()), ())):
        probed = evaluate(instrument.graph, instrument.inputs(values))
        assert all(map(_same_bits, probed, outputs))
    taps = floats[len(graph.inputs) :] or list(graph.outputs)
    assert all(
        map(_same_bits, evaluate(tapped(graph, taps).graph, values), _at(graph, values, taps))
    )


def _at(graph: Any, values: Any, taps: list[int]) -> list[np.ndarray]:
    recorded = record(graph, values)
    return [recorded[i] for i in taps]


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.tobytes() == b.tobytes()


def test_a_shift_keeps_negative_zeros() -> None:
    graph = adglot.trace(lambda x: 1.0 / x, -0.0)
    instrument = shifted(graph, range(len(graph.types)))
    (y,) = evaluate(instrument.graph, instrument.inputs([np.asarray(-0.0)]))
    assert y == -INF


def test_bounds_of_empty_blocks() -> None:
    assert bound(EPS, np.zeros((0, 2)), np.zeros((0, 2))).shape == (0, 2)
