"""Functions, and their derivatives at many points written by hand in NumPy."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_values(X: Array) -> Array:
    return np.sum(100.0 * (X[:, 1:] - X[:, :-1] ** 2) ** 2 + (1 - X[:, :-1]) ** 2, axis=1)


def rosenbrock_gradients(X: Array) -> Array:
    """SciPy's `rosen_der`, over the first axis."""
    G = np.zeros_like(X)
    G[:, :-1] -= 400 * X[:, :-1] * (X[:, 1:] - X[:, :-1] ** 2) + 2 * (1 - X[:, :-1])
    G[:, 1:] += 200 * (X[:, 1:] - X[:, :-1] ** 2)
    return G


def rosenbrock_hessians(X: Array) -> Array:
    """SciPy's `rosen_hess`, over the first axis."""
    B, n = X.shape
    H = np.zeros((B, n, n))
    i = np.arange(n - 1)
    H[:, i, i] += 1200 * X[:, :-1] ** 2 - 400 * X[:, 1:] + 2
    H[:, i + 1, i + 1] += 200
    H[:, i, i + 1] = H[:, i + 1, i] = -400 * X[:, :-1]
    return H


def predators(u: Any) -> Any:
    """Lotka-Volterra's right-hand side."""
    return np.stack([1.5 * u[0] - u[0] * u[1], u[0] * u[1] - 3.0 * u[1]])


def predators_jacobians(U: Array) -> Array:
    x, y = U.T
    return np.stack([np.stack([1.5 - y, -x], axis=1), np.stack([y, x - 3.0], axis=1)], axis=1)


def layer(W: Any, x: Any) -> Any:
    return np.sum(np.tanh(W @ x))


def layer_gradients(W: Array, X: Array) -> tuple[Array, Array]:
    """By W and by x at each point."""
    slope = 1 - np.tanh(X @ W.T) ** 2
    return slope[:, :, None] * X[:, None, :], slope @ W


def roots(x: Any) -> Any:
    """Fails, by a guard, where the sum is negative."""
    if np.sum(x) > 0:
        return np.sum(np.sqrt(x))
    return np.sum(x)
