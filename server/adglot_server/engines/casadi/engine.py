"""The engine `casadi`; CasADi is imported when a graph is first prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from adglot.calls import OPERATORS, EngineInfo
from adglot.errors import Unsupported
from adglot.ir import Graph
from adglot.ops.cost import cost
from adglot.stopping import stopped_by
from adglot_server.engines import coloured, points
from adglot_server.engines.base import Array, Execute, Prepared, Request
from adglot_server.engines.matrices import Matrices
from adglot_server.engines.packages import Package
from adglot_server.engines.specialized import Specialized
from adglot_server.engines.walk import PointCheck, nodes, refuse
from adglot_server.executors.control import Control
from adglot_server.executors.liveness import peak_bytes

if TYPE_CHECKING:
    from adglot_server.engines.casadi.program import Program

MOST_OPERATIONS = 1_000_000
"""Scalar operations (as costs are counted) of a graph that is written out as expressions."""

BESSEL = {
    f"special.{name}": "CasADi has no Bessel functions" for name in ("iv", "ive", "jv", "kv", "yv")
}
GAMMA = {
    f"special.{name}": "CasADi has no gamma function and no kin of it"
    for name in ("digamma", "gamma", "gammaln", "polygamma")
}
INEXACT = {
    f"special.{name}": "CasADi's erfinv is right to eleven digits only"
    for name in ("erfinv", "ndtri")
}
LACKS = {
    **BESSEL,
    **GAMMA,
    **INEXACT,
    "isfinite": "CasADi has no such question about an expression",
    "linalg.eig": "CasADi has no eigenvectors",
    "linalg.eigh": "CasADi has no eigenvectors",
    "linalg.pinv": "CasADi's is of matrices of full rank only",
    "linalg.qr": "CasADi's signs are not LAPACK's",
    "linalg.svd": "CasADi has no singular vectors",
    "special.erfc": "CasADi has erf only, and 1 - erf(x) cancels",
    "special.log_ndtr": "CasADi has erf only, and 1 - erf(x) cancels",
    "while_loop": "how often it runs depends on the point",
}
PACKAGE = Package("casadi", "casadi", LACKS)

RAISING = ("linalg.cholesky", "linalg.inv", "linalg.solve")
"""Ops that NumPy refuses where expressions give some number."""


class CasadiEngine:
    """Real graphs as scalar expressions (SX), by CasADi's forward and reverse modes.

    It computes in double precision, single-precision graphs too. Bools and integers among the
    inputs are no expressions: a function is made for each choice of them. Sparse matrices have
    CasADi's own pattern, but for graphs with such inputs and where a mode is asked for: there
    they are made by our colours. Unsupported are complex numbers and graphs of more than
    `MOST_OPERATIONS` scalar operations.
    """

    name = "casadi"

    def info(self) -> EngineInfo:
        """Available where CasADi is."""
        return replace(PACKAGE.info(OPERATORS), sparse=True)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Write the graph out, and what CasADi derives from it."""
        PACKAGE.require()
        if request.sparse and (request.mode != "auto" or _has_integers(graph)):
            return coloured.prepare(self, graph, request)
        matrices = Matrices(graph, request)
        _refuse(graph)
        program = _Program(graph, request, matrices)
        batch = request.points
        passes = _passes(request, matrices)
        dense = Prepared(
            execute=points.at_each(program, matrices.types, request.batch),
            values=len(request.of),
            mode=_mode(request, matrices),
            passes=passes,
            executor="CasADi",
            function_ops=batch * cost(graph),
            program_ops=batch * cost(graph) * max(1, 3 * passes),
            peak_bytes=2 * peak_bytes(graph) + 16 * batch * sum(t.size for t in matrices.types),
        )
        made = program.always()
        return _sparse(dense, made, request, program) if request.sparse and made else dense


class _Program:
    """The functions of a request, made once for each choice of bools and integers."""

    def __init__(self, graph: Graph, request: Request, matrices: Matrices) -> None:
        from adglot_server.engines.casadi.program import Program

        self._matrices, self._lock = matrices, Lock()
        self._check = PointCheck(graph, replace(request, batch=None), raising=RAISING)
        self._made = Specialized(graph, lambda given: Program(graph, request, matrices, given))

    def always(self) -> Program | None:
        """The one program, where all inputs are floats."""
        return self._made.always()

    def __call__(self, inputs: Sequence[Array], control: Control) -> list[Array]:
        """Values and derivatives at one point."""
        self._check(inputs, control)
        with stopped_by(control.check):
            program, floats = self._made.at(inputs)
        with self._lock:
            return program(floats, inputs)


def _sparse(dense: Prepared, made: Program, request: Request, one: Execute) -> Prepared:
    """With CasADi's pattern and colours."""
    batch = request.points
    return replace(
        dense,
        execute=points.at_each(one, made.types, request.batch),
        mode=made.mode,
        passes=made.colours,
        colours=made.colours,
        patterns=made.patterns,
        program_ops=dense.function_ops * max(1, 3 * made.colours),
        peak_bytes=16 * batch * sum(type.size for type in made.types),
    )


def _has_integers(graph: Graph) -> bool:
    return not all(type.is_differentiable for type in graph.inputs)


def _passes(request: Request, matrices: Matrices) -> int:
    match request.operator:
        case "evaluate":
            return 0
        case "jacobian" if _mode(request, matrices) == "reverse":
            return matrices.rows
        case "jacobian" | "hessian":
            return matrices.columns
    return 1 if request.seeds is None else request.seeds


def _mode(request: Request, matrices: Matrices) -> str:
    if request.operator != "jacobian":
        return MODES[request.operator]
    if request.mode == "auto":
        return "forward" if matrices.columns <= matrices.rows else "reverse"
    return request.mode


MODES = {
    "evaluate": "none",
    "gradient": "reverse",
    "hessian": "forward over reverse",
    "hvp": "forward over reverse",
    "jvp": "forward",
    "vjp": "reverse",
}


def _refuse(graph: Graph) -> None:
    from adglot_server.engines.casadi.functions import LANGUAGE

    refuse(graph, LANGUAGE)
    inner = (type for node, types in nodes(graph) for type in (*types, *node.outputs))
    if any(type.is_complex for type in (*graph.inputs, *inner)):
        raise Unsupported("CasADi has no complex numbers")
    if (operations := cost(graph)) > MOST_OPERATIONS:
        raise Unsupported(
            f"the graph has {operations} scalar operations, and CasADi is given at most "
            f"{MOST_OPERATIONS}"
        )
