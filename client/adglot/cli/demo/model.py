"""The demo's model: a Poisson regression written in plain NumPy, and the data for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln
from statsmodels.datasets import randhie

Array = np.ndarray[Any, Any]


def log_likelihoods(beta: Array, X: Array, y: Array) -> Any:
    """Of each count y, Poisson distributed with mean exp(X @ beta)."""
    eta = X @ beta
    return y * eta - np.exp(eta) - gammaln(y + 1)


def log_likelihood(beta: Array, X: Array, y: Array) -> Any:
    """Of all counts together."""
    return np.sum(log_likelihoods(beta, X, y))


@dataclass(frozen=True, slots=True)
class Data:
    """Counts `y` (n), explained by the columns `names` of `X` (n, k), the first one constant."""

    X: Array
    y: Array
    names: tuple[str, ...]


def load() -> Data:
    """The RAND health insurance experiment, as statsmodels ships it: visits to a doctor a year."""
    data = randhie.load_pandas()
    X = np.column_stack([np.ones(len(data.exog)), data.exog.to_numpy(dtype="float64")])
    return Data(X, data.endog.to_numpy(dtype="int64"), ("const", *data.exog.columns))
