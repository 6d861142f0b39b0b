"""Every operator of a package that has pullbacks, and pushforwards or not, in its own AD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adglot.ir import Graph, Type
from adglot.ops.cost import cost
from adglot_server.engines.base import Array, Execute, Prepared, Request
from adglot_server.executors.liveness import peak_bytes
from adglot_server.transforms.operators import (
    check,
    derive,
    jacobian_mode,
    refuse_complex,
    restrict,
)

Values = list[Any]
Function = Callable[[Values], Values]
Push = Callable[[Function, Values, Values], tuple[Values, Values]]

TWICE_REVERSE = "reverse over reverse"
EVALUATIONS = {
    "none": 0,
    "forward": 2,
    "reverse": 3,
    "forward over reverse": 6,
    TWICE_REVERSE: 9,
}
"""How many evaluations of f one pass of a mode costs, by and large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calculus:
    """A package's own derivatives of functions of lists of its arrays.

    - `pull(f, x)`: y, and the function from cotangents of y to cotangents of x: the adjoint for
      the real inner product. It can itself be differentiated.
    - `push(f, x, v)`: y and its tangents; None where there is no forward mode.
    - `over(f, xs)`: f mapped over the leading axis of all arrays xs, at least one long.
    - `ones_like(a)`; `zeros(type)`; `basis(type)`: its unit vectors, [size, *shape].
    - `last(a)`: a with its first axis moved behind the others.
    """

    pull: Callable[[Function, Values], tuple[Values, Function]]
    push: Push | None
    over: Callable[[Function, Values], Values]
    ones_like: Callable[[Any], Any]
    zeros: Callable[[Type], Any]
    basis: Callable[[Type], Any]
    last: Callable[[Any], Any]


class Composed:
    """One operator of one graph in terms of a `Calculus`.

    InvalidArgument for requests that have no answer, as the native engine refuses them. `forward`
    says whether the package has a forward mode for this graph; else columns, where there must be
    any, are pullbacks of pullbacks.
    """

    def __init__(self, graph: Graph, request: Request, *, forward: bool) -> None:
        check(graph, request)
        self.graph, self.request = graph, request
        self.xs = [graph.inputs[i] for i in request.wrt] if request.operator != "evaluate" else []
        self.ys = [graph.output_types[i] for i in request.of]
        self.mode = _mode(graph, request, forward)
        self.passes = self._count_passes()

    def run(self, function: Function, calculus: Calculus, inputs: Values) -> Values:
        """The `of` outputs, then the derivatives as `transforms.operators.derive` lays them out.

        `function` is that of the graph; `inputs` are its inputs, then the seeds.
        """

        def at_point(values: Values) -> Values:
            return _OPERATORS[self.request.operator](_Point(self, function, calculus, values))

        if self.request.batch is None:
            return at_point(inputs)
        return calculus.over(at_point, inputs)

    def argument_types(self) -> list[Type]:
        """Of what is run: the graph's inputs and the seeds, with their leading axes."""
        seeded = {"jvp": self.xs, "hvp": self.xs, "vjp": self.ys}.get(self.request.operator, [])
        if self.request.seeds is not None:
            seeded = [_lead(self.request.seeds, type) for type in seeded]
        types = [*self.graph.inputs, *seeded]
        batch = self.request.batch
        return types if batch is None else [_lead(batch, type) for type in types]

    def without_points(self) -> list[Array] | None:
        """The results for a batch of no points, which packages would not run; else None."""
        if self.request.batch != 0:
            return None
        types = derive(self.graph, self.request).graph.output_types
        return [np.zeros(type.shape, type.dtype) for type in types]

    def prepared(self, execute: Execute, executor: str) -> Prepared:
        """The program that answers by `execute`; costs are those of textbook derivatives."""
        points = self.request.points
        ops = points * cost(self.graph)
        return Prepared(
            execute=execute,
            values=len(self.ys),
            mode=self.mode,
            passes=self.passes,
            executor=executor,
            function_ops=ops,
            program_ops=ops * max(1, self.passes * EVALUATIONS[self.mode]),
            peak_bytes=points * self._peak(),
        )

    def _count_passes(self) -> int:
        columns = sum(x.size for x in self.xs)
        match self.request.operator:
            case "evaluate":
                return 0
            case "jacobian" if self.mode == "reverse":
                return sum(y.size for y in self.ys)
            case "jacobian" | "hessian":
                return columns
        return 1 if self.request.seeds is None else self.request.seeds

    def _peak(self) -> int:
        """Everything that is computed may be kept for a pullback, and along columns again."""
        held = _held(self.graph)
        each = 2 * held if " over " in self.mode else peak_bytes(self.graph)
        return 2 * held + 2 * self.passes * each


def _mode(graph: Graph, request: Request, forward: bool) -> str:
    columns = "forward" if forward else TWICE_REVERSE
    match request.operator:
        case "evaluate":
            return "none"
        case "jvp":
            return columns
        case "jacobian":
            return _mode_of_jacobian(graph, request, columns)
        case "hvp" | "hessian":
            if request.operator == "hessian":
                refuse_complex(graph, request)
            return "forward over reverse" if forward else TWICE_REVERSE
    return "reverse"


def _mode_of_jacobian(graph: Graph, request: Request, columns: str) -> str:
    part = restrict(graph, request.of)
    n = sum(graph.inputs[i].size for i in request.wrt)
    m = sum(type.size for type in part.output_types)
    mode = jacobian_mode(part, request, n, m)
    real = not any(type.is_complex for type in part.output_types)
    if columns == TWICE_REVERSE and request.mode == "auto" and real:
        return "reverse"
    return columns if mode == "forward" else mode


def _held(graph: Graph) -> int:
    """Bytes of every value, those of a loop's body at every step that is known."""
    held = sum(type.nbytes for type in graph.types)
    for node in graph.nodes:
        steps = node.attributes["length"] if node.op == "scan" else 1
        bodies = [body for body in node.attributes.values() if isinstance(body, Graph)]
        held += int(steps) * sum(map(_held, bodies))  # type: ignore[arg-type]
    return held


# ------------------------------------------------------------------ at one point


class _Point:
    """A function of the inputs that move, at a point."""

    def __init__(
        self, plan: Composed, function: Function, calculus: Calculus, values: Values
    ) -> None:
        count = len(plan.graph.inputs)
        self.plan, self.calculus, self.push = plan, calculus, calculus.push or pushed(calculus)
        self.inputs, self.seeds = values[:count], values[count:]
        self._function, self._request = function, plan.request
        self.x = [self.inputs[i] for i in plan.request.wrt[: len(plan.xs)]]

    def f(self, moved: Values) -> Values:
        """The `of` outputs where the `wrt` inputs are these."""
        values = list(self.inputs)
        for i, value in zip(self._request.wrt, moved, strict=False):
            values[i] = value
        outputs = self._function(values)
        return [outputs[k] for k in self._request.of]

    def gradient(self, moved: Values) -> Values:
        """Of the one real scalar output."""
        return self.value_and_gradient(moved)[1]

    def value_and_gradient(self, moved: Values) -> tuple[Values, Values]:
        y, pull = self.calculus.pull(self.f, moved)
        return y, pull(list(map(self.calculus.ones_like, y)))

    def over_seeds(self, function: Function) -> Values:
        """One result, or one for each of the seeds along their leading axis."""
        if self._request.seeds == 0:
            kinds = self.plan.ys if self._request.operator == "jvp" else self.plan.xs
            return [self.calculus.zeros(_lead(0, type)) for type in kinds]
        if self._request.seeds is None:
            return function(self.seeds)
        return self.calculus.over(function, self.seeds)

    def columns(self, function: Function, rows: list[Type]) -> Values:
        """The derivative of a function, row by row of its outputs: one block an input."""
        by_input = [self._columns_of(function, k, rows) for k in range(len(self.x))]
        return [block for row in zip(*by_input, strict=True) for block in row]

    def _columns_of(self, function: Function, k: int, rows: list[Type]) -> Values:
        x = self.plan.xs[k]
        if not x.size:
            return [self.calculus.zeros(y.with_shape((*y.shape, *x.shape))) for y in rows]

        def along(moved: Values) -> Values:
            return function([*self.x[:k], *moved, *self.x[k + 1 :]])

        def column(v: Values) -> Values:
            return self.push(along, [self.x[k]], v)[1]

        stacked = self.calculus.over(column, [self.calculus.basis(x)])
        blocks = [self.calculus.last(a) for a in stacked]
        return [a.reshape((*y.shape, *x.shape)) for a, y in zip(blocks, rows, strict=True)]

    def rows(self, function: Function, rows: list[Type]) -> Values:
        """The same by pullbacks of the unit vectors of each output."""
        return [block for k, y in enumerate(rows) for block in self._rows_of(function, k, y)]

    def _rows_of(self, function: Function, k: int, y: Type) -> Values:
        types = [x.with_shape((*y.shape, *x.shape)) for x in self.plan.xs]
        if not y.size:
            return [self.calculus.zeros(type) for type in types]
        _, pull = self.calculus.pull(lambda moved: [function(moved)[k]], self.x)
        stacked = self.calculus.over(pull, [self.calculus.basis(y)])
        return [a.reshape(type.shape) for a, type in zip(stacked, types, strict=True)]


def pushed(calculus: Calculus) -> Push:
    """Pushforwards from pullbacks alone: u -> J^T u is linear, and its own pullback is J.

    Any u would do but 0, where packages take short cuts. Source: Townsend, A new trick for
    calculating Jacobian vector products (2017).
    """

    def push(f: Function, x: Values, v: Values) -> tuple[Values, Values]:
        y, pull = calculus.pull(f, x)
        _, back = calculus.pull(pull, list(map(calculus.ones_like, y)))
        return y, back(v)

    return push


def _lead(size: int, type: Type) -> Type:
    return type.with_shape((size, *type.shape))


# ------------------------------------------------------------------ operators


def _evaluate(point: _Point) -> Values:
    return point.f([])


def _jvp(point: _Point) -> Values:
    if point.plan.request.seeds is None:
        y, dy = point.push(point.f, point.x, point.seeds)
        return [*y, *dy]
    return [
        *point.f(point.x),
        *point.over_seeds(lambda v: point.push(point.f, point.x, v)[1]),
    ]


def _vjp(point: _Point) -> Values:
    y, pull = point.calculus.pull(point.f, point.x)
    return [*y, *point.over_seeds(pull)]


def _gradient(point: _Point) -> Values:
    y, gradient = point.value_and_gradient(point.x)
    return [*y, *gradient]


def _jacobian(point: _Point) -> Values:
    blocks = point.rows if point.plan.mode == "reverse" else point.columns
    return [*point.f(point.x), *blocks(point.f, point.plan.ys)]


def _hvp(point: _Point) -> Values:
    """Without a forward mode by the pullback of the gradient: Hessians are symmetric."""
    y = point.f(point.x)
    if point.calculus.push is None:
        return [*y, *point.over_seeds(point.calculus.pull(point.gradient, point.x)[1])]
    return [*y, *point.over_seeds(lambda v: point.push(point.gradient, point.x, v)[1])]


def _hessian(point: _Point) -> Values:
    blocks = point.rows if point.calculus.push is None else point.columns
    return [*point.f(point.x), *blocks(point.gradient, point.plan.xs)]


_OPERATORS: dict[str, Callable[[_Point], Values]] = {
    "evaluate": _evaluate,
    "jvp": _jvp,
    "vjp": _vjp,
    "gradient": _gradient,
    "jacobian": _jacobian,
    "hvp": _hvp,
    "hessian": _hessian,
}
