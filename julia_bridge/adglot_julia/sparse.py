"""The nonzeros of a sparse matrix, which Julia gives row by row, as those of its blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot.calls import Pattern
from adglot.ir import Graph, Type
from adglot_server.engines.base import Execute, Request
from adglot_server.executors.control import Control
from adglot_server.transforms.sparse.plan import in_blocks

Array = np.ndarray[Any, Any]


class Nonzeros:
    """Where the nonzeros [n] of a whole matrix belong.

    - `type`: of all of them, as Julia writes them
    - `patterns`: one a block, rows of blocks first
    """

    def __init__(self, graph: Graph, request: Request, pattern: Pattern) -> None:
        columns = [graph.inputs[i] for i in request.wrt]
        hessian = request.operator == "hessian"
        rows = columns if hessian else [graph.output_types[i] for i in request.of]
        self.type = Type(_wide(columns), (pattern.nonzeros,))
        self.patterns, self._positions = in_blocks(
            pattern,
            np.arange(pattern.nonzeros),
            [type.size for type in rows],
            [type.size for type in columns],
        )
        self._dtypes = [type.dtype for type in rows for _ in columns]

    def of(self, execute: Execute) -> Execute:
        """What gives the blocks' nonzeros where `execute` gives all of them as its last result."""

        def picked(inputs: Sequence[Array], control: Control) -> list[Array]:
            *values, whole = execute(inputs, control)
            pairs = zip(self._positions, self._dtypes, strict=True)
            return [*values, *(whole[..., at].astype(dtype) for at, dtype in pairs)]

        return picked


def _wide(types: Sequence[Type]) -> str:
    """The dtype of the one vector that all inputs are in Julia."""
    return "float64" if any(type.dtype == "float64" for type in types) else "float32"
