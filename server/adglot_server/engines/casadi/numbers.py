"""Arrays of any rank in CasADi, which has matrices only: a column of scalars and a shape.

Whatever only moves numbers is done by NumPy on the numbers' places. Bools and integers that are
known stay NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import casadi
import numpy as np

from adglot.errors import Unsupported
from adglot.ops.core import Array

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of scalar expressions in row-major order, and the array's shape.

    `truth` says that all of them are 0 or 1.
    """

    flat: Any
    shape: Shape
    truth: bool = False

    def __getitem__(self, index: Any) -> Numbers:
        return gather(lambda places: places[index], self)

    def column_major(self, rows: int, columns: int) -> Any:
        """As CasADi's matrix."""
        return casadi.reshape(self.flat, columns, rows).T


def column(x: Any) -> Any:
    """As a column, where CasADi made a row: of nothing, or of one number picked several times."""
    return casadi.vec(x) if x.numel() else casadi.SX(0, 1)


def from_matrix(matrix: Any, shape: Shape) -> Numbers:
    """CasADi's matrix as an array of that shape."""
    return Numbers(column(casadi.vec(matrix.T)), shape)


def is_symbolic(x: Any) -> bool:
    """Whether it is an array of expressions, not NumPy's."""
    return isinstance(x, Numbers)


def known(x: Any, what: str) -> Array:
    """The bools or integers of an array; Unsupported where they depend on the point."""
    if is_symbolic(x):
        raise Unsupported(f"CasADi takes no {what} that depends on the point")
    return np.asarray(x)


def lift(x: Any) -> Numbers:
    """An array of NumPy's as expressions."""
    if isinstance(x, Numbers):
        return x
    x = np.asarray(x)
    return Numbers(column(casadi.SX(casadi.DM(x.reshape(-1).astype(float).tolist()))), x.shape)


def constant(x: Array) -> Any:
    """Floats as expressions; bools and integers as they are."""
    return lift(x) if x.dtype.kind == "f" else x


def cast(x: Any, dtype: np.dtype[Any]) -> Any:
    """``x.astype(dtype)`` without rounding: float32 and float64 are one here."""
    if dtype.kind == "f":
        return lift(x)
    if not is_symbolic(x):
        return np.asarray(x, dtype)
    if x.truth:
        return x
    if dtype.kind == "b":
        return Numbers(x.flat != 0, x.shape, truth=True)
    return Numbers(casadi.sign(x.flat) * casadi.floor(casadi.fabs(x.flat)), x.shape)


# ------------------------------------------------------------------ moving numbers


def gather(move: Callable[..., Any], *arrays: Numbers) -> Numbers:
    """What NumPy's function `move` does to arrays, done to their places; 0 stands for a zero."""
    starts = np.cumsum([1, *(prod(x.shape) for x in arrays)])
    places = [
        np.arange(start, start + prod(x.shape)).reshape(x.shape)
        for start, x in zip(starts, arrays, strict=False)
    ]
    found = np.asarray(move(*places))
    pool = casadi.vertcat(casadi.SX(0), *(x.flat for x in arrays))
    flat = column(pool[found.reshape(-1).tolist()])
    return Numbers(flat, found.shape, all(x.truth for x in arrays))


def broadcast(arrays: Sequence[Numbers]) -> list[Numbers]:
    """All in their common shape."""
    shape = np.broadcast_shapes(*(x.shape for x in arrays))

    def widened(places: Array) -> Array:
        return np.broadcast_to(places, shape)

    return [x if x.shape == shape else gather(widened, x) for x in arrays]


def each(function: Callable[..., Any], *, truth: bool = False) -> Callable[..., Numbers]:
    """A function of CasADi's columns as one of arrays, which broadcast."""

    def elementwise(*xs: Any) -> Numbers:
        wide = broadcast([lift(x) for x in xs])
        return Numbers(function(*(x.flat for x in wide)), wide[0].shape, truth)

    return elementwise


def stack(parts: Sequence[Any]) -> Any:
    """Arrays along a new first axis."""
    if not any(map(is_symbolic, parts)):
        return np.stack(parts)
    return gather(lambda *places: np.stack(places), *map(lift, parts))
