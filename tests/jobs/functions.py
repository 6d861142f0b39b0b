"""Functions that jobs name, and their derivatives at many points written by hand in NumPy."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def predators(u: Any) -> Any:
    """Lotka-Volterra's right-hand side."""
    return np.stack([1.5 * u[0] - u[0] * u[1], u[0] * u[1] - 3.0 * u[1]])


def predators_values(U: Array) -> Array:
    x, y = U.T
    return np.stack([1.5 * x - x * y, x * y - 3.0 * y], axis=1)


def predators_jacobians(U: Array) -> Array:
    x, y = U.T
    return np.stack([np.stack([1.5 - y, -x], axis=1), np.stack([y, x - 3.0], axis=1)], axis=1)


def chain(x: Any) -> Any:
    """Rosenbrock's sum, whose Hessian has three diagonals."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def chain_hessians(X: Array) -> Array:
    """SciPy's `rosen_hess`, over the first axis."""
    B, n = X.shape
    H = np.zeros((B, n, n))
    i = np.arange(n - 1)
    H[:, i, i] += 1200 * X[:, :-1] ** 2 - 400 * X[:, 1:] + 2
    H[:, i + 1, i + 1] += 200
    H[:, i, i + 1] = H[:, i + 1, i] = -400 * X[:, :-1]
    return H


def line(w: Any, x: Any) -> Any:
    return w[0] * x + w[1] * x**2


def branching(x: Any) -> Any:
    """Another formula where the sum is negative."""
    if np.sum(x) > 0:
        return np.sum(x**2)
    return np.sum(-x)


def branching_gradients(X: Array) -> Array:
    return np.where(X.sum(axis=1, keepdims=True) > 0, 2 * X, -1.0)


def raising(x: Any) -> Any:
    """No formula at all where the sum is negative."""
    if np.sum(x) > 0:
        return np.sum(x**2)
    raise ValueError("no formula for a negative sum")


def picked(x: Any, k: Any) -> Any:
    """Fails where there is no element k."""
    return np.sum(np.take(x, k) ** 2)


def logarithm(x: Any) -> Any:
    return np.sum(np.log(x))


def coupled(x: Any) -> Any:
    """Of the elements alone, or of all of them together."""
    if np.sum(x) > 0:
        return x**2
    return x * np.sum(x)


def flattening(x: Any) -> Any:
    """Where the sum is negative only the last element counts."""
    if np.sum(x) > 0:
        return x**2
    return x * np.array([0.0, 0.0, 1.0])
