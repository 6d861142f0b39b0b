"""ADBench's Gaussian mixture model (Šrajer, Kukelova, Fitzgibbon 2018, section 4.1)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.workloads.base import Array, Namespace, Workload, generator, log_sum_exp

GAMMA, M = 1.0, 0
"""Of the Wishart prior."""


def gmm(xp: Namespace, alphas: Any, means: Any, icf: Any, x: Any) -> Any:
    """The log of the posterior of a mixture of K normals in d dimensions, given N points.

    - `alphas` [K]: logs of the weights, but for a common constant
    - `means` [K, d]
    - `icf` [K, d + d (d - 1) / 2]: of each inverse covariance's factor the logs of the diagonal,
      then what is below it, column by column
    - `x` [N, d]: the points
    """
    (N, d), K = x.shape, alphas.shape[0]
    logs, below = icf[:, :d], icf[:, d:]
    factors = _factors(xp, icf, K, d)
    centred = xp.reshape(x, (1, N, d)) - xp.reshape(means, (K, 1, d))
    scaled = xp.matmul(centred, factors)
    heights = xp.reshape(alphas + xp.sum(logs, axis=1), (K, 1))
    terms = log_sum_exp(xp, heights - 0.5 * xp.sum(scaled * scaled, axis=2), axis=0)
    likelihood = xp.sum(terms) - N * log_sum_exp(xp, alphas)
    squares = xp.sum(xp.exp(2.0 * logs)) + xp.sum(below * below)
    prior = 0.5 * GAMMA**2 * squares - M * xp.sum(logs)
    return likelihood + prior + _constant(N, K, d)


def _factors(xp: Namespace, icf: Any, K: int, d: int) -> Any:
    """Transposed lower triangular matrices [K, d, d]."""
    zeros = xp.asarray(np.zeros((K, 1)))
    entries = xp.concat([xp.exp(icf[:, :d]), icf[:, d:], zeros], axis=1)
    return xp.reshape(entries[:, _places(d)], (K, d, d))


def _places(d: int) -> Array:
    """Where each entry of the transposed factor stands; zeros stand behind all others."""
    places = np.full((d, d), d + d * (d - 1) // 2)
    places[np.triu_indices(d, 1)] = d + np.arange(d * (d - 1) // 2)
    np.fill_diagonal(places, np.arange(d))
    return places.reshape(-1)


def _constant(N: int, K: int, d: int) -> float:
    n = d + M + 1
    gammas = sum(math.lgamma(0.5 * (n - i)) for i in range(d))
    multigamma = 0.25 * d * (d - 1) * math.log(math.pi) + gammas
    wishart = n * d * (math.log(GAMMA) - 0.5 * math.log(2.0)) - multigamma
    return -0.5 * N * d * math.log(2.0 * math.pi) - K * wishart


def point(d: int, K: int, N: int) -> tuple[Array, ...]:
    """Random parameters and points."""
    random = generator()
    factors = 0.3 * random.normal(size=(K, d + d * (d - 1) // 2))
    return random.normal(size=K), random.uniform(size=(K, d)), factors, random.normal(size=(N, d))


D, COMPONENTS, POINTS = 10, 25, 1000

WORKLOADS = (
    Workload(
        f"GMM gradient, d = {D}, K = {COMPONENTS}, N = {POINTS}",
        gmm,
        lambda: point(D, COMPONENTS, POINTS),
        "gradient",
        argnums=(0, 1, 2),
        lacking={
            "casadi": "would be given three million scalar operations, for which gcc does not end",
            "differences": "would be 1651 evaluations",
        },
    ),
)
