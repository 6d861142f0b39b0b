"""Derivatives in steady state: compiled code against JAX's jit, CasADi, and NumPy.

CasADi runs in its own machine: gcc takes minutes for some of these. NumPy is our own interpreter
at the same derivative program. JAX's arguments are its own arrays already. Every pair is
interleaved in one run; medians count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import casadi
import jax
import numpy as np

import adglot
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.native import NativeEngine
from adglot_server.executors.interpreter import Interpreter
from benchmarks.rows import Row
from benchmarks.sparse import broyden, casadi_broyden
from benchmarks.timing import interleaved

Array = np.ndarray[Any, Any]
Module = Any
"""numpy or jax.numpy."""

JAX, CASADI, NUMPY = "JAX jit", "CasADi", "NumPy"
WAIT = 60.0
"""Seconds in which a program must have been compiled."""


def rosenbrock(x: Any, np: Module = np) -> Any:
    """Rosenbrock's function of n variables."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def casadi_rosenbrock(x: Any) -> Any:
    """The same in CasADi's expressions."""
    return casadi.sum1(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def log_sum_exp(x: Any, np: Module = np) -> Any:
    """log(sum(e^x)), the greatest taken out."""
    m = np.max(x)
    return m + np.log(np.sum(np.exp(x - m)))


def loss(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any, np: Module = np) -> Any:
    """The mean square error of a network with one hidden layer."""
    hidden = np.tanh(x @ w1 + b1)
    return np.mean((hidden @ w2 + b2 - y) ** 2)


def jax_broyden(x: Any) -> Any:
    """`broyden` in JAX's functions."""
    z = jax.numpy.zeros(1)
    before, after = jax.numpy.concatenate([z, x[:-1]]), jax.numpy.concatenate([x[1:], z])
    return (3.0 - 2.0 * x) * x - before - 2.0 * after + 1.0


@dataclass(frozen=True)
class Case:
    """One derivative of one function at one point: ours, and how peers take it."""

    name: str
    function: Callable[..., Any]
    point: tuple[Array, ...]
    request: Request
    in_jax: Callable[..., Any] | None = None
    in_casadi: Callable[[], Any] | None = None
    """Makes CasADi's function; None where it would take minutes."""


def cases() -> list[Case]:
    """The workloads that need arrays alone."""
    jacobian = jax.jacfwd(jax_broyden)
    weights = tuple(range(4))
    return [
        *(_rosenbrock(n) for n in (10, 1_000, 1_000_000)),
        _broyden("sparse", Request("jacobian", sparse=True), None),
        _broyden("dense", Request("jacobian"), jacobian),
        Case(
            "MLP gradient, 256 points, 64-64-10",
            loss,
            _network(),
            Request("gradient", wrt=weights),
            jax.grad(lambda *args: loss(*args, np=jax.numpy), argnums=weights),
        ),
        Case(
            "log-sum-exp Hessian, n = 1000",
            log_sum_exp,
            (np.random.default_rng(0).normal(size=1000),),
            Request("hessian"),
            jax.hessian(lambda x: log_sum_exp(x, jax.numpy)),
        ),
    ]


COUNT = 16
"""Rows: NumPy of each, JAX of all but the sparse Jacobian, CasADi of three."""


def _rosenbrock(n: int) -> Case:
    def in_casadi() -> Any:
        x = casadi.SX.sym("x", n)
        return casadi.Function("f", [x], [casadi.gradient(casadi_rosenbrock(x), x)])

    gradient = jax.grad(lambda x: rosenbrock(x, jax.numpy))
    point = (np.linspace(-1.0, 1.0, n),)
    small = in_casadi if n <= 1_000 else None
    return Case(
        f"Rosenbrock gradient, n = {n}", rosenbrock, point, Request("gradient"), gradient, small
    )


def _broyden(kind: str, request: Request, in_jax: Callable[..., Any] | None) -> Case:
    def in_casadi() -> Any:
        x = casadi.SX.sym("x", 1_000)
        return casadi.Function("f", [x], [casadi.jacobian(casadi_broyden(x), x)])

    point = (np.linspace(0.5, 1.5, 1_000),)
    name = f"Broyden Jacobian, n = 1000, {kind}"
    return Case(name, broyden, point, request, in_jax, in_casadi if request.sparse else None)


def _network() -> tuple[Array, ...]:
    random = np.random.default_rng(0)
    shapes = ((64, 64), (64,), (64, 10), (10,), (256, 64), (256, 10))
    return tuple(0.3 * random.normal(size=shape) for shape in shapes)


def rows(seconds: float) -> Iterator[Row]:
    """A row for each peer of each case, microseconds a call."""
    jax.config.update("jax_enable_x64", True)
    for case in cases():
        prepared = _hot(case)
        for against, peer in _peers(case, prepared).items():
            a, b = interleaved(partial(prepared.run, case.point), peer, seconds)
            yield Row(case.name, a * 1e6, b * 1e6, "us", a / b, "", against)


def _hot(case: Case) -> Prepared:
    """Our program, called until compiled code answers."""
    graph = adglot.trace(case.function, *case.point)
    prepared = NativeEngine().prepare(graph, case.request)
    end = time.monotonic() + WAIT
    while prepared.last_executor != "compiled" and time.monotonic() < end:
        prepared.run(case.point)
    return prepared


def _peers(case: Case, prepared: Prepared) -> dict[str, Callable[[], object]]:
    assert prepared.program is not None
    interpreter = Interpreter(prepared.program)
    ours = prepared.run(case.point)[prepared.values :]
    peers: dict[str, Callable[[], object]] = {NUMPY: lambda: interpreter.run(case.point)}
    if case.in_jax is not None:
        compiled = jax.jit(case.in_jax)
        point = [jax.numpy.asarray(x) for x in case.point]
        theirs = jax.tree.leaves(compiled(*point))
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=case.name)
        peers[JAX] = lambda: jax.block_until_ready(compiled(*point))
    if case.in_casadi is not None:
        in_casadi = case.in_casadi()
        (x,) = case.point
        total = float(np.sum(in_casadi(x)))
        np.testing.assert_allclose(np.sum(ours[0]), total, rtol=1e-9, err_msg=case.name)
        peers[CASADI] = lambda: in_casadi(x)
    return peers
