"""The AD packages of Julia as engines of this process, by juliacall."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np

from adglot.calls import EngineInfo
from adglot.errors import InternalError, UnknownEngine, Unsupported
from adglot.ir import Graph, Type
from adglot.ops.cost import cost
from adglot_julia.bridge import PREFIX, Bridge, Described, Failure, Program
from adglot_julia.sparse import Nonzeros
from adglot_julia.thread import JuliaThread
from adglot_server.engines import coloured
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.walk import PointCheck, nodes
from adglot_server.executors.control import Control
from adglot_server.executors.interpreter import Interpreter
from adglot_server.executors.liveness import peak_bytes
from adglot_server.transforms.operators import check, jacobian_mode, refuse_complex

Array = np.ndarray[Any, Any]


class JuliaEngines:
    """A family: the engines ``julia/ForwardDiff``, ``julia/Zygote``, ... of one Julia.

    Make it on the thread that `thread` belongs to, which imports Julia then. Raises what the
    import of juliacall raises where there is no Julia.
    """

    def __init__(self, thread: JuliaThread) -> None:
        self._bridge = Bridge(thread)
        self._engines: dict[str, JuliaEngine] = {}
        for described in self._bridge.describe():
            engine = JuliaEngine(described, self._bridge)
            self._engines[engine.name] = engine

    def infos(self) -> tuple[EngineInfo, ...]:
        return tuple(engine.info() for _, engine in sorted(self._engines.items()))

    def engine(self, name: str) -> JuliaEngine:
        if name not in self._engines:
            raise UnknownEngine(f"no engine {name!r}; there are {', '.join(sorted(self._engines))}")
        return self._engines[name]

    def close(self) -> None:
        """Julia ends with the process."""

    def compilations(self) -> int:
        """How many functions Julia has compiled for graphs: it never frees them."""
        return self._bridge.compilations()


class JuliaEngine:
    """One AD package of Julia."""

    def __init__(self, described: Described, bridge: Bridge) -> None:
        self.name = PREFIX + described.name
        self._known, self._bridge = described, bridge
        self._loaded = False
        self._lock = Lock()

    def info(self) -> EngineInfo:
        known = self._known
        if known.reason:
            return EngineInfo(self.name, available=False, reason=known.reason)
        return EngineInfo(
            self.name,
            True,
            "",
            known.version,
            known.operators,
            known.ops,
            sparse=bool(known.sparse),
        )

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Build the graph's Julia function; it is compiled, and DI prepared, at the first point."""
        check(graph, request)
        self._refuse(graph, request)
        if request.sparse:
            return self._sparse(graph, request) or coloured.prepare(self, graph, request)
        mode = self._mode(graph, request)
        self._load()
        program = self._bridge.program(graph)
        number = self._bridge.make_ready(program, self._known.name, request, mode)
        points = request.batch or 1
        passes, types = _passes(graph, request, mode), _result_types(graph, request)
        return Prepared(
            execute=_Run(self.name, graph, request, self._bridge, program, number, types).execute,
            values=len(request.of),
            mode=mode,
            passes=passes,
            executor="julia",
            function_ops=points * cost(graph),
            program_ops=points * cost(graph) * max(1, passes),
            # A tape keeps every value and its cotangent, and DI's preparation about as much.
            peak_bytes=4 * peak_bytes(graph) + 2 * points * _bytes(types),
        )

    def _sparse(self, graph: Graph, request: Request) -> Prepared | None:
        """By AutoSparse; None where DI has none, or Julia cannot tell the pattern."""
        mode = self._sparse_mode(request)
        if mode is None or _has_complex(graph, request):
            return None
        self._load()
        program = self._bridge.program(graph)
        try:
            number = self._bridge.make_ready(program, self._known.name, request, mode)
        except (Unsupported, InternalError):
            return None
        pattern, colours = self._bridge.pattern(number)
        nonzeros = Nonzeros(graph, request, pattern)
        types = [*_values(graph, request), nonzeros.type]
        run = _Run(self.name, graph, request, self._bridge, program, number, types)
        points = request.batch or 1
        return Prepared(
            execute=nonzeros.of(run.execute),
            values=len(request.of),
            mode=mode if colours else "none",
            passes=colours,
            executor="julia",
            function_ops=points * cost(graph),
            program_ops=points * cost(graph) * max(1, colours),
            peak_bytes=4 * peak_bytes(graph) + 4 * points * _bytes(types),
            patterns=nonzeros.patterns,
            colours=colours,
        )

    def _sparse_mode(self, request: Request) -> str | None:
        """The direction that AutoSparse goes; None for one that it does not."""
        modes = self._known.modes
        if request.operator not in self._known.sparse:
            return None
        if request.operator == "hessian":
            return "forward over reverse" if "reverse" in modes else "forward"
        preferred = modes[0] if request.mode == "auto" else request.mode
        return preferred if preferred in modes else None

    def _refuse(self, graph: Graph, request: Request) -> None:
        if request.operator not in self._known.operators:
            raise Unsupported(f"{self.name} has no operator {request.operator}")
        for node, _ in nodes(graph):
            if node.op not in self._known.ops:
                raise Unsupported(f"{self.name} has no {node.op} ({node.location})")

    def _mode(self, graph: Graph, request: Request) -> str:
        """The direction it goes; InvalidArgument or Unsupported for one that it cannot."""
        modes = self._known.modes
        if request.operator == "evaluate":
            return "none"
        if request.operator in ("hvp", "hessian"):
            if request.operator == "hessian":
                refuse_complex(graph, request)
            return "forward over reverse" if "reverse" in modes else "forward"
        if request.operator != "jacobian":
            preferred = "forward" if request.operator == "jvp" else "reverse"
            return preferred if preferred in modes else modes[0]
        columns = sum(graph.inputs[i].size for i in request.wrt)
        rows = sum(graph.output_types[i].size for i in request.of)
        preferred = jacobian_mode(graph, request, columns, rows)
        if preferred in modes:
            return preferred
        if request.mode != "auto":
            raise Unsupported(f"{self.name} only goes {modes[0]}")
        return modes[0]

    def _load(self) -> None:
        with self._lock:
            if not self._loaded:
                self._bridge.load(self._known.name)
                self._loaded = True


def _passes(graph: Graph, request: Request, mode: str) -> int:
    columns = sum(graph.inputs[i].size for i in request.wrt)
    rows = sum(graph.output_types[i].size for i in request.of)
    match request.operator:
        case "evaluate":
            return 0
        case "jacobian":
            return columns if mode == "forward" else rows
        case "gradient":
            return columns if mode == "forward" else 1
        case "hessian":
            return columns
    return request.seeds or 1


def _bytes(types: Sequence[Type]) -> int:
    return sum(type.nbytes for type in types)


def _values(graph: Graph, request: Request) -> list[Type]:
    return [graph.output_types[i] for i in request.of]


def _has_complex(graph: Graph, request: Request) -> bool:
    inputs = [graph.inputs[i] for i in request.wrt]
    return any(type.is_complex for type in (*inputs, *_values(graph, request)))


def _result_types(graph: Graph, request: Request) -> list[Type]:
    """Values and derivatives of one point, laid out as `operators.derive` says."""
    xs = [graph.inputs[i] for i in request.wrt]
    ys = _values(graph, request)
    seeds = () if request.seeds is None else (request.seeds,)
    match request.operator:
        case "evaluate":
            return ys
        case "jvp":
            return [*ys, *(y.with_shape((*seeds, *y.shape)) for y in ys)]
        case "jacobian":
            return [*ys, *(y.with_shape((*y.shape, *x.shape)) for y in ys for x in xs)]
        case "hessian":
            return [*ys, *(x.with_shape((*x.shape, *other.shape)) for x in xs for other in xs)]
        case "gradient":
            return [*ys, *xs]
    return [*ys, *(x.with_shape((*seeds, *x.shape)) for x in xs)]


# ------------------------------------------------------------------ one prepared operator


class _Run:
    """Runs what Julia has made ready: addresses go in, numbers are written where they point."""

    def __init__(
        self,
        name: str,
        graph: Graph,
        request: Request,
        bridge: Bridge,
        program: Program,
        number: int,
        types: Sequence[Type],
    ) -> None:
        self._name, self._graph, self._bridge = name, graph, bridge
        self._program, self._number = program, number
        self._check = PointCheck(graph, request)
        lead = () if request.batch is None else (request.batch,)
        self._results = [((*lead, *type.shape), type.dtype) for type in types]
        weakref.finalize(self, bridge.forget, number)

    def execute(self, inputs: Sequence[Array], control: Control) -> list[Array]:
        self._check(inputs, control)
        given = [np.ascontiguousarray(x) for x in inputs]
        results = [np.zeros(shape, dtype) for shape, dtype in self._results]
        addresses = np.array([x.ctypes.data for x in (*given, *results)], np.int64)
        failure = self._bridge.run(self._number, addresses, (given, results), control)
        if failure:
            self._explain(inputs, control)
            raise Unsupported(f"{self._name}: {Failure.parse(failure)}")
        return results

    def _explain(self, inputs: Sequence[Array], control: Control) -> None:
        """Raises InvalidArgument where it is the point's fault: NumPy refuses it as well."""
        count = len(self._graph.inputs)
        if all(x.shape == t.shape for x, t in zip(inputs, self._graph.inputs, strict=False)):
            Interpreter(self._graph).run(inputs[:count], control)
