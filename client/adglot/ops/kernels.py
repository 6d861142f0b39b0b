"""NumPy's functions as the table calls them: bools become a dtype that the table knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adglot.ops.core import Array


@dataclass(frozen=True, slots=True)
class OfBools:
    """A ufunc that computes with bools in a dtype of ours: NumPy takes float16 or int8 for them.

    >>> OfBools(np.sqrt, np.dtype("float64"))(np.array([True]))
    array([1.])
    """

    ufunc: np.ufunc
    dtype: np.dtype[Any]

    def __call__(self, *operands: Array, **keywords: Any) -> Any:
        if all(x.dtype.kind == "b" for x in operands):
            operands = tuple(x.astype(self.dtype) for x in operands)
        return self.ufunc(*operands, **keywords)


def as_float(ufunc: np.ufunc) -> OfBools:
    """Bools count as float64."""
    return OfBools(ufunc, np.dtype("float64"))


def as_int(ufunc: np.ufunc) -> OfBools:
    """Bools count as int64."""
    return OfBools(ufunc, np.dtype("int64"))


def fastest(evaluate: Callable[..., Any], dtypes: list[np.dtype[Any]]) -> Callable[..., Any]:
    """What to call for operands of these dtypes: the bare ufunc wherever that gives the same."""
    if isinstance(evaluate, OfBools) and any(d.kind != "b" for d in dtypes):
        return evaluate.ufunc
    return evaluate
