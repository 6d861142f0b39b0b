"""NumPy for code that is traced: ``import adglot.numpy as np``.

Functions called on traced arrays need no more than plain NumPy. Arrays *made* in the traced
function do, if traced values are stored in them: NumPy's own `zeros` cannot hold those. Outside of
a trace every function here is NumPy's own.

>>> import numpy, adglot
>>> import adglot.numpy as np
>>> def sines(x):
...     y = np.zeros(len(x))
...     for i in range(len(x)):
...         y[i] = np.sin(x[i])
...     return y
>>> sines(numpy.zeros(2))
array([0., 0.])
>>> print(adglot.trace(sines, numpy.zeros(2)).output_types)
(float64[2],)

It is also the namespace of the Python array API standard that traced arrays belong to
(``x.__array_namespace__()``), and `special` has what can be traced of `scipy.special`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as _np

from adglot.tracing import namespace as _namespace

_get = _namespace.of(_np)


class _Special(ModuleType):
    """What can be traced of `scipy.special`; works without SciPy."""

    def __getattr__(self, name: str) -> Any:
        return _namespace.special(name)

    def __dir__(self) -> list[str]:
        return list(_namespace.special_names())


class _Part(ModuleType):
    """A sub-module of NumPy's."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(f"adglot.{module.__name__}", module.__doc__)
        self._module, self._get = module, _namespace.of(module)

    def __getattr__(self, name: str) -> Any:
        return self._get(name)

    def __dir__(self) -> list[str]:
        return dir(self._module)


linalg = _Part(_np.linalg)
fft = _Part(_np.fft)
special = _Special("adglot.numpy.special")


def __getattr__(name: str) -> Any:
    return getattr(_np, name) if name.startswith("__array_") else _get(name)


def __dir__() -> list[str]:
    return sorted({*dir(_np), "special"})
