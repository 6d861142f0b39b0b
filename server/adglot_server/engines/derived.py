"""Every operator of an engine that only has a pushforward: by columns, point by point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from adglot.errors import Unsupported
from adglot.ir import Graph, Type
from adglot.ops import rules
from adglot.ops.cost import cost
from adglot_server.engines import points
from adglot_server.engines.base import Array, Execute, Prepared, Request
from adglot_server.executors.control import Control
from adglot_server.executors.interpreter import Interpreter
from adglot_server.executors.liveness import peak_bytes

Arrays = list[Array]
Function = Callable[[Arrays], Arrays]


@dataclass(frozen=True, slots=True)
class Pushed:
    """Tangents of the outputs, and estimates of their absolute errors."""

    tangents: Arrays
    errors: Arrays


class Push(Protocol):
    """A pushforward: the derivative of a function at x along v.

    `noise` bounds the absolute errors of the function's outputs beyond their rounding.
    """

    def __call__(
        self, function: Function, x: Arrays, v: Arrays, noise: Arrays | None = None
    ) -> Pushed: ...


def prepare(
    graph: Graph,
    request: Request,
    push: Push,
    *,
    evaluations: int,
    copies: int = 8,
    beside: Graph | None = None,
) -> Prepared:
    """The operators by `push` alone.

    One pushforward costs about `evaluations` of f, and holds at most `copies` of f's outputs.

    Results are laid out as `transforms.operators.derive` says, and behind the derivatives come
    as many arrays with estimates of their absolute errors. Guards are checked at the point
    itself: the numbers beside it follow the branch that was recorded. `beside` is the graph that
    is run there, in place of the graph itself.
    """
    points.refuse(graph, request)
    moved = Interpreter(replace(graph if beside is None else beside, guards=()))
    one = Plan(graph, request, push, Interpreter(graph).run, moved.run)
    return prepared(graph, request, one, evaluations=evaluations, copies=copies)


def prepared(
    graph: Graph, request: Request, one: Execute, *, evaluations: int, copies: int = 8
) -> Prepared:
    """The program that runs `one` at a point, or at every point of a batch; costs as `prepare`."""
    passes = _passes(graph, request)
    order = 2 if request.operator in ("hvp", "hessian") else 1
    count = request.points
    ops = cost(graph)
    outputs = sum(graph.output_types[i].nbytes for i in request.of)
    return Prepared(
        execute=points.at_each(one, result_types(graph, request), request.batch),
        values=len(request.of),
        mode="none" if request.operator == "evaluate" else "forward",
        passes=passes,
        executor=Interpreter.name,
        function_ops=count * ops,
        program_ops=count * ops * max(1, passes * evaluations**order),
        # Tangents and errors of every pass are kept, twice while they are put together.
        peak_bytes=count * (2 * peak_bytes(graph) + 4 * passes * outputs) + copies * outputs,
        error_estimates=request.operator != "evaluate",
    )


def result_types(graph: Graph, request: Request) -> list[Type]:
    """Of values, derivatives and estimates of their errors, at one point."""
    types = points.result_types(graph, request)
    derivatives = types[len(request.of) :]
    return [*types, *(type.with_dtype(rules.real_dtype(type.dtype)) for type in derivatives)]


def _passes(graph: Graph, request: Request) -> int:
    columns = sum(
        graph.inputs[i].size * (2 if graph.inputs[i].is_complex else 1) for i in request.wrt
    )
    if request.operator in ("evaluate", "jvp"):
        return (request.seeds or 1) if request.operator == "jvp" else 0
    if request.operator == "hvp":
        return columns * (request.seeds or 1)
    return columns**2 if request.operator == "hessian" else columns


class Plan:
    """The operators of one graph at one request, at one point.

    `at_point` runs the graph at the point itself, `beside` near it; both in arrays such as `push`
    takes.
    """

    def __init__(
        self, graph: Graph, request: Request, push: Push, at_point: Execute, beside: Execute
    ) -> None:
        if request.operator not in _OPERATORS:
            raise Unsupported(f"numerical engines have no operator {request.operator}")
        self._graph, self._request, self._push = graph, request, push
        self._at_point, self._beside = at_point, beside
        self._operator = _OPERATORS[request.operator]
        self._moving = request.wrt if request.operator != "evaluate" else ()
        self._complex = tuple(graph.inputs[i].is_complex for i in self._moving)

    def __call__(self, inputs: Sequence[Array], control: Control) -> Arrays:
        count = len(self._graph.inputs)
        x, seeds = list(inputs[:count]), list(inputs[count:])
        y = self._at_point(x, control)

        def function(moved: Arrays) -> Arrays:
            values = list(x)
            for i, array in zip(self._moving, moved, strict=True):
                values[i] = array
            outputs = self._beside(values, control)
            return [outputs[k] for k in self._request.of]

        point = _Point(function, [x[i] for i in self._moving], self._complex, self._push)
        derivatives, errors = self._operator(point, seeds, self._request)
        return [*(y[k] for k in self._request.of), *derivatives, *errors]


@dataclass(frozen=True, slots=True)
class _Point:
    """A function of the inputs that move, at a point."""

    function: Function
    x: Arrays
    complex: tuple[bool, ...]
    push: Push
    noise: Arrays | None = None

    def along(self, v: Arrays) -> Pushed:
        return self.push(self.function, self.x, v, self.noise)

    def gradient(self) -> _Point:
        """The gradient of the (scalar) function, itself a function with an error, at x."""

        def function(moved: Arrays) -> Arrays:
            beside = _Point(self.function, moved, self.complex, self.push)
            return _pull(beside, [np.ones(())])[0]

        noise = _pull(self, [np.ones(())])[1]
        return _Point(function, self.x, self.complex, self.push, noise)


def _basis(x: Arrays, k: int, unit: complex = 1.0) -> Iterator[Arrays]:
    """Unit vectors of x[k], zeros elsewhere."""
    for j in range(x[k].size):
        v = [np.zeros_like(array, order="C") for array in x]
        v[k].reshape(-1)[j] = unit
        yield v


def _evaluate(point: _Point, seeds: Arrays, request: Request) -> tuple[Arrays, Arrays]:
    return [], []


def _jvp(point: _Point, seeds: Arrays, request: Request) -> tuple[Arrays, Arrays]:
    return _over_seeds(seeds, request, lambda v: _unzip(point.along(v)))


def _vjp(point: _Point, seeds: Arrays, request: Request) -> tuple[Arrays, Arrays]:
    return _over_seeds(seeds, request, lambda ct: _pull(point, ct))


def _gradient(point: _Point, seeds: Arrays, request: Request) -> tuple[Arrays, Arrays]:
    return _pull(point, [np.ones(())])


def _hvp(point: _Point, seeds: Arrays, request: Request) -> tuple[Arrays, Arrays]:
    gradient = point.gradient()
    return _over_seeds(seeds, request, lambda v: _unzip(gradient.along(v)))


def _jacobian(point: _Point, seeds: Arrays, request: Request) -> tuple[Arrays, Arrays]:
    by_input = [_columns(point, k) for k in range(len(point.x))]
    outputs = range(len(by_input[0]))
    pairs = [by_input[k][o] for o in outputs for k in range(len(point.x))]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _hessian(point: _Point, seeds: Arrays, request: Request) -> tuple[Arrays, Arrays]:
    return _jacobian(point.gradient(), seeds, request)


def _columns(point: _Point, k: int) -> list[tuple[Array, Array]]:
    """For each output its Jacobian with respect to x[k], and the errors."""
    columns = [point.along(v) for v in _basis(point.x, k)]
    y = point.function(point.x)
    shape = point.x[k].shape
    return [
        (
            _last([c.tangents[o] for c in columns], y[o], shape),
            _last([c.errors[o] for c in columns], np.asarray(abs(y[o])), shape),
        )
        for o in range(len(y))
    ]


def _last(columns: Arrays, like: Array, shape: tuple[int, ...]) -> Array:
    if not columns:
        return np.zeros((*like.shape, *shape), like.dtype)
    return np.stack(columns, axis=-1).reshape((*like.shape, *shape))


def _pull(point: _Point, cts: Arrays) -> tuple[Arrays, Arrays]:
    """Re(sum(conj(ct) J v)) for the unit vectors v, real and imaginary ones."""
    pulled, errors = [], []
    for k, x in enumerate(point.x):
        parts = [_pull_along(point, cts, k, 1.0)]
        if point.complex[k]:
            parts.append(_pull_along(point, cts, k, 1j))
        dx = sum(unit * part[0] for unit, part in zip((1.0, 1j), parts, strict=False))
        pulled.append(np.asarray(dx, x.dtype).reshape(x.shape))
        errors.append(np.asarray(sum(part[1] for part in parts)).reshape(x.shape))
    return pulled, errors


def _pull_along(point: _Point, cts: Arrays, k: int, unit: complex) -> tuple[Array, Array]:
    pushed = [point.along(v) for v in _basis(point.x, k, unit)]
    products = [[_inner(ct, t) for ct, t in zip(cts, p.tangents, strict=True)] for p in pushed]
    errors = [[_inner(abs(ct), e) for ct, e in zip(cts, p.errors, strict=True)] for p in pushed]
    return np.array([sum(row) for row in products]), np.array([sum(row) for row in errors])


def _inner(a: Array, b: Array) -> Any:
    return np.real(np.vdot(a, b)) if np.size(a) else 0.0  # NumPy's of no objects is None


def _unzip(pushed: Pushed) -> tuple[Arrays, Arrays]:
    return pushed.tangents, pushed.errors


def _over_seeds(
    seeds: Arrays, request: Request, one: Callable[[Arrays], tuple[Arrays, Arrays]]
) -> tuple[Arrays, Arrays]:
    if request.seeds is None:
        return one(seeds)
    results = [one([seed[k, ...] for seed in seeds]) for k in range(request.seeds)]
    derivatives = [np.stack(parts) for parts in zip(*(r[0] for r in results), strict=True)]
    return derivatives, [np.stack(parts) for parts in zip(*(r[1] for r in results), strict=True)]


_OPERATORS: dict[str, Callable[[_Point, Arrays, Request], tuple[Arrays, Arrays]]] = {
    "evaluate": _evaluate,
    "jvp": _jvp,
    "vjp": _vjp,
    "gradient": _gradient,
    "jacobian": _jacobian,
    "hvp": _hvp,
    "hessian": _hessian,
}
