"""`np.r_` and `np.c_`: objects that join arrays, traced ones too while a trace runs.

No protocol of NumPy reaches them: they make plain arrays of all they are given.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adglot.tracing import array as arrays
from adglot.tracing import dispatch, queries
from adglot.tracing.errors import refuse


class Joiner:
    """Stands for `original`, which answers where nothing traced is joined."""

    def __init__(self, original: Any, ndim: int) -> None:
        self._original, self._ndim = original, ndim

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not queries.traced(parts):
            return self._original[key]
        axis = 0 if self._ndim == 1 else -1
        return dispatch.call("concatenate", [self._part(part) for part in parts], axis=axis)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def _part(self, part: Any) -> Any:
        if isinstance(part, str):
            refuse("a directive in np.r_ or np.c_ cannot be traced", "use np.concatenate")
        x = arrays.asarray(np.r_[part] if isinstance(part, slice) else part)
        return x if x.ndim >= self._ndim else x.reshape((-1,) + (1,) * (self._ndim - 1))


BRACKETS = {"r_": Joiner(np.r_, 1), "c_": Joiner(np.c_, 2)}
"""By NumPy's names."""
