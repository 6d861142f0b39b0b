"""Functions with known derivatives, as graphs, and one that takes as long as one wants."""

import numpy as np

from adglot.ir import Graph, Tree, Type, flatten
from adglot.ops import TABLE, Builder

STEP = 2_000_000
"""Elements of one step of `slow`: more than ten milliseconds of sines."""


def cubes(a: float = 1.0, n: int = 3, **metadata: object) -> Graph:
    """x -> a x^3: Jacobian diag(3 a x^2)."""
    builder = Builder()
    x = builder.input(Type("float64", (n,)))
    return builder.build([x], [np.float64(a) * x * x * x], **metadata)  # type: ignore[arg-type]


def energy(a: float = 1.0, n: int = 3, **metadata: object) -> Graph:
    """x -> a sum(x^3): gradient 3 a x^2, Hessian diag(6 a x)."""
    builder = Builder()
    x = builder.input(Type("float64", (n,)))
    total = TABLE["sum"](np.float64(a) * x * x * x, axes=(0,))
    return builder.build([x], [total], **metadata)  # type: ignore[arg-type]


def model() -> Graph:
    """({"w": w, "b": b}, X, n) -> {"y": X w + b, "n": n + 1}: nested, with an integer."""
    builder = Builder()
    b, w = builder.input(Type("float64")), builder.input(Type("float64", (2,)))
    X, n = builder.input(Type("float64", (3, 2))), builder.input(Type("int64"))
    y = X @ w + b
    return builder.build(
        [b, w, X, n],
        [n + 1, y],
        input_names=("p.b", "p.w", "X", "n"),
        output_names=("n", "y"),
        input_tree=tree(({"w": 0, "b": 0}, 0, 0)),
        output_tree=tree({"y": 0, "n": 0}),
        name="model",
    )


def tree(nested: object) -> Tree:
    return flatten(nested)[1]


def positive() -> Graph:
    """x -> x^2, recorded for x > 0 only."""
    builder = Builder()
    x = builder.input(Type("float64"))
    builder.guard(x > 0.0, True, "x > 0 at model.py:7")
    return builder.build([x], [x * x], input_names=("x",))


def slow(steps: int, n: int = STEP) -> Graph:
    """sin(sin(...x)): no step can be left out."""
    builder = Builder()
    x = y = builder.input(Type("float64", (n,)))
    for _ in range(steps):
        y = TABLE["sin"](y)
    return builder.build([x], [TABLE["sum"](y, axes=(0,))])


def huge() -> Graph:
    """Sums of an array of a billion rows, made from three numbers."""
    builder = Builder()
    x = builder.input(Type("float64", (3,)))
    wide = TABLE["broadcast_to"](x, shape=(10**9, 3))
    total = TABLE["sum"](TABLE["sin"](wide) + TABLE["cos"](wide), axes=(0, 1))
    return builder.build([x], [total])
