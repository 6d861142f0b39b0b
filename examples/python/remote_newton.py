"""Minimise Rosenbrock's function by Newton's method: python remote_newton.py [ADDRESS].

Without an address (of an `adglot serve`) the derivatives are computed in this process.
"""

import sys

import numpy as np
from rosenbrock import rosenbrock

import adglot


def minimise(ad: adglot.Client, x: np.ndarray, steps: int = 50) -> np.ndarray:
    """Newton's method from a point near the minimum, until the slope vanishes."""
    # Traced, transformed and made ready once; every call after that sends the point only.
    gradient = ad.prepare(rosenbrock, x, operator="value_and_gradient")
    hessian = ad.prepare(rosenbrock, x, operator="hessian")
    for _ in range(steps):
        y, g = gradient(x)
        print(f"f = {y:12.6g}   largest slope = {np.abs(g).max():9.3e}")
        if np.abs(g).max() < 1e-10:
            break
        x = x - np.linalg.solve(hessian(x), g)
    return x


if __name__ == "__main__":
    with adglot.connect(*sys.argv[1:]) as client:
        print(minimise(client, np.linspace(0.9, 1.1, 6)))
