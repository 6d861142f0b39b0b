"""Every op at every sample of the table as a program: a graph, and a point to look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from adglot import ops
from adglot.ir import Graph
from adglot.ops import Op, Sample
from adglot.ops.core import Array
from adglot.ops.sampled import graph_of
from adglot_server.transforms.jvp import jvp
from adglot_server.transforms.transpose import vjp

from .numerical import Arrays, epsilon, is_inexact


@dataclass(frozen=True, eq=False)
class Program:
    """A graph and a point; its derivative programs are programs of the same kind."""

    graph: Graph
    point: list[Array]
    moved: tuple[bool, ...] = ()
    """For a JVP: which outputs of the function have a tangent that is no symbolic zero."""

    @cached_property
    def values(self) -> list[Array]:
        return ops.evaluate(self.graph, self.point)

    @cached_property
    def active(self) -> list[bool]:
        return [type.is_differentiable for type in self.graph.inputs]

    @cached_property
    def forward(self) -> Program:
        """(x, t) -> (y, dy) at random tangents."""
        graph, moved = jvp(self.graph, self.active)
        return Program(graph, [*self.point, *present(directions(self.point, 2))], moved)

    @cached_property
    def backward(self) -> Program:
        """(x, w) -> (y, dx) at random cotangents."""
        graph = vjp(self.graph, self.active)
        return Program(graph, [*self.point, *present(directions(self.values, 3))])

    @cached_property
    def near(self) -> Program:
        """The same graph at a point beside this one."""
        return Program(self.graph, [nearby(x, 5) for x in self.point])

    @cached_property
    def tangents(self) -> list[Array]:
        """The tangent of each output in `forward`, zeros where it is a symbolic zero."""
        moved = iter(self.forward.values[len(self.values) :])
        return [
            next(moved) if on else np.zeros_like(y)
            for y, on in zip(self.values, self.forward.moved, strict=True)
        ]

    @cached_property
    def rounding(self) -> list[Any]:
        """How far off each output may be in the precision of the graph.

        A few roundings of every node on the largest component, and what one unit in the last
        place of the inputs does to it (the bound of the cross-check, DESIGN section 9).
        """
        eps = epsilon([type.dtype for type in self.graph.types])
        unit = 8 * eps * np.sqrt(1 + len(self.graph.nodes))
        bounds = [unit * largest(y) for y in self.values]
        for seed in range(4):
            moved = [_one_unit_off(x, eps, seed) for x in self.point]
            others = ops.evaluate(self.graph, moved)
            bounds = [
                b + 2 * largest(_difference(y, other)) if is_inexact(y) else b
                for b, y, other in zip(bounds, self.values, others, strict=True)
            ]
        return bounds


class Case:
    """One op at one of its samples."""

    def __init__(self, op: Op, number: int, sample: Sample) -> None:
        self.op, self.number, self.sample = op, number, sample

    def __repr__(self) -> str:
        return f"{self.op.name}[sample {self.number}]"

    @cached_property
    def program(self) -> Program:
        point = [np.asarray(x) for x in self.sample.operands]
        return Program(graph_of(self.op, self.sample), point)

    @cached_property
    def single(self) -> Case:
        """The case in single precision."""
        narrow = {"float64": "float32", "complex128": "complex64"}
        operands = tuple(x.astype(narrow.get(x.dtype.name, x.dtype)) for x in self.program.point)
        return Case(self.op, self.number, replace(self.sample, operands=operands))

    @property
    def differentiable(self) -> bool:
        """Whether there is anything to differentiate, and a rule for it."""
        return any(self.program.active) and not isinstance(self.op.jvp, ops.Absent)


CASES = [Case(op, k, s) for op in ops.TABLE.values() for k, s in enumerate(op.samples())]


def subsets(count: int) -> list[tuple[bool, ...]]:
    """Every choice of at least one of `count`; of many, each alone and all together."""
    if count > 4:
        return [*(tuple(i == k for i in range(count)) for k in range(count)), (True,) * count]
    return [flags for flags in product((False, True), repeat=count) if any(flags)]


def directions(arrays: Arrays, seed: int = 1) -> list[Array | None]:
    """A random tangent of each inexact array (complex ones in both directions), None else.

    Entries are between 0.5 and 1.5 in size: none so small that its column could be wrong unseen.
    """
    rng = np.random.default_rng(seed)

    def draw(x: Array) -> Array:
        return rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape)

    return [
        np.asarray(draw(x) + (1j * draw(x) if x.dtype.kind == "c" else 0.0), x.dtype)
        if is_inexact(x)
        else None
        for x in arrays
    ]


def present(arrays: Sequence[Array | None]) -> list[Array]:
    return [x for x in arrays if x is not None]


def nearby(x: Array, seed: int) -> Array:
    """A point that is as good as x: 1 % off, or the same integers turned round."""
    if not is_inexact(x):
        return np.roll(x, seed)
    factor = 1 + 0.01 * np.random.default_rng(seed).uniform(-1.0, 1.0, x.shape)
    return np.asarray(x * factor, x.dtype)


def largest(y: Any) -> Any:
    """The largest finite magnitude."""
    size = np.abs(y)
    return np.max(size[np.isfinite(size)], initial=0.0)


def _difference(x: Array, y: Array) -> Any:
    with np.errstate(invalid="ignore"):  # inf - inf
        return x - y


def _one_unit_off(x: Array, eps: float, seed: int) -> Array:
    if not is_inexact(x):
        return x
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], x.shape)
    return np.asarray(x * (1 + eps * signs), x.dtype)
