"""A graph's function in CasADi, and what CasADi derives from it, as one function of a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import casadi
import numpy as np

from adglot.calls import Pattern
from adglot.ir import Graph
from adglot.ops.core import Array
from adglot_server.engines.base import Request
from adglot_server.engines.casadi.functions import LANGUAGE
from adglot_server.engines.casadi.numbers import Numbers, lift
from adglot_server.engines.matrices import Arrays, Matrices, from_reals, split
from adglot_server.engines.walk import Walk


class Program:
    """A request's answer at one point, bools and integers being `given`; one thread at a time.

    Of a sparse request the derivatives are the nonzeros of the `patterns`, which are CasADi's own,
    as is the number of `colours` in the cheaper `mode`.
    """

    patterns: tuple[Pattern, ...] = ()
    colours = 0
    mode = ""

    def __init__(
        self, graph: Graph, request: Request, matrices: Matrices, given: Sequence[Array]
    ) -> None:
        self._request, self._matrices = request, matrices
        known = iter(given)
        symbols = [
            casadi.SX.sym(f"x{i}", type.size) if type.is_differentiable else next(known)
            for i, type in enumerate(graph.inputs)
        ]
        floats = [type.is_differentiable for type in graph.inputs]
        outputs = Walk(graph, LANGUAGE)(
            [Numbers(x, t.shape) if on else x
             for x, t, on in zip(symbols, graph.inputs, floats, strict=True)]
        )  # fmt: skip
        y = casadi.vertcat(casadi.SX(0, 1), *(lift(outputs[k]).flat for k in request.of))
        wrt = request.wrt if matrices.order else ()
        x = casadi.vertcat(casadi.SX(0, 1), *(symbols[i] for i in wrt))
        everything = [a for a, on in zip(symbols, floats, strict=True) if on]
        seeds = casadi.SX.sym("s", *self._seed_shape())
        derivative = _derivative(request, y, x, seeds)
        self.types = matrices.types
        if request.sparse:
            self.mode, self.colours = _coloured(request, derivative.sparsity())
            derivative = self._nonzeros(derivative)
        self._function = casadi.Function(
            "f", [casadi.vertcat(casadi.SX(0, 1), *everything), seeds],
            [casadi.densify(y), casadi.densify(derivative)],
        )  # fmt: skip

    def __call__(self, floats: Sequence[Array], inputs: Sequence[Array]) -> Arrays:
        """Values and derivatives; the seeds stand behind the graph's inputs."""
        flat = [x.reshape(-1).astype(float) for x in floats]
        point = np.concatenate([np.zeros(0), *flat])
        y, derivative = self._function(point, self._seeds(inputs))
        values = np.asarray(y.full()).reshape(-1)
        derivatives = self._laid_out(np.asarray(derivative.full()))
        return self._matrices.finished(values, derivatives, self.types)

    def _nonzeros(self, matrix: Any) -> Any:
        """Of all blocks, row by row."""
        blocks = [block.T for block in self._matrices.blocks(matrix)]
        self.patterns = tuple(map(_pattern, blocks))
        count = len(self._request.of)
        pairs = zip(self.types[count:], self.patterns, strict=True)
        nonzeros = [type.with_shape((pattern.nonzeros,)) for type, pattern in pairs]
        self.types = [*self.types[:count], *nonzeros]
        return casadi.vertcat(casadi.SX(0, 1), *(z for block in blocks for z in block.nonzeros()))

    def _seed_shape(self) -> tuple[int, int]:
        count = 1 if self._request.seeds is None else self._request.seeds
        rows = {"jvp": self._matrices.columns, "hvp": self._matrices.columns}
        return {**rows, "vjp": self._matrices.rows}.get(self._request.operator, 0), count

    def _seeds(self, inputs: Sequence[Array]) -> Array:
        """One column a seed."""
        rows, count = self._seed_shape()
        return self._matrices.seeds(inputs).astype(float).reshape(count, rows).T

    def _laid_out(self, derivative: Array) -> Arrays:
        matrices, operator = self._matrices, self._request.operator
        if self._request.sparse:
            return split(derivative[:, 0], self.types[len(self._request.of) :])
        if operator in ("jacobian", "hessian"):
            return matrices.blocks(derivative)
        if operator == "evaluate":
            return []
        vectors = derivative[:, 0] if self._request.seeds is None else derivative.T
        return (
            split(vectors, matrices.ys) if operator == "jvp" else from_reals(vectors, matrices.xs)
        )


def _pattern(transposed: Any) -> Pattern:
    """Of a block whose transpose CasADi has column by column."""
    sparsity = transposed.sparsity()
    indptr, indices = sparsity.colind(), sparsity.row()
    return Pattern(np.array(indptr, np.int32), np.array(indices, np.int32), transposed.shape[0])


def _coloured(request: Request, sparsity: Any) -> tuple[str, int]:
    """The mode and how many colours CasADi's own colourings need."""
    if not sparsity.nnz():
        return "none", 0
    if request.operator == "hessian":
        return "forward over reverse", sparsity.star_coloring().size2()
    columns = sparsity.uni_coloring(sparsity.T).size2()
    rows = sparsity.T.uni_coloring(sparsity).size2()
    return ("forward", columns) if columns <= rows else ("reverse", rows)


def _derivative(request: Request, y: Any, x: Any, seeds: Any) -> Any:
    """By CasADi's forward mode, its reverse mode, or either over the other."""
    if not x.numel() or not y.numel():
        return casadi.SX(*_empty(request, y, x, seeds))
    match request.operator:
        case "jvp":
            return casadi.jtimes(y, x, seeds, False)
        case "vjp":
            return casadi.jtimes(y, x, seeds, True)
        case "gradient":
            return casadi.gradient(y, x)
        case "hvp":
            return casadi.jtimes(casadi.gradient(y, x), x, seeds, False)
        case "hessian":
            return casadi.hessian(y, x)[0]
        case "jacobian":
            return _jacobian(request, y, x)
    return casadi.SX(0, 1)


def _empty(request: Request, y: Any, x: Any, seeds: Any) -> tuple[int, int]:
    """The shape of a derivative of nothing or by nothing, which CasADi has its own idea of."""
    columns = {"jacobian": x.numel(), "hessian": x.numel(), "evaluate": 0, "gradient": 1}
    rows = y.numel() if request.operator in ("jvp", "jacobian") else x.numel()
    return rows, columns.get(request.operator, seeds.shape[1])


def _jacobian(request: Request, y: Any, x: Any) -> Any:
    """In the mode that is asked for; CasADi chooses itself, by colours, where none is."""
    if request.mode == "forward":
        return casadi.jtimes(y, x, casadi.SX.eye(x.numel()), False)
    if request.mode == "reverse":
        return casadi.jtimes(y, x, casadi.SX.eye(y.numel()), True).T
    return casadi.jacobian(y, x)
