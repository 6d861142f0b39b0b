"""What counts as another sign or phase of a vector, and that a wrong derivative does not."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

import adglot
from adglot.crosscheck.alone import Alone
from adglot.crosscheck.phases import turned
from adglot.crosscheck.probing import Probe
from adglot.ops import TABLE
from adglot.ops.sampled import Sampled, sampled

Arrays = list[np.ndarray]

OPS = ("linalg.eig", "linalg.eigh", "linalg.svd")
SAMPLES = [case for op in OPS for case in sampled({op: TABLE[op]}) if case.smooth]
REAL = [
    case
    for case in SAMPLES
    if case.op.name != "linalg.eig" and all(x.dtype == np.float64 for x in case.point)
]
RNG = np.random.default_rng(0)


def seed(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    drawn = RNG.uniform(0.5, 1.5, shape) * RNG.choice([-1.0, 1.0], shape)
    return drawn.astype(dtype)


def multiplied(outputs: Arrays, p: np.ndarray) -> Arrays:
    """Vectors, or what belongs to them, times numbers p; of singular vectors both sides."""
    p = p.astype(outputs[-1].dtype)
    if len(outputs) == 2:
        return [outputs[0], outputs[1] * p[..., None, :]]
    u, s, vh = outputs
    return [u * p[..., None, :], s, vh * np.conj(p)[..., :, None]]


def alone(case: Sampled, probe: Probe, seeds: Arrays, said: Arrays) -> Alone:
    slots = tuple(range(len(said)))
    node = case.graph.nodes[0]
    return Alone(node, case.point, tuple(seeds), probe, slots, (tuple(said), ()), 0, True)


@pytest.fixture(scope="module")
def ad() -> Iterator[adglot.Client]:
    with adglot.connect() as client:
        yield client


Pushed = Callable[[Sampled], tuple[Arrays, Arrays, Arrays]]


@pytest.fixture
def pushed(ad: adglot.Client) -> Pushed:
    """Values, a tangent, and where it is pushed to."""

    def push(case: Sampled) -> tuple[Arrays, Arrays, Arrays]:
        (x,) = case.point
        t = seed(x.shape, x.dtype)
        values, tangents = ad.jvp(case.graph, (x,), (t,))
        return [*map(np.asarray, values)], [t], [*map(np.asarray, tangents)]

    return push


def phases(case: Sampled, shape: tuple[int, ...]) -> np.ndarray:
    if case.graph.output_types[-1].is_complex:
        return np.exp(2j * np.pi * RNG.uniform(size=shape))
    return RNG.choice([-1.0, 1.0], shape)


@pytest.mark.parametrize("case", SAMPLES, ids=lambda case: case.name)
def test_vectors_may_have_other_phases(case: Sampled, pushed: Pushed) -> None:
    values, _, _ = pushed(case)
    w = values[len(values) - 2]
    probe = Probe("evaluate", (), ())
    assert turned(alone(case, probe, [], multiplied(values, phases(case, w.shape))), 0)
    assert not turned(alone(case, probe, [], multiplied(values, 2 + 0 * w)), 0)


@pytest.mark.parametrize("case", SAMPLES, ids=lambda case: case.name)
def test_tangents_may_have_other_phases(case: Sampled, pushed: Pushed) -> None:
    _, seeds, tangents = pushed(case)
    w = tangents[len(tangents) - 2]
    probe = Probe("jvp", (0,), tuple(range(len(tangents))), tuple(seeds))
    assert turned(alone(case, probe, seeds, multiplied(tangents, phases(case, w.shape))), 0)
    assert not turned(alone(case, probe, seeds, [-t for t in tangents]), 0)
    assert not turned(alone(case, probe, seeds, multiplied(tangents, 2 + 0 * w)), 0)
    for missing in range(len(tangents)):
        fewer = [t * (k != missing) for k, t in enumerate(tangents)]
        assert not turned(alone(case, probe, seeds, fewer), 0)


@pytest.mark.parametrize("case", REAL, ids=lambda case: case.name)
def test_cotangents_may_have_other_signs(case: Sampled, ad: adglot.Client) -> None:
    (x,) = case.point
    seeds = [seed(type.shape, type.dtype) for type in case.graph.output_types]
    w = seeds[len(seeds) - 2]
    signs = RNG.choice([-1.0, 1.0], w.shape)
    _, pulled = ad.vjp(case.graph, (x,), tuple(multiplied(seeds, signs)))
    (cotangent,) = map(np.asarray, pulled)
    probe = Probe("vjp", (0,), tuple(range(len(seeds))), (), tuple(seeds))
    assert turned(alone(case, probe, seeds, [cotangent]), 0)
    for wrong in (-cotangent, 2 * cotangent, cotangent[..., ::-1]):
        assert not turned(alone(case, probe, seeds, [wrong]), 0)
