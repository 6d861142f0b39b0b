"""adglot: through the client and without it, by each executor alone, and the function itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

import adglot
from adglot.calls import Pattern
from adglot.ir import Graph
from adglot.sparse import Matrices, matrix
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.native import NativeEngine
from adglot_server.executors.compiled.executor import Compiled
from adglot_server.executors.compiled.kernel import TooLarge
from adglot_server.executors.compiled.points import PointKernel
from adglot_server.executors.compiled.scalars import NotTaken
from adglot_server.executors.compiled.staged import optimised
from adglot_server.executors.compiling import settle
from adglot_server.executors.interpreter import Interpreter
from adglot_server.transforms.operators import derive
from adglot_server.transforms.simplify import simplify
from adglot_server.transforms.sparse import compress
from benchmarks.peers.base import STEP, Absent, Contestant, Namespace, reader
from benchmarks.workloads.base import Array, Workload

XP = Namespace(np, scan=adglot.scan)

PATIENCE = 3.0
"""Seconds until a program that has paid for it is compiled, if it ever is."""

STAGES, PAYING = 3, 0.1
"""Raw code, optimised code, a shortcut: so many seconds of calls are enough for each to pay."""

TRIALS = 20
"""Calls of a compiled program, after which it is kept if it is faster."""


def _settle(call: Callable[[], object], executor: Callable[[], str]) -> None:
    """Call until compiled code answers, or nobody waits for it any more."""
    end = time.perf_counter() + PATIENCE
    compiled = 0
    while time.perf_counter() < end and compiled < TRIALS:
        call()
        compiled += executor() == Compiled.name
    for _ in range(STAGES):
        end = time.perf_counter() + PAYING
        while time.perf_counter() < end:
            call()
        settle(60)


class Client:
    """What a user calls: `adglot.connect().prepare`."""

    title = "adglot"
    version = adglot.__version__

    def __init__(self) -> None:
        self._client = adglot.connect()

    def build(self, workload: Workload) -> Contestant:
        """The prepared operator and its arguments."""
        argnums = workload.argnums if len(workload.argnums) > 1 else workload.argnums[0]
        keywords: dict[str, Any] = {"batch": workload.batch is not None}
        if workload.operator in ("jacobian", "hessian"):
            keywords["sparse"] = workload.sparse
        if workload.operator != "hvp":
            keywords["argnums"] = argnums
        function = partial(workload.function, XP)
        prepared = self._client.prepare(
            function, *workload.point, operator=workload.operator, **keywords
        )
        call = partial(prepared, *_arguments(workload))
        return _asking(call, partial(_read, workload))


def _asking(call: Callable[[], object], read: Any) -> Contestant:
    """Settled when compiled code answers the client."""

    def executor() -> str:
        with adglot.reports() as reports:
            call()
        return reports[-1].executor

    return Contestant(call, read, partial(_settle, call, executor))


def _arguments(workload: Workload) -> tuple[Any, ...]:
    """Of the method: an HVP takes the primals and the tangents."""
    if workload.operator != "hvp":
        return workload.point
    rest = [None] * (len(workload.point) - 1)
    return workload.point, (*workload.seeds, *rest)


def _read(workload: Workload, results: Any) -> list[Any]:
    """An HVP is None for the arguments that have no tangent; a sparse batch is `Matrices`."""
    results = results if isinstance(results, tuple) else (results,)
    if not workload.sparse:
        return reader(workload)([x for x in results if x is not None])
    return [_points(x) if isinstance(x, Matrices) else x for x in results]


def _points(matrices: Matrices) -> Array:
    return np.stack([matrices[i].toarray() for i in range(0, len(matrices), STEP)])


class Engine:
    """The native engine's prepared program: what a server runs."""

    title = "adglot, engine alone"
    version = adglot.__version__

    def build(self, workload: Workload) -> Contestant:
        """Trace, transform; the first calls compile."""
        prepared = NativeEngine().prepare(trace(workload), _request(workload))
        read = partial(_derivatives, workload, prepared.values, prepared.patterns)
        return _settling(prepared, _inputs(workload), read)


class Interpreted:
    """The same program, run by NumPy node by node."""

    title = "adglot, interpreter"
    version = adglot.__version__

    def build(self, workload: Workload) -> Contestant:
        """Never compiled."""
        return _programmed(workload, Interpreter, workload.batch)


class CompiledAtOnce:
    """The same program, compiled before its first call: what raw code takes to make.

    It is optimised before it is timed. A batch is compiled for any number of points.
    """

    title = "adglot, compiled at once"
    version = adglot.__version__

    def build(self, workload: Workload) -> Contestant:
        """Trace, transform, compile."""
        executor = Compiled if workload.batch is None else _AtAnyNumber
        try:
            return _programmed(workload, executor, batch=None)
        except TooLarge as error:
            raise Absent("is too large to compile, and interpreted") from error
        except NotTaken as error:
            raise Absent(f"is interpreted: {error}") from error


class OptimisedAtOnce:
    """The same, optimised from the start: without raw code before."""

    title = "adglot, optimised at once"
    version = adglot.__version__

    def build(self, workload: Workload) -> Contestant:
        """Trace, transform, compile with all of LLVM's passes."""
        with optimised():
            return CompiledAtOnce().build(workload)


class _AtAnyNumber:
    """A `PointKernel` of which every input has points."""

    def __init__(self, graph: Graph) -> None:
        self._kernel = PointKernel(graph, [True] * len(graph.inputs))
        self._types = [graph.types[i] for i in graph.outputs]

    def run(self, inputs: list[Array]) -> list[Array]:
        """Outputs of their own; points that the kernel leaves to others count as answered."""
        count = len(inputs[0])
        outputs = [np.empty((count, *type.shape), type.dtype) for type in self._types]
        self._kernel.run(inputs, outputs)
        return outputs

    def optimise(self) -> None:
        """Make the code as fast as it gets."""
        self._kernel.code.optimise()


def _programmed(
    workload: Workload, executor: Callable[[Graph], Any], batch: int | None
) -> Contestant:
    derive_it = compress.derive if workload.sparse else derive
    request = replace(_request(workload), batch=batch)
    derived = derive_it(simplify(trace(workload)), request)
    made = executor(simplify(derived.graph))
    read = partial(_derivatives, workload, derived.values, derived.patterns)
    settle = getattr(made, "optimise", lambda: None)
    return Contestant(partial(made.run, _inputs(workload)), read, settle)


class Function:
    """Not the derivative: the function's own value, asked for as `Client` asks."""

    title = "the function itself"
    version = adglot.__version__

    def __init__(self) -> None:
        self._client = adglot.connect()

    def build(self, workload: Workload) -> Contestant:
        """The prepared evaluation."""
        prepared = self._client.prepare(
            partial(workload.function, XP),
            *workload.point,
            operator="evaluate",
            batch=workload.batch is not None,
        )
        return _asking(partial(prepared, *workload.point), None)


def _settling(prepared: Prepared, inputs: Sequence[Array], read: Any) -> Contestant:
    call = partial(prepared.run, inputs)
    return Contestant(call, read, partial(_settle, call, lambda: prepared.last_executor))


def trace(workload: Workload) -> Graph:
    """Of one point."""
    return adglot.trace(partial(workload.function, XP), *workload.example)


def _request(workload: Workload) -> Request:
    return Request(
        workload.operator, wrt=workload.argnums, batch=workload.batch, sparse=workload.sparse
    )


def _inputs(workload: Workload) -> list[Array]:
    return [*workload.point, *workload.seeds]


def _derivatives(
    workload: Workload, values: int, patterns: Sequence[Pattern], results: list[Array]
) -> list[Any]:
    found = results[values:]
    if not workload.sparse:
        return reader(workload)(found)
    kind = matrix if workload.batch is None else Matrices
    pairs = zip(found, patterns, strict=True)
    return _read(workload, tuple(kind(data, pattern) for data, pattern in pairs))
