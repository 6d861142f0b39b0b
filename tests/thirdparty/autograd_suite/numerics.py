"""What stands for `autograd.numpy`: `adglot.numpy`, and what only autograd has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import adglot.numpy


class Numpy(ModuleType):
    """`adglot.numpy` as a package whose other submodules are upstream's."""

    def __getattr__(self, name: str) -> Any:
        return getattr(adglot.numpy, name)


def modules(upstream: Path) -> dict[str, ModuleType]:
    """The modules by name; other submodules of `autograd.numpy` are upstream's."""
    numpy = Numpy("autograd.numpy")
    numpy.__path__ = [str(upstream / "numpy")]
    numpy.__version__ = np.__version__  # type: ignore[attr-defined]
    numpy.make_diagonal = make_diagonal  # type: ignore[attr-defined]
    numpy.stack = stack  # type: ignore[attr-defined]
    parts = {"linalg": adglot.numpy.linalg, "fft": adglot.numpy.fft, "random": np.random}
    for name, module in parts.items():
        setattr(numpy, name, module)
    return {
        "autograd.numpy": numpy,
        **{f"autograd.numpy.{name}": part for name, part in parts.items()},
    }


def make_diagonal(D: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Matrices with `D` on their diagonals, as `np.diagonal` finds; the last two axes only."""
    assert (offset, axis1, axis2) == (0, -1, -2)
    return np.expand_dims(D, -1) * np.eye(D.shape[-1])


def stack(arrays: Iterable[Any], axis: int = 0) -> Any:
    """As NumPy's, of any iterable: upstream's operators give a `map`."""
    return adglot.numpy.stack(list(arrays), axis=axis)
