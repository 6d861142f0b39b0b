"""Rosenbrock's function, to be named on a command line: rosenbrock.py:rosenbrock."""

import numpy as np


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
