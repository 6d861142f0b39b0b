"""Answer calls: the one path of every request, whether it came over a wire or not."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any

from adglot.calls import (
    Answer,
    Array,
    AttributeInfo,
    Call,
    Explanation,
    OpInfo,
    Report,
    ServerInfo,
)
from adglot.collecting import uncollected
from adglot.errors import (
    AdglotError,
    InvalidArgument,
    LimitExceeded,
    UnknownGraph,
)
from adglot.ir import OPSET, Graph
from adglot.ops import TABLE, Op, check
from adglot.ops.core import REQUIRED
from adglot.ops.index_sets import limited_to
from adglot.stopping import stopped_by
from adglot_server.engines import coloured
from adglot_server.engines.base import ANY, Control, Engine, Prepared, Request
from adglot_server.executors.control import never
from adglot_server.executors.tally import Tally
from adglot_server.service.anonymous import anonymous
from adglot_server.service.cache import Cache
from adglot_server.service.coalescing import Coalescing
from adglot_server.service.current import current, forwarding, span
from adglot_server.service.engines import Engines
from adglot_server.service.limits import Limits, kept_bytes
from adglot_server.service.memory import out_of_memory
from adglot_server.service.requests import (
    Ports,
    build,
    resolve,
    spread,
    to_request,
    wanted,
    wants_values,
)
from adglot_server.service.routes import Route, form, types_of
from adglot_server.service.turns import give_up_turn

PROGRAM_SIZE = 4
"""A derivative program and what runs it, in sizes of the function's graph."""

ROUTES = 4096
"""Forms of calls that are remembered."""

TILE_SIZES = 3
"""Programs that batches of one graph are run with, as a rule: for large tiles, and for the rest."""


@dataclass(frozen=True, slots=True)
class Program:
    """A prepared program and about how many bytes it occupies."""

    prepared: Prepared
    nbytes: int


class Core:
    """Graphs, programs and engines of one service; safe for threads, keeps nothing of a caller."""

    def __init__(
        self,
        limits: Limits | None = None,
        engines: Engines | None = None,
        coalesce_wait: float = 0.0,
    ) -> None:
        self._limits = limits or Limits()
        self._coalescing = Coalescing(coalesce_wait) if coalesce_wait > 0 else None
        self.engines = engines or Engines()
        self._graphs: Cache[str, Graph] = Cache(self._limits.kept_bytes, kept_bytes)
        self._programs: Cache[tuple[str, str, Request], Program] = Cache(
            self._limits.kept_bytes, lambda program: program.nbytes
        )
        self._routes: Cache[Hashable, Route] = Cache(ROUTES)
        self.prepared = Tally()

    @property
    def limits(self) -> Limits:
        """Those of the caller whose call this thread works at, or of everybody."""
        call = current()
        return self._limits if call is None or call.limits is None else call.limits

    @property
    def coalesces(self) -> bool:
        """Whether calls wait for others of their program."""
        return self._coalescing is not None

    @property
    def caches(self) -> dict[str, Cache[Any, Any]]:
        """What is kept, by what it is."""
        return {"graphs": self._graphs, "programs": self._programs, "routes": self._routes}

    def call(self, call: Call, cancelled: Callable[[], bool] = never) -> Answer:
        """The answer; stops soon after `cancelled` turns true."""
        control = self.control(call.deadline, cancelled)
        return self._repeated(call, control) or self._first(call, control)

    def _repeated(self, call: Call, control: Control) -> Answer | None:
        """The answer to a call of a form that came before, if all it takes is still kept."""
        key = form(call)
        route = None if key is None else self._routes.get(key)
        if route is None or (inputs := route.inputs(call)) is None:
            return None
        program = self._programs.get(route.program)
        if program is None or (graph := self._graphs.get(call.digest)) is None:
            return None
        self._check_again(graph, program.prepared)
        if self._coalescing is not None and inputs and self.engines.tiles(call.engine):
            together = partial(self._together, route, control)
            started = time.perf_counter()
            results = self._coalescing.results(route.program, inputs, together, control)
            if results is not None:
                return _answered(program.prepared, results, started, route)
        started = time.perf_counter()
        with span("run"):
            results = _run(program.prepared, inputs, control, route.program[2])
        return _answered(program.prepared, results, started, route)

    def _check_again(self, graph: Graph, prepared: Prepared) -> None:
        """What is kept was within the limits of somebody; those of this caller may be lower."""
        limits = self.limits
        if limits is not self._limits:
            limits.check_nodes(graph)
            limits.check_memory(prepared.peak_bytes)

    def _together(self, route: Route, control: Control, inputs: list[Array]) -> list[Array]:
        """The results of a route's program at a batch of points."""
        digest, engine, request = route.program
        request = replace(request, batch=len(inputs[0]))
        prepared, _ = self.prepare(engine, self.graph(digest, control), request, control)
        self.limits.check_memory(prepared.run_bytes(request))
        return _run(prepared, inputs, control, request)

    def _first(self, call: Call, control: Control) -> Answer:
        graph = self.graph(call.graph, control)
        ports = resolve(call, graph)
        if (elsewhere := self.engines.elsewhere(call.engine)) is not None:
            self.limits.check_request(graph, build(call, ports, graph)[0])
            give_up_turn()
            with forwarding():
                return elsewhere.call(_forwarded(call, ports, control), graph, control)
        answer = self._answer(call, ports, graph, control)
        if self.lacks_values(call, ports, graph):
            everything = Call(
                "evaluate", call.graph, call.values, engine=call.engine, batch=call.batch
            )
            whole = self._answer(everything, resolve(everything, graph), graph, control)
            return replace(answer, values=whole.values)
        return answer

    def explain(
        self, call: Call, cancelled: Callable[[], bool] = never, text: bool = True
    ) -> Explanation:
        """The program of a call at one point, with one seed; without `text` it is only made."""
        control = self.control(call.deadline, cancelled)
        graph = self.graph(call.graph, control)
        ports = resolve(call, graph)
        if (elsewhere := self.engines.elsewhere(call.engine)) is not None:
            give_up_turn()
            with forwarding():
                return elsewhere.explain(_forwarded(call, ports, control), graph, control)
        request = to_request(call, ports)
        if not text and self.engines.picks(call.engine):
            request = replace(request, values=wanted(call, graph))
        prepared, seconds = self.prepare(call.engine, graph, request, control)
        report = _report(call, ports, graph, prepared, seconds)
        if not text:
            return Explanation("", report, prepared.patterns)
        return Explanation(prepared.text, report, prepared.patterns, prepared.latex)

    def register(
        self, graph: Graph, deadline: float | None = None, cancelled: Callable[[], bool] = never
    ) -> Graph:
        """The graph as it is kept: checked, all types inferred, without names."""
        return self.graph(graph, self.control(deadline, cancelled))

    def ops(self) -> tuple[OpInfo, ...]:
        """The op table."""
        return tuple(map(_op_info, sorted(TABLE.values(), key=lambda op: op.name)))

    def info(self) -> ServerInfo:
        """Version and limits."""
        return ServerInfo(version("adglot"), OPSET, self.limits.as_dict())

    def close(self) -> None:
        """End what engines hold outside of this process."""
        self.engines.close()

    def graph(self, graph: Graph | str, control: Control) -> Graph:
        """The kept graph; one that is sent and not known yet is checked first."""
        if isinstance(graph, str):
            if (kept := self._graphs.get(graph)) is None:
                raise UnknownGraph(f"no graph has the digest {graph!r} here: send the graph again")
            self.limits.check_nodes(kept)
            return kept
        self.limits.check_nodes(graph)
        if (kept := self._graphs.get(graph.digest)) is not None:
            return kept
        with stopped_by(control.check), uncollected(len(graph.nodes)):
            checked = anonymous(_checked(graph, self.limits))
        return self._graphs.get_or_make(checked.digest, lambda: checked)

    def _answer(self, call: Call, ports: Ports, graph: Graph, control: Control) -> Answer:
        request, inputs = self.request(call, ports, graph)
        prepared, prepare_seconds = self.prepare(call.engine, graph, request, control)
        self.limits.check_memory(prepared.run_bytes(request))
        control.check()
        report = _report(call, ports, graph, _of_all(prepared, request.points), prepare_seconds)
        route = Route((graph.digest, call.engine, request), report, wants_values(call))
        started = time.perf_counter()
        with span("run"):
            results = _run(prepared, inputs, control, request)
        answer = _answered(prepared, results, started, route)
        if (key := form(call)) is not None and not self.lacks_values(call, ports, graph):
            types = types_of(call, graph, request)
            report = replace(report, prepare_seconds=0.0)
            route = replace(route, report=report, types=types)
            self._routes.get_or_make(key, lambda: route)
        return answer

    def request(self, call: Call, ports: Ports, graph: Graph) -> tuple[Request, list[Array]]:
        """As `requests.build`, with what the call's engine can take alone."""
        request, inputs = build(call, ports, graph)
        if request.shared and not self.engines.tiles(call.engine):
            request, inputs = spread(request, inputs)
        if not self.engines.picks(call.engine):
            request = replace(request, values=None)
        return request, inputs

    def lacks_values(self, call: Call, ports: Ports, graph: Graph) -> bool:
        """Whether the call wants values that no program of its engine has beside derivatives."""
        others = ports.of != tuple(range(len(graph.outputs)))
        return call.include_values and others and not self.engines.picks(call.engine)

    def prepare(
        self, engine: str, graph: Graph, request: Request, control: Control
    ) -> tuple[Prepared, float]:
        """The program, kept or made, and the seconds it took; refused when it needs too much."""
        started = time.perf_counter()

        def make() -> Program:
            self.limits.check_request(graph, request)
            limited = limited_to(self.limits.memory_bytes)
            timed = self.prepared.timed(engine)
            with span("prepare"), timed, stopped_by(control.check), limited:
                prepared = _prepared(self.engines.get(engine), graph, request)
            self.limits.check_memory(prepared.peak_bytes)
            sizes = TILE_SIZES if prepared.point_bytes else 1
            size = PROGRAM_SIZE * sizes * kept_bytes(graph) + _sparse_bytes(prepared)
            return Program(prepared, size)

        if request.batch is not None and self.engines.tiles(engine):
            request = replace(request, batch=ANY)
        program = self._programs.get_or_make((graph.digest, engine, request), make, control)
        return program.prepared, time.perf_counter() - started

    def control(self, theirs: float | None, cancelled: Callable[[], bool]) -> Control:
        """Ends at the caller's deadline or at our own limit, told apart."""
        ours = time.monotonic() + self.limits.seconds
        if theirs is not None and theirs <= ours:
            return Control(theirs, cancelled)
        return Control(ours, cancelled, self._over_limit)

    def _over_limit(self) -> AdglotError:
        return LimitExceeded("seconds", self.limits.seconds, self.limits.seconds + 1)


def _forwarded(call: Call, ports: Ports, control: Control) -> Call:
    """The call in positions alone, with the time that it still has here."""
    return replace(call, wrt=ports.wrt, of=ports.of, deadline=control.deadline)


def _run(
    prepared: Prepared, inputs: Sequence[Array], control: Control, request: Request
) -> list[Array]:
    try:
        return prepared.run(inputs, control)
    except MemoryError as error:
        raise out_of_memory(error, prepared.run_bytes(request)) from error


def _answered(prepared: Prepared, results: Sequence[Array], started: float, route: Route) -> Answer:
    """What ran from `started` until now as an answer."""
    seconds = time.perf_counter() - started
    values, derivatives, estimates = prepared.split(results)
    return Answer(
        values if route.wants_values else (),
        derivatives,
        route.report.ran(prepared.last_executor, seconds),
        estimates,
        prepared.patterns,
    )


def _of_all(prepared: Prepared, points: int) -> Prepared:
    """With the op counts of all points of a batch."""
    if not prepared.point_bytes:
        return prepared
    counts = prepared.function_ops, prepared.program_ops
    function_ops, program_ops = (points * count for count in counts)
    return replace(prepared, function_ops=function_ops, program_ops=program_ops)


def _prepared(engine: Engine, graph: Graph, request: Request) -> Prepared:
    if request.sparse and not engine.info().sparse:
        return coloured.prepare(engine, graph, request)
    return engine.prepare(graph, request)


def _sparse_bytes(prepared: Prepared) -> int:
    """Of patterns, seeds and positions, which no graph of the function has."""
    patterns = sum(p.indptr.nbytes + p.indices.nbytes for p in prepared.patterns)
    if prepared.program is None:
        return PROGRAM_SIZE * patterns
    return patterns + kept_bytes(prepared.program) if patterns else 0


def _checked(graph: Graph, limits: Limits) -> Graph:
    try:
        return check(graph, limits.of_graphs)
    except InvalidArgument as error:
        raise error.within("graph") from None


def _report(
    call: Call, ports: Ports, graph: Graph, prepared: Prepared, prepared_in: float
) -> Report:
    return Report(
        engine=call.engine,
        executor=prepared.last_executor,
        mode=prepared.mode,
        passes=prepared.passes,
        function_ops=prepared.function_ops,
        program_ops=prepared.program_ops,
        prepare_seconds=prepared_in,
        digest=graph.digest,
        wrt=ports.wrt,
        of=ports.of,
        colours=prepared.colours,
    )


def _op_info(op: Op) -> OpInfo:
    attributes = tuple(AttributeInfo(a.name, a.kind, a.default is REQUIRED) for a in op.attributes)
    return OpInfo(op.name, op.doc, attributes, not op.no_derivative)
