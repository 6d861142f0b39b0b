"""Lotka and Volterra's predators and prey, and points to differentiate them at.

``python lotka_volterra.py points.npy 100000`` writes the points, float64 [100000, 2];
``adglot job run lotka_volterra.py:rates --points points.npy --out jacobians.zarr`` takes them.
"""

import sys

import numpy as np

BIRTH, EATEN, FED, DEATH = 1.5, 1.0, 1.0, 3.0


def rates(x):
    """How fast the numbers of prey x[0] and of predators x[1] change."""
    met = x[0] * x[1]
    return np.stack([BIRTH * x[0] - EATEN * met, FED * met - DEATH * x[1]])


def points(count):
    """Numbers of both, float64 [count, 2]: the same at every call."""
    return np.random.default_rng(0).uniform(0.5, 5.0, (count, 2))


if __name__ == "__main__":
    np.save(sys.argv[1], points(int(sys.argv[2])))
