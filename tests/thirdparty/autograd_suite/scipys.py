"""SciPy's functions as adglot can trace them, where SciPy wants plain arrays before it computes.

The public methods of `scipy.stats` check their arguments with an `asarray` bound at import, which
no protocol of NumPy reaches. The formulas behind them (`_pdf`, `_logpdf`, ...) are NumPy code and
are traced as they stand. Functions of `scipy.special` written in Python do the same as the methods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special
import scipy.stats

import adglot.numpy

Function = Callable[..., Any]
DENSITIES = ("pdf", "logpdf")


def traceable(function: Function) -> Function:
    """The same function without the checks, or the function itself."""
    distribution = getattr(function, "__self__", None)
    if isinstance(distribution, scipy.stats.rv_continuous | scipy.stats.rv_discrete):
        return _formula(distribution, function.__name__)
    name = getattr(function, "__name__", "")
    is_python = not isinstance(function, np.ufunc)
    if (
        is_python
        and getattr(scipy.special, name, None) is function
        and name in dir(adglot.numpy.special)
    ):
        return getattr(adglot.numpy.special, name)  # type: ignore[no-any-return]
    return function


def _formula(distribution: Any, name: str) -> Function:
    """SciPy's formula of the standard distribution, shifted and scaled."""
    formula, shapes = getattr(distribution, f"_{name}"), distribution.numargs

    def method(x: Any, *args: Any) -> Any:
        loc, scale = (*args[shapes:], *(0.0, 1.0)[len(args) - shapes :])
        y = formula((x - loc) / scale, *args[:shapes])
        if name not in DENSITIES:
            return y
        return y / scale if name == "pdf" else y - np.log(scale)

    return method
