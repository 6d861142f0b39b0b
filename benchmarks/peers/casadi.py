"""CasADi with gcc: expressions differentiated by CasADi, written as C, compiled, called by pointer.

What gcc takes too long for is run by CasADi's own machine.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import casadi
import numpy as np
import scipy.sparse as sp

from adglot_server.engines.casadi.functions import LANGUAGE
from adglot_server.engines.casadi.numbers import Numbers, lift
from adglot_server.engines.walk import Walk
from benchmarks.peers.adglot import trace
from benchmarks.peers.base import STEP, Absent, Contestant
from benchmarks.workloads.base import Array, Workload

FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fPIC", "-shared")
PATIENCE = 60
"""Seconds that gcc may take."""

MOST = 15_000
"""Of CasADi's instructions in one block that gcc is given: of more it takes minutes."""


class Casadi:
    """Scalars (SX) where they can be written out, matrices (MX) where a workload says so."""

    title = "CasADi, gcc"
    version = casadi.__version__

    def build(self, workload: Workload) -> Contestant:
        """Differentiate, generate, compile, load."""
        if shutil.which("gcc") is None:
            raise Absent("no gcc on this machine")
        one = _derivative(workload)
        all_points = one if workload.batch is None else one.map(workload.batch, "serial")
        made = _compiled(all_points) if one.n_instructions() <= MOST else None
        return _called(workload, one, made or all_points)


@dataclass(frozen=True)
class _Written:
    """A function as expressions; every input's memory is that of NumPy's array."""

    symbols: list[Any]
    result: Any


def _derivative(workload: Workload) -> Any:
    written = _in_matrices(workload) if workload.in_casadi else _in_scalars(workload)
    x, y = [written.symbols[i] for i in workload.argnums], written.result
    seeds = []
    match workload.operator:
        case "gradient":
            results = [casadi.gradient(y, each) for each in x]
        case "hessian":
            results = [casadi.hessian(y, x[0])[0]]
        case "hvp":
            seeds = [type(x[0]).sym("t", *x[0].shape)]
            results = [casadi.jtimes(casadi.gradient(y, x[0]), x[0], seeds[0], False)]
        case "jacobian":
            results = [casadi.jacobian(y, casadi.vec(each)) for each in x]
    if not workload.sparse:
        results = [casadi.densify(each) for each in results]
    return casadi.Function("f", [*written.symbols, *seeds], results)


def _in_scalars(workload: Workload) -> _Written:
    """Our graph, op by op, in CasADi's scalars."""
    graph = trace(workload)
    symbols = [casadi.SX.sym(f"x{i}", type.size) for i, type in enumerate(graph.inputs)]
    numbers = [Numbers(x, type.shape) for x, type in zip(symbols, graph.inputs, strict=True)]
    (result,) = Walk(graph, LANGUAGE)(numbers)
    return _Written(symbols, lift(result).flat)


def _in_matrices(workload: Workload) -> _Written:
    """CasADi's matrices run down columns: each is the transpose of NumPy's."""
    symbols, arguments = [], []
    for i, x in enumerate(workload.example):
        rows, columns = x.shape if x.ndim == 2 else (x.size, 1)
        matrix = x.ndim == 2
        symbols.append(casadi.MX.sym(f"x{i}", *((columns, rows) if matrix else (rows, 1))))
        arguments.append(symbols[-1].T if matrix else symbols[-1])
    assert workload.in_casadi is not None
    return _Written(symbols, workload.in_casadi(*arguments))


def _compiled(function: Any) -> Any:
    """The same as machine code; None where that takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "f.c", Path(folder) / "f.so"
        generator = casadi.CodeGenerator(source.name)
        generator.add(function)
        generator.generate(f"{folder}/")
        command = ["gcc", *FLAGS, str(source), "-o", str(library), "-lm"]
        if not _run(command):
            return None
        return casadi.external(function.name(), str(library))


def _run(command: list[str]) -> bool:
    """Whether it ends in time; Absent where it fails."""
    process = subprocess.Popen(command, start_new_session=True)
    try:
        if process.wait(PATIENCE):
            raise Absent(f"gcc fails with {process.returncode}")
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:  # gcc's own children would go on.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return True


def _called(workload: Workload, one: Any, function: Any) -> Contestant:
    """By CasADi's buffers: nothing is converted at a call."""
    buffer, trigger = function.buffer()
    results = [np.zeros(function.nnz_out(k)) for k in range(function.n_out())]
    inputs = [np.ascontiguousarray(x) for x in (*workload.point, *workload.seeds)]
    for i, x in enumerate(inputs):
        buffer.set_arg(i, memoryview(x))
    for k, y in enumerate(results):
        buffer.set_res(k, memoryview(y))

    def call(_held: Any = (buffer, inputs)) -> list[Array]:
        trigger()
        return results

    return Contestant(call, partial(_read, workload, one))


def _read(workload: Workload, one: Any, results: list[Array]) -> list[Any]:
    """CasADi's nonzeros, column by column, as matrices; a gradient lies as its argument does."""
    if workload.operator in ("gradient", "hvp"):
        return results
    matrices = [partial(_matrix, one.sparsity_out(k)) for k in range(one.n_out())]
    pairs = zip(matrices, results, strict=True)
    if workload.batch is None:
        return [matrix(values) for matrix, values in pairs]
    return [
        np.stack([matrix(point).toarray() for point in np.split(values, workload.batch)[::STEP]])
        for matrix, values in pairs
    ]


def _matrix(sparsity: Any, values: Array) -> Any:
    return sp.csc_array((values, sparsity.row(), sparsity.colind()), sparsity.shape)
