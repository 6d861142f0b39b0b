"""Checks for users' own tests: of rules that somebody wrote, and of engines against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from adglot.client import Client, connect
from adglot.crosscheck import Crosscheck
from adglot.crosscheck.acceptance import complaints
from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph, Node, flatten
from adglot.ops import TABLE, evaluate
from adglot.tracing import trace

Array = np.ndarray[Any, Any]
Arrays = Sequence[Array]

DRAWS = 3
"""Random directions that every rule is checked along."""


def assert_gradients_agree(
    f: Graph | Callable[..., Any],
    *args: Any,
    engines: Sequence[str] | None = None,
    client: Client | None = None,
    **options: Any,
) -> Crosscheck:
    """Cross-check engines on `f` at a point; AssertionError says who differs, where, and why.

    `engines` are names, None for all that are there and quick enough; `options` are those of
    `Client.crosscheck`, which says what is compared. Without a `client`, this process computes.
    It fails, too, where an engine that was named is not there, or where only one has answered.

    >>> import numpy as np
    >>> result = assert_gradients_agree(np.tanh, 0.5, engines=["native", "complex-step"])
    >>> result.ok
    True
    """
    __tracebackhide__ = True
    with nullcontext(client) if client is not None else connect() as ad:
        result: Crosscheck = ad.crosscheck(f, *args, engines=engines, **options)
    wrong = complaints(result, engines or ())
    if wrong:
        raise AssertionError("\n".join([*wrong, "", str(result)]))
    return result


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """A rule held against its function at one point: <w, J v> both ways.

    `place` is the path of its node, `location` the line it was written at; `given` is what the
    rule says, `measured` what differences of the function say, `bound` how far apart rounding and
    extrapolation may put them.
    """

    place: str
    location: str
    mode: str
    given: float
    measured: float
    bound: float

    @property
    def passed(self) -> bool:
        return abs(self.given - self.measured) <= self.bound


def check_custom_derivative(f: Graph | Callable[..., Any], *args: Any) -> list[RuleCheck]:
    """Check every `custom_derivative` that `f` comes across at a point, in its loops, too.

    With random tangents v and cotangents w, a jvp rule must satisfy <w, rule(x, v)> = <w, J v>,
    and a vjp rule the adjoint identity <rule(x, w), v> = <w, J v>, for the real inner product,
    where J v comes from extrapolated differences of the function (Ridders 1982); and rules must be
    linear in their seeds. The function has to be smooth at the point, and rules that differ from
    its derivative on purpose (straight-through estimators) fail.

    `args` are those of `f`: nested tuples, lists and dicts of arrays. Returns one check for each
    rule. Raises InvalidArgument that names the first rule that fails, or says that there is none.

    >>> import adglot, numpy as np
    >>> @adglot.custom_derivative
    ... def cube(x):
    ...     return x**3
    >>> @cube.def_vjp
    ... def rule(primals, ct):
    ...     return (3.0 * ct * primals[0],)
    >>> check_custom_derivative(cube, np.array([1.0, 2.0]))
    Traceback (most recent call last):
    adglot.errors.InvalidArgument: nodes[0].attributes.rule (...): <w, J v> is ... by differences
    of cube, but ... by its vjp rule
    """
    graph = f if isinstance(f, Graph) else trace(f, *args)
    found: dict[str, RuleCheck] = {}
    with np.errstate(all="ignore"):
        _walk(graph, [np.asarray(x) for x in flatten(args)[0]], "", found)
    if not found:
        raise InvalidArgument(f"{graph.name} has no custom_derivative at this point")
    return list(found.values())


def _walk(graph: Graph, inputs: Arrays, path: str, found: dict[str, RuleCheck]) -> list[Array]:
    """Evaluate a graph; rules are checked where they are first met."""
    values = list(inputs)
    for i, node in enumerate(graph.nodes):
        place = f"{path}nodes[{i}]"
        operands = [values[k] for k in node.operands]
        if node.op == "custom_derivative" and place not in found:
            found[place] = _check(node, operands, place)
        values += _evaluate(node, operands, place, found)
    return [values[i] for i in graph.outputs]


def _evaluate(node: Node, operands: Arrays, place: str, found: dict[str, RuleCheck]) -> list[Array]:
    op = TABLE[node.op]
    names = {id(body): name for name, body in node.attributes.items()}

    def run(body: Graph, inputs: Arrays) -> list[Array]:
        return _walk(body, inputs, f"{place}.attributes.{names[id(body)]}.", found)

    results = op.evaluate(*((run,) if op.higher_order else ()), *operands, **node.attributes)
    return [np.asarray(y) for y in (results if isinstance(results, tuple) else (results,))]


# ------------------------------------------------------------------ one rule


def _check(node: Node, operands: Arrays, place: str) -> RuleCheck:
    function, rule, mode = (node.attributes[key] for key in ("function", "rule", "mode"))
    assert isinstance(function, Graph)
    assert isinstance(rule, Graph)
    checks = []
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        v = [_direction(x, rng) for x in operands]
        w = [_direction(y, rng) for y in evaluate(function, operands)]
        seeds, other = (v, w) if mode == "jvp" else (w, v)
        given = _ruled(rule, operands, seeds, other)
        measured, bound = _measured(function, operands, v, w)
        checks.append(RuleCheck(place, node.location, str(mode), given, measured, bound))
        _refuse_nonlinear(rule, operands, seeds, other, checks[-1])
    worst = max(checks, key=lambda c: (not c.passed, abs(c.given - c.measured) - c.bound))
    if not worst.passed:
        raise _wrong(
            worst,
            f"<w, J v> is {worst.measured:.6g} by differences of {function.name}, but "
            f"{worst.given:.6g} by its {mode} rule",
        )
    return worst


def _wrong(check: RuleCheck, what: str) -> InvalidArgument:
    where = f" ({check.location})" if check.location else ""
    return InvalidArgument(Violation(f"{check.place}.attributes.rule{where}", what))


def _direction(x: Array, rng: np.random.Generator) -> Array | None:
    """Half to three halves of each component, signs at random; None where there is no tangent."""
    if x.dtype.kind not in "fc":
        return None
    size = np.where(x == 0, 1.0, np.abs(x))
    t = size * rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    turn = np.exp(1j * rng.uniform(0, 2 * np.pi, x.shape)) if x.dtype.kind == "c" else 1.0
    return np.asarray(t * turn, x.dtype)


def _ruled(
    rule: Graph,
    operands: Arrays,
    seeds: Sequence[Array | None],
    other: Sequence[Array | None],
) -> float:
    moved = evaluate(rule, [*operands, *_present(seeds)])
    return _inner(_present(other), moved)


def _refuse_nonlinear(
    rule: Graph,
    operands: Arrays,
    seeds: Sequence[Array | None],
    other: Sequence[Array | None],
    check: RuleCheck,
) -> None:
    tripled = [None if s is None else -3 * s for s in seeds]
    result = _ruled(rule, operands, tripled, other)
    if abs(result + 3 * check.given) > 1e-4 * (abs(result) + 3 * abs(check.given)):
        what = f"is not linear in its seeds: {check.given:.6g}, but {result:.6g} for -3 times them"
        raise _wrong(check, what)


def _measured(
    function: Graph, operands: Arrays, v: Sequence[Array | None], w: Sequence[Array | None]
) -> tuple[float, float]:
    """d/dh <w, function(x + h v)> at h = 0, and a bound on what it may differ from the rule by."""
    weights = _present(w)

    def line(h: float) -> float:
        moved = [
            x if t is None else x + x.dtype.type(h) * t for x, t in zip(operands, v, strict=True)
        ]
        return _inner(weights, _inexact(evaluate(function, moved)))

    eps = max(float(np.finfo(x.dtype).eps) for x in weights)
    values = _inexact(evaluate(function, operands))
    noise = eps * sum(float(np.sum(abs(a) * abs(b))) for a, b in zip(weights, values, strict=True))
    slope, error = _extrapolated(line, noise)
    return slope, 10 * error + eps**0.75 * abs(slope)


def _extrapolated(line: Callable[[float], float], noise: float) -> tuple[float, float]:
    """The slope at 0 by Ridders' tableau of central differences, and its error."""
    best, least = np.nan, np.inf
    above: list[float] = []
    for k in range(4, 16):
        h = 2.0**-k
        row = [(line(h) - line(-h)) / (2 * h)]
        for j, previous in enumerate(above, 1):
            row.append(row[-1] + (row[-1] - previous) / (4.0**j - 1))
            doubt = max(abs(row[-1] - row[-2]), abs(row[-1] - previous)) + noise / h
            if doubt < least:
                best, least = row[-1], doubt
        above = row
    return best, least


def _present(arrays: Sequence[Array | None]) -> list[Array]:
    return [x for x in arrays if x is not None]


def _inexact(arrays: Arrays) -> list[Array]:
    return [x for x in arrays if x.dtype.kind in "fc"]


def _inner(xs: Arrays, ys: Arrays) -> float:
    """The real inner product."""
    return float(sum(np.sum((np.conj(x) * y).real) for x, y in zip(xs, ys, strict=True)))
