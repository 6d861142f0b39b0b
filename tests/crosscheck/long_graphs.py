"""Graphs of 200 nodes that have one node of a given op in their middle."""

from typing import Any

import numpy as np

from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder, Value

NODES = 200
FILLING = ("sin", "cos", "atan")

PLANTED: dict[str, tuple[int, dict[str, Any]]] = {
    "exp": (1, {}),
    "tanh": (1, {}),
    "expm1": (1, {}),
    "asinh": (1, {}),
    "sum": (1, {"axes": (1,)}),
    "cumulative_sum": (1, {"axis": 0}),
    "multiply": (2, {}),
    "divide": (2, {}),
    "hypot": (2, {}),
    "matmul": (2, {}),
}
"""Ten ops, each with the number of its operands and its attributes."""


def long_graph(op: str, seed: int = 0) -> tuple[Graph, int]:
    """A scalar function of two 3x3 matrices, and the position of the op's only node."""
    rng = np.random.default_rng(seed)
    builder = Builder()
    x, y = (builder.input(Type("float64", (3, 3))) for _ in range(2))
    side, total = [x, y], x
    planted = int(rng.integers(NODES // 4, 3 * NODES // 4))
    position = 0
    while len(builder.records) < NODES - 1:
        if len(builder.records) >= planted and not position:
            operands = [_some(rng, side) for _ in range(PLANTED[op][0])]
            position = len(builder.records)
            total = total + TABLE[op](*operands, **PLANTED[op][1])
        filled = TABLE[str(rng.choice(FILLING))](_some(rng, [*side[-3:], total]))
        side.append(filled)
        total = total + filled
    loss = TABLE["sum"](total, axes=(0, 1)) if op != "sum" else _corner(total)
    graph = builder.build([x, y], [loss])
    assert len(graph.nodes) >= NODES - 1
    assert graph.nodes[position].op == op
    assert sum(node.op == op for node in graph.nodes) == 1
    return graph, position


def _some(rng: np.random.Generator, pool: list[Value]) -> Value:
    return pool[int(rng.integers(len(pool)))]


def _corner(total: Value) -> Value:
    corner = TABLE["slice"](total, start=(1, 2), stop=(2, 3), strides=(1, 1))
    return TABLE["reshape"](corner, shape=())


def point() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    return rng.uniform(0.3, 1.0, (3, 3)), rng.uniform(0.3, 1.0, (3, 3))
