"""Sparse blocks of an answer as SciPy's arrays; SciPy is imported where one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import util
from typing import TYPE_CHECKING, Any

from adglot.calls import Answer, Array, Pattern
from adglot.errors import Unsupported

if TYPE_CHECKING:
    from scipy.sparse import csr_array

INSTALL = "pip install 'adglot[sparse]'"


def check_installed() -> None:
    """Raise Unsupported, before anybody works, where SciPy is missing."""
    if util.find_spec("scipy") is None:
        raise Unsupported(f"sparse=True answers with arrays of SciPy: {INSTALL}")


def blocks(answer: Answer, batch: bool) -> list[Any]:
    """Every derivative of a sparse answer as a `csr_array`, or with `batch` as a `Matrices`."""
    pairs = zip(answer.derivatives, answer.patterns, strict=True)
    return [Matrices(data, p) if batch else matrix(data, p) for data, p in pairs]


def matrix(data: Array, pattern: Pattern) -> csr_array[Any]:
    """The array with these nonzeros."""
    from scipy.sparse import csr_array

    result = csr_array((data, pattern.indices, pattern.indptr), shape=pattern.shape)
    result.has_canonical_format = True  # else SciPy looks for itself, again and again
    return result


def refiller(example: Any) -> Callable[[Array], Any]:
    """What makes of other nonzeros what `blocks` gave once: quicker than to check them anew."""
    if isinstance(example, Matrices):
        pattern = example.pattern
        return lambda data: Matrices(data, pattern)
    kind: Any = type(example)
    new, fields = object.__new__, dict(example.__dict__)

    def refilled(data: Array) -> Any:
        result = new(kind)
        own = fields.copy()
        own["data"] = data
        result.__dict__ = own  # in half the time that updating it takes
        return result

    return refilled


@dataclass(frozen=True, slots=True, eq=False)
class Matrices:
    """The sparse matrices of a batch of points, which share one pattern: a sequence of arrays.

    - `data`: nonzeros [B, n], row by row of the matrix
    - `pattern`: where they stand; `indptr` and `indices` are as in each of the arrays

    >>> import numpy as np
    >>> pattern = Pattern(np.array([0, 1, 2]), np.array([0, 1]), columns=2)
    >>> Matrices(np.array([[1.0, 2.0], [3.0, 4.0]]), pattern)[1].toarray()
    array([[3., 0.],
           [0., 4.]])
    """

    data: Array
    pattern: Pattern

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self), *self.pattern.shape

    @property
    def indptr(self) -> Array:
        return self.pattern.indptr

    @property
    def indices(self) -> Array:
        return self.pattern.indices

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, point: int) -> csr_array[Any]:
        return matrix(self.data[point], self.pattern)

    def __iter__(self) -> Iterator[csr_array[Any]]:
        return (matrix(data, self.pattern) for data in self.data)
