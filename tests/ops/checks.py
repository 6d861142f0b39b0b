"""What must hold of any program: derivatives right, adjoints true, batches equal to loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from adglot import ops
from adglot.ir import Type
from adglot.ops.core import Array
from adglot_server.transforms.batch import batch
from adglot_server.transforms.jvp import jvp
from adglot_server.transforms.transpose import vjp

from .cases import Program, directions, largest, nearby, present
from .numerical import derivative, epsilon, is_inexact

BATCH = 3

TINY = np.finfo(np.float32).tiny
"""Below the smallest normal number of single precision, nothing is said."""


def check_jvp(program: Program) -> None:
    """Against the extrapolated difference quotient along the same direction."""
    direction = iter(program.forward.point[len(program.point) :])
    moving = [next(direction) if on else None for on in program.active]
    estimate = derivative(program.graph, program.point, moving)
    for t, value, error, bound in zip(
        program.tangents,
        estimate.values,
        estimate.errors,
        tangent_rounding(program),
        strict=True,
    ):
        assert np.isfinite(error).all(), "no quotient"
        tolerable = unnoticed(program, value)
        assert largest(error) <= tolerable, "quotient too noisy"
        assert bound <= tolerable, "the derivative jumps within a rounding of the point"
        atol = float(8 * largest(error) + bound + TINY)
        np.testing.assert_allclose(t, value, rtol=0, atol=atol, equal_nan=False)


def unnoticed(program: Program, value: Array) -> Any:
    """What no tolerance may reach: half of the digits would be unchecked."""
    eps = epsilon([type.dtype for type in program.graph.types])
    return np.sqrt(eps) * max(1.0, float(largest(value)))


def tangent_rounding(program: Program) -> list[Any]:
    bounds = iter(program.forward.rounding[len(program.values) :])
    return [next(bounds) if on else 0.0 for on in program.forward.moved]


def check_adjoint(program: Program) -> None:
    """<w, J v> = <J^T w, v> for the real inner product."""
    n = len(program.point)
    v = program.forward.point[n:]
    w = program.backward.point[n:]
    Jv = [t for t in program.tangents if is_inexact(t)]
    Jw = program.backward.values[len(program.values) :]
    assert [Type.of(a) for a in Jw] == [Type.of(a) for a in v]
    bounds = [*zip(w, tangent_bounds(program), strict=True)]
    bounds += [*zip(v, program.backward.rounding[len(program.values) :], strict=True)]
    tolerance = sum(np.abs(a).sum() * bound for a, bound in bounds)
    most = sum(
        np.abs(x).sum() * unnoticed(program, y) for x, y in zip([*w, *v], Jv + Jw, strict=True)
    )
    assert tolerance <= most, "the derivative jumps within a rounding of the point"
    assert abs(inner(w, Jv) - inner(Jw, v)) <= tolerance + TINY


def tangent_bounds(program: Program) -> list[Any]:
    return [
        bound
        for bound, y in zip(tangent_rounding(program), program.values, strict=True)
        if is_inexact(y)
    ]


def inner(xs: list[Array], ys: list[Array]) -> Any:
    return sum(np.sum((np.conj(x) * y).real) for x, y in zip(xs, ys, strict=True))


def check_some_tangents(program: Program, active: list[bool]) -> None:
    zeroed = [
        t if on else None if t is None else np.zeros_like(t)
        for t, on in zip(directions(program.point, 2), active, strict=True)
    ]
    full = Program(program.forward.graph, [*program.point, *present(zeroed)], program.forward.moved)
    graph, moved = jvp(program.graph, active)
    some = [t for t, on in zip(zeroed, active, strict=True) if on]
    partly = Program(graph, [*program.point, *present(some)], moved)
    expected = dense(full, len(program.values))
    for got, want, bound in zip(
        dense(partly, len(program.values)), expected, tangent_rounding(program), strict=True
    ):
        assert_near(got, want, bound)


def dense(program: Program, count: int) -> list[Array]:
    """The tangents among a JVP's results, zeros where symbolic."""
    moved = iter(program.values[count:])
    return [
        next(moved) if on else np.zeros_like(y)
        for y, on in zip(program.values, program.moved, strict=False)
    ]


def check_some_cotangents(program: Program, active: list[bool]) -> None:
    n = len(program.values)
    partly = ops.evaluate(vjp(program.graph, active), program.backward.point)[n:]
    among = [on for on, a in zip(active, program.active, strict=True) if a]
    full = zip(program.backward.values[n:], program.backward.rounding[n:], among, strict=True)
    chosen = [(want, bound) for want, bound, on in full if on]
    for got, (want, bound) in zip(partly, chosen, strict=True):
        assert_near(got, want, bound)


def assert_near(got: Array, want: Array, bound: Any) -> None:
    """Equal but for rounding; NaN and Inf in the same places."""
    assert Type.of(got) == Type.of(want)
    np.testing.assert_allclose(got, want, rtol=0, atol=float(bound + TINY))


def check_batch(program: Program, batched: tuple[bool, ...]) -> None:
    points = [
        [nearby(x, seed) if on else x for x, on in zip(program.point, batched, strict=True)]
        for seed in range(BATCH)
    ]
    stacked = [
        np.stack([p[i] for p in points]) if on else program.point[i] for i, on in enumerate(batched)
    ]
    graph, _ = batch(program.graph, batched, BATCH, (True,) * len(program.graph.outputs))
    assert ops.check(graph).types == graph.types
    looped = [Program(program.graph, point) for point in points]
    for k, got in enumerate(ops.evaluate(graph, stacked)):
        want = np.stack([one.values[k] for one in looped])
        assert_near(got, want, max(one.rounding[k] for one in looped))
