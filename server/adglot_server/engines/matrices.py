"""Every operator from a matrix of numbers: what engines of scalar formulas share.

The inputs that move are one real vector: the numbers of the first one, of a complex one first the
real parts, then the imaginary ones, then those of the next. A Jacobian has a row for each number of
the outputs, complex where an output is, and a column for each component of that vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from adglot.ir import Graph, Type
from adglot_server.engines.base import Array, Request
from adglot_server.engines.points import refuse, result_types

Arrays = list[Array]


class Matrices:
    """A request's answer at one point from the values and one matrix.

    `order` says which matrix: 1 the Jacobian, 2 the Hessian in the real vector, 0 none.
    InvalidArgument for what the native engine refuses.
    """

    def __init__(self, graph: Graph, request: Request) -> None:
        refuse(graph, request)
        self.order = {"evaluate": 0, "hvp": 2, "hessian": 2}.get(request.operator, 1)
        self.xs = [graph.inputs[i] for i in request.wrt] if self.order else []
        self.ys = [graph.output_types[k] for k in request.of]
        self.columns = sum(map(reals, self.xs))
        self.rows = sum(y.size for y in self.ys)
        self.types = result_types(graph, request)
        self._request, self._inputs = replace(request, batch=None), len(graph.inputs)

    def answer(self, values: Array, matrix: Array, inputs: Sequence[Array]) -> Arrays:
        """Outputs and derivatives: `values` are the outputs' numbers, seeds stand in `inputs`."""
        seeds = inputs[self._inputs :]
        derive = DERIVATIVES.get(self._request.operator)
        return self.finished(values, [] if derive is None else derive(self, matrix, seeds))

    def finished(
        self, values: Array, derivatives: Arrays, types: Sequence[Type] | None = None
    ) -> Arrays:
        """All of a request's results in their types, from numbers in their order."""
        results = [*split(values, self.ys), *derivatives]
        return [_as(x, type) for x, type in zip(results, types or self.types, strict=True)]

    def seeds(self, inputs: Sequence[Array]) -> Array:
        """The seeds behind the graph's inputs as vectors, tangents as real ones; maybe none."""
        seeds = inputs[self._inputs :]
        if not seeds:
            return np.zeros(0)
        return self.numbers(seeds) if self._request.operator == "vjp" else self.vectors(seeds)

    def vectors(self, seeds: Sequence[Array]) -> Array:
        """Tangents as real vectors, [size] or [seeds, size]."""
        flat = self._flat(seeds, self.xs)
        parts = [
            (s.real, s.imag) if x.is_complex else (s,) for s, x in zip(flat, self.xs, strict=True)
        ]
        return np.concatenate([array for pair in parts for array in pair], -1)

    def numbers(self, seeds: Sequence[Array]) -> Array:
        """Cotangents as vectors of numbers, [size] or [seeds, size]."""
        return np.concatenate(self._flat(seeds, self.ys), -1)

    def _flat(self, seeds: Sequence[Array], types: Sequence[Type]) -> Arrays:
        lead = () if self._request.seeds is None else (self._request.seeds,)
        return [s.reshape(*lead, type.size) for s, type in zip(seeds, types, strict=True)]

    def blocks(self, matrix: Any) -> list[Any]:
        """A Jacobian or Hessian by outputs and inputs; of complex ones by their real parts."""
        rows = self.ys if self.order == 1 else self.xs
        return [block for part in _tops(matrix, rows) for block in self._row(part)]

    def _row(self, part: Any) -> Iterator[Any]:
        left = 0
        for x in self.xs:
            yield part[:, left : left + x.size]
            left += reals(x)


def reals(type: Type) -> int:
    """How many real numbers an array of this type has."""
    return type.size * (2 if type.is_complex else 1)


def to_reals(x: Array) -> Array:
    """The numbers of an array as the real vector has them."""
    flat = x.reshape(-1)
    return np.concatenate([flat.real, flat.imag]) if x.dtype.kind == "c" else flat


def from_reals(vector: Array, types: Sequence[Type]) -> Arrays:
    """Parts of real vectors [..., size] as numbers."""
    numbers, at = [], 0
    for type in types:
        real, imag = (vector[..., at + k * type.size :][..., : type.size] for k in (0, 1))
        numbers.append(real + 1j * imag if type.is_complex else real)
        at += reals(type)
    return numbers


def _tops(matrix: Any, rows: Sequence[Type]) -> list[Any]:
    ends = np.cumsum([0, *(y.size for y in rows)]).tolist()
    return [matrix[a:b, :] for a, b in pairwise(ends)]


def split(numbers: Array, types: Sequence[Type]) -> Arrays:
    """Vectors [..., size] of numbers, type by type."""
    return np.split(numbers, np.cumsum([y.size for y in types])[:-1], -1)


def _as(x: Array, type: Type) -> Array:
    """Of that type; NaN where a real number came out as a complex one."""
    if np.iscomplexobj(x) and not type.is_complex:
        x = np.where(x.imag == 0, x.real, np.nan)
    with np.errstate(all="ignore"):
        return np.asarray(x).astype(type.dtype).reshape(type.shape)


Derive = Callable[[Matrices, Array, Sequence[Array]], Arrays]

DERIVATIVES: dict[str, Derive] = {
    "jvp": lambda m, J, v: split(m.vectors(v) @ J.T, m.ys),
    "vjp": lambda m, J, ct: from_reals(np.real(m.numbers(ct).conj() @ J), m.xs),
    "gradient": lambda m, J, seeds: from_reals(J[0], m.xs),
    "jacobian": lambda m, J, seeds: m.blocks(J),
    "hvp": lambda m, H, v: from_reals(m.vectors(v) @ H, m.xs),
    "hessian": lambda m, H, seeds: m.blocks(H),
}
