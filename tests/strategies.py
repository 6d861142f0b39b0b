"""Random graphs for hypothesis: smooth functions of a few small arrays."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from adglot.ir import Graph, Type
from adglot.ops import TABLE, Builder, Value

UNARY = ("sin", "cos", "exp", "negative")
BINARY = ("add", "subtract", "multiply")


@st.composite
def graphs(draw: st.DrawFn, dtype: str = "float64", most: int = 12) -> Graph:
    """A graph of up to `most` drawn nodes; values stay bounded, so derivatives are well scaled."""
    builder = Builder()
    n, m = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    inputs = [builder.input(Type(dtype, shape)) for shape in ((n,), (m, n), ())]
    pool = list(inputs)
    for _ in range(draw(st.integers(1, most))):
        pool.append(_node(draw, pool))
    outputs = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3))
    return builder.build(inputs, outputs)


def _node(draw: st.DrawFn, pool: Sequence[Value]) -> Value:
    x, y = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
    kind = draw(st.sampled_from(("unary", "binary", "scale", "sum", "reshape", "slice", "where")))
    if kind == "unary":
        return TABLE[draw(st.sampled_from(UNARY))](TABLE["sin"](x))
    if kind == "binary" and _broadcast(x, y):
        return TABLE[draw(st.sampled_from(BINARY))](x, y)
    if kind == "scale":
        return draw(st.sampled_from((0.0, 1.0, -1.0, 0.5))) * x
    if kind == "where" and _broadcast(x, y):
        return TABLE["where"](x < y, x, y)
    return _moved(draw, kind, x)


def _moved(draw: st.DrawFn, kind: str, x: Value) -> Value:
    if kind == "reshape" or x.ndim == 0:
        return TABLE["reshape"](x, shape=(x.size, 1))
    if kind == "slice":
        start = tuple(draw(st.integers(0, k - 1)) if k else 0 for k in x.shape)
        return TABLE["slice"](x, start=start, stop=x.shape, strides=(1,) * x.ndim)
    return TABLE["sum"](x, axes=(draw(st.integers(0, x.ndim - 1)),))


def _broadcast(x: Value, y: Value) -> bool:
    try:
        shape = np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return False
    return int(np.prod(shape)) <= 64


def point(graph: Graph, seed: int = 0) -> list[np.ndarray]:
    """One normal array an input."""
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.normal(size=t.shape)).astype(t.dtype) for t in graph.inputs]
