"""The objectives of ADBench as the benchmarks write them, against loops over single numbers."""

from __future__ import annotations

import itertools
import math
from functools import partial

import numpy as np
import pytest
from benchmarks.peers.base import Namespace
from benchmarks.workloads import FAMILIES, bundle, gmm, hand, lstm
from scipy.special import gammaln

import adglot

XP = Namespace(np, scan=adglot.scan)


def test_gmm_is_the_sum_over_points_and_components() -> None:
    alphas, means, icf, x = gmm.point(d=3, K=2, N=4)
    (n, d), K = x.shape, len(alphas)
    total = -0.5 * n * d * math.log(2 * math.pi) - n * math.log(sum(map(math.exp, alphas)))
    for point in x:
        total += math.log(sum(_component(alphas[k], means[k], icf[k], point) for k in range(K)))
    for row in icf:
        total += 0.5 * (sum(math.exp(2 * q) for q in row[:d]) + sum(q * q for q in row[d:]))
    freedom = d + 1
    gammas = sum(gammaln(0.5 * (freedom - i)) for i in range(d))
    wishart = -0.5 * freedom * d * math.log(2) - 0.25 * d * (d - 1) * math.log(math.pi) - gammas
    assert gmm.gmm(XP, alphas, means, icf, x) == pytest.approx(total - K * wishart, rel=1e-13)


def _component(alpha, mean, icf, x) -> float:
    """e to what ADBench sums: columns of the factor stand one after the other."""
    d = len(x)
    scaled = [math.exp(icf[i]) * (x[i] - mean[i]) for i in range(d)]
    below = iter(icf[d:])
    for i in range(d):
        for j in range(i + 1, d):
            scaled[j] += next(below) * (x[i] - mean[i])
    return math.exp(alpha + sum(icf[:d]) - 0.5 * sum(s * s for s in scaled))


def test_bundle_adjustment_is_a_rotation_and_a_distorted_projection() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    for camera, X, w, feature in zip(*bundle.point(2, 3, 5), strict=True):
        a, b, c = camera[:3]
        turn = linalg.expm(np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]]))
        seen = turn @ (X - camera[3:6])
        place = seen[:2] / seen[2]
        square = place @ place
        place = place * (1 + camera[9] * square + camera[10] * square**2)
        expected = w * (place * camera[6] + camera[7:9] - feature)
        np.testing.assert_allclose(bundle.residual(XP, camera, X, w, feature), expected, rtol=1e-12)


def test_lstm_is_a_loop_over_characters_layers_and_bits() -> None:
    main, extra, state, sequence = lstm.point(layers=2, bits=3, steps=5)

    def sigmoid(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    hidden, cells, total = state[:, 0].copy(), state[:, 1].copy(), 0.0
    for given, wanted in itertools.pairwise(sequence):
        guesses = []
        for i in range(3):
            x = given[i] * extra[0, i]
            for layer, (weight, bias) in enumerate(main[:, :, :, i]):
                forget, leave = (sigmoid(x * weight[k] + bias[k]) for k in (0, 2))
                enter = sigmoid(hidden[layer, i] * weight[1] + bias[1])
                change = math.tanh(hidden[layer, i] * weight[3] + bias[3])
                cells[layer, i] = cells[layer, i] * forget + enter * change
                x = hidden[layer, i] = leave * math.tanh(cells[layer, i])
            guesses.append(x * extra[1, i] + extra[2, i])
        norm = math.log(2 + sum(map(math.exp, guesses)))
        total += sum(y * (guess - norm) for y, guess in zip(wanted, guesses, strict=True))
    found = lstm.loss(XP, main, extra, state, sequence)
    assert found == pytest.approx(-total / (4 * 3), rel=1e-13)


def test_hand_moves_every_vertex_with_its_bones() -> None:
    model = hand.model()
    theta, seen = np.linspace(-0.5, 0.6, hand.PARAMETERS), np.ones((3, 4))
    chosen = np.array([3, 0, 543, 3])
    expected = seen - np.array([_moved(model, theta, vertex) for vertex in chosen]).T
    found = hand.simple(model, chosen)(XP, theta, seen)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
    corners, within = np.stack([chosen, chosen[::-1], chosen], axis=1), np.full((4, 2), 0.25)
    mixed = sum(
        weight * np.array([_moved(model, theta, vertex) for vertex in corner]).T
        for weight, corner in zip((0.25, 0.25, 0.5), corners.T, strict=True)
    )
    found = hand.full(model, corners)(XP, theta, within, seen)
    np.testing.assert_allclose(found, seen - mixed, rtol=1e-11, atol=1e-12)


def _moved(model: hand.Model, theta, vertex: int):
    """A vertex, by SciPy's rotations and a walk from the bone to the root."""
    Rotation = pytest.importorskip("scipy.spatial.transform").Rotation
    total = np.zeros(3)
    for bone in range(hand.BONES):
        x = model.inverse[bone] @ model.vertices[:, vertex]
        ancestor = bone
        while ancestor >= 0:
            bend = np.eye(4)
            bend[:3, :3] = Rotation.from_euler("xz", _angles(theta, ancestor)).as_matrix()
            x = model.base[ancestor] @ bend @ x
            ancestor = model.parents[ancestor]
        total += model.weights[bone, vertex] * x[:3]
    return Rotation.from_rotvec(theta[:3]).as_matrix() @ total + theta[3:6]


def _angles(theta, bone: int) -> tuple[float, float]:
    """About x and z: the first joint of a finger has both, the next two have one."""
    finger, joint = divmod(bone - 2, 4)
    if bone < 2 or joint == 0:
        return 0.0, 0.0
    own = theta[6 + 4 * finger :]
    return (own[0], own[1]) if joint == 1 else (own[joint], 0.0)


ALL = [workload for workloads in FAMILIES.values() for workload in workloads]


@pytest.mark.parametrize("workload", ALL, ids=lambda workload: workload.name)
def test_a_workload_is_of_the_shape_that_its_operator_needs(workload) -> None:
    graph = adglot.trace(partial(workload.function, XP), *workload.example)
    (result,) = (graph.types[i] for i in graph.outputs)
    assert (result.shape == ()) == (workload.operator != "jacobian")
    assert all(np.isfinite(x).all() for x in workload.point)


def test_names_are_unique() -> None:
    names = [workload.name for workload in ALL]
    assert len(names) == len(set(names))
