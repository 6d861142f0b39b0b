"""The engine `symbolic`; SymPy is imported when a graph is first prepared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from adglot.calls import OPERATORS, EngineInfo
from adglot.errors import Unsupported
from adglot.ir import Graph
from adglot.ops.cost import cost
from adglot.stopping import stopped_by
from adglot_server.engines import points
from adglot_server.engines.base import Array, Prepared, Request
from adglot_server.engines.matrices import Matrices
from adglot_server.engines.packages import Package
from adglot_server.engines.specialized import Specialized
from adglot_server.engines.walk import PointCheck, refuse
from adglot_server.executors.control import Control
from adglot_server.executors.liveness import peak_bytes

if TYPE_CHECKING:
    from adglot_server.engines.symbolic.formulas import Formulas

Evaluate = Callable[[Sequence[Array]], tuple[Array, Array]]

MOST_OPERATIONS = 2_000
"""Scalar operations (as costs are counted) of a graph that is written out as formulas."""

LACKS = {
    "isfinite": "SymPy has no such question about a symbol",
    "linalg.eig": "SymPy has no formulas for eigenvectors",
    "linalg.eigh": "SymPy has no formulas for eigenvectors",
    "linalg.pinv": "it would have to know the rank",
    "linalg.qr": "SymPy's signs are not LAPACK's",
    "linalg.svd": "SymPy has no formulas for singular vectors",
    "special.log_ndtr": "SymPy writes erfc(-x) as 2 - erfc(x), which cancels",
    "while_loop": "how often it runs depends on the point",
}
PACKAGE = Package("sympy", "symbolic", LACKS)

RAISING = ("linalg.cholesky", "linalg.inv", "linalg.solve")
"""Ops that NumPy refuses where formulas give some number."""


class SymbolicEngine:
    """Formulas of small graphs: scalar by scalar, differentiated and written down by SymPy.

    Bools and integers among the inputs are no symbols: formulas are made for each choice of them.
    Unsupported are graphs of more than `MOST_OPERATIONS` scalar operations, or where a formula
    becomes larger than `numbers.LARGEST`.
    """

    name = "symbolic"

    def info(self) -> EngineInfo:
        """Available where SymPy is."""
        return replace(PACKAGE.info(OPERATORS), name=self.name)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Make the formulas and compile them to a Python function."""
        PACKAGE.require()
        matrices = Matrices(graph, request)
        _refuse(graph)
        program = _Program(graph, request, matrices)
        text, latex = program.written()
        ops = cost(graph) * request.points
        return Prepared(
            execute=points.at_each(program, matrices.types, request.batch),
            values=len(request.of),
            mode="none" if request.operator == "evaluate" else "forward",
            passes=matrices.columns,
            executor="NumPy",
            function_ops=ops,
            program_ops=ops * (1 + matrices.columns) ** matrices.order,
            peak_bytes=peak_bytes(graph) + 64 * (1 + matrices.rows) * (1 + matrices.columns),
            formula=text,
            latex=latex,
        )


class _Program:
    """The formulas of a request, compiled once for each choice of bools and integers."""

    def __init__(self, graph: Graph, request: Request, matrices: Matrices) -> None:
        self._graph, self._request, self._matrices = graph, request, matrices
        self._check = PointCheck(graph, replace(request, batch=None), raising=RAISING)
        self._compiled = Specialized(graph, self._compile)

    def __call__(self, inputs: Sequence[Array], control: Control) -> list[Array]:
        """Values and derivatives at one point."""
        self._check(inputs, control)
        with stopped_by(control.check):
            (_, evaluate), floats = self._compiled.at(inputs)
        values, matrix = evaluate(floats)
        return self._matrices.answer(values, matrix, inputs)

    def written(self) -> tuple[str, str]:
        """As text and as LaTeX; nothing where the formulas depend on integers."""
        made = self._compiled.always()
        return ("", "") if made is None else (made[0].text, made[0].latex)

    def _compile(self, given: list[Array]) -> tuple[Formulas, Evaluate]:
        from adglot_server.engines.symbolic import formulas

        request, order = self._request, self._matrices.order
        made = formulas.derive(self._graph, request.of, request.wrt, order, given)
        return made, made.compiled()


def _refuse(graph: Graph) -> None:
    from adglot_server.engines.symbolic.functions import LANGUAGE

    refuse(graph, LANGUAGE)
    if (operations := cost(graph)) > MOST_OPERATIONS:
        raise Unsupported(
            f"the graph has {operations} scalar operations, and SymPy is given at most "
            f"{MOST_OPERATIONS}"
        )
