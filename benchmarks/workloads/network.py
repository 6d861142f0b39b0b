"""A network with one hidden layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workloads.base import Array, Namespace, Workload, generator, log_sum_exp

BATCH, INPUTS, HIDDEN, CLASSES = 256, 64, 64, 10


def cross_entropy(xp: Namespace, W: Any, b: Any, V: Any, c: Any, X: Any, Y: Any) -> Any:
    """Of softmax(tanh(X W + b) V + c) and labels Y [batch, classes], the mean over the batch."""
    scores = xp.matmul(xp.tanh(xp.matmul(X, W) + b), V) + c
    chances = scores - xp.reshape(log_sum_exp(xp, scores, axis=1), (-1, 1))
    return -xp.sum(Y * chances) / float(X.shape[0])


def cross_entropy_in_casadi(W: Any, b: Any, V: Any, c: Any, X: Any, Y: Any) -> Any:
    """The same of CasADi's matrices."""
    import casadi

    rows = X.shape[0]
    hidden = casadi.tanh(X @ W + casadi.repmat(b.T, rows, 1))
    scores = hidden @ V + casadi.repmat(c.T, rows, 1)
    norms = casadi.log(casadi.sum2(casadi.exp(scores)))
    return -casadi.sum1(casadi.sum2(Y * (scores - casadi.repmat(norms, 1, scores.shape[1])))) / rows


def _point() -> tuple[Array, ...]:
    random = generator()
    W, V = random.normal(size=(INPUTS, HIDDEN)), random.normal(size=(HIDDEN, CLASSES))
    labels = np.eye(CLASSES)[random.integers(0, CLASSES, BATCH)]
    inputs = random.normal(size=(BATCH, INPUTS))
    return 0.1 * W, np.zeros(HIDDEN), 0.1 * V, np.zeros(CLASSES), inputs, labels


WORKLOADS = (
    Workload(
        f"MLP gradient, {INPUTS}-{HIDDEN}-{CLASSES}, batch {BATCH}",
        cross_entropy,
        _point,
        "gradient",
        argnums=(0, 1, 2, 3),
        in_casadi=cross_entropy_in_casadi,
        lacking={"differences": "would be 4811 evaluations"},
    ),
)
