"""The AD packages of Julia as engines of this process, by juliacall."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from adglot.calls import EngineInfo, Operator
from adglot.codec.graphs import dumps
from adglot.errors import InternalError, UnknownEngine, Unsupported
from adglot.ir import Graph, Type
from adglot.ops.cost import cost
from adglot_julia.thread import JuliaThread
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.walk import PointCheck, nodes
from adglot_server.executors.control import Control
from adglot_server.executors.interpreter import Interpreter
from adglot_server.executors.liveness import peak_bytes
from adglot_server.transforms.operators import check, jacobian_mode, refuse_complex

Array = np.ndarray[Any, Any]

PREFIX = "julia/"
FIELDS, LINES, WORDS = "\x1f", "\n", " "
"""How Julia separates the parts of a text: of a failure, of a list, of a list in a list."""


class JuliaEngines:
    """A family: the engines ``julia/ForwardDiff``, ``julia/Zygote``, ... of one Julia.

    Make it on the thread that `thread` belongs to, which imports Julia then. Raises what the
    import of juliacall raises where there is no Julia.
    """

    def __init__(self, thread: JuliaThread) -> None:
        self._bridge = _Bridge(thread)
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

    def __init__(self, described: _Described, bridge: _Bridge) -> None:
        self.name = PREFIX + described.name
        self._known, self._bridge = described, bridge
        self._loaded = False
        self._lock = Lock()

    def info(self) -> EngineInfo:
        known = self._known
        if known.reason:
            return EngineInfo(self.name, available=False, reason=known.reason)
        return EngineInfo(self.name, True, "", known.version, known.operators, known.ops)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Build the graph's Julia function; it is compiled, and DI prepared, at the first point."""
        check(graph, request)
        self._refuse(graph, request)
        mode = self._mode(graph, request)
        self._load()
        program = self._bridge.program(graph)
        number = self._bridge.make_ready(program, self._known.name, request, mode)
        points = request.batch or 1
        passes = _passes(graph, request, mode)
        return Prepared(
            execute=_Run(self.name, graph, request, self._bridge, program, number).execute,
            values=len(request.of),
            mode=mode,
            passes=passes,
            executor="julia",
            function_ops=points * cost(graph),
            program_ops=points * cost(graph) * max(1, passes),
            # A tape keeps every value and its cotangent, and DI's preparation about as much.
            peak_bytes=4 * peak_bytes(graph) + 2 * points * _result_bytes(graph, request),
        )

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


def _result_bytes(graph: Graph, request: Request) -> int:
    return sum(type.nbytes for type in _result_types(graph, request))


def _result_types(graph: Graph, request: Request) -> list[Type]:
    """Values and derivatives of one point, laid out as `operators.derive` says."""
    xs = [graph.inputs[i] for i in request.wrt]
    ys = [graph.output_types[i] for i in request.of]
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
        bridge: _Bridge,
        program: _Program,
        number: int,
    ) -> None:
        self._name, self._graph, self._bridge = name, graph, bridge
        self._program, self._number = program, number
        self._check = PointCheck(graph, request)
        lead = () if request.batch is None else (request.batch,)
        self._results = [
            ((*lead, *type.shape), type.dtype) for type in _result_types(graph, request)
        ]
        weakref.finalize(self, bridge.forget, number)

    def execute(self, inputs: Sequence[Array], control: Control) -> list[Array]:
        self._check(inputs, control)
        given = [np.ascontiguousarray(x) for x in inputs]
        results = [np.zeros(shape, dtype) for shape, dtype in self._results]
        addresses = np.array([x.ctypes.data for x in (*given, *results)], np.int64)
        failure = self._bridge.run(self._number, addresses, (given, results), control)
        if failure:
            self._explain(inputs, control)
            raise Unsupported(f"{self._name}: {_Failure.parse(failure)}")
        return results

    def _explain(self, inputs: Sequence[Array], control: Control) -> None:
        """Raises InvalidArgument where it is the point's fault: NumPy refuses it as well."""
        count = len(self._graph.inputs)
        if all(x.shape == t.shape for x, t in zip(inputs, self._graph.inputs, strict=False)):
            Interpreter(self._graph).run(inputs[:count], control)


@dataclass(frozen=True, slots=True)
class _Failure:
    """What went wrong in Julia, as text."""

    phase: str
    kind: str
    message: str
    frames: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> _Failure:
        phase, kind, message, *frames = text.split(FIELDS)
        return cls(phase, kind, message, tuple(frames))

    def __str__(self) -> str:
        where = f" ({'; '.join(self.frames)})" if self.frames else ""
        return f"{self.phase}: {self.kind}: {self.message}{where}"


# ------------------------------------------------------------------ Julia


@dataclass(frozen=True, slots=True)
class _Described:
    """What Julia says of an engine; `reason` is empty where its packages are there."""

    name: str
    reason: str
    version: str
    operators: tuple[Operator, ...]
    modes: tuple[str, ...]
    ops: tuple[str, ...]

    @classmethod
    def parse(cls, line: str) -> _Described:
        name, reason, version, *lists = line.split(FIELDS)
        operators, modes, ops = (tuple(filter(None, part.split(WORDS))) for part in lists)
        return cls(name, reason, version, operators, modes, ops)  # type: ignore[arg-type]


class _Program:
    """A graph that Julia holds, by its number; let go when nobody refers to it any more."""

    def __init__(self, number: int, forget: Callable[[int], None]) -> None:
        self.number = number
        weakref.finalize(self, forget, number)


class _Bridge:
    """The functions of AdglotBridge, all called on the thread of Julia with Python's lock free."""

    def __init__(self, thread: JuliaThread) -> None:
        self._thread = thread
        self._julia = _import_bridge()
        self._programs: WeakValueDictionary[str, _Program] = WeakValueDictionary()
        self._forgotten: deque[tuple[str, int]] = deque()
        self._lock = Lock()

    def describe(self) -> list[_Described]:
        text = self._call("describe", ())
        return [_Described.parse(line) for line in text.split(LINES)]

    def compilations(self) -> int:
        return int(self._call("compilations", ()))

    def load(self, engine: str) -> None:
        """Import an engine's packages; Unavailable with Julia's reason where that fails."""
        failure = self._call("load", (engine,))
        if failure:
            raise Unsupported(f"{PREFIX}{engine}: {_Failure.parse(failure)}")

    def program(self, graph: Graph) -> _Program:
        """The graph in Julia, built once for all engines and operators."""
        with self._lock:
            known = self._programs.get(graph.digest)
            if known is None:
                known = _Program(self._add(graph), self.forget_graph)
                self._programs[graph.digest] = known
            return known

    def _add(self, graph: Graph) -> int:
        data = np.frombuffer(dumps(graph), np.uint8)
        return self._number("add_graph", (data.ctypes.data, data.size), data)

    def make_ready(self, program: _Program, engine: str, request: Request, mode: str) -> int:
        return self._number(
            "make_ready",
            (
                program.number,
                engine,
                request.operator,
                tuple(request.wrt),
                tuple(request.of),
                mode,
                request.seeds or 0,
                request.batch or 0,
            ),
        )

    def run(self, number: int, addresses: Array, kept: Any, control: Control) -> str:
        """Empty, or the text of a failure. `kept` is what must live until Julia is done."""
        arguments = (number, addresses.ctypes.data)
        failure: str = self._call("run", arguments, control=control, kept=(addresses, kept))
        return failure

    def forget(self, number: int) -> None:
        """Let go of what was made ready; any thread may say so, the next call tells Julia."""
        self._forgotten.append(("release", number))

    def forget_graph(self, number: int) -> None:
        self._forgotten.append(("release_graph", number))

    def _number(self, name: str, arguments: tuple[Any, ...], kept: Any = None) -> int:
        result = self._call(name, arguments, kept=kept)
        if isinstance(result, str):
            failure = _Failure.parse(result)
            if failure.kind in ("LackingOp", "ArgumentError"):
                raise Unsupported(f"{PREFIX[:-1]}: {failure.message}")
            raise InternalError(f"Julia could not {failure}")
        return int(result)

    def _call(
        self,
        name: str,
        arguments: tuple[Any, ...],
        *,
        control: Control | None = None,
        kept: Any = None,
    ) -> Any:
        call = partial(self._on_thread, name, arguments, kept)
        return self._thread.call(call) if control is None else self._thread.call(call, control)

    def _on_thread(self, name: str, arguments: tuple[Any, ...], kept: Any) -> Any:
        """`kept` is memory that Julia reads or writes: it lives as long as the call does."""
        while self._forgotten:
            forgotten, number = self._forgotten.popleft()
            getattr(self._julia, forgotten)._jl_call_nogil(number)
        return getattr(self._julia, name)._jl_call_nogil(*arguments)


def _import_bridge() -> Any:
    from juliacall import Main

    Main.seval("import AdglotBridge")
    return Main.AdglotBridge
